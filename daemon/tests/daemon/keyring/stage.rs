//! A session bus, gnome-keyring on it, and the one who would show its prompts.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use identity_center_simulator::Simulator;
use tempfile::TempDir;
use zbus::export::futures_core::Stream;
use zbus::message::Type;
use zbus::zvariant::{OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, MessageStream};

use test_support::part::{KEYRING_PASSWORD, Part, bus, first_line, unlocked_keyring};
use test_support::service;
use test_support::speed::has_programs;
use test_support::waiting::until_so;

const SECRETS: &str = "org.freedesktop.secrets";
const SERVICE: &str = "org.freedesktop.Secret.Service";
const SERVICE_PATH: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";

/// A home, a simulator whose sign-ins need no person, and a bus.
pub(crate) struct Stage {
    // The bus goes before its home does.
    bus: Part,
    pub(crate) simulator: Simulator,
    pub(crate) address: String,
    pub(crate) connection: Connection,
    home: TempDir,
}

impl Stage {
    /// `None` where tests with a keyring do not run.
    pub(crate) async fn set() -> Option<Self> {
        if !has_programs(&["dbus-daemon", "gnome-keyring-daemon"]) {
            return None;
        }
        Some(Self::with(tempfile::tempdir().unwrap(), simulator()).await)
    }

    /// The same, and a keyring that is unlocked.
    pub(crate) async fn with_keyring() -> Option<(Self, Part)> {
        let stage = Self::set().await?;
        let keyring = stage.keyring().await;
        Some((stage, keyring))
    }

    /// A bus in this home, which is the runtime directory, too.
    pub(crate) async fn with(home: TempDir, simulator: Simulator) -> Self {
        let (bus, address) = Part::that_says(&mut bus(home.path(), ""), first_line);
        let connection = connect(&address).await;
        Self { bus, simulator, address, connection, home }
    }

    pub(crate) fn end_bus(&self) {
        self.bus.signal(rustix::process::Signal::KILL);
    }

    /// Ends the bus and starts another one in its place.
    pub(crate) async fn another_bus(&mut self) {
        self.end_bus();
        let (bus, address) = Part::that_says(&mut bus(self.home(), ""), first_line);
        self.connection = connect(&address).await;
        (self.bus, self.address) = (bus, address);
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn keyrings(&self) -> PathBuf {
        self.home().join("data/keyrings")
    }

    /// Starts the keyring, unlocked, and waits until it is there.
    pub(crate) async fn keyring(&self) -> Part {
        let keyring = unlocked_keyring(self.home(), &self.address);
        until_so("the keyring is there and unlocked", async || self.is_locked().await == Some(false)).await;
        keyring
    }

    /// Whether the keyring is locked; `None` if there is none.
    pub(crate) async fn is_locked(&self) -> Option<bool> {
        let properties = "org.freedesktop.DBus.Properties";
        let body = ("org.freedesktop.Secret.Collection", "Locked");
        let reply =
            self.connection.call_method(Some(SECRETS), COLLECTION, Some(properties), "Get", &body).await.ok()?;
        reply.body().deserialize::<OwnedValue>().unwrap().try_into().ok()
    }

    pub(crate) async fn lock(&self) {
        let collections = vec![OwnedObjectPath::try_from(COLLECTION).unwrap()];
        self.connection.call_method(Some(SECRETS), SERVICE_PATH, Some(SERVICE), "Lock", &collections).await.unwrap();
        assert_eq!(self.is_locked().await, Some(true));
    }

    /// Unlocks as the login does, without a prompt.
    pub(crate) async fn unlock(&self) {
        let plain = ("plain", Value::from(""));
        let session = self
            .connection
            .call_method(Some(SECRETS), SERVICE_PATH, Some(SERVICE), "OpenSession", &plain)
            .await
            .unwrap();
        let (_, session): (OwnedValue, OwnedObjectPath) = session.body().deserialize().unwrap();
        let secret = (session, Vec::<u8>::new(), KEYRING_PASSWORD.as_bytes().to_vec(), "text/plain");
        let body = (OwnedObjectPath::try_from(COLLECTION).unwrap(), secret);
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        let method = "UnlockWithMasterPassword";
        self.connection.call_method(Some(SECRETS), SERVICE_PATH, Some(interface), method, &body).await.unwrap();
        assert_eq!(self.is_locked().await, Some(false));
    }

    /// The labels of our records in the keyring.
    pub(crate) async fn labels(&self) -> Vec<String> {
        let attributes = HashMap::from([("service", "ssoctl")]);
        let found = self.connection.call_method(Some(SECRETS), SERVICE_PATH, Some(SERVICE), "SearchItems", &attributes);
        let (unlocked, locked): (Vec<OwnedObjectPath>, Vec<OwnedObjectPath>) =
            found.await.unwrap().body().deserialize().unwrap();
        let mut labels = Vec::new();
        for item in unlocked.iter().chain(&locked) {
            let body = ("org.freedesktop.Secret.Item", "Label");
            let properties = "org.freedesktop.DBus.Properties";
            let label = self.connection.call_method(Some(SECRETS), item, Some(properties), "Get", &body).await.unwrap();
            labels.push(label.body().deserialize::<OwnedValue>().unwrap().try_into().unwrap());
        }
        labels
    }

    /// The records in files.
    pub(crate) fn files(&self) -> usize {
        fs::read_dir(self.home().join("state/records")).map_or(0, Iterator::count)
    }

    /// A screen on which prompts stay unanswered; how many there were.
    pub(crate) async fn prompter(&self) -> Arc<AtomicUsize> {
        let builder = zbus::connection::Builder::address(self.address.as_str()).unwrap();
        let connection = builder.name("org.gnome.keyring.SystemPrompter").unwrap().build().await.unwrap();
        let prompts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&prompts);
        tokio::spawn(async move {
            let mut calls = MessageStream::from(&connection);
            while let Some(Ok(call)) =
                std::future::poll_fn(|context| std::pin::Pin::new(&mut calls).poll_next(context)).await
            {
                if call.message_type() == Type::MethodCall {
                    if call.header().member().is_some_and(|member| member.as_str() == "BeginPrompting") {
                        counted.fetch_add(1, Ordering::Relaxed);
                    }
                    connection.reply(&call.header(), &()).await.unwrap();
                }
            }
        });
        prompts
    }
}

async fn connect(address: &str) -> Connection {
    zbus::connection::Builder::address(address).unwrap().build().await.unwrap()
}

/// Tokens live so short that a renewal is never far.
pub(crate) fn simulator() -> Simulator {
    service::simulator(service::renewing(Duration::from_secs(8)))
}
