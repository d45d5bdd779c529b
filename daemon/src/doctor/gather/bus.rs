//! Looking at who is on the session's bus. No service is started, no prompt is caused, and of the keyring nothing is read
//! but whether it is locked.

use crate::doctor::desktop::Bus;

/// Looks at the bus with this address. Takes as long as the bus likes.
#[cfg(target_os = "linux")]
pub(in crate::doctor) async fn ask(address: &str) -> Bus {
    linux::ask(address).await
}

/// There is nothing to look at.
#[cfg(not(target_os = "linux"))]
pub(in crate::doctor) async fn ask(_: &str) -> Bus {
    Bus::NotUsed
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    use zbus::fdo::DBusProxy;
    use zbus::zvariant::OwnedValue;
    use zbus::{Connection, names::BusName};

    use crate::chain::chain;
    use crate::doctor::desktop::{Bus, Keyring, NotificationServer, OnBus, Provider};

    const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
    const SECRETS: &str = "org.freedesktop.secrets";
    /// The default collection, whatever it is called (Secret Service specification, "Object Paths").
    const DEFAULT_COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
    const COLLECTION: &str = "org.freedesktop.Secret.Collection";
    const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
    const NOTIFICATIONS_PATH: &str = "/org/freedesktop/Notifications";

    pub(super) async fn ask(address: &str) -> Bus {
        if !is_there(address) {
            return Bus::Missing;
        }
        match look(address).await {
            Ok(on_bus) => Bus::Answers(on_bus),
            Err(error) => Bus::Broken(chain(&error)),
        }
    }

    /// Whether a bus is meant to be there. Where systemd puts one there need be none, and one that is named and not there is broken.
    fn is_there(address: &str) -> bool {
        let path = address.strip_prefix("unix:path=").and_then(|rest| rest.split(',').next());
        let is_usual = path.is_some_and(|path| path.ends_with("/bus"));
        !address.is_empty() && (!is_usual || path.is_some_and(|path| Path::new(path).exists()))
    }

    async fn look(address: &str) -> zbus::Result<OnBus> {
        let bus = zbus::connection::Builder::address(address)?.build().await?;
        let names = DBusProxy::new(&bus).await?;
        let startable = names.list_activatable_names().await?;
        let is_startable = |name: &str| startable.iter().any(|known| known.as_str() == name);
        let keyring = match names.name_has_owner(BusName::try_from(SECRETS)?).await? {
            true => provider(keyring(&bus).await),
            false if is_startable(SECRETS) => Provider::Startable,
            false => Provider::Missing,
        };
        let notifications = match names.name_has_owner(BusName::try_from(NOTIFICATIONS)?).await? {
            true => provider(notification_server(&bus).await),
            false if is_startable(NOTIFICATIONS) => Provider::Startable,
            false => Provider::Missing,
        };
        Ok(OnBus { keyring, notifications })
    }

    fn provider<T>(found: zbus::Result<T>) -> Provider<T> {
        found.map_or_else(|error| Provider::Failing(error.to_string()), Provider::Running)
    }

    async fn keyring(bus: &Connection) -> zbus::Result<Keyring> {
        let property = (COLLECTION, "Locked");
        let locked = bus.call_method(Some(SECRETS), DEFAULT_COLLECTION, Some(PROPERTIES), "Get", &property).await;
        match locked {
            Ok(reply) => match bool::try_from(reply.body().deserialize::<OwnedValue>()?)? {
                true => Ok(Keyring::Locked),
                false => Ok(Keyring::Open),
            },
            // An alias that leads nowhere is no object.
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
}
