//! Keyring, notices and browser from inside the service's sandbox, on a real bus and in front of a real screen.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use identity_center_simulator::{Approval, Settings};

use test_support::part::{Part, bus_configuration, first_line};
use test_support::service::{preauthorised, simulator};

use crate::systemd::stage::Person;

const PARTS: [&str; 6] = ["Xvfb", "dbus-daemon", "gnome-keyring-daemon", "dunst", "dunstctl", "busctl"];

/// The browser writes its arguments to a file, and whether system calls are filtered in its process. The service itself cannot
/// write there.
const BROWSER: &str =
    "#!/bin/sh\n{ echo \"$1\"; grep Seccomp: /proc/self/status; } > ~/opened.new && mv ~/opened.new ~/opened\n";

/// A person in front of a screen, with a bus, an unlocked keyring and a notification server.
pub(crate) struct Desk {
    /// In the order in which they end.
    _parts: Vec<Part>,
    pub(crate) person: Person,
    /// Variables: the bus, and the display.
    pub(crate) surroundings: [String; 2],
}

impl Desk {
    /// With these further programs.
    pub(crate) fn with(programs: &[&str]) -> Option<Self> {
        let person = Person::with(&[&PARTS[..], programs].concat())?;
        person.write("bus.conf", &bus_configuration(&person.runtime_directory(), ""));
        let mut bus = person.command("dbus-daemon");
        bus.args(["--nofork", "--nopidfile", "--print-address=1", "--config-file=/home/person/bus.conf"]);
        let (bus, address) = Part::that_says(&mut bus, first_line);
        let mut screen = person.command("Xvfb");
        screen.args(["-displayfd", "1", "-screen", "0", "800x600x24", "-nolisten", "tcp"]);
        let (screen, number) = Part::that_says(&mut screen, first_line);
        let surroundings = [format!("DBUS_SESSION_BUS_ADDRESS={address}"), format!("DISPLAY=:{number}")];
        let at_desk = |program: &[&str]| {
            let mut command = person.command("env");
            command.args(&surroundings).args(program).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let mut keyring = at_desk(&["gnome-keyring-daemon", "--foreground", "--components=secrets", "--unlock"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        keyring.stdin.take().unwrap().write_all(b"the keyring's password").unwrap();
        let keyring = Part::from(keyring);
        let notices = Part::start(&mut at_desk(&["dunst"]));
        let desk = Self { _parts: vec![notices, keyring, screen, bus], person, surroundings };
        for name in ["org.freedesktop.secrets", "org.freedesktop.Notifications"] {
            desk.person.until(name, || desk.run(&["busctl", "--user", "status", name]).is_some());
        }
        Some(desk)
    }

    /// The output of a command in front of the screen, if it succeeds.
    fn run(&self, words: &[&str]) -> Option<String> {
        let output = self.person.command("env").args(&self.surroundings).args(words).output().unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Records of ours in the keyring.
    pub(crate) fn records(&self) -> Option<String> {
        let [secrets, path] = ["org.freedesktop.secrets", "/org/freedesktop/secrets"];
        let search = ["org.freedesktop.Secret.Service", "SearchItems", "a{ss}", "1", "service", "ssoctl"];
        self.run(&[&["busctl", "--user", "call", secrets, path][..], &search].concat())
    }
}

#[test]
fn the_sandbox_leaves_keyring_notices_and_browser_alone() {
    let Some(desk) = Desk::with(&[]) else { return };
    let person = &desk.person;
    let simulator = simulator(Settings { unscoped_token_lifetime: Duration::from_secs(60), ..preauthorised() });
    person.write("bin/browser", BROWSER);
    person.ok("chmod", &["+x", "/home/person/bin/browser"]);
    person.write(
        ".config/ssoctl/config.toml",
        "[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\nscopes = []\n\
         browser = \"/home/person/bin/browser {url}\"\n",
    );
    let url = simulator.url();
    let [oidc, portal] = ["AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_SSO"].map(|name| format!("{name}={url}"));
    let [bus, display] = &desk.surroundings;
    person.ok("systemctl", &["--user", "set-environment", bus, display, &oidc, &portal]);
    person.ok("ssoctl", &["service", "install"]);
    let sandbox = std::fs::read_to_string(format!("/proc/{}/status", person.pid())).unwrap();
    assert!(sandbox.contains("Seccomp:\t2"), "{sandbox}");

    let first = person.ok("ssoctl", &["--no-start", "token", "--wait", "5m"]);
    simulator.set_approval(Approval::Manual);
    let status = person.ok("ssoctl", &["status", "--json"]);
    assert!(status.replace(' ', "").contains("\"kind\":\"keyring\""), "{status}");
    person.until("it is in the keyring", || desk.records().is_some_and(|records| records.starts_with("aoao 1 ")));
    person.ok("ssoctl", &["service", "restart"]);
    assert_eq!(person.ok("ssoctl", &["--no-start", "token"]), first, "from the keyring");

    let asked = simulator.wait_for_pending();
    person
        .until("the notice is on the screen", || desk.run(&["dunstctl", "count", "displayed"]).as_deref() == Some("1"));
    person.until("the page is opened", || {
        // The daemon listens some milliseconds after the notice is there. A click before that is lost, and takes the notice away, so it
        // is called back for the next one.
        desk.run(&["dunstctl", "action", "0"]).expect("a click");
        let is_opened = person.run("test", &["-e", "/home/person/opened"]).status.success();
        if !is_opened {
            desk.run(&["dunstctl", "history-pop"]);
        }
        is_opened
    });
    let opened = person.ok("cat", &["/home/person/opened"]);
    assert!(opened.contains(&asked.user_code) && opened.starts_with(&simulator.url()), "{opened}");
    assert!(opened.contains("Seccomp:\t0"), "outside of the sandbox: {opened}");

    simulator.approve(&asked.user_code).unwrap();
    person.until("there is a new token", || {
        let token = person.run("ssoctl", &["--no-start", "token"]);
        token.status.success() && token.stdout != first.as_bytes()
    });
}
