//! Through a real HTTP proxy (tinyproxy), with and without a password.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::faults::settings;
use crate::harness::Process;
use crate::network::front::{Front, RIGHT, authority};
use crate::network::singles::outcome;
use test_support::part::Part;
use test_support::service::simulator;
use test_support::speed::has_programs;
use test_support::waiting::until_so;

/// The password as the proxy knows it, as a URL has it, and as it goes over the wire after `person:`.
const PASSWORD: [&str; 3] = ["Sesam-Oeffne", "Sesam%2DOeffne", "cGVyc29uOlNlc2FtLU9lZmZuZQ=="];

struct Proxy {
    port: u16,
    directory: tempfile::TempDir,
    _part: Part,
}

impl Proxy {
    async fn start(lock: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (port, log) = (free_port(), directory.path().join("log"));
        let configuration = directory.path().join("tinyproxy.conf");
        let text = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 20\nLogLevel Connect\nLogFile \"{}\"\n{lock}\n",
            log.display()
        );
        fs::write(&configuration, text).unwrap();
        let part = Part::start(Command::new("tinyproxy").arg("-d").arg("-c").arg(configuration));
        until_so("the proxy listens", async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()).await;
        Self { port, directory, _part: part }
    }

    /// The number of connections through it to the service.
    fn connections(&self) -> usize {
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("Established connection to host \"localhost\"")).count()
    }
}

/// Free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The port of a proxy that answers every request with 502.
fn broken() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            // The request does not matter, nor whether the answer arrives.
            let _ = connection.read(&mut [0; 1024]);
            let _ = connection.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
        }
    });
    port
}

/// The result of a sign-in behind a proxy.
struct Outcome {
    told: String,
    /// Everything that was said: the answer, `status`, the doctor's report and the most talkative log.
    said: String,
}

/// `{port}` in `no_proxy` is the service's.
async fn sign_in(proxy: &str, no_proxy: &str) -> Outcome {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(settings()));
    let front = Front::new(&simulator, RIGHT);
    let command = || {
        let mut command = Process::command_at(home.path(), &front.url());
        let port = front.url().rsplit(':').next().unwrap().to_owned();
        command
            .env("AWS_CA_BUNDLE", authority())
            .env("HTTPS_PROXY", proxy)
            .env("NO_PROXY", no_proxy.replace("{port}", &port));
        command
    };
    let filter = "ssoctld=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace";
    let daemon = Process::run(home.path(), command().args(["--log", filter])).await;
    let answer = daemon.request("GET /v1/token?wait=25").await;
    let mut said = daemon.request("GET /v1/sessions").await.body;
    if answer.status != 200 {
        said += &answer.body;
    }
    said += &doctor(command()).await;
    said += &daemon.stop().await.log;
    let detail = answer.json::<serde_json::Value>()["detail"].as_str().map(|detail| format!(": {detail}"));
    Outcome { told: outcome(&answer) + &detail.unwrap_or_default(), said }
}

async fn doctor(mut command: Command) -> String {
    command.arg("doctor").stdout(Stdio::piped());
    let output = tokio::process::Command::from(command).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_proxy_is_used_or_named_as_what_is_wrong_and_its_password_is_never_told() {
    if !has_programs(&["tinyproxy"]) {
        return;
    }
    let [known, in_url, _] = PASSWORD;
    let open = Proxy::start("").await;
    let locked = Proxy::start(&format!("BasicAuth person {known}")).await;
    let nobody = free_port();
    let password = format!("person:{in_url}@");
    let wrong = format!("someone:{in_url}@");
    let unescaped = format!("per@son:{in_url}@");
    let broken = broken();
    // The password that is wanted and the one that is given, the proxy's address, NO_PROXY, and the result.
    let table = [
        ("none wanted, none given", "", open.port, "", "ok"),
        ("none wanted, one given", &password, open.port, "", "ok"),
        ("one wanted, the right one given", &password, locked.port, "", "ok"),
        ("one wanted and given, and other hosts need no proxy", &password, locked.port, "other.example", "ok"),
        (
            "one wanted, a wrong one given",
            &wrong,
            locked.port,
            "",
            "are the user and the password in HTTPS_PROXY right?",
        ),
        ("one wanted, none given", "", locked.port, "", "the proxy wants a user and a password"),
        ("no proxy there", &password, nobody, "", "the proxy cannot be reached"),
        ("no proxy there, and none needed", &password, nobody, "localhost", "ok"),
        ("no proxy there, and none needed at this port", &password, nobody, "localhost:{port}", "ok"),
        (
            "no proxy there, and none needed at another port",
            &password,
            nobody,
            "localhost:1",
            "the proxy cannot be reached",
        ),
        ("an @ that is not escaped", &unescaped, open.port, "", "write @ in the user or the password as %40"),
        ("a proxy that does not find the way", "", broken, "", "does not lead to localhost"),
        ("a proxy that says why", "", broken, "", "it answered with status 502"),
    ];
    for (row, who, port, no_proxy, expected) in table {
        let connections = [&open, &locked].map(Proxy::connections);
        let Outcome { told, said } = sign_in(&format!("http://{who}127.0.0.1:{port}"), no_proxy).await;
        println!("{row}: {told}");
        assert!(if expected == "ok" { told == "ok" } else { told.contains(expected) }, "{row}: {told}");
        for spelling in PASSWORD {
            assert!(!said.contains(spelling), "{row}: the password was told");
        }
        for (proxy, before) in [&open, &locked].into_iter().zip(connections) {
            let led = proxy.connections() > before;
            assert_eq!(led, proxy.port == port && expected == "ok", "{row}: which proxy led there");
        }
    }
}
