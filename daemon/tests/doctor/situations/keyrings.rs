//! Each kind of session bus and keyring.

use std::process::Command;

use super::{Parts, examine_all, when};
use test_support::part::{Part, bus, first_line, unlocked_keyring};
use test_support::speed::has_programs;
use test_support::{Stage, until};

const ADDRESS: &str = "DBUS_SESSION_BUS_ADDRESS";
const BUS: &str = "unix:path=HOME/bus";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";

/// The address of the bus in this home.
fn bus_of(stage: &Stage) -> String {
    BUS.replace("HOME", &stage.home().display().to_string())
}

fn with_bus(stage: &Stage) -> Parts {
    vec![Box::new(Part::that_says(&mut bus(stage.home(), ""), first_line))]
}

/// gnome-keyring on a bus, unlocked.
fn with_keyring(stage: &Stage) -> Parts {
    let mut parts = with_bus(stage);
    parts.push(Box::new(unlocked_keyring(stage.home(), &bus_of(stage))));
    let locked = ["org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked"];
    until("the keyring is unlocked", || ask_keyring(stage, COLLECTION, &locked).contains("false").then_some(()));
    parts
}

fn ask_keyring(stage: &Stage, object: &str, call: &[&str]) -> String {
    let mut send = Command::new("dbus-send");
    send.arg(format!("--bus={}", bus_of(stage))).args(["--print-reply", "--dest=org.freedesktop.secrets", object]);
    let output = send.args(call).output().expect("dbus-send");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lock_keyring(stage: &Stage) {
    let lock = ["org.freedesktop.Secret.Service.Lock", &format!("array:objpath:{COLLECTION}")];
    assert!(ask_keyring(stage, "/org/freedesktop/secrets", &lock).contains(COLLECTION), "it locks");
}

#[test]
fn doctor_is_right_with_each_kind_of_bus_and_keyring() {
    if !has_programs(&["dbus-daemon", "dbus-send", "gnome-keyring-daemon"]) {
        return;
    }
    examine_all([
        when("a bus without a keyring")
            .with(with_bus)
            .both_have(ADDRESS, BUS)
            .finds("session bus", "ok", "answers")
            .finds("keyring", "skipped", "no Secret Service")
            .finds("secret store", "warning", "files, in the clear"),
        when("a keyring that is unlocked")
            .with(with_keyring)
            .both_have(ADDRESS, BUS)
            .finds("this shell", "ok", "")
            .finds("keyring", "ok", "unlocked")
            .finds("secret store", "ok", "keyring"),
        when("a keyring that is unlocked, asked about from a shell without a bus")
            .with(with_keyring)
            .daemon_has(ADDRESS, BUS)
            .finds("this shell", "ok", "")
            .finds("keyring", "ok", "unlocked")
            .finds("secret store", "ok", "keyring"),
        when("a keyring that is locked")
            .with(with_keyring)
            .before(lock_keyring)
            .both_have(ADDRESS, BUS)
            .meanwhile(|stage| {
                until("the daemon has found it locked", || {
                    let store = stage.request("GET", "/v1/health").1["secret_store"].clone();
                    store["error"].as_str().is_some_and(|error| error.contains("locked")).then_some(())
                });
            })
            .finds("secret store", "problem", "locked")
            .finds("keyring", "problem", "it is locked")
            .never_says("unlocked"),
        when("a keyring that is on the shell's bus, and the daemon has no bus")
            .with(with_keyring)
            .shell_has(ADDRESS, BUS)
            .finds("this shell", "warning", "the daemon's session bus is")
            .finds("session bus", "skipped", "none here")
            .finds("keyring", "skipped", "")
            .never_says("unlocked"),
    ]);
}
