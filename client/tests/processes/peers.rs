//! The client believes only daemons of trusted users, and the daemon answers only its own user. A second user is a bare uid; a
//! second PID namespace is a real one.

use std::process::Command;

use identity_center_simulator::Settings;

use test_support::binaries::binaries;
use test_support::part::{Part, within};
use test_support::speed::{has_programs, has_superuser, python_with};
use test_support::{Stage, executable, set_mode};

const NOBODY: &str = "65534";

fn open(stage: &Stage) {
    set_mode(stage.home(), 0o711);
    set_mode(stage.socket().parent().unwrap(), 0o711);
    set_mode(stage.socket(), 0o666);
}

#[test]
fn a_daemon_of_another_user_is_believed_only_if_the_variable_names_that_user_and_explains_its_refusals() {
    if !has_superuser() {
        return;
    }
    let stage = Stage::signed_in(Settings::default());
    open(&stage);
    let place = tempfile::tempdir().unwrap();
    set_mode(place.path(), 0o755);
    let ssoctl = place.path().join("ssoctl");
    executable::copy(binaries().ssoctl.to_str().unwrap(), &ssoctl);
    let as_nobody = |socket: bool, owner: Option<&str>| {
        let mut command = Command::new(&ssoctl);
        command.args(["token", "corp"]).env("HOME", "/nowhere").env("XDG_RUNTIME_DIR", stage.home().join("run"));
        command.envs(owner.map(|owner| ("SSOCTL_SOCKET_OWNER", owner)));
        command.envs(socket.then(|| ("SSOCTL_SOCKET", stage.socket())));
        stage.finish(within(&command, "setpriv", &["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]))
    };
    for socket in [true, false] {
        for owner in [None, Some("65533")] {
            let refused = as_nobody(socket, owner).exits(4).prints_nothing();
            refused.says("refusing to talk to").says("SSOCTL_SOCKET_OWNER=0");
        }
        for owner in ["0", "any"] {
            // The client believes; the daemon has the last word, and says it.
            let refused = as_nobody(socket, Some(owner)).exits(1).prints_nothing();
            refused.says("belongs to the user with uid 0 and serves no other user");
        }
        as_nobody(socket, Some("root")).exits(2).prints_nothing().says("SSOCTL_SOCKET_OWNER");
    }
}

#[test]
fn a_client_in_another_process_namespace_is_served() {
    if !has_programs(&["unshare"]) {
        return;
    }
    let namespace: &[&str] = if rustix::process::geteuid().is_root() {
        &["--pid", "--fork", "--kill-child"]
    } else {
        &["--user", "--map-current-user", "--pid", "--fork", "--kill-child"]
    };
    let stage = Stage::signed_in(Settings::default());
    // The daemon's process id is 0 there, whichever way the socket was found.
    let inside = |command: Command| stage.finish(within(&command, "unshare", namespace)).exits(0).stdout;
    let token = stage.run(["token", "corp"]).exits(0).stdout;
    assert_eq!(inside(stage.ssoctl(["token", "corp"])), token);
    let mut chosen = stage.ssoctl(["token", "corp"]);
    chosen.env("SSOCTL_SOCKET", stage.socket());
    assert_eq!(inside(chosen), token);
    let report: serde_json::Value =
        stage.finish(within(&stage.ssoctl(["doctor", "--json"]), "unshare", namespace)).json();
    let daemon = report["checks"].as_array().unwrap().iter().find(|check| check["name"] == "daemon").unwrap();
    assert_eq!(daemon["result"], "ok", "{daemon}");
}

/// A hostile daemon: it answers every request with a token and with a command to execute.
const FAKE_DAEMON: &str = r#"
import json, os, socket, sys
path, marker = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chmod(path, 0o666)
server.listen(64)
print("ready", flush=True)
body = json.dumps({
    "access_token": "aoaTHEIRS", "token_type": "Bearer", "expires_at": "2099-11-23T11:16:00Z", "session": "corp",
    "start_url": "https://corp.awsapps.com/start", "sso_region": "eu-west-1", "region": "eu-west-1", "name": "corp",
    "access_key_id": "ASIATHEIRS", "secret_access_key": "theirs", "session_token": "theirs", "account": "111122223333",
    "role": "Admin", "state": "pending", "started": True, "flow": 1, "user_code": "ABCD-EFGH", "decided_by": {},
    "verification_uri": "https://device.sso.eu-west-1.amazonaws.com/",
    "verification_uri_complete": "https://device.sso.eu-west-1.amazonaws.com/", "browser": ["touch", marker],
})
answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
while True:
    stream, _ = server.accept()
    try:
        stream.recv(65536)
        stream.sendall(answer.encode())
    except OSError:
        pass
    stream.close()
"#;

#[test]
fn at_a_socket_of_another_user_nothing_is_printed_and_nothing_executed() {
    let Some(python) = python_with("socket").filter(|_| has_superuser()) else { return };
    let stage = Stage::bare(Settings::default());
    let place = tempfile::tempdir().unwrap();
    set_mode(place.path(), 0o777);
    let (socket, marker) = (place.path().join("s.sock"), place.path().join("executed"));
    let mut daemon = Command::new("setpriv");
    daemon.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).arg(python).args(["-c", FAKE_DAEMON]);
    daemon.arg(&socket).arg(&marker);
    let _daemon = Part::that_says(&mut daemon, |line| (line == "ready").then_some(()));
    let touch = ["touch", marker.to_str().unwrap()];
    for (verb, code) in [
        (&["token"][..], 4),
        (&["token", "--json"], 4),
        (&["status"], 4),
        (&["accounts"], 4),
        (&["credential-process", "--profile", "dev"], 4),
        (&["env", "--profile", "dev", "--shell", "json"], 4),
        (&["console", "--profile", "dev", "--browser"], 4),
        (&["console", "--profile", "dev", "--url-only"], 4),
        (&["login", "--browser"], 4),
        (&["logout", "corp"], 4),
        (&["exec", "--", touch[0], touch[1]], 125),
        (&["exec", "--refreshable", "--", touch[0], touch[1]], 125),
    ] {
        let mut command = stage.ssoctl(verb);
        command.env("SSOCTL_SOCKET", &socket).env("BROWSER", touch.join(" ")).env("DISPLAY", ":0");
        let outcome = stage.finish(command).exits(code).prints_nothing().says("refusing to talk to");
        assert!(!outcome.stderr.contains("aoaTHEIRS") && !outcome.stderr.contains("ASIATHEIRS"), "{outcome:?}");
        assert!(!marker.exists(), "{verb:?}");
    }
}
