//! A separate desktop: a screen in memory, a session bus, and xfce4-notifyd, which draws real buttons.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::part::{Part, bus_for_notices, first_line};
use crate::until;

/// Its paths on Debian and Fedora.
const XFCE: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/xfce4/notifyd/xfce4-notifyd",
    "/usr/lib/aarch64-linux-gnu/xfce4/notifyd/xfce4-notifyd",
    "/usr/lib64/xfce4/notifyd/xfce4-notifyd",
];

/// Size and colour depth of the screen.
const GEOMETRY: &str = "800x600x24";

/// The programs that a screen is made of.
pub fn parts() -> [&'static str; 5] {
    ["Xvfb", "dbus-daemon", "dbus-send", "xdotool", notification_server()]
}

/// The program that pictures need beside.
pub const CAMERA: [&str; 1] = ["import"];

/// A server that draws real buttons.
pub fn notification_server() -> &'static str {
    XFCE.into_iter().find(|path| Path::new(path).is_file()).unwrap_or(XFCE[0])
}

/// A screen, and a session bus.
pub struct Screen {
    /// What a program needs to be in front of it.
    variables: Vec<(&'static str, OsString)>,
    // Ended in this order: a server whose screen is gone would complain.
    parts: Vec<Part>,
    _home: Option<TempDir>,
}

/// A notice as it is on the screen.
#[derive(Clone, PartialEq, Debug)]
pub struct Window {
    id: String,
    width: u32,
    pub height: u32,
}

impl Screen {
    /// A screen with a notification server, and nothing on it.
    pub fn open() -> Self {
        let mut screen = Self::without_server();
        screen.parts.insert(0, screen.start_server(notification_server()));
        screen
    }

    /// A screen on whose bus nobody shows notices yet.
    pub fn without_server() -> Self {
        let home = tempfile::Builder::new().prefix("ssoctl-screen-").tempdir().expect("a temporary directory");
        let path = home.path().as_os_str().to_owned();
        // A locked screen of this machine does not matter here.
        let system_bus = format!("unix:path={}/nobody", home.path().display());
        // Without `NO_AT_BRIDGE`, graphical programs start a bus of their own for accessibility.
        let variables = vec![
            ("HOME", path.clone()),
            ("XDG_RUNTIME_DIR", path),
            ("NO_AT_BRIDGE", "1".into()),
            ("DBUS_SYSTEM_BUS_ADDRESS", system_bus.into()),
        ];
        let mut bus = bus_for_notices(home.path());
        let mut screen = Self { variables, parts: Vec::new(), _home: Some(home) };
        let mut server = screen.command("Xvfb");
        server.args(["-displayfd", "1", "-screen", "0", GEOMETRY, "-nolisten", "tcp"]);
        let (server, number) = Part::that_says(&mut server, |line| line.parse::<u32>().ok());
        screen.variables.push(("DISPLAY", format!(":{number}").into()));
        let (bus, address) = Part::that_says(screen.set(&mut bus), first_line);
        screen.variables.push(("DBUS_SESSION_BUS_ADDRESS", address.into()));
        screen.parts = vec![bus, server];
        screen
    }

    /// The screen that this process is in front of.
    pub fn of_this_process() -> Self {
        Self { variables: Vec::new(), parts: Vec::new(), _home: None }
    }

    /// Starts a notification server and waits until it is on the bus.
    pub fn start_server(&self, program: &str) -> Part {
        let server = Part::start(&mut self.command(program));
        until("the notification server is on the bus", || {
            self.asks_bus("org.freedesktop.DBus.ListNames").contains("org.freedesktop.Notifications").then_some(())
        });
        server
    }

    /// Puts a program in front of this screen, and in front of no other part of this machine's desktop.
    pub fn show<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables.iter().filter(|(name, _)| name.starts_with("D")).cloned())
    }

    /// A program of this desktop.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        self.set(&mut command);
        command
    }

    fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables.iter().cloned()).env_remove("WAYLAND_DISPLAY").stdin(Stdio::null())
    }

    /// The answer of the bus itself.
    fn asks_bus(&self, member: &str) -> String {
        self.output(
            "dbus-send",
            &["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/org/freedesktop/DBus", member],
        )
    }

    /// What a program of this desktop prints.
    pub fn output(&self, program: &str, arguments: &[&str]) -> String {
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
    pub fn click_button(&self, window: &Window) {
        self.click(window, window.width - 180, window.height - 30);
    }

    /// Clicks on a notice's last button, or its only one.
    pub fn click_last_button(&self, window: &Window) {
        self.click(window, window.width - 60, window.height - 30);
    }

    /// Clicks beside the buttons.
    pub fn dismiss(&self, window: &Window) {
        self.click(window, 100, 20);
    }

    fn click(&self, window: &Window, x: u32, y: u32) {
        self.output("xdotool", &["mousemove", "--window", &window.id, &x.to_string(), &y.to_string(), "click", "1"]);
    }

    /// Takes a picture of a notice, as PNG, once its drawing has come to rest.
    ///
    /// # Errors
    /// The error of the program that takes it.
    pub fn picture(&self, notice: &Window) -> Result<Vec<u8>, String> {
        self.picture_of(&notice.id)
    }

    /// The same of all that is on the screen.
    ///
    /// # Errors
    /// The error of the program that takes it.
    pub fn whole_picture(&self) -> Result<Vec<u8>, String> {
        self.picture_of("root")
    }

    fn picture_of(&self, id: &str) -> Result<Vec<u8>, String> {
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
