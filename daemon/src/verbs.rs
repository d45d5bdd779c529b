//! Carries the verbs of `ssoctl` out whose arguments `ssoctld::cli` has.

use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use anyhow::Context;
use ssoctl_process::Progress;
use ssoctl_protocol::verb::{CLIENT_VARIABLE, PAGE_IS_ADMITTED};
use ssoctl_protocol::{Accounts, text};
use ssoctld::chain::chain;
use ssoctld::cli::{Configure, Doctor, OpenPage, Verb};
use ssoctld::clock::SystemClock;
use ssoctld::config::{self, Environment, Paths, RoleNames};
use ssoctld::configure::{self, Form, Request, Stale, Writing};
use ssoctld::desktop;
use ssoctld::doctor::{self, CheckInput, Colour, Shell};

use crate::{log, socket_owner, socket_path, state_directory};

pub(crate) fn run(verb: Verb, config: Option<PathBuf>, state_dir: Option<PathBuf>) -> ExitCode {
    let ended = match verb {
        Verb::Configure(arguments) => configure(arguments),
        Verb::Doctor(arguments) => doctor(&arguments, config, state_dir),
        Verb::OpenPage(arguments) => open_page(arguments, config),
    };
    ended.unwrap_or_else(|error| {
        // The exit code tells, too.
        let _ = writeln!(std::io::stderr(), "ssoctl: {}", text::line(&chain(&*error)));
        ExitCode::FAILURE
    })
}

fn configure(arguments: Configure) -> anyhow::Result<ExitCode> {
    let client = client()?;
    let accounts = match ask_client(&arguments, &client)? {
        Ok(accounts) => accounts,
        Err(code) => return Ok(code),
    };
    let form = match arguments.credential_process {
        true => Form::CredentialProcess { ssoctl: program_for_profile(client)? },
        false => Form::SsoSession,
    };
    let environment = Environment::from_process();
    let named = environment.aws_config.as_deref().map(std::path::absolute).transpose()?;
    let (socket, trusted) = (socket_path()?, socket_owner()?);
    let request = Request {
        accounts: arguments.accounts,
        roles: arguments.roles,
        template: arguments.name,
        region: arguments.region,
        form,
        stale: if arguments.prune { Stale::Removed } else { Stale::Kept },
        writing: if arguments.dry_run { Writing::Shown } else { Writing::Done },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut progress = Progress::begin(ssoctld::variable("TERM").as_deref());
    let done = runtime.block_on(async {
        let clock = Arc::new(SystemClock::start()?);
        anyhow::Ok(configure::run(&request, accounts, named.as_deref(), (socket, trusted), clock, &mut progress).await)
    })?;
    drop(progress);
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
fn ask_client(arguments: &Configure, client: &Path) -> anyhow::Result<Result<Accounts, ExitCode>> {
    let option = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("--{name}={value}"));
    let mut command = Command::new(client);
    command
        .args(["accounts", "--json"])
        .args(option("profile", &arguments.profile))
        .args(option("start-url", &arguments.start_url))
        .args(option("wait", &arguments.wait))
        .args(arguments.no_start.then_some("--no-start"));
    if let Some(session) = &arguments.session {
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

/// The `ssoctl` that has executed this program; otherwise the one beside it.
fn client() -> anyhow::Result<PathBuf> {
    match ssoctld::variable(CLIENT_VARIABLE) {
        Some(client) => Ok(client.into()),
        None => Ok(std::env::current_exe().context("failed to find ssoctl")?.with_file_name("ssoctl")),
    }
}

/// A path that fits into a line of the AWS configuration.
fn program_for_profile(path: PathBuf) -> anyhow::Result<String> {
    let text = path.into_os_string().into_string().ok();
    text.filter(|text| text.starts_with('/') && !text.chars().any(char::is_control)).context(
        "the path of ssoctl is not absolute, not UTF-8 or has control characters; leave --credential-process out",
    )
}

/// If a daemon runs, its environment is the one to examine: this process then executes the same program with that environment,
/// and passes on the settings of the caller's shell.
fn doctor(arguments: &Doctor, config: Option<PathBuf>, state_dir: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    let environment = Environment::from_process();
    let mut subject = CheckInput {
        paths: Paths::locate(config, &environment)?,
        environment,
        socket: socket_path()?,
        believed: socket_owner()?,
        state_directory: state_directory(state_dir)?,
        shell: Shell::default(),
    };
    match &arguments.shell {
        Some(shell) => subject.shell = serde_json::from_str(shell).context("--shell is for ssoctld itself")?,
        None => subject.shell = Shell::of_process(&subject.socket),
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(async {
        let clock = Arc::new(SystemClock::start()?);
        if arguments.shell.is_none()
            && let Some(settings) = doctor::settings_of_daemon(&subject, clock.clone()).await
        {
            let mut command = doctor::in_environment_of(&settings, &subject.shell)?;
            command.args(arguments.json.then_some("--json"));
            let error = anyhow::Error::from(command.exec());
            return Err(error.context("failed to examine the machine in the daemon's environment"));
        }
        anyhow::Ok(doctor::examine(subject, clock).await)
    });
    // A name that is still being resolved is not waited for.
    runtime.shutdown_background();
    let report = report?;
    let mut output = ssoctl_process::standard_output().context("failed to print the report")?;
    let text = match (arguments.json, log::shows_colours(&output)) {
        (true, _) => report.json()?,
        (false, true) => report.text(Colour::Shown),
        (false, false) => report.text(Colour::Plain),
    };
    output.write_all(text.as_bytes()).context("failed to print the report")?;
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Becomes the browser, or says in one line why not, or what it judges.
fn open_page(arguments: OpenPage, own_config: Option<PathBuf>) -> anyhow::Result<ExitCode> {
    // The attempt to start a browser may replace standard error. This copy is closed when a browser is executed.
    let mut errors = std::fs::File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
    let environment = Environment::from_process();
    let config = Paths::locate(own_config, &environment).map(|paths| config::load(&paths, &environment));
    let config = config.unwrap_or_default();
    let session = arguments.session.and_then(|name| config.session(&name));
    let why = match desktop::admit(&arguments.url, session) {
        Ok(_) if arguments.judge => {
            writeln!(errors, "{PAGE_IS_ADMITTED}")?;
            return Ok(ExitCode::SUCCESS);
        }
        Ok(page) => {
            let command = session.and_then(|session| session.browser.clone());
            let command = match (arguments.account, arguments.role) {
                (Some(account), Some(role)) => {
                    let names =
                        RoleNames { profile: arguments.profile, account, account_name: arguments.account_name, role };
                    command.map(|command| command.of_role(&names))
                }
                _ => command,
            };
            let opening = if arguments.browser { desktop::Opening::Always } else { desktop::Opening::IfSeen };
            desktop::open_page(&page, command.as_ref(), &desktop::DesktopEnvironment::from_process(), opening)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_would_break_its_line_is_refused() {
        let program = |path: &str| program_for_profile(path.into());
        assert!(program("/opt/my tools/ssoctl").is_ok());
        assert!(["", "ssoctl", "/a\nb"].iter().all(|path| program(path).is_err()));
    }
}
