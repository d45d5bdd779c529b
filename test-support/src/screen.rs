//! A separate desktop: a screen in memory, a session bus, and xfce4-notifyd, which draws real buttons.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::part::{Part, bus_for_notices};
use crate::until;

/// Its paths on Debian and Fedora.
const XFCE: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd",
    "/usr/lib/aarch64-linux-gnu/xfce4/notifyd/xfce4-notifyd",
    "/usr/lib64/xfce4/notifyd/xfce4-notifyd",
];

/// Size and colour depth of the screen.
const GEOMETRY: &str = "640x360x24";

/// The programs that a screen is made of.
pub fn parts() -> [&'static str; 5] {
    ["Xvfb", "dbus-daemon", "dbus-send", "xdotool", notification_server()]
}

/// The program that [`Screen::picture`] needs beside.
pub const CAMERA: [&str; 1] = ["import"];

fn notification_server() -> &'static str {
    XFCE.into_iter().find(|path| Path::new(path).is_file()).unwrap_or(XFCE[0])
}

/// A screen with a notification server.
pub struct Screen {
    display: String,
    bus: String,
    // Ended in this order: a server whose screen is gone would complain.
    parts: Vec<Part>,
    home: TempDir,
}

/// A notice as it is on the screen.
#[derive(Clone, PartialEq, Debug)]
pub struct Window {
    id: String,
    width: u32,
    height: u32,
}

impl Screen {
    /// A screen with nothing on it.
    pub fn open() -> Self {
        let home = tempfile::Builder::new().prefix("ssoctl-screen-").tempdir().expect("a temporary directory");
        let mut screen = Self { display: String::new(), bus: String::new(), parts: Vec::new(), home };
        let mut server = screen.command("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", GEOMETRY, "-nolisten", "tcp"]);
        let (server, number) = Part::that_says(&mut server, |line| line.parse::<u32>().ok());
        screen.display = format!(":{number}");
        let (bus, address) =
            Part::that_says(screen.set(&mut bus_for_notices(screen.home.path())), |line| Some(line.to_owned()));
        screen.bus = address;
        let notifications = Part::start(&mut screen.command(notification_server()));
        screen.parts = vec![notifications, bus, server];
        until("the notification server is on the bus", || {
            screen.asks_bus("org.freedesktop.DBus.ListNames").contains("org.freedesktop.Notifications").then_some(())
        });
        screen
    }

    /// Puts a program in front of this screen, and in front of no other part of this machine's desktop.
    pub fn show<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("DISPLAY", &self.display)
            .env("DBUS_SESSION_BUS_ADDRESS", &self.bus)
            // A locked screen of this machine does not matter here.
            .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={}/nobody", self.home.path().display()))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.set(&mut command);
        command
    }

    /// Gives a program of this desktop its surroundings.
    fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let home = self.home.path();
        // Without the last one, graphical programs start a bus of their own for accessibility.
        command.env("HOME", home).env("XDG_RUNTIME_DIR", home).env("NO_AT_BRIDGE", "1").env_remove("WAYLAND_DISPLAY");
        self.show(command).stdin(Stdio::null())
    }

    /// The answer of the bus itself.
    fn asks_bus(&self, member: &str) -> String {
        self.output(
            "dbus-send",
            &["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", member],
        )
    }

    fn output(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The notices on the screen.
    pub fn notices(&self) -> Vec<Window> {
        let ids = self.output("xdotool", &["search", "--onlyvisible", "--class", "xfce4-notifyd"]);
        let window = |id: &str| {
            let geometry = self.output("xdotool", &["getwindowgeometry", "--shell", id]);
            let member = |name: &str| geometry.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
            // A window without a size went away meanwhile.
            Some(Window { id: id.to_owned(), width: member("WIDTH=")?, height: member("HEIGHT=")? })
        };
        ids.lines().filter_map(window).collect()
    }

    /// Waits until there is one notice, and a listener for clicks on it.
    pub fn notice(&self) -> Window {
        until("the daemon listens to clicks", || {
            // Its daemon asks for the signal only after showing: a click that came before would be lost.
            let rules = self.asks_bus("org.freedesktop.DBus.Debug.Stats.GetAllMatchRules");
            rules.contains("member='ActionInvoked'").then_some(())
        });
        until("one notice is on the screen", || match self.notices().as_slice() {
            [window] => Some(window.clone()),
            _ => None,
        })
    }

    /// Waits until there is none.
    pub fn is_empty(&self) {
        until("nothing is on the screen", || self.notices().is_empty().then_some(()));
    }

    /// Clicks on the first of a notice's two buttons, as a hand with a mouse would.
    pub fn click_button(&self, Window { id, width, height }: &Window) {
        let (x, y) = ((width - 180).to_string(), (height - 30).to_string());
        self.output("xdotool", &["mousemove", "--window", id, &x, &y, "click", "1"]);
    }

    /// Takes a picture of a notice, as PNG, once its drawing has come to rest.
    ///
    /// # Errors
    /// The error of the program that takes it.
    pub fn picture(&self, Window { id, .. }: &Window) -> Result<Vec<u8>, String> {
        let mut before = Vec::new();
        // A notice fades in: what is the same twice is what a person sees.
        until("the picture comes to rest", || {
            match self.command("import").args(["-window", id, "-strip", "png:-"]).output() {
                Ok(output) if output.status.success() => {
                    let is_at_rest = before == output.stdout;
                    before = output.stdout;
                    is_at_rest.then(|| Ok(before.clone()))
                }
                Ok(output) => Some(Err(String::from_utf8_lossy(&output.stderr).into_owned())),
                Err(error) => Some(Err(error.to_string())),
            }
        })
    }
}
