//! The promises of `ssoctl` to scripts: exit codes, streams, variables, signals, and the processes that may ask a command's
//! endpoint. The binary is real; the daemon is a socket with canned answers.

mod cli;
mod console;
mod endpoint;
mod env;
mod every_verb;
mod exec;
mod signals;
mod watch;

use serde_json::{Value, json};
use test_support::attended::Attended;
use test_support::canned::{self, Canned, ssoctl};

/// Credentials as the daemon hands them out.
fn credentials() -> Value {
    json!({
        "access_key_id": "ASIAKEY", "secret_access_key": "secret/+key", "session_token": "session/+token==",
        "expires_at": "2099-11-23T10:16:00Z", "session": "corp", "account": "111122223333", "role": "Admin",
        "region": "eu-west-1",
    })
}

/// A sign-in that waits for a person.
fn pending(started: bool) -> Value {
    canned::pending("https://device.example.com/?user_code=ABCD-EFGH", started)
}

/// A script under `ssoctl exec --refreshable`.
fn attend(canned: &Canned, script: &str) -> Attended {
    let mut exec = ssoctl(&canned.socket(), &["exec", "--refreshable"]);
    exec.env("PATH", "/usr/bin:/bin").env("HOME", "/nowhere");
    Attended::start(exec, script)
}
