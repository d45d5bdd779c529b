//! The screen lock and sleep as logind announces them. logind itself cannot run everywhere, so python-dbusmock's template of
//! it stands on a bus of the test's own; its interface is logind's.

use std::collections::HashMap;
use std::process::Command;
use std::sync::Arc;
use std::time::SystemTime;

use ssoctld::clock::ManualClock;
use ssoctld::desktop::{Surroundings, observe};
use ssoctld::notice::Presence;
use tokio::sync::watch;
use zbus::Connection;
use zbus::zvariant::{OwnedObjectPath, Value};

use crate::desktop::stage::{Stage, play_test_of};
use test_support::part::Part;
use test_support::waiting::until_so;

const LOGIND: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MOCK: &str = "org.freedesktop.DBus.Mock";
const SESSION: &str = "org.freedesktop.login1.Session";
const MANAGER: &str = "org.freedesktop.login1.Manager";

/// Debian's Python, for which its package python3-dbusmock is.
const PYTHON: &str = "/usr/bin/python3";

struct Logind {
    bus: Connection,
    part: Option<Part>,
}

impl Logind {
    async fn start() -> Self {
        let mut logind = Self { bus: Connection::system().await.unwrap(), part: None };
        logind.restart().await;
        logind
    }

    async fn restart(&mut self) {
        drop(self.part.take());
        self.wait_for(false).await;
        let mut command = Command::new(PYTHON);
        self.part = Some(Part::start(command.args(["-m", "dbusmock", "--system", "--template", "logind"])));
        self.wait_for(true).await;
    }

    async fn wait_for(&self, owned: bool) {
        let proxy = zbus::fdo::DBusProxy::new(&self.bus).await.unwrap();
        let is_owned = async || proxy.name_has_owner(LOGIND.try_into().unwrap()).await.unwrap();
        until_so("logind comes or goes", async || is_owned().await == owned).await;
    }

    /// Adds a session; logind announces it once it is complete.
    async fn add(&self, id: &str, uid: u32, kind: &'static str) {
        let session = (id, "seat0", uid, "somebody", true);
        self.bus.call_method(Some(LOGIND), PATH, Some(MOCK), "AddSession", &session).await.unwrap();
        self.set(id, "Type", kind.into()).await;
        let path = OwnedObjectPath::try_from(path(id)).unwrap();
        self.emit("SessionNew", "so", vec![id.into(), path.into()]).await;
    }

    async fn lock(&self, id: &str, locked: bool) {
        self.set(id, "LockedHint", locked.into()).await;
    }

    async fn set(&self, id: &str, name: &str, value: Value<'_>) {
        let update = (SESSION, HashMap::from([(name, value)]));
        self.bus.call_method(Some(LOGIND), path(id), Some(MOCK), "UpdateProperties", &update).await.unwrap();
    }

    async fn remove(&self, id: &str) {
        self.bus.call_method(Some(LOGIND), PATH, Some(MOCK), "RemoveObject", &path(id)).await.unwrap();
        let path = OwnedObjectPath::try_from(path(id)).unwrap();
        self.emit("SessionRemoved", "so", vec![id.into(), path.into()]).await;
    }

    async fn sleep(&self, starts: bool) {
        self.emit("PrepareForSleep", "b", vec![starts.into()]).await;
    }

    async fn emit(&self, signal: &str, signature: &str, arguments: Vec<Value<'_>>) {
        let signal = (MANAGER, signal, signature, arguments);
        self.bus.call_method(Some(LOGIND), PATH, Some(MOCK), "EmitSignal", &signal).await.unwrap();
    }
}

fn path(id: &str) -> String {
    format!("{PATH}/session/{id}")
}

fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

/// The daemon's view of the person.
struct Observed(watch::Receiver<Surroundings>);

impl Observed {
    /// A view that has found the person away.
    async fn away() -> Self {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let mut observed = Self(observe(clock));
        observed.becomes(Presence::Away, async {}).await;
        observed
    }

    /// Waits until this step has made the person present or away.
    async fn becomes(&mut self, presence: Presence, step: impl Future<Output = ()>) {
        step.await;
        self.0.wait_for(|now| now.presence == presence).await.unwrap();
    }
}

/// Plays with a stand-in for logind.
fn play_with_logind<B: AsyncFnOnce(Logind)>(body: B) {
    play_test_of::<B, _>(Stage::Machine, &[PYTHON], || async { body(Logind::start().await).await });
}

#[test]
fn the_person_is_away_while_all_screens_are_locked() {
    play_with_logind(async |logind| {
        logind.add("1", me(), "x11").await;
        logind.add("2", me(), "tty").await;
        logind.add("3", me() + 1, "wayland").await;
        logind.lock("1", true).await;
        let mut person = Observed::away().await;
        person.becomes(Presence::Present, logind.add("4", me(), "wayland")).await;
        person.becomes(Presence::Away, logind.lock("4", true)).await;
        person.becomes(Presence::Present, logind.lock("1", false)).await;
        person.becomes(Presence::Away, logind.remove("1")).await;
        person.becomes(Presence::Present, logind.remove("4")).await;
    });
}

#[test]
fn the_person_is_away_while_the_machine_sleeps_and_its_waking_is_told() {
    play_with_logind(async |logind| {
        logind.add("1", me(), "x11").await;
        logind.lock("1", true).await;
        let mut person = Observed::away().await;
        person.becomes(Presence::Present, logind.lock("1", false)).await;
        person.becomes(Presence::Away, logind.sleep(true)).await;
        let before = person.0.borrow().changes;
        person.becomes(Presence::Present, logind.sleep(false)).await;
        assert_eq!(person.0.borrow().changes, before + 1);
    });
}

#[test]
fn a_logind_that_goes_leaves_the_person_present_and_one_that_comes_is_heard() {
    play_with_logind(async |mut logind| {
        logind.add("1", me(), "wayland").await;
        logind.lock("1", true).await;
        let mut person = Observed::away().await;
        person.becomes(Presence::Present, logind.restart()).await;
        logind.add("1", me(), "wayland").await;
        person.becomes(Presence::Away, logind.lock("1", true)).await;
    });
}
