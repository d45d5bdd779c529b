//! Grants under the real unit, whose sandbox hides other users and other processes' programs, and where `/run` is read-only.

use std::process::Output;

use crate::systemd::stage::Person;

const CONFIGURATION: &str = "secret_store = \"memory\"\n[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";

/// Asks at a socket in the person's surroundings.
fn ask(person: &Person, socket: &str, arguments: &[&str]) -> String {
    let common = ["--silent", "--show-error", "--unix-socket", socket];
    person.ok("curl", &[&common[..], arguments].concat())
}

fn grant(person: &Person, name: &str, shared: bool) -> String {
    let main = format!("{}/ssoctl/ssoctld.sock", person.runtime_directory());
    let role = r#"[{"session":"corp","account":"111122223333","role":"ReadOnlyAccess"}]"#;
    let body = format!(r#"{{"name":"{name}","roles":{role},"shared":{shared}}}"#);
    ask(person, &main, &["--data", &body, "http://localhost/v1/grants"])
}

fn socket(person: &Person, name: &str) -> String {
    format!("{}/ssoctl/grants/{name}/s.sock", person.runtime_directory())
}

/// The same question of another user of the machine, to whom a container has made the directory reachable.
fn ask_as_another_user(person: &Person, name: &str) -> Output {
    let directory = format!("{}/ssoctl/grants/{name}", person.runtime_directory());
    let script = format!(
        "mount -t tmpfs tmpfs /mnt && mkdir /mnt/mounted && mount --bind {directory} /mnt/mounted && exec setpriv --reuid 64000 --regid 64000 --clear-groups \
         curl --silent --show-error --unix-socket /mnt/mounted/s.sock http://localhost/v1/credentials"
    );
    person.as_superuser(&["unshare", "--mount", "--propagation", "private", "sh", "-c", &script])
}

#[test]
fn grants_are_served_under_the_unit_and_again_after_its_restart() {
    let Some(person) = Person::with(&["curl"]) else { return };
    person.write(".config/ssoctl/config.toml", CONFIGURATION);
    person.ok("ssoctl", &["service", "install"]);
    let made = grant(&person, "ci", false);
    assert!(made.contains(&socket(&person, "ci")), "{made}");
    let answer = || ask(&person, &socket(&person, "ci"), &["http://localhost/v1/credentials"]);
    assert!(answer().contains("sign_in_required"), "{}", answer());
    assert!(ask(&person, &socket(&person, "ci"), &["http://localhost/v1/token"]).contains("not_granted"));

    // The audit names the program. Its file is hidden from the sandbox, and the file of the audit can be written.
    let main = format!("{}/ssoctl/ssoctld.sock", person.runtime_directory());
    let audit = ask(&person, &main, &["http://localhost/v1/audit"]);
    assert!(audit.contains("\"what\":\"grant_refused\"") && audit.contains("\"program\":\"curl\""), "{audit}");
    assert!(!audit.contains("executable") && audit.contains("\"incomplete\":null"), "{audit}");
    let mode = person.ok("sh", &["-c", "stat -c %a ~/.local/state/ssoctl/audit.jsonl"]);
    assert_eq!(mode, "600\n");

    let pid = person.pid();
    person.ok("systemctl", &["--user", "restart", "ssoctld.service"]);
    assert_ne!(person.pid(), pid);
    assert!(answer().contains("sign_in_required"), "{}", answer());
    let modes = person.ok(
        "sh",
        &["-c", "stat -c %a $XDG_RUNTIME_DIR/ssoctl $XDG_RUNTIME_DIR/ssoctl/grants $XDG_RUNTIME_DIR/ssoctl/grants/ci"],
    );
    assert_eq!(modes, "700\n700\n700\n");

    let removed = person.ok("ssoctl", &["service", "uninstall"]);
    assert!(removed.contains("uninstalled"), "{removed}");
    assert_eq!(person.ok("sh", &["-c", "find $XDG_RUNTIME_DIR/ssoctl -not -type d"]), "");
}

#[test]
fn a_shared_grant_answers_other_users_where_its_directory_is_mounted_and_others_do_not() {
    let Some(person) = Person::with(&["curl", "unshare"]) else { return };
    person.write(".config/ssoctl/config.toml", CONFIGURATION);
    person.ok("ssoctl", &["service", "install"]);
    for (name, shared) in [("shared", true), ("own", false)] {
        grant(&person, name, shared);
        let output = ask_as_another_user(&person, name);
        let answer = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(answer.contains("sign_in_required"), shared, "{name}: {output:?}");
    }
}

#[test]
fn a_grant_of_a_process_that_is_killed_ends_with_it_under_the_unit() {
    let Some(person) = Person::with(&["curl", "python3"]) else { return };
    person.write(".config/ssoctl/config.toml", CONFIGURATION);
    person.ok("ssoctl", &["service", "install"]);
    let script = r#"
import json, os, signal, socket, sys
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["XDG_RUNTIME_DIR"] + "/ssoctl/ssoctld.sock")
role = {"session": "corp", "account": "111122223333", "role": "ReadOnlyAccess"}
body = json.dumps({"name": "held", "roles": [role], "attended": True}).encode()
s.sendall(b"POST /v1/grants HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
answer = b""
while (part := s.recv(65536)): answer += part
print(json.loads(answer.split(b"\r\n\r\n")[1])["attended_by"], os.getpid(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"#;
    let said = person.run("python3", &["-c", script]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let pids: Vec<&str> = said.split_whitespace().collect();
    assert!(pids.len() == 2 && pids[0] == pids[1], "{said:?}");
    let main = format!("{}/ssoctl/ssoctld.sock", person.runtime_directory());
    person.until("the grant has ended", || ask(&person, &main, &["http://localhost/v1/grants"]) == r#"{"grants":[]}"#);
    person.until("its socket is gone", || !person.run("test", &["-e", &socket(&person, "held")]).status.success());
}
