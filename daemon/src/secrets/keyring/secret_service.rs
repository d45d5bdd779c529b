//! Finds out whether there is a Secret Service on the session's D-Bus and whether it is locked, and asks the person only once to
//! unlock it. The keyring crate cannot do that: its calls would show a prompt each time.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use keyring::Error;
use keyring_core::api::CredentialStoreApi;
use serde::{Deserialize, Serialize};
use zbus::message::Type;
use zbus::zvariant::{self, DynamicType, OwnedObjectPath, OwnedValue};
use zbus::{Connection, MatchRule, MessageStream};
use zbus_secret_service_keyring_store::Store;

use super::super::RecordName;
use super::{Obstacle, SERVICE, Usable};
use crate::clock::Clock;
use crate::dbus::{BUS, PROPERTIES, next};
use crate::session_bus;
use crate::waiting::lock;

/// An object of the Secret Service, and one of its interfaces.
type Object<'a> = (&'a str, &'static str);

pub(super) const NAME: &str = "org.freedesktop.secrets";
pub(super) const SECRETS: Object<'static> = ("/org/freedesktop/secrets", "org.freedesktop.Secret.Service");
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const ITEM: &str = "org.freedesktop.Secret.Item";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";

/// Means "no object" in answers of the Secret Service.
const NOTHING: &str = "/";

const PROMPT_PATIENCE: Duration = Duration::from_secs(600);

/// Finds out before a call of the keyring crate whether it would need a prompt.
#[derive(Default)]
pub(super) struct Gate {
    has_asked: AtomicBool,
    /// The collection or the items that were found locked last.
    locked: Mutex<Vec<OwnedObjectPath>>,
}

impl Gate {
    pub(super) async fn search(&self) -> Result<(), Obstacle> {
        search(&connect().await?).await
    }

    /// Whether the record with this key, or every one, can be read and changed without a prompt.
    ///
    /// A locked collection is not searched: not every service shows what is in one, and KeePassXC asks the person to unlock it
    /// for the search.
    pub(super) async fn admit(&self, key: Option<&str>) -> Result<(), Obstacle> {
        let bus = connect().await?;
        let collection = default_collection(&bus).await?;
        let locked =
            if is_locked(&bus, &collection).await? { vec![collection] } else { search_items(&bus, key).await?.1 };
        if locked.is_empty() {
            return Ok(());
        }
        *lock(&self.locked) = locked;
        Err(Obstacle::Locked)
    }

    pub(super) fn ask_never(&self) {
        self.has_asked.store(true, Ordering::Relaxed);
    }

    /// Asks the person to unlock what was found locked. Only the first call does. Nobody waits for the answer: `availability` sees
    /// that the keyring was unlocked.
    pub(super) fn ask_once(&self, clock: &Arc<dyn Clock>) {
        if self.has_asked.swap(true, Ordering::Relaxed) {
            return;
        }
        let locked = lock(&self.locked).clone();
        let clock = Arc::clone(clock);
        tracing::info!("the keyring is locked; the person is asked once to unlock it");
        tokio::spawn(async move {
            match clock.within(PROMPT_PATIENCE, unlock(&locked)).await {
                Some(Ok(true)) => tracing::info!("the keyring was unlocked"),
                Some(Ok(false)) | None => tracing::warn!("the keyring stays locked, and the person is not asked again"),
                Some(Err(obstacle)) => {
                    tracing::warn!("the person could not be asked to unlock the keyring: {obstacle}")
                }
            }
        });
    }
}

/// The item of a record, which people see under its label.
pub(super) fn entry(name: &RecordName) -> Result<keyring_core::Entry, Error> {
    Store::new()?.build(SERVICE, &name.key, Some(&HashMap::from([("label", name.label.as_str())])))
}

/// The keys of all records. The keyring crate's search would show a prompt if the keyring were locked in this moment.
pub(super) async fn keys() -> Result<Vec<String>, Obstacle> {
    let bus = connect().await?;
    let (unlocked, locked) = search_items(&bus, None).await?;
    let mut keys = Vec::new();
    for item in unlocked.iter().chain(&locked) {
        let attributes: OwnedValue = call(&bus, (item.as_str(), PROPERTIES), "Get", &(ITEM, "Attributes")).await?;
        let mut attributes = HashMap::<String, String>::try_from(attributes).map_err(zbus::Error::from)?;
        keys.extend(attributes.remove("username"));
    }
    Ok(keys)
}

/// The unlocked and the locked items of the record with this key, or of all records.
async fn search_items(
    bus: &Connection,
    key: Option<&str>,
) -> Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>), Obstacle> {
    let attributes = [("service", SERVICE)].into_iter().chain(key.map(|key| ("username", key)));
    call(bus, SECRETS, "SearchItems", &attributes.collect::<HashMap<&str, &str>>()).await
}

/// Whether a keyring runs on this bus, or would be started.
async fn search(bus: &Connection) -> Result<(), Obstacle> {
    for list in ["ListNames", "ListActivatableNames"] {
        let names = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), list, &()).await?;
        let names: Vec<String> = names.body().deserialize()?;
        if names.iter().any(|name| name == NAME) {
            return Ok(());
        }
    }
    Err(Obstacle::NoService)
}

/// Whether a keyring can be used: it runs and is unlocked, or would be started. This starts no keyring and shows no prompt.
pub(crate) async fn look(bus: &Connection) -> Result<Usable, Obstacle> {
    let owner = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "NameHasOwner", &NAME).await?;
    if !owner.body().deserialize::<bool>()? {
        return search(bus).await.map(|()| Usable::Startable);
    }
    let collection = default_collection(bus).await?;
    if is_locked(bus, &collection).await? { Err(Obstacle::Locked) } else { Ok(Usable::Unlocked) }
}

async fn default_collection(bus: &Connection) -> Result<OwnedObjectPath, Obstacle> {
    let collection: OwnedObjectPath = call(bus, SECRETS, "ReadAlias", &"default").await?;
    if collection.as_str() == NOTHING { Err(Obstacle::NoCollection) } else { Ok(collection) }
}

async fn is_locked(bus: &Connection, collection: &OwnedObjectPath) -> Result<bool, Obstacle> {
    let property: OwnedValue = call(bus, (collection.as_str(), PROPERTIES), "Get", &(COLLECTION, "Locked")).await?;
    Ok(bool::try_from(property).map_err(zbus::Error::from)?)
}

async fn connect() -> Result<Connection, Obstacle> {
    // zbus would guess an address. A bus that the environment does not name is not this session's.
    if !session_bus::is_named() {
        return Err(Obstacle::NoBus);
    }
    Connection::session().await.map_err(unconnected)
}

pub(super) fn unconnected(error: zbus::Error) -> Obstacle {
    match &error {
        zbus::Error::Address(_) => Obstacle::NoBus,
        zbus::Error::Connection(cause, _) | zbus::Error::InputOutput(cause)
            if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            Obstacle::NoBus
        }
        _ => error.into(),
    }
}

/// Shows the prompt that unlocks these objects, and returns whether the person did. The prompt vanishes with the connection.
async fn unlock(locked: &[OwnedObjectPath]) -> Result<bool, Obstacle> {
    let bus = connect().await?;
    let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = call(&bus, SECRETS, "Unlock", &locked).await?;
    if prompt.as_str() == NOTHING {
        return Ok(true);
    }
    let signals = MatchRule::builder().msg_type(Type::Signal).interface(PROMPT)?.member("Completed")?;
    let mut signals = MessageStream::for_match_rule(signals.path(prompt.as_str())?.build(), &bus, None).await?;
    // The empty text means that the prompt belongs to no window of ours.
    let () = call(&bus, (prompt.as_str(), PROMPT), "Prompt", &"").await?;
    let (is_dismissed, _): (bool, OwnedValue) = next(&mut signals).await?.body().deserialize()?;
    Ok(!is_dismissed)
}

async fn call<T>(
    bus: &Connection,
    (path, interface): Object<'_>,
    method: &str,
    body: &(impl Serialize + DynamicType),
) -> Result<T, Obstacle>
where
    T: for<'de> Deserialize<'de> + zvariant::Type,
{
    let answer = bus.call_method(Some(NAME), path, Some(interface), method, body).await?;
    Ok(answer.body().deserialize()?)
}

impl From<zbus::Error> for Obstacle {
    fn from(error: zbus::Error) -> Self {
        match &error {
            zbus::Error::MethodError(name, detail, _) => {
                match name.as_str().strip_prefix("org.freedesktop.DBus.Error.") {
                    Some("ServiceUnknown" | "NameHasNoOwner") => Self::NoService,
                    Some("NoReply" | "Timeout" | "TimedOut") => Self::Silent,
                    _ => Self::Refused(detail.clone().unwrap_or_else(|| name.to_string())),
                }
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}
