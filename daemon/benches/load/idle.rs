//! An idle daemon with a signed-in session.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::figures::Process;
use crate::stage::{Stage, settings};

const QUIET: Duration = Duration::from_secs(30);
/// Connections of the sign-in end by themselves after a while, and so do unused threads.
const SETTLING: Duration = Duration::from_secs(100);

pub(crate) async fn run() {
    // The listener does not speak TLS. The daemon finds that out after it has set up everything for TLS.
    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = stranger.local_addr().expect("an address");
    std::thread::spawn(move || stranger.incoming().for_each(drop));
    let bus = Bus::start();
    let extra = format!(
        "secret_store = \"auto\"\n[session.tls]\nstart_url = \"https://tls.awsapps.com/start\"\nregion = \"eu-west-1\"\n\
         oidc_endpoint = \"https://{address}\"\nportal_endpoint = \"https://{address}\"\n"
    );
    let environment: Vec<_> = bus.iter().map(|bus| ("DBUS_SESSION_BUS_ADDRESS", bus.address.as_str())).collect();
    let stage = Stage::set_with(settings(), &extra, &environment).await;
    let process = stage.process();
    told("before anything was asked", process);
    stage.sign_in(1).await;
    stage.ask("/v1/sessions/tls/token?wait=1").await;
    let used =
        if bus.is_some() { "a sign-in, TLS and D-Bus" } else { "a sign-in and TLS (there is no dbus-daemon here)" };
    told(&format!("after {used}"), process);
    tokio::time::sleep(SETTLING).await;
    let (sleeps, cpu) = (process.sleeps(), process.cpu());
    tokio::time::sleep(QUIET).await;
    println!(
        "idle for {} s: {} wake-ups, {:.0} µs of the processor",
        QUIET.as_secs(),
        process.sleeps() - sleeps,
        (process.cpu() - cpu).as_secs_f64() * 1e6
    );
    told("afterwards", process);
}

fn told(when: &str, process: Process) {
    println!("{when}: resident {} KiB, {} threads", process.resident(), process.threads());
}

/// A bus that starts no services, unlike the one of a desktop.
const CONFIGURATION: &str = "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
    \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\"><busconfig><type>session</type>\
    <listen>unix:tmpdir=/tmp</listen><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
    <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>";

/// A session bus without a keyring or anything else on it.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    fn start() -> Option<Self> {
        let home = tempfile::tempdir().ok()?;
        let configuration = home.path().join("bus.conf");
        fs::write(&configuration, CONFIGURATION).ok()?;
        let mut command = Command::new("dbus-daemon");
        command.arg("--config-file").arg(&configuration).args(["--nofork", "--print-address"]);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let mut daemon = command.stdout(Stdio::piped()).spawn().ok()?;
        let mut address = String::new();
        BufReader::new(daemon.stdout.take()?).read_line(&mut address).ok()?;
        Some(Self { daemon, address: address.trim().to_owned() })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
