//! `ssoctl login`

use std::io::{self, IsTerminal};
use std::thread;
use std::time::{Duration, Instant};

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Login, NewSession, PendingLogin, Route, SessionStatus, Timestamp};

use super::{ask_patiently, name, selector, unknown_login};
use crate::aws_files::{self, AwsFiles};
use crate::browser::{self, NotOpened, Opener, Wish};
use crate::cli;
use crate::connection::{Daemon, Patience};
use crate::environment::{self, now};
use crate::failure::Failure;
use crate::render;

/// How long the daemon may take to tell that a code has died, after it has.
const GRACE: Duration = Duration::from_secs(10);
/// A daemon that answers `pending` before the wait has passed is asked again no faster than this.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) fn run(daemon: &Daemon, arguments: cli::Login) -> Result<(), Failure> {
    let (if_needed, fresh) = (arguments.if_needed, arguments.fresh);
    let (force, no_browser, cancel) = (arguments.browser, arguments.no_browser, arguments.cancel);
    let default_files = daemon.of_default_files();
    let (daemon, name) = match arguments.region {
        // What is added is in the daemon's own configuration, whatever file this shell names.
        Some(region) => {
            let session = NewSession {
                name: arguments.name,
                start_url: arguments.which.start_url.unwrap_or_default(),
                region,
                scopes: arguments.scopes,
            };
            (&default_files, add(daemon, &session)?)
        }
        None => (daemon, name(daemon, selector(arguments.which)?)?),
    };
    if cancel {
        return give_up(daemon, name);
    }
    if fresh {
        render::line(
            "Ending the session at the portal first: running jobs lose their token, role credentials live on.",
        );
    }
    let min_valid = arguments.validity.min_valid.as_secs();
    let query = Query { if_needed, min_valid, fresh, ..Query::default() };
    match ask_patiently(daemon, &Route::StartLogin(name.clone()), &query, None)? {
        Login::Pending { started, login } => {
            render::invitation(&name, &login, now());
            let wish = if force { Wish::Anyhow } else { Wish::WhereItIsSeen };
            let opener = if (started || force) && !no_browser { open(&name, &login, wish) } else { None };
            wait(daemon, &name, &login, opener)
        }
        login => finish(&name, &login),
    }
}

/// Saves a session that no configuration has, and returns its name; that of a session which is known already otherwise.
fn add(daemon: &Daemon, session: &NewSession) -> Result<String, Failure> {
    let body = serde_json::to_vec(session).map_err(|error| Failure::Other(format!("cannot write JSON: {error}")))?;
    let saved: SessionStatus = ask_patiently(daemon, &Route::AddSession, &Query::default(), Some(&body))?;
    if *daemon.files() != AwsFiles::default() {
        render::notice(&format!(
            "warning: session \"{}\" is in the daemon's own configuration, and while {} names a file, names are looked up in \
             that file alone",
            saved.name,
            if daemon.files().config.is_some() { aws_files::CONFIG } else { aws_files::CREDENTIALS },
        ));
    }
    Ok(saved.name)
}

fn give_up(daemon: &Daemon, name: String) -> Result<(), Failure> {
    let session: SessionStatus = ask_patiently(daemon, &Route::CancelLogin(name), &Query::default(), None)?;
    render::line(&format!("No sign-in to {} is pending any more.", session.name));
    Ok(())
}

fn open(session: &str, login: &PendingLogin, wish: Wish) -> Option<Opener> {
    match browser::open(&login.verification_uri_complete, session, wish) {
        Ok(opener) => Some(opener),
        // Where nothing can open it, the page's address that was shown is all there is.
        Err(NotOpened::NothingToOpenWith) => None,
        Err(NotOpened::Because(why)) => {
            render::notice(&format!("no browser was opened: {why}"));
            None
        }
    }
}

/// Waits for the end of the flow.
fn wait(daemon: &Daemon, name: &str, login: &PendingLogin, opener: Option<Opener>) -> Result<(), Failure> {
    let mut progress = Progress::new(login.expires_at, opener);
    loop {
        let left = login.expires_at.duration_since(now()) + GRACE;
        let query = Query { flow: Some(login.flow), wait: left.as_secs(), ..Query::default() };
        let asked = Instant::now();
        let outcome = daemon
            .exchange(
                &Route::AwaitLogin(name.to_owned()),
                &query,
                None,
                Patience::ticking(left, &mut || progress.tick()),
            )
            .and_then(|answer| daemon.read(&answer));
        progress.clear();
        match outcome? {
            Login::Pending { login, .. } if now() < login.expires_at => {
                thread::sleep(PAUSE.saturating_sub(asked.elapsed()));
            }
            Login::Pending { .. } => {
                return Err(Failure::NobodySignedIn(format!(
                    "the code expired before anybody signed in to \"{name}\"; run: ssoctl login {}",
                    render::shell_word(name)
                )));
            }
            login => return finish(name, &login),
        }
    }
}

fn finish(name: &str, login: &Login) -> Result<(), Failure> {
    let Login::SignedIn { expires_at } = login else {
        return Err(unknown_login());
    };
    let now = now();
    render::line(&format!(
        "Signed in to {name}; the token is valid for {} (until {}).",
        render::duration(expires_at.duration_since(now)),
        render::time(*expires_at, now)
    ));
    Ok(())
}

/// Whether standard error is a terminal that knows how to replace a line.
fn can_redraw() -> bool {
    io::stderr().is_terminal() && environment::terminal_is_able()
}

/// What a person sees while waiting: on a terminal a line that counts down, elsewhere one line and no more.
struct Progress {
    expires_at: Timestamp,
    opener: Option<Opener>,
    on_terminal: bool,
    drawn: bool,
}

impl Progress {
    fn new(expires_at: Timestamp, opener: Option<Opener>) -> Self {
        render::line("Waiting for the sign-in. (Ctrl-C stops the waiting; the sign-in stays open.)");
        let mut progress = Self { expires_at, opener, on_terminal: can_redraw(), drawn: false };
        progress.tick();
        progress
    }

    fn tick(&mut self) {
        if let Some(failure) = self.opener.as_mut().and_then(Opener::failure) {
            self.clear();
            render::notice(&format!("no browser was opened: {failure}"));
        }
        if self.on_terminal {
            let left = self.expires_at.duration_since(now()).as_secs();
            // Short, as a line that the terminal breaks cannot be replaced.
            render::redraw(&format!("code ends in {}:{:02}", left / 60, left % 60));
            self.drawn = true;
        }
    }

    /// Makes room for a line of text.
    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            render::redraw("");
        }
    }
}
