mod first_session;
mod qr_code;

use std::io::{self, IsTerminal};
use std::process::Termination;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{
    ErrorCode, LoginKind, NewSession, PendingLogin, Route, SessionStatus, StatusReport, Timestamp, body, shell,
};

use super::selection::SessionArguments;
use super::waiting::{MinValid, unknown_login};
use super::{Verb, choosing};
use crate::aws_files::{self, AwsFiles};
use crate::browser::{self, NotOpened, Opener, When};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment::{self, now};
use crate::failure::Failure;
use crate::render;

/// The longest time for the daemon to report that a code has expired.
const GRACE: Duration = Duration::from_secs(10);
/// A daemon that answers `pending` before the wait has passed is asked again no faster than this.
const PAUSE: Duration = Duration::from_secs(1);

/// Sign in to a session
///
/// Opens a page in your browser, and waits until you have signed in there. Where this machine has no browser, such as over SSH or in
/// a container, it shows a page and a code that you approve on any machine. A sign-in of this session that is pending is joined,
/// and no second page is opened. Ctrl-C only stops the waiting: the sign-in stays open until it expires or --cancel cancels it.
///
/// A session that is in no configuration file is added with --start-url and --region:
///
///     ssoctl login --start-url https://example.awsapps.com/start --region eu-west-1
///
/// The region may be left out: the start URL names it, or redirects to one that does, or the service tells it. Where no session is
/// configured, start URL and region are asked for on a terminal; not with --no-input or --if-needed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
#[command(mut_arg("min_valid", |min_valid| min_valid.requires("if_needed")))]
pub(crate) struct Login {
    #[command(flatten)]
    session: SessionArguments,
    /// Sign in to every session that needs it, one page after the other
    #[arg(long, conflicts_with_all = ["session", "profile", "start_url", "fresh", "callback_port", "cancel"])]
    all: bool,
    /// Do nothing if a valid token exists or can be had without you; with --min-valid, one that lives that long
    #[arg(long)]
    if_needed: bool,
    #[command(flatten)]
    min_valid: MinValid,
    /// Sign out at the portal first, so that the new sign-in gets the full session length: the only way past the end that
    /// `status` shows as "session ends". Running jobs lose their token; role credentials that they have stay valid
    #[arg(long, conflicts_with = "if_needed")]
    fresh: bool,
    /// How to sign in; default: `sign_in` of config.toml, or at the browser if this machine has one
    #[arg(long, value_enum)]
    flow: Option<Flow>,
    /// Fix the port to which the browser comes back, for a browser that reaches it through a tunnel (ssh -L); implies
    /// --flow browser
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    callback_port: Option<u16>,
    /// Open the page also over SSH, without a display, and for a sign-in that was pending already. Otherwise, over SSH and without a
    /// display, a page is opened only if BROWSER is set, as editors do
    #[arg(long)]
    browser: bool,
    /// Only show the page's address, by default with a code
    #[arg(long, conflicts_with = "browser")]
    no_browser: bool,
    /// Show the page's address as a QR code, too, for a phone, and open no browser; implies --flow device. By default a terminal
    /// that is large enough shows one where this machine cannot open the page: over SSH and without a display, unless NO_COLOR is set
    #[arg(long, conflicts_with_all = ["browser", "callback_port"])]
    qr: bool,
    /// Cancel the pending sign-in instead
    #[arg(long, conflicts_with_all = ["if_needed", "fresh", "flow", "callback_port", "browser", "no_browser", "qr", "region"])]
    cancel: bool,
    /// Add a session with --start-url: the region of its Identity Center instance
    #[arg(long, requires = "start_url", value_parser = NonEmptyStringValueParser::new())]
    region: Option<String>,
    /// Name of the session to add; default: made from its start URL
    #[arg(long, requires = "start_url", conflicts_with = "cancel", value_parser = NonEmptyStringValueParser::new())]
    name: Option<String>,
    /// Scopes of the session to add, separated by commas; default: sso:account:access, whose tokens can be renewed without
    /// you
    #[arg(long, requires = "start_url", conflicts_with = "cancel", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    scopes: Option<Vec<String>>,
}

/// The two ways to sign in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Flow {
    /// At a browser that comes back to this machine (authorization code with PKCE)
    Browser,
    /// By a code that you compare, on any machine (device authorization)
    Device,
}

impl Verb for Login {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        if self.flow == Some(Flow::Device) && self.callback_port.is_some() {
            let why = "--callback-port is for --flow browser; with --flow device no browser comes back";
            return Err(Failure::Usage(why.to_owned()));
        }
        if self.flow == Some(Flow::Browser) && self.qr {
            let why = "--qr is for --flow device; with --flow browser the browser has to come back to this machine";
            return Err(Failure::Usage(why.to_owned()));
        }
        let mut daemon = Daemon::find(starting, VersionWarning::Shown)?;
        if self.all {
            return self.sign_in_to_all(&daemon);
        }
        let name = self.name_of_session(&mut daemon)?;
        if self.cancel {
            let session: SessionStatus = daemon.fetch(&Route::CancelLogin(name), &Query::default())?;
            render::line(&format!("No sign-in to {} is pending any more.", session.name));
            return Ok(());
        }
        if self.fresh {
            render::line(
                "Ending the session at the portal first: running jobs lose their token, role credentials stay valid.",
            );
        }
        self.sign_in(&daemon, &name)
    }
}

impl Login {
    /// Signs in to each session without a valid token. One that fails does not keep the others from being tried.
    fn sign_in_to_all(mut self, daemon: &Daemon) -> Result<(), Failure> {
        self.if_needed = true;
        let report: StatusReport = daemon.fetch(&Route::Sessions, &Query::default())?;
        if report.sessions.is_empty() {
            let why = "no session is configured; ssoctl login asks for the start URL of one";
            return Err(Failure::Usage(why.to_owned()));
        }
        let mut first_failure = None;
        for session in report.sessions {
            match self.sign_in(daemon, &session.name) {
                Err(failure) if first_failure.is_none() => first_failure = Some(failure),
                Err(failure) => render::notice(&failure.to_string()),
                Ok(()) => {}
            }
        }
        // Its exit code counts, and it is told last.
        first_failure.map_or(Ok(()), Err)
    }

    /// The name of the session that is meant. One at a start URL that is not known yet is added; where none is named, a person picks one or
    /// describes the first one.
    fn name_of_session(&self, daemon: &mut Daemon) -> Result<String, Failure> {
        if self.region.is_some() || self.name.is_some() || self.scopes.is_some() {
            return self.add_session(daemon);
        }
        let failure = match self.session.clone().name(daemon) {
            // Scripts say --cancel and --if-needed, and a sign-in of another session would not help them.
            Err(failure) if !self.cancel && !self.if_needed => failure,
            outcome => return outcome,
        };
        let is_unknown = failure.problem().is_some_and(|problem| problem.code == ErrorCode::UnknownSession);
        if is_unknown && self.session.start_url.is_some() {
            return self.add_session(daemon);
        }
        match choosing::session(daemon, &failure)? {
            Some(name) => Ok(name),
            None => first_session::ask(daemon, self.session.clone(), failure),
        }
    }

    /// Adds the session that the command line describes, and returns its name.
    fn add_session(&self, daemon: &mut Daemon) -> Result<String, Failure> {
        let start_url = self.session.start_url.clone().unwrap_or_default();
        let (name, region, scopes) = (self.name.clone(), self.region.clone(), self.scopes.clone());
        // It is added to the daemon's own configuration, even if this shell names another file.
        let named_files = daemon.use_default_files();
        add(daemon, &NewSession { name, start_url, region, scopes }, &named_files)
    }

    /// Starts or joins the sign-in of a session, shows its page, and waits for its end.
    fn sign_in(&self, daemon: &Daemon, name: &str) -> Result<(), Failure> {
        let min_valid = self.min_valid.min_valid.as_secs();
        let implied = self.callback_port.map(|_| Flow::Browser).or(self.qr.then_some(Flow::Device));
        let kind = self.flow.or(implied).map(|flow| match flow {
            Flow::Browser => LoginKind::Browser,
            Flow::Device => LoginKind::Device,
        });
        let opens_none = self.no_browser || self.qr;
        let when = if self.browser { When::Always } else { When::SomebodySeesIt };
        let query = Query {
            if_needed: self.if_needed,
            min_valid,
            fresh: self.fresh,
            kind,
            at_this_browser: !opens_none && browser::is_at_hand(when),
            callback_port: self.callback_port,
            ..Query::default()
        };
        match daemon.fetch(&Route::StartLogin(name.to_owned()), &query)? {
            body::Login::Pending { started, login } => {
                if !started {
                    let cancel = format!("ssoctl login --cancel {}", shell::argument(name));
                    render::line(&format!(
                        "A sign-in was pending already, and is joined. To start anew, first run: {cancel}"
                    ));
                }
                let ssh = environment::ssh_connection().filter(|_| when == When::SomebodySeesIt);
                render::invitation(name, &login, ssh.as_deref(), now());
                let opens = (started || self.browser) && !opens_none;
                let opener = if opens { open(name, &login, when) } else { None };
                // After what the opener says: it is to stay on the screen as a whole.
                match (self.qr, self.browser) {
                    (true, _) => qr_code::show(name, &login),
                    (false, false) => qr_code::offer(name, &login),
                    (false, true) => {}
                }
                wait(daemon, name, &login, opener)
            }
            login => finish(name, &login),
        }
    }
}

/// Adds a session to the daemon's configuration, and returns its name. A session that is configured already keeps its name.
fn add(daemon: &Daemon, session: &NewSession, named_files: &AwsFiles) -> Result<String, Failure> {
    let body = json!(session).to_string();
    let answer = daemon.exchange(&Route::AddSession, &Query::default(), Some(body.as_bytes()), None);
    let saved = answer.and_then(|answer| daemon.read::<SessionStatus>(&answer)).map_err(|failure| match failure {
        // As for every other start URL that no session has.
        Failure::Problem(mut problem) if session.region.is_none() && problem.code == ErrorCode::InvalidRequest => {
            problem.code = ErrorCode::UnknownSession;
            Failure::Problem(problem)
        }
        failure => failure,
    })?;
    if *named_files != AwsFiles::default() {
        render::notice(&format!(
            "warning: session \"{}\" is in the daemon's own configuration; while {} names a file, names are looked up in \
             that file alone",
            saved.name,
            if named_files.config.is_some() { aws_files::CONFIG } else { aws_files::CREDENTIALS },
        ));
    }
    if let Some(place) = saved.defined_by.filter(|place| place.kind == "session") {
        render::line(&format!("Session {} is in {}; its start URL can be corrected there.", saved.name, place.file));
    }
    Ok(saved.name)
}

fn open(session: &str, login: &PendingLogin, when: When) -> Option<Opener> {
    match browser::open(&login.verification_uri_complete, session, when, || None) {
        Ok(opener) => Some(opener),
        // The page's address has been shown.
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
        let route = Route::AwaitLogin(name.to_owned());
        let outcome = daemon.exchange(&route, &query, None, Some(&mut || progress.tick()));
        progress.clear();
        match daemon.read(&outcome.map_err(|failure| ended_with_daemon(name, failure))?)? {
            body::Login::Pending { login, .. } if now() < login.expires_at => {
                thread::sleep(PAUSE.saturating_sub(asked.elapsed()));
            }
            body::Login::Pending { .. } => {
                return Err(Failure::NobodySignedIn(format!(
                    "nobody signed in to \"{name}\" in time; run: ssoctl login {}",
                    shell::argument(name)
                )));
            }
            login => return finish(name, &login),
        }
    }
}

/// A flow ends with its daemon, so trying again means to sign in again.
fn ended_with_daemon(name: &str, failure: Failure) -> Failure {
    match failure.problem() {
        Some(problem) if problem.code == ErrorCode::ShuttingDown => Failure::Other(format!(
            "the daemon is stopping, and the sign-in ends with it; to start over, run: ssoctl login {}",
            shell::argument(name)
        )),
        _ => failure,
    }
}

fn finish(name: &str, login: &body::Login) -> Result<(), Failure> {
    let body::Login::SignedIn { expires_at } = login else {
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

/// The output during the wait: on a terminal a line that counts down, elsewhere one line.
struct Progress {
    expires_at: Timestamp,
    opener: Option<Opener>,
    on_terminal: bool,
    is_drawn: bool,
}

impl Progress {
    fn new(expires_at: Timestamp, opener: Option<Opener>) -> Self {
        render::line("Waiting for the sign-in. (Ctrl-C stops the waiting; the sign-in stays open.)");
        let on_terminal = io::stderr().is_terminal() && environment::terminal_has_escapes();
        let mut progress = Self { expires_at, opener, on_terminal, is_drawn: false };
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
            // Short, because a line that the terminal wraps cannot be replaced.
            render::redraw(&format!("{}:{:02} left", left / 60, left % 60));
            self.is_drawn = true;
        }
    }

    /// Removes the line that counts down, before other text is written.
    fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawn) {
            render::redraw("");
        }
    }
}
