//! Pages: where a person approves, and the console. This program opens none. It hands a page's address to `ssoctld open-page`,
//! which judges it and opens it as the person's own configuration says; nothing that a daemon has answered is executed.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::start;

/// How long reading the configuration may take. Whatever takes longer is not waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest reason that is read, in bytes.
const LONGEST: u64 = 4096;

/// Whether somebody has to be there to see the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wish {
    /// It is opened where it would be seen.
    WhereItIsSeen,
    /// `--browser`: it is opened in any case.
    Anyhow,
}

/// Why no browser was started.
#[derive(Debug)]
pub(crate) enum NotOpened {
    /// `ssoctld` is not installed here, so the address can only be shown.
    NothingToOpenWith,
    /// This is why. It fits after `no browser was opened: `.
    Because(String),
}

/// A browser that was started, or the command that hands the page to a running one.
pub(crate) struct Opener {
    child: Option<Child>,
}

impl Opener {
    /// Tells once, after it has happened, that the command ended without success.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        self.child = None;
        (!status.success()).then(|| format!("the command that opens pages ended with {status}; open the page yourself"))
    }
}

/// Opens a page of a session, without waiting for more than the start of the browser.
pub(crate) fn open(url: &str, session: &str, wish: Wish) -> Result<Opener, NotOpened> {
    let program = start::program().ok_or(NotOpened::NothingToOpenWith)?;
    let failed = |error: std::io::Error| NotOpened::Because(format!("{}: {error}", program.display()));
    let (said, theirs) = UnixStream::pair().map_err(failed)?;
    let mut command = Command::new(&program);
    command.arg("open-page").arg(format!("--session={session}"));
    if wish == Wish::Anyhow {
        command.arg("--browser");
    }
    let child = command
        .args(["--", url])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(OwnedFd::from(theirs))
        // Ctrl-C in the terminal is meant for `ssoctl`, so the browser is in a process group of its own.
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    // It holds the other end, too.
    drop(command);
    match reason(said) {
        Some(why) => Err(NotOpened::Because(why)),
        None => Ok(Opener { child: Some(child) }),
    }
}

/// What was said, if anything was. Its end is closed by the browser that takes its place.
fn reason(said: UnixStream) -> Option<String> {
    // Without a time-out it is only waited for longer.
    let _ = said.set_read_timeout(Some(PATIENCE));
    let mut bytes = Vec::new();
    let _ = said.take(LONGEST).read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}
