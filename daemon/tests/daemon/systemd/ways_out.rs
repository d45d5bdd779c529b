//! What a program with a grant can reach, isolated and not, on a desktop with all that it could want: the table in SECURITY.md is
//! compared with what it found.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use test_support::part::{Part, first_line};
use test_support::service::{preauthorised, simulator};

use crate::systemd::desktop::Desk;

/// The program.
const AGENT: &str = include_str!("ways_out.py");

/// What else runs as the person: it listens at an abstract socket, on loopback, in the home, and later at another place there, and has
/// shared memory and a key in the kernel.
const OTHERS: &str = r#"
import ctypes, json, os, socket, sys, threading, time
home = os.path.expanduser("~")
libc = ctypes.CDLL(None, use_errno=True)
def serve(listener):
    listener.listen()
    while True:
        stream, _ = listener.accept()
        try:
            stream.sendall(b"inside")
        except OSError:
            pass
        stream.close()
def start(family, address):
    listener = socket.socket(family)
    listener.bind(address)
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    return listener.getsockname()
name = f"ssoctl-ways-out-{os.getpid()}"
start(socket.AF_UNIX, "\0" + name)
os.makedirs(f"{home}/tool", exist_ok=True)
start(socket.AF_UNIX, f"{home}/tool/s.sock")
_, port = start(socket.AF_INET, ("127.0.0.1", 0))
temporary = f"/tmp/{name}"
open(temporary, "w").write("a secret")
key = os.getpid()
memory = libc.shmget(key, 4096, 0o1600)
assert memory >= 0
kept, open_end = os.pipe()
if os.fork() == 0:
    os.close(open_end)
    os.read(kept, 1)
    libc.shmctl(memory, 0, None)
    os.remove(temporary)
    os._exit(0)
assert libc.syscall(248, b"user", b"ssoctl-ways-out", b"secret", 6, -4) > 0
print(json.dumps({"abstract": name, "loopback": port, "temporary": temporary, "shared_memory": key}), flush=True)
while True:
    time.sleep(0.05)
    if os.path.exists(f"{home}/project/made") and not os.path.exists(f"{home}/project/late"):
        if os.path.exists(f"{home}/late.sock"):
            os.remove(f"{home}/late.sock")
        start(socket.AF_UNIX, f"{home}/late.sock")
        open(f"{home}/project/late", "w").close()
"#;

const CONFIGURATION: &str = "\
secret_store = \"keyring\"
[session.corp]
start_url = \"https://corp.awsapps.com/start\"
region = \"eu-west-1\"
scopes = [\"sso:account:access\"]
sdk_cache = \"on\"
";

/// The rows of the table: way, isolated, not isolated.
fn table() -> BTreeMap<String, [bool; 2]> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../SECURITY.md")).unwrap();
    let table = text.split("| way out |").nth(1).expect("the table is there");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let is_open = |cell: &str| match cell.split(' ').next() {
            Some("open") => true,
            Some("closed") => cell.contains("Linux 6.12") && !has_scopes(),
            _ => panic!("{row}"),
        };
        (cells[0].to_owned(), [is_open(cells[1]), is_open(cells[2])])
    })
    .collect()
}

fn has_scopes() -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map_while(|number| number.parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(12))
}

#[test]
fn a_program_gets_out_where_the_table_says_so_and_nowhere_else() {
    const PARTS: [&str; 6] = ["bwrap", "python3", "ssh-agent", "ssh-add", "ssh-keygen", "podman"];
    let Some(desk) = Desk::with(&PARTS) else { return };
    let person = &desk.person;
    let simulator = simulator(preauthorised());
    let url = simulator.url();
    let service = [("AWS_ENDPOINT_URL_SSO_OIDC", &url), ("AWS_ENDPOINT_URL_SSO", &url)];
    let [bus, display] = &desk.surroundings;
    let [oidc, portal] = service.map(|(name, url)| format!("{name}={url}"));
    person.write(".config/ssoctl/config.toml", CONFIGURATION);
    person.ok("systemctl", &["--user", "set-environment", bus, display, &oidc, &portal]);
    person.ok("ssoctl", &["service", "install"]);
    person.ok("ssoctl", &["--no-start", "token", "--wait", "5m"]);
    person.until("it is in the keyring", || desk.records().is_some_and(|records| records.starts_with("aoao 1 ")));
    person.until("it is in a token file", || !person.ok("sh", &["-c", "ls -A ~/.aws/sso/cache"]).is_empty());

    for (file, text) in [
        (".bashrc", "# mine\n"),
        (".aws/config", "[profile mine]\nregion = eu-west-1\n"),
        (".aws/credentials", "[mine]\naws_access_key_id = AKIAEXAMPLE\n"),
        (".aws/cli/cache/a.json", "{}"),
        (".ssh/id", "a key"),
        (".gnupg/private-keys-v1.d/a.key", "a key"),
        (".config/chromium/Default/Cookies", "cookies"),
        (".local/share/keyrings/login.keyring", "secrets"),
        ("notes/mine", "mine"),
        ("agent.py", AGENT),
        ("others.py", OTHERS),
    ] {
        person.write(file, text);
    }
    let runtime = person.runtime_directory();
    person.ok("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "/home/person/key"]);
    let agent = format!("{runtime}/ssh-agent.sock");
    let _agent = Part::start(person.command("ssh-agent").args(["-D", "-a", &agent]));
    person.until("the agent has the key", || {
        let add = ["-c", &format!("SSH_AUTH_SOCK={agent} ssh-add -q /home/person/key")];
        person.run("sh", &add).status.success()
    });
    let engine = format!("{runtime}/podman/podman.sock");
    person.ok("mkdir", &["-p", &format!("{runtime}/podman"), "/home/person/project"]);
    // It starts itself once more in a namespace of its own, and that process ends when nobody has asked for this many seconds.
    let _engine =
        Part::start(person.command("podman").args(["system", "service", "--time=60", &format!("unix://{engine}")]));
    let ping = ["--silent", "--unix-socket", &engine, "http://d/v4.0.0/libpod/_ping"];
    person.until("the engine answers", || person.run("curl", &ping).stdout == b"OK");
    let (victim, outside) = others(&desk);
    let outside = outside(json!({
        "victim": victim.id(),
        "display": display.rsplit(':').next().unwrap().parse::<u32>().unwrap(),
        "service": {"AWS_ENDPOINT_URL_SSO_OIDC": url, "AWS_ENDPOINT_URL_SSO": url},
    }));

    let expected = table();
    assert!(expected.len() >= 15, "{expected:#?}");
    let found = [&["--isolate"][..], &[]].map(|isolation| try_all(&desk, isolation, &outside));
    let found: BTreeMap<String, [bool; 2]> = found[0]
        .iter()
        .map(|(way, isolated)| (way.clone(), [isolated, &found[1][way]].map(|open| open.as_bool().unwrap())))
        .collect();
    let different: Vec<_> = expected
        .keys()
        .chain(found.keys())
        .filter(|way| expected.get(*way) != found.get(*way))
        .map(|way| (way, expected.get(way), found.get(way)))
        .collect();
    assert!(different.is_empty(), "way, in SECURITY.md, found (isolated and not): {different:#?}");
    drop(victim);
    // Ends the process that keeps the namespace.
    person.ok("podman", &["system", "migrate"]);
}

/// Runs the program, with a grant, and returns what it found.
fn try_all(desk: &Desk, isolation: &[&str], outside: &Value) -> serde_json::Map<String, Value> {
    let person = &desk.person;
    person.ok("sh", &["-c", "rm -rf ~/project/* ~/project/.git && cp ~/agent.py ~/project"]);
    person.write("project/outside.json", &outside.to_string());
    let mut words =
        vec!["ssoctl", "grant", "--session", "corp", "--account", "111122223333", "--role", "ReadOnlyAccess"];
    words.extend(isolation);
    words.extend(["--", "/usr/bin/python3", "agent.py"]);
    // A program has left a directory open.
    let script = "cd ~/project && exec \"$@\" 9</";
    let mut command = person.command("env");
    command.args(&desk.surroundings).arg("TOKEN_OF_ANOTHER=a-token");
    command.arg(format!("SSH_AUTH_SOCK={}/ssh-agent.sock", person.runtime_directory()));
    let output = command.args(["bash", "-c", script, "bash"]).args(&words).stderr(Stdio::piped()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Other programs of the person's, and what the program may know of them.
fn others(desk: &Desk) -> (Part, impl Fn(Value) -> Value + use<>) {
    let person = &desk.person;
    let (others, told) = Part::that_says(person.command("/usr/bin/python3").arg("/home/person/others.py"), first_line);
    let told: Value = serde_json::from_str(&told).unwrap();
    let victim = Part::start(person.command("sleep").arg("1000"));
    let outside = move |more: Value| {
        let _running = &others;
        let mut all = told.as_object().unwrap().clone();
        all.extend(more.as_object().unwrap().clone());
        Value::Object(all)
    };
    (victim, outside)
}
