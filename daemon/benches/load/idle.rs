//! An idle daemon with a signed-in session.
//!
//! Nine tenths of what is resident are pages of files. Which of them are mapped depends on the kernel's cache, too: with Linux 6.18, a
//! page that is touched brings along all that were read into the cache together with it, and the same program differs by a tenth from
//! one copy of its file to the next. To compare two programs, both have to be read into the cache page by page (`POSIX_FADV_RANDOM`),
//! and started several times in turn.

use std::net::TcpListener;
use std::time::Duration;

use test_support::part::{Part, bus, first_line, is_there};

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
    // Without a keyring or anything else on it.
    let home = tempfile::tempdir().expect("a directory");
    let bus = is_there("dbus-daemon").then(|| Part::that_says(&mut bus(home.path(), ""), first_line));
    let extra = format!(
        "secret_store = \"auto\"\n[session.tls]\nstart_url = \"https://tls.awsapps.com/start\"\nregion = \"eu-west-1\"\n\
         oidc_endpoint = \"https://{address}\"\nportal_endpoint = \"https://{address}\"\n"
    );
    let environment: Vec<_> = bus.iter().map(|(_, address)| ("DBUS_SESSION_BUS_ADDRESS", address.as_str())).collect();
    let stage = Stage::set_with(settings(), &extra, &environment);
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
