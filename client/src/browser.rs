//! Opens pages: where a person approves a sign-in, and the console. `ssoctld open-page` judges a page's address and opens it as
//! the person's own configuration says; nothing that a daemon answers is executed here.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ssoctl_protocol::display::Display;
use ssoctl_protocol::socket::SOCKET_VARIABLE;
use ssoctl_protocol::verb::PAGE_IS_ADMITTED;

use crate::{environment, installation};

/// The longest time for `open-page` to read the configuration.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest reason that is read, in bytes.
const LONGEST: u64 = 4096;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// Not over SSH, and not without a display.
    SomebodySeesIt,
    Always,
}

/// Whether the person would see a browser that is started here, and that browser reaches the daemon's loopback addresses: not over SSH,
/// not where Windows or the container's host has the browser, and not where a socket was chosen, which may lead to another machine.
pub(crate) fn is_at_hand(when: When) -> bool {
    let is_set = |name: &str| environment::variable(name).is_some();
    // The browser of Windows does not reach the loopback addresses of its subsystem.
    if is_set("WSL_DISTRO_NAME") {
        return false;
    }
    let is_elsewhere = || {
        ["container", SOCKET_VARIABLE].into_iter().any(is_set)
            || ["/.dockerenv", "/run/.containerenv"].iter().any(|mark| Path::new(mark).exists())
    };
    when == When::Always || (is_seen() && !is_elsewhere())
}

/// Whether the person would see a browser that is started here.
pub(crate) fn is_seen() -> bool {
    let is_set = |name: &str| environment::variable(name).is_some();
    match Display::from_variables(is_set) {
        Display::There => true,
        Display::Remote => false,
        // A browser of the terminal needs none.
        Display::Missing => is_set("BROWSER"),
    }
}

#[derive(Debug)]
pub(crate) enum NotOpened {
    /// `ssoctld` is not installed here, so the address can only be shown.
    NothingToOpenWith,
    /// The text fits after `no browser was opened: `.
    Because(String),
}

/// A browser that was started, or the command that hands the page to a running one.
pub(crate) struct Opener {
    child: Option<Child>,
}

impl Opener {
    /// Reports once if the command has failed.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        (!status.success()).then(|| format!("the command that opens pages ended with {status}; open the page yourself"))
    }
}

/// The role that a page of the console belongs to.
pub(crate) struct RoleNames {
    pub(crate) profile: Option<String>,
    /// The account's id, which has twelve digits.
    pub(crate) account: String,
    pub(crate) account_name: Option<String>,
    pub(crate) role: String,
}

impl RoleNames {
    /// As arguments of `open-page`.
    fn arguments(&self) -> Vec<String> {
        let Self { profile, account, account_name, role } = self;
        let optional = [("profile", profile), ("account-name", account_name)];
        let given = optional.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
        let all = given.chain([("account", account), ("role", role)]);
        all.map(|(name, value)| format!("--{name}={value}")).collect()
    }
}

/// Opens a page of a session, or of one of its roles, and waits only until the browser has started.
pub(crate) fn open(
    url: &str,
    session: &str,
    when: When,
    role: impl FnOnce() -> Option<RoleNames>,
) -> Result<Opener, NotOpened> {
    let mut arguments = role().as_ref().map(RoleNames::arguments).unwrap_or_default();
    arguments.extend((when == When::Always).then(|| "--browser".to_owned()));
    match open_page(url, session, &arguments)? {
        (_, Some(why)) => Err(NotOpened::Because(why)),
        (child, None) => Ok(Opener { child: Some(child) }),
    }
}

/// Whether a page of a session would be opened, wherever a browser would be seen. If not, why; it fits after `because `.
pub(crate) fn judge(url: &str, session: &str) -> Result<(), String> {
    match open_page(url, session, &["--judge".to_owned()]) {
        Ok((_, Some(line))) if line == PAGE_IS_ADMITTED => Ok(()),
        Ok((_, Some(why))) | Err(NotOpened::Because(why)) => Err(why),
        Ok((_, None)) => Err("ssoctld has not judged the page".to_owned()),
        Err(NotOpened::NothingToOpenWith) => Err("ssoctld, which judges pages, is not installed here".to_owned()),
    }
}

/// Starts `open-page`, and returns it with the first line that it writes.
fn open_page(url: &str, session: &str, arguments: &[String]) -> Result<(Child, Option<String>), NotOpened> {
    let program = installation::daemon().map_err(|_| NotOpened::NothingToOpenWith)?;
    let start = || -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(&program);
        command.arg("open-page").arg(format!("--session={session}")).args(arguments).args(["--", url]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(OwnedFd::from(theirs));
        // Ctrl-C in the terminal is meant for `ssoctl`, so the browser gets a separate process group.
        Ok((command.process_group(0).spawn()?, ours))
    };
    let (child, errors) = start().map_err(|error| NotOpened::Because(format!("{}: {error}", program.display())))?;
    Ok((child, first_line(errors)))
}

/// The first line that `open-page` writes, if it writes any. The browser that replaces it closes the other end.
fn first_line(errors: UnixStream) -> Option<String> {
    // Without a time-out the wait may only be longer.
    let _ = errors.set_read_timeout(Some(PATIENCE));
    let mut bytes = Vec::new();
    let _ = errors.take(LONGEST).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}
