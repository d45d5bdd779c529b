//! Asks who is on the session's bus. No service is started, no prompt is caused, and of the keyring nothing is read but
//! whether it is locked.

use std::borrow::Cow;
use std::path::Path;

use zbus::fdo::DBusProxy;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, names::BusName};

use super::{Bus, Keyring, NotificationServer, Provider};
use crate::chain::chain;
use crate::session_bus;

const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const SECRETS: &str = "org.freedesktop.secrets";
/// The default collection, whatever its name (Secret Service specification, "Object Paths").
const DEFAULT_COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const NOTIFICATIONS_PATH: &str = "/org/freedesktop/Notifications";

/// Asks the bus at this address, else that of this process. Takes as long as the bus likes.
pub(super) async fn ask(address: Option<&str>) -> Bus {
    let address = address.map_or_else(|| Cow::Owned(session_bus::address()), Cow::Borrowed);
    if !is_expected(&address) {
        return Bus::Missing;
    }
    match ask_services(&address).await {
        Ok(bus) => bus,
        Err(error) => Bus::Broken(chain(&error)),
    }
}

/// Whether there should be a bus. The one of a login (`…/bus`) may be missing; any other that is named and missing is broken.
fn is_expected(address: &str) -> bool {
    let path = address.strip_prefix("unix:path=").and_then(|rest| rest.split(',').next());
    match path.filter(|path| path.ends_with("/bus")) {
        Some(path) => Path::new(path).exists(),
        None => !address.is_empty(),
    }
}

async fn ask_services(address: &str) -> zbus::Result<Bus> {
    let bus = zbus::connection::Builder::address(address)?.build().await?;
    let names = DBusProxy::new(&bus).await?;
    Ok(Bus::Answers {
        keyring: provider(&names, SECRETS, keyring(&bus)).await?,
        notifications: provider(&names, NOTIFICATIONS, notification_server(&bus)).await?,
    })
}

/// Asks the service with this name if it runs.
async fn provider<T>(
    names: &DBusProxy<'_>,
    name: &str,
    ask: impl Future<Output = zbus::Result<T>>,
) -> zbus::Result<Provider<T>> {
    if names.name_has_owner(BusName::try_from(name)?).await? {
        return Ok(ask.await.map_or_else(|error| Provider::Failing(error.to_string()), Provider::Running));
    }
    let startable = names.list_activatable_names().await?;
    let is_startable = startable.iter().any(|known| known.as_str() == name);
    Ok(if is_startable { Provider::Startable } else { Provider::Missing })
}

async fn keyring(bus: &Connection) -> zbus::Result<Keyring> {
    let property = (COLLECTION, "Locked");
    let locked = bus.call_method(Some(SECRETS), DEFAULT_COLLECTION, Some(PROPERTIES), "Get", &property).await;
    match locked {
        Ok(reply) => match bool::try_from(reply.body().deserialize::<OwnedValue>()?)? {
            true => Ok(Keyring::Locked),
            false => Ok(Keyring::Open),
        },
        // There is no object if the alias leads nowhere.
        Err(zbus::Error::MethodError(..)) => Ok(Keyring::NoDefault),
        Err(error) => Err(error),
    }
}

async fn notification_server(bus: &Connection) -> zbus::Result<NotificationServer> {
    let call = |method| bus.call_method(Some(NOTIFICATIONS), NOTIFICATIONS_PATH, Some(NOTIFICATIONS), method, &());
    let capabilities: Vec<String> = call("GetCapabilities").await?.body().deserialize()?;
    let (name, _, version, _): (String, String, String, String) =
        call("GetServerInformation").await?.body().deserialize()?;
    Ok(NotificationServer {
        name: format!("{name} {version}"),
        has_actions: capabilities.iter().any(|capability| capability == "actions"),
    })
}
