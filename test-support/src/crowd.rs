//! Another user of the machine, who keeps hundreds of connections to a port open and says nothing on them.

use std::process::Command;

use crate::part::{Part, first_line};

/// Runs a command as `nobody`, a user on every system. The test has to be the superuser's.
pub const AS_NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

/// Keeps 400 connections open, and opens a new one for each that is closed.
const CROWD: &str = r#"
import select, socket, sys
address = ("127.0.0.1", int(sys.argv[1]))
def connected():
    connection = socket.socket()
    connection.setblocking(False)
    connection.connect_ex(address)
    return connection
crowd = [connected() for _ in range(400)]
print("ready", flush=True)
while True:
    for closed in select.select(crowd, [], [], 0.01)[0]:
        crowd.remove(closed)
        closed.close()
        crowd.append(connected())
"#;

/// The connections. They end when this is dropped.
pub struct Crowd(#[expect(dead_code, reason = "the program ends with it")] Part);

impl Crowd {
    pub fn of_another_user(port: u16) -> Self {
        let mut command = Command::new(AS_NOBODY[0]);
        command.args(&AS_NOBODY[1..]).args(["env", "PATH=/usr/bin:/bin", "python3", "-c", CROWD, &port.to_string()]);
        Self(Part::that_says(&mut command, first_line).0)
    }
}
