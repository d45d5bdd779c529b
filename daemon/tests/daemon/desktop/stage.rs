//! The surroundings of a test: its own bus, its own screen, its own network.
//!
//! A program finds them by its environment, which a test cannot change for itself. So each test is started twice: the first process
//! sets the stage and starts the second, which runs the test's body.

use std::any::Any;
use std::path::Path;
use std::process::{Command, Stdio};

use ssoctld::config::{self, Environment, Paths, SessionConfig};
use tempfile::TempDir;

use test_support::part::{Part, bus_for_notices, first_line};
use test_support::screen::Screen;
use test_support::speed::has_programs;
use test_support::waiting::{PATIENCE, unless_longer_than};

/// Names the test whose body is to be played.
const PLAYING: &str = "SSOCTL_TEST_STAGE";

/// A session with this name.
pub(crate) fn session(name: &str) -> SessionConfig {
    let own = format!("[session.{name}]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n");
    let paths = Paths { own: "/config.toml".into(), aws: "/aws".into(), aws_credentials: "/credentials".into() };
    config::parse(&paths, &own, "", "", &Environment::from_vars(|_| None)).sessions.remove(0)
}

pub(crate) enum Stage {
    /// A screen, and a session's bus whose services are started by hand.
    Screen,
    /// A session's bus address without a listener.
    NoBus,
    /// A machine's bus.
    Machine,
    /// A network without anything in it.
    Network,
    /// A network of which there is loopback alone, and these host names lead there.
    Loopback(&'static [&'static str]),
    /// A service of a manager that is gone.
    Service,
}

/// Runs the body of a test on a stage, in a separate process. The body is a closure that stands in the test.
pub(crate) fn play<F: Future<Output = ()>, B: FnOnce() -> F>(stage: Stage, needs: &[&str], body: B) {
    play_test_of::<B, F>(stage, needs, body);
}

/// The same where the closure that stands in the test, `T`, is called by the body.
pub(crate) fn play_test_of<T, F: Future<Output = ()>>(stage: Stage, needs: &[&str], body: impl FnOnce() -> F) {
    let test = std::any::type_name::<T>().trim_end_matches("::{{closure}}");
    let (_, test) = test.split_once("::").expect("the name begins with that of this program");
    // With one thread for all tests, that is the main one.
    assert!(matches!(std::thread::current().name(), Some(name) if name == "main" || name == test), "{test}");
    if test_support::part::variable(PLAYING).is_some_and(|playing| playing == test) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        // The daemon's tasks go on while the body waits without awaiting, and none of them holds up the end.
        std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
        // What a test waits for itself fails first, and says what that was.
        let ended = handle.block_on(unless_longer_than(3 * PATIENCE, body()));
        ended.unwrap_or_else(|| panic!("{test} does not end"));
        return;
    }
    let needs = [stage.needs(), needs].concat();
    if !needs.is_empty() && !has_programs(&needs) {
        return;
    }
    let home = TempDir::new().unwrap();
    let mut parts: Vec<Box<dyn Any>> = Vec::new();
    let program = std::env::current_exe().unwrap();
    let mut command = match stage {
        Stage::Network => {
            let mut unshare = namespaces(&["--net"]);
            unshare.arg(program);
            unshare
        }
        Stage::Loopback(names) => {
            let mut unshare = namespaces(&["--net", "--mount"]);
            let hosts = home.path().join("hosts");
            std::fs::write(&hosts, format!("127.0.0.1 localhost {}\n", names.join(" "))).unwrap();
            let script = "mount --bind \"$0\" /etc/hosts && ip link set lo up && exec \"$@\"";
            unshare.args(["sh", "-c", script]).args([hosts, program]);
            unshare
        }
        _ => Command::new(program),
    };
    command.args(["--exact", test, "--nocapture"]).env(PLAYING, test);
    at_home(&mut command, home.path());
    match stage {
        Stage::Screen => {
            let screen = Screen::without_server();
            screen.show(&mut command);
            parts.push(Box::new(screen));
        }
        Stage::NoBus => {
            command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}/nobody", home.path().display()));
        }
        Stage::Machine => {
            let (bus, address) = Part::that_says(at_home(&mut bus_for_notices(home.path()), home.path()), first_line);
            command.env("DBUS_SYSTEM_BUS_ADDRESS", address);
            parts.push(Box::new(bus));
        }
        Stage::Network | Stage::Loopback(_) => {}
        Stage::Service => {
            command.env("INVOCATION_ID", "0123456789abcdef0123456789abcdef");
        }
    }
    let status = command.status().unwrap();
    assert!(status.success(), "{test} failed on its stage: {status}");
}

impl Stage {
    const fn needs(&self) -> &'static [&'static str] {
        match self {
            Self::Screen => &["Xvfb", "dbus-daemon", "dbus-send", "xdotool"],
            Self::NoBus | Self::Service => &[],
            Self::Machine => &["dbus-daemon"],
            Self::Network => &["unshare", "ip"],
            Self::Loopback(_) => &["unshare", "ip", "mount"],
        }
    }
}

/// Nothing of the person who runs the tests is read or written.
fn at_home<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    for variable in ["WAYLAND_DISPLAY", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "INVOCATION_ID"] {
        command.env_remove(variable);
    }
    // Without the last one, graphical programs start a bus of their own for accessibility.
    command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env("NO_AT_BRIDGE", "1").stdin(Stdio::null())
}

/// `unshare` with these namespaces. The superuser may make them, and most others in a user namespace of theirs.
fn namespaces(which: &[&str]) -> Command {
    let mut unshare = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        unshare.arg("--map-root-user");
    }
    unshare.args(which);
    unshare
}

/// The output of a command. The daemon's tasks go on meanwhile.
pub(crate) async fn output(program: &str, arguments: &[&str]) -> String {
    let output = tokio::process::Command::new(program).args(arguments).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}
