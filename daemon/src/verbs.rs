//! The verbs of `ssoctl` that this program carries out, with their arguments and help.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::Context;
use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use ssoctl_protocol::verb::{CLIENT_VARIABLE, HELP_FOOTER};
use ssoctl_protocol::{Accounts, text};
use ssoctld::chain::chain;
use ssoctld::clock::SystemClock;
use ssoctld::config::{self, Environment, Paths};
use ssoctld::configure::{self, Form, Pattern, Request, Stale, Template, Writing};
use ssoctld::desktop;
use ssoctld::doctor::{self, CheckInput, Colour, Shell};

use crate::{log, socket_owner, socket_path, state_directory};

#[derive(Subcommand, Debug)]
pub(crate) enum Verb {
    Configure(Configure),
    Doctor(Doctor),
    OpenPage(OpenPage),
}

impl Verb {
    pub(crate) fn run(self, config: Option<PathBuf>, state_dir: Option<PathBuf>) -> ExitCode {
        let ended = match self {
            Self::Configure(verb) => verb.run(),
            Self::Doctor(verb) => verb.run(config, state_dir),
            Self::OpenPage(verb) => verb.run(config),
        };
        ended.unwrap_or_else(|error| {
            // The exit code tells, too.
            let _ = writeln!(std::io::stderr(), "ssoctl: {}", text::line(&chain(&*error)));
            ExitCode::FAILURE
        })
    }
}

/// Write profiles for your accounts and roles into the AWS configuration
///
///     ssoctl configure --dry-run
///     ssoctl configure --account "prod-*" --role ReadOnlyAccess --region eu-west-1
///     ssoctl configure --name "{session}-{account_name}-{role}" --credential-process
///
/// Asks the portal which roles you have, and writes a profile for each into AWS_CONFIG_FILE, else ~/.aws/config. A comment
/// marks these profiles, so that the next run can update them; comments, order and everything that you have written stay
/// as they are. The previous file is kept as config.ssoctl-backup in the same directory.
///
/// The exit code is 0 even if some profiles were left alone; what was done, and why not, is printed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = HELP_FOOTER)]
pub(crate) struct Configure {
    /// Name of the session; default: the session that the environment names
    #[arg(value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["profile", "start_url"])]
    session: Option<String>,
    /// The session of this AWS profile
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "start_url")]
    profile: Option<String>,
    /// The session with this start URL
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    start_url: Option<String>,
    /// Only this account, by id or name; * stands for any characters and ? for one; can be repeated
    #[arg(long = "account", value_name = "ACCOUNT")]
    accounts: Vec<Pattern>,
    /// Only this role; * stands for any characters and ? for one; can be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<Pattern>,
    /// Template for the profiles' names, with {session}, {account_id}, {account_name} and {role}
    #[arg(long, value_name = "TEMPLATE", default_value = "{account_name}-{role}")]
    name: Template,
    /// The region of the profiles; default: none for new ones, and existing ones keep theirs
    #[arg(long, value_parser = region)]
    region: Option<String>,
    /// Write profiles with which AWS tools request credentials from ssoctl (credential_process), instead of profiles with session,
    /// account and role (sso_session), with which AWS tools get credentials themselves
    #[arg(long)]
    credential_process: bool,
    /// Remove profiles that ssoctl has written for this session and whose role the portal does not list any more
    #[arg(long)]
    prune: bool,
    /// Print the changes as a unified diff, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Longest wait for a person to sign in: code and page are shown on standard error, and no browser is opened; default: do
    /// not wait, and fail with exit code 3
    #[arg(long, value_name = "DURATION")]
    wait: Option<String>,
    /// Fail with exit code 4 if no daemon runs, instead of starting one
    #[arg(long)]
    no_start: bool,
}

impl Configure {
    fn run(self) -> anyhow::Result<ExitCode> {
        let client = client()?;
        let accounts = match self.ask_client(&client)? {
            Ok(accounts) => accounts,
            Err(code) => return Ok(code),
        };
        let form = match self.credential_process {
            true => Form::CredentialProcess { ssoctl: program_for_profile(client)? },
            false => Form::SsoSession,
        };
        let environment = Environment::from_process();
        let named = environment.aws_config.as_deref().map(std::path::absolute).transpose()?;
        let (socket, trusted) = (socket_path()?, socket_owner()?);
        let request = Request {
            accounts: self.accounts,
            roles: self.roles,
            template: self.name,
            region: self.region,
            form,
            stale: if self.prune { Stale::Removed } else { Stale::Kept },
            writing: if self.dry_run { Writing::Shown } else { Writing::Done },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(async {
            let clock = Arc::new(SystemClock::start()?);
            anyhow::Ok(configure::run(&request, accounts, named.as_deref(), (socket, trusted), clock).await)
        })?;
        let mut errors = std::io::stderr().lock();
        match done {
            Ok(report) => {
                let output = ssoctl_process::standard_output();
                let printed = output.and_then(|mut output| output.write_all(report.output.as_bytes()));
                // Nothing depends on the remarks.
                let _ = errors.write_all(report.remarks.as_bytes());
                printed.context("failed to print what was done")?;
                Ok(ExitCode::SUCCESS)
            }
            Err(failure) => {
                // The exit code tells, too.
                let _ = errors.write_all(failure.line().as_bytes());
                Ok(ExitCode::from(failure.exit_code() as u8))
            }
        }
    }

    /// Runs `ssoctl accounts`, which finds the session, starts a daemon if none runs, and waits for a sign-in. If it fails, it has
    /// reported why, and its exit code is returned.
    fn ask_client(&self, client: &Path) -> anyhow::Result<Result<Accounts, ExitCode>> {
        let option = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{name}={value}"));
        let mut command = Command::new(client);
        command
            .args(["accounts", "--json"])
            .args(option("profile", &self.profile))
            .args(option("start-url", &self.start_url))
            .args(option("wait", &self.wait))
            .args(self.no_start.then_some("--no-start"));
        if let Some(session) = &self.session {
            command.args(["--", session]);
        }
        let output = command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("{} cannot be executed", client.display()))?;
        if !output.status.success() {
            let code = output.status.code().and_then(|code| u8::try_from(code).ok());
            return Ok(Err(code.map_or(ExitCode::FAILURE, ExitCode::from)));
        }
        let accounts = serde_json::from_slice(&output.stdout);
        accounts.map(Ok).with_context(|| format!("{} has not printed a list of accounts", client.display()))
    }
}

/// The `ssoctl` that has executed this program; otherwise the one beside it.
fn client() -> anyhow::Result<PathBuf> {
    match ssoctld::variable(CLIENT_VARIABLE) {
        Some(client) => Ok(client.into()),
        None => Ok(std::env::current_exe().context("failed to find ssoctl")?.with_file_name("ssoctl")),
    }
}

/// A region's name. The list of regions changes too often to be known here.
fn region(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected one like eu-west-1")
    }
}

/// A path that fits into a line of the AWS configuration.
fn program_for_profile(path: PathBuf) -> anyhow::Result<String> {
    let text = path.into_os_string().into_string().ok();
    text.filter(|text| text.starts_with('/') && !text.chars().any(char::is_control)).context(
        "the path of ssoctl is not absolute, not UTF-8 or has control characters; leave --credential-process out",
    )
}

/// Check everything that can be wrong, and say what to do about it
///
/// Looks at the daemon, its socket and state directory, the service manager, the session's D-Bus, keyring and
/// notifications, the browser, the configuration, certificates and proxies, and asks each configured endpoint for
/// its root page. Nothing is changed, no daemon is started and no secret is read.
///
/// The exit code is 0 if there is no problem, even if there are warnings, and 1 otherwise.
#[derive(Args, Debug)]
#[command(after_long_help = HELP_FOOTER)]
pub(crate) struct Doctor {
    /// Print a JSON object: {"checks":[{"name","result","message","remedy"}],"ok":bool}; results are ok, warning,
    /// problem and skipped
    #[arg(long)]
    json: bool,
    /// An option of every verb of `ssoctl`. No daemon is started in any case.
    #[arg(long, hide = true)]
    no_start: bool,
    /// The settings of the caller's shell as JSON. ssoctld passes them on when it executes itself with the daemon's environment.
    #[arg(long, hide = true)]
    shell: Option<String>,
}

impl Doctor {
    /// If a daemon runs, its environment is the one to examine: this process then executes the same program with that environment,
    /// and passes on the settings of the caller's shell.
    fn run(self, config: Option<PathBuf>, state_dir: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        let environment = Environment::from_process();
        let mut subject = CheckInput {
            paths: Paths::locate(config, &environment)?,
            environment,
            socket: socket_path()?,
            believed: socket_owner()?,
            state_directory: state_directory(state_dir)?,
            shell: Shell::default(),
        };
        match &self.shell {
            Some(shell) => subject.shell = serde_json::from_str(shell).context("--shell is for ssoctld itself")?,
            None => subject.shell = Shell::of_process(&subject.socket),
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(async {
            let clock = Arc::new(SystemClock::start()?);
            if self.shell.is_none()
                && let Some(settings) = doctor::settings_of_daemon(&subject, clock.clone()).await
            {
                let mut command = doctor::in_environment_of(&settings, &subject.shell)?;
                command.args(self.json.then_some("--json"));
                let error = anyhow::Error::from(command.exec());
                return Err(error.context("failed to examine the machine in the daemon's environment"));
            }
            anyhow::Ok(doctor::examine(subject, clock).await)
        });
        // A name that is still being resolved is not waited for.
        runtime.shutdown_background();
        let report = report?;
        let mut output = ssoctl_process::standard_output().context("failed to print the report")?;
        let text = match (self.json, log::shows_colours(&output)) {
            (true, _) => report.json()?,
            (false, true) => report.text(Colour::Shown),
            (false, false) => report.text(Colour::Plain),
        };
        output.write_all(text.as_bytes()).context("failed to print the report")?;
        Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Open a page of Identity Center in your browser
///
/// `ssoctl login` and `ssoctl console` run this. The page has to be on a host of AWS, or on one that your configuration
/// names for the session. It is opened with the session's `browser`, else $BROWSER, else the desktop's browser.
///
/// The exit code is that of the command that opens the page, and 1 if none was started; standard error says why.
#[derive(Args, Debug)]
pub(crate) struct OpenPage {
    /// The session that the page belongs to
    #[arg(long)]
    session: Option<String>,
    /// Open it over SSH and without a display, too
    #[arg(long)]
    browser: bool,
    /// Its address
    url: String,
}

impl OpenPage {
    /// Becomes the browser, or says in one line why not.
    fn run(self, own_config: Option<PathBuf>) -> anyhow::Result<ExitCode> {
        // The attempt to start a browser may replace standard error. This copy is closed when a browser is executed.
        let mut errors = std::fs::File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
        let environment = Environment::from_process();
        let config = Paths::locate(own_config, &environment).map(|paths| config::load(&paths, &environment));
        let config = config.unwrap_or_default();
        let session = self.session.and_then(|name| config.session(&name));
        let why = match desktop::admit(&self.url, session) {
            Ok(page) => {
                let command = session.and_then(|session| session.browser.as_ref());
                let opening = if self.browser { desktop::Opening::Always } else { desktop::Opening::IfSeen };
                desktop::open_page(&page, command, &desktop::DesktopEnvironment::from_process(), opening)
            }
            Err(refusal @ desktop::PageRefusal::UnknownHost(_)) => format!(
                "{refusal}; only if you trust it, open it yourself, or name its host in verification_hosts of config.toml"
            ),
            Err(refusal) => format!("{refusal}; only if you trust it, open it yourself"),
        };
        // The exit code tells, too.
        let _ = writeln!(errors, "{why}");
        Ok(ExitCode::FAILURE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_or_a_program_that_would_break_its_line_is_refused() {
        let program = |path: &str| program_for_profile(path.into());
        assert!(region("eu-west-1").is_ok() && program("/opt/my tools/ssoctl").is_ok());
        assert!(["", "EU", "a b", "x\ny"].iter().all(|text| region(text).is_err()));
        assert!(["", "ssoctl", "/a\nb"].iter().all(|path| program(path).is_err()));
    }
}
