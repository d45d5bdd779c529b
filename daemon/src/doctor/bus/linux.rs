//! Asks who is on the session's bus. No service is started, no prompt is caused, and of the keyring nothing is read but
//! whether it is locked.

use std::borrow::Cow;
use std::path::Path;

use zbus::Connection;
use zbus::fdo::DBusProxy;

use super::{Bus, NotificationServer};
use crate::chain::chain;
use crate::{secrets, session_bus};

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
    let notifications = if names.name_has_owner(NOTIFICATIONS.try_into()?).await? {
        let asked = ask_notification_server(&bus).await;
        asked.unwrap_or_else(|error| NotificationServer::Failing(error.to_string()))
    } else if names.list_activatable_names().await?.iter().any(|name| name.as_str() == NOTIFICATIONS) {
        NotificationServer::Startable
    } else {
        NotificationServer::Missing
    };
    Ok(Bus::Answers { keyring: secrets::keyring::look(&bus).await, notifications })
}

async fn ask_notification_server(bus: &Connection) -> zbus::Result<NotificationServer> {
    let call = |method| bus.call_method(Some(NOTIFICATIONS), NOTIFICATIONS_PATH, Some(NOTIFICATIONS), method, &());
    let capabilities: Vec<String> = call("GetCapabilities").await?.body().deserialize()?;
    let (name, _, version, _): (String, String, String, String) =
        call("GetServerInformation").await?.body().deserialize()?;
    let has_actions = capabilities.iter().any(|capability| capability == "actions");
    Ok(NotificationServer::Running { name: format!("{name} {version}"), has_actions })
}
