//! The Secret Service on the session's D-Bus, as far as the keyring crate leaves it to us: whether there is one, whether it
//! is locked, and asking the person once to unlock it. The crate's own calls would show a prompt each time.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io::ErrorKind;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keyring::Error;
use keyring_core::api::CredentialStoreApi;
use serde::{Deserialize, Serialize};
use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::zvariant::{self, DynamicType, OwnedObjectPath, OwnedValue};
use zbus::{Connection, MatchRule, MessageStream};
use zbus_secret_service_keyring_store::Store;

use super::super::RecordName;
use super::{Obstacle, SERVICE, within};
use crate::clock::Clock;

/// An object of the Secret Service, and one of its interfaces.
type Object<'a> = (&'a str, &'static str);

const NAME: &str = "org.freedesktop.secrets";
const SECRETS: Object<'static> = ("/org/freedesktop/secrets", "org.freedesktop.Secret.Service");
const COLLECTION: &str = "org.freedesktop.Secret.Collection";
const PROMPT: &str = "org.freedesktop.Secret.Prompt";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";
const BUS: &str = "org.freedesktop.DBus";

/// What stands for "no object" in the Secret Service's answers.
const NOTHING: &str = "/";

/// How long a prompt may stay on the screen.
const PROMPT_PATIENCE: Duration = Duration::from_secs(600);

/// Looks before the keyring crate leaps.
pub(super) struct Gate {
    has_address: bool,
    has_asked: AtomicBool,
    /// What was found locked last.
    locked: Mutex<Vec<OwnedObjectPath>>,
}

impl Gate {
    /// zbus would go on to guess an address; a bus that the environment says nothing of is not this session's.
    pub(super) fn from_process() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_in_runtime_directory =
            || variable("XDG_RUNTIME_DIR").is_some_and(|directory| Path::new(&directory).join("bus").exists());
        Self {
            has_address: variable("DBUS_SESSION_BUS_ADDRESS").is_some() || is_in_runtime_directory(),
            has_asked: AtomicBool::new(false),
            locked: Mutex::default(),
        }
    }

    /// Whether the environment names a bus at all, which is found out without asking anybody.
    pub(super) const fn has_address(&self) -> bool {
        self.has_address
    }

    /// Whether something keeps secrets on the bus, or would be started to do so.
    pub(super) async fn search(&self) -> Result<(), Obstacle> {
        let bus = self.connect().await?;
        for list in ["ListNames", "ListActivatableNames"] {
            let names = bus.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), list, &()).await?;
            let names: Vec<String> = names.body().deserialize()?;
            if names.iter().any(|name| name == NAME) {
                return Ok(());
            }
        }
        Err(Obstacle::NoService)
    }

    /// Whether the record with this key can be read and changed without a prompt.
    ///
    /// A locked collection counts even if no item is found in it: not every service shows what is in one.
    pub(super) async fn admit(&self, key: &str) -> Result<(), Obstacle> {
        let bus = self.connect().await?;
        let collection: OwnedObjectPath = call(&bus, SECRETS, "ReadAlias", &"default").await?;
        if collection.as_str() == NOTHING {
            return Err(Obstacle::NoCollection);
        }
        let object = (collection.as_str(), PROPERTIES);
        let is_locked: OwnedValue = call(&bus, object, "Get", &(COLLECTION, "Locked")).await?;
        let attributes = HashMap::from([("service", SERVICE), ("username", key)]);
        let (_, mut locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            call(&bus, SECRETS, "SearchItems", &attributes).await?;
        if bool::try_from(is_locked).map_err(zbus::Error::from)? {
            locked.push(collection);
        }
        if locked.is_empty() {
            return Ok(());
        }
        *self.locked.lock().unwrap_or_else(PoisonError::into_inner) = locked;
        Err(Obstacle::Locked)
    }

    /// Asks the person to unlock what was found locked. Only the first call does; nobody waits for the answer, since the
    /// keyring is looked at again anyway.
    pub(super) fn ask_once(&self, clock: &Arc<dyn Clock>) {
        if self.has_asked.swap(true, Ordering::Relaxed) {
            return;
        }
        let locked = self.locked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let clock = Arc::clone(clock);
        tracing::info!("the keyring is locked; the person is asked once to unlock it");
        tokio::spawn(async move {
            match within(&*clock, PROMPT_PATIENCE, unlock(&locked)).await {
                Some(Ok(Answer::Unlocked)) => tracing::info!("the keyring was unlocked"),
                Some(Ok(Answer::Dismissed)) | None => {
                    tracing::warn!("the keyring stays locked, and nobody is asked again");
                }
                Some(Err(obstacle)) => {
                    tracing::warn!("the person could not be asked to unlock the keyring: {obstacle}")
                }
            }
        });
    }

    async fn connect(&self) -> Result<Connection, Obstacle> {
        if !self.has_address {
            return Err(Obstacle::NoBus);
        }
        connect().await
    }
}

/// The item of a record, which people see under its label.
pub(super) fn entry(name: &RecordName) -> Result<keyring_core::Entry, Error> {
    Store::new()?.build(SERVICE, &name.key, Some(&HashMap::from([("label", name.label.as_str())])))
}

async fn connect() -> Result<Connection, Obstacle> {
    Connection::session().await.map_err(|error| match &error {
        zbus::Error::Address(_) => Obstacle::NoBus,
        zbus::Error::Connection(cause, _) | zbus::Error::InputOutput(cause)
            if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            Obstacle::NoBus
        }
        _ => error.into(),
    })
}

/// How a prompt ended.
enum Answer {
    Unlocked,
    Dismissed,
}

/// Shows the prompt that unlocks these, and waits for its end. It is taken from the screen with the connection.
async fn unlock(locked: &[OwnedObjectPath]) -> Result<Answer, Obstacle> {
    let bus = connect().await?;
    let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = call(&bus, SECRETS, "Unlock", &locked).await?;
    if prompt.as_str() == NOTHING {
        return Ok(Answer::Unlocked);
    }
    let signals = MatchRule::builder().msg_type(Type::Signal).interface(PROMPT)?.member("Completed")?;
    let mut signals = MessageStream::for_match_rule(signals.path(prompt.as_str())?.build(), &bus, None).await?;
    // No window of ours stands in the background.
    let () = call(&bus, (prompt.as_str(), PROMPT), "Prompt", &"").await?;
    let signal = poll_fn(|context| Pin::new(&mut signals).poll_next(context)).await;
    let signal = signal.ok_or_else(|| Obstacle::Failed("the connection was closed".to_owned()))??;
    let (dismissed, _): (bool, OwnedValue) = signal.body().deserialize()?;
    Ok(if dismissed { Answer::Dismissed } else { Answer::Unlocked })
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
