//! The command line.

mod configure;
mod role;
mod terms;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand};

use crate::failure::Failure;
use crate::output;

pub(crate) use configure::Configure;
pub(crate) use role::{Accounts, Console, CredentialProcess, Env, Exec, Roles, Shell, WhichRole, Whoami};
pub(crate) use terms::{Terms, Validity, Waiting};

/// The exit codes, as promised by `ssoctl_protocol::ExitCode`, and the variables.
const EPILOGUE: &str = "\
Exit codes:
  0  it worked
  1  something went wrong that has no code of its own
  2  the command line is wrong, or does not say which session or role is meant
  3  a person has to sign in: ssoctl login
  4  the daemon cannot be reached, or what answers is not the daemon
  5  nobody signed in within the time given by --wait, or before the code expired
  6  there is no such session
  7  the service or the person refused, or nothing lives as long as --min-valid asks
  125 to 127 are those of exec: see ssoctl exec --help

Environment:
  SSOCTL_SESSION   the session that is meant where none is named
  AWS_PROFILE, AWS_DEFAULT_PROFILE
                   the AWS profile whose session is meant where SSOCTL_SESSION is unset too; without any,
                   the only session there is
  SSOCTL_SOCKET    the daemon's socket; default: $XDG_RUNTIME_DIR/ssoctl/ssoctld.sock, else run/ssoctld.sock in
                   the cache directory of ssoctl
  SSOCTL_SOCKET_OWNER
                   whose daemon is believed besides your own: a uid, or any
  SSOCTL_NO_START  if 1, no daemon is started; nor is one where SSOCTL_SOCKET is set
  BROWSER          the browser that login and console open, unless the session has one of its own
  NO_COLOR         if set, status uses no colours";

/// Keeps you signed in to AWS IAM Identity Center (AWS SSO)
///
/// ssoctl asks ssoctld, a daemon of your own, which is started where none runs. Sessions are the [sso-session]
/// sections and SSO profiles of your AWS configuration; `ssoctl login --start-url URL --region REGION` adds one.
#[derive(Parser, Debug)]
#[command(name = "ssoctl", version, after_long_help = EPILOGUE, max_term_width = 100)]
pub(crate) struct Cli {
    /// Fail with exit code 4 where no daemon runs, instead of starting one
    #[arg(long, global = true)]
    pub(crate) no_start: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug)]
pub(crate) enum Verb {
    Login(Login),
    Token(Token),
    CredentialProcess(CredentialProcess),
    Exec(Exec),
    Env(Env),
    Console(Console),
    Whoami(Whoami),
    Accounts(Accounts),
    Roles(Roles),
    Status(Status),
    Logout(Logout),
    Import(Import),
    Configure(Configure),
    Doctor(Doctor),
    Stop(Stop),
    Service(Service),
}

/// What the derive macro would write, but for one thing: the arguments of a verb are put together only if that verb is
/// used. With the arguments of all verbs, clap would take most of the time that `ssoctl token` has.
impl Subcommand for Verb {
    fn augment_subcommands(command: Command) -> Command {
        command.subcommand_required(true).arg_required_else_help(true).subcommands([
            Command::new("login").about("Sign in to a session").defer(Login::augment_args),
            Command::new("token").about("Print a live access token").defer(Token::augment_args),
            Command::new("credential-process")
                .about("Print the credentials of a role as AWS SDKs want them of a credential_process")
                .defer(CredentialProcess::augment_args),
            Command::new("exec").about("Run a command with the credentials of a role").defer(Exec::augment_args),
            Command::new("env").about("Print the credentials of a role for a shell to read").defer(Env::augment_args),
            Command::new("console").about("Open the AWS console with a role").defer(Console::augment_args),
            Command::new("whoami").about("Show which role is meant, and what decided that").defer(Whoami::augment_args),
            Command::new("accounts").about("List the accounts that you have a role in").defer(Accounts::augment_args),
            Command::new("roles").about("List the roles that you have").defer(Roles::augment_args),
            Command::new("status").about("Show all sessions, or one").defer(Status::augment_args),
            Command::new("logout").about("Sign out of a session, here and at the portal").defer(Logout::augment_args),
            Command::new("import").about("Take sign-ins over from the AWS CLI and SDKs").defer(Import::augment_args),
            Command::new("configure")
                .about("Write profiles for your accounts and roles into the AWS configuration")
                .defer(Configure::augment_args),
            Command::new("doctor").about("Check everything that can be wrong").defer(Doctor::augment_args),
            Command::new("stop").about("End the daemon; the next call starts it again").defer(Stop::augment_args),
            Command::new("service")
                .about("Run ssoctld as a service of systemd or launchd")
                .defer(Service::augment_args),
        ])
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        [
            "login",
            "token",
            "credential-process",
            "exec",
            "env",
            "console",
            "whoami",
            "accounts",
            "roles",
            "status",
            "logout",
            "import",
            "configure",
            "doctor",
            "stop",
            "service",
        ]
        .contains(&name)
    }
}

impl FromArgMatches for Verb {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        let Some((verb, mut arguments)) = matches.remove_subcommand() else {
            return Err(clap::Error::new(ErrorKind::MissingSubcommand));
        };
        let arguments = &mut arguments;
        match verb.as_str() {
            "login" => Login::from_arg_matches_mut(arguments).map(Self::Login),
            "token" => Token::from_arg_matches_mut(arguments).map(Self::Token),
            "credential-process" => CredentialProcess::from_arg_matches_mut(arguments).map(Self::CredentialProcess),
            "accounts" => Accounts::from_arg_matches_mut(arguments).map(Self::Accounts),
            "roles" => Roles::from_arg_matches_mut(arguments).map(Self::Roles),
            "exec" => Exec::from_arg_matches_mut(arguments).map(Self::Exec),
            "env" => Env::from_arg_matches_mut(arguments).map(Self::Env),
            "console" => Console::from_arg_matches_mut(arguments).map(Self::Console),
            "whoami" => Whoami::from_arg_matches_mut(arguments).map(Self::Whoami),
            "status" => Status::from_arg_matches_mut(arguments).map(Self::Status),
            "logout" => Logout::from_arg_matches_mut(arguments).map(Self::Logout),
            "import" => Import::from_arg_matches_mut(arguments).map(Self::Import),
            "configure" => Configure::from_arg_matches_mut(arguments).map(Self::Configure),
            "doctor" => Doctor::from_arg_matches_mut(arguments).map(Self::Doctor),
            "stop" => Stop::from_arg_matches_mut(arguments).map(Self::Stop),
            "service" => Service::from_arg_matches_mut(arguments).map(Self::Service),
            _ => Err(clap::Error::new(ErrorKind::InvalidSubcommand)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        Self::from_arg_matches(matches).map(|verb| *self = verb)
    }
}

/// Which session is meant.
#[derive(Args, Debug, Default)]
pub(crate) struct Which {
    /// Name of the session; the environment says what is meant without one
    #[arg(value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["profile", "start_url"])]
    pub(crate) session: Option<String>,
    /// The session of this AWS profile
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "start_url")]
    pub(crate) profile: Option<String>,
    /// The session with this start URL
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) start_url: Option<String>,
}

/// Sign in to a session
///
/// Shows a code and a page, opens the page in your browser, and waits until you have approved there. If a sign-in of
/// this session is pending already it is joined, and no second page is opened. Over SSH and without a display a page is
/// opened only if BROWSER is set, as editors do. Ctrl-C ends the waiting only: the sign-in stays open until its code expires or --cancel gives it up.
///
/// A session that is in no configuration file is added with --start-url and --region:
///
///     ssoctl login --start-url https://example.awsapps.com/start --region eu-west-1
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE, verbatim_doc_comment)]
#[command(mut_arg("min_valid", |min_valid| min_valid.requires("if_needed")))]
pub(crate) struct Login {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Do nothing if there is a live token, or one can be had silently; with --min-valid, one that lives that long
    #[arg(long)]
    pub(crate) if_needed: bool,
    #[command(flatten)]
    pub(crate) validity: Validity,
    /// Sign out at the portal first, so that the new sign-in gets its whole length: the only way past the end that
    /// `status` shows as "session ends". Running jobs lose their token; role credentials that they have live on
    #[arg(long, conflicts_with = "if_needed")]
    pub(crate) fresh: bool,
    /// Open the page over SSH, without a display, and for a sign-in that was pending already
    #[arg(long)]
    pub(crate) browser: bool,
    /// Only show the page's address
    #[arg(long, conflicts_with = "browser")]
    pub(crate) no_browser: bool,
    /// Give the pending sign-in up instead
    #[arg(long, conflicts_with_all = ["if_needed", "fresh", "browser", "no_browser", "region"])]
    pub(crate) cancel: bool,
    /// Add a session with --start-url: the region of its Identity Center instance
    #[arg(long, requires = "start_url", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) region: Option<String>,
    /// Name of the session to add; default: made from its start URL
    #[arg(long, requires = "region", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// Scopes of the session to add, separated by commas; default: sso:account:access, whose tokens can be renewed
    /// silently
    #[arg(long, requires = "region", value_delimiter = ',', value_parser = NonEmptyStringValueParser::new())]
    pub(crate) scopes: Option<Vec<String>>,
}

/// Print a live access token
///
/// Prints the token alone on standard output, from the daemon's memory if it lives long enough. Otherwise the daemon
/// first renews it silently. Where a person is needed, the command fails with exit code 3 at once, or with --wait shows
/// code and page on standard error and waits; it opens no browser.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Token {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print a JSON object: access_token, token_type, expires_at, session, start_url, region
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// Show all sessions, or one
///
/// For each session: its state, when its token expires and whether it can be renewed silently, the sign-in that waits
/// for a person, and what went wrong last. No secret is shown. Without any choice all sessions are shown, whatever
/// SSOCTL_SESSION and AWS_PROFILE say.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print a JSON object: {"daemon": …, "sessions": […]}
    #[arg(long)]
    pub(crate) json: bool,
}

/// Sign out of a session, here and at the portal
///
/// Gives a pending sign-in up, ends the session at the portal and forgets the token. Role credentials that were issued
/// with it live on until they expire. The client's registration is kept for the next sign-in, unless --forget is given.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Logout {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Sign out of every session, and end all else that is in the secret store: records of sessions that are not configured any
    /// more, or were changed, and damaged ones
    #[arg(long, conflicts_with_all = ["session", "profile", "start_url"])]
    pub(crate) all: bool,
    /// Drop the client's registration, too, so that nothing is left in the secret store
    #[arg(long)]
    pub(crate) forget: bool,
}

/// Take sign-ins over from the AWS CLI and SDKs
///
/// Looks at each file in ~/.aws/sso/cache, and says what became of it: a sign-in that `aws sso login` left there is taken over
/// by the session whose name or start URL the file goes by, unless the session has a better one. Sessions of the AWS
/// configuration do so by themselves; this does it for all, and tells.
///
/// The exit code is 1 if a file of one of the sessions cannot be read, or not be taken over now.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Import {
    /// Print a JSON object: {"directory": …, "files": [{"file", "session", "outcome", "detail"}]}
    #[arg(long)]
    pub(crate) json: bool,
}

/// Check everything that can be wrong, and say what to do about it
///
/// Looks at the daemon, its socket and state directory, the service manager, the session's D-Bus, keyring and
/// notifications, the browser, the configuration, certificates and proxies, and asks each configured endpoint for its
/// root page. Nothing is changed, no daemon is started and no secret is read.
///
/// The exit code is 0 if there is no problem (warnings are none), 1 otherwise.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Print a JSON object: {"checks":[{"name","result","message","remedy"}],"ok":bool}; results are ok, warning,
    /// problem and skipped
    #[arg(long)]
    pub(crate) json: bool,
}

/// End the daemon; the next call starts it again
///
/// However it was started: a daemon that ssoctl has started is told to end, that of a service is stopped by the service manager.
/// Sign-ins and pending sign-ins' records are kept. After an update this is how the new version comes to run.
#[derive(Args, Debug)]
pub(crate) struct Stop {}

/// Run ssoctld as a service of systemd or launchd
///
/// A service is started at login, so that sign-ins are renewed and notices shown before anybody calls ssoctl, and again if
/// it fails; calls wait while it restarts. Without it, ssoctl starts ssoctld when it is needed.
#[derive(Args, Debug)]
pub(crate) struct Service {
    #[command(subcommand)]
    pub(crate) action: ServiceAction,
}

/// What becomes of the service.
#[derive(Subcommand, Clone, Copy, Debug)]
pub(crate) enum ServiceAction {
    /// Install it for you alone, and start it now and at each login; bring an installed one up to date
    Install,
    /// Stop it and remove it; sign-ins and the configuration stay
    Uninstall,
    /// Show what the service manager knows of it
    Status,
    /// Start it anew; calls wait meanwhile
    Restart,
    /// Stop it until the next login or call
    Stop,
    /// Show its log
    Logs {
        /// Show what is added until Ctrl-C
        #[arg(long, short)]
        follow: bool,
        /// How many lines to begin with
        #[arg(long, short = 'n', value_name = "NUMBER", default_value_t = 100)]
        lines: u32,
    },
}

/// The verb, as far as a command line that is wrong has one.
pub(crate) fn verb(arguments: &[OsString]) -> Option<&OsString> {
    arguments.iter().skip(1).find(|argument| !argument.as_encoded_bytes().starts_with(b"-"))
}

/// The exit code for a command line that is wrong. That of `exec` keeps out of the way of its command's codes, also where
/// it was not understood.
pub(crate) fn usage_code(arguments: &[OsString]) -> ssoctl_protocol::ExitCode {
    if verb(arguments).is_some_and(|verb| verb == "exec") {
        ssoctl_protocol::ExitCode::CommandNotStarted
    } else {
        ssoctl_protocol::ExitCode::Usage
    }
}

/// Shows what clap has to say instead of running a command: help and version on standard output, complaints on
/// standard error, and then `usage` is the exit code.
pub(crate) fn answer(answer: &clap::Error, usage: ssoctl_protocol::ExitCode) -> Result<ExitCode, Failure> {
    if !answer.use_stderr() {
        return output::write(answer.to_string().as_bytes()).map(|()| ExitCode::SUCCESS);
    }
    // Where it cannot be said, the exit code is all there is.
    let _ = answer.print();
    Ok(ExitCode::from(usage as u8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wrong_command_line_of_exec_has_an_exit_code_of_its_own() {
        let code = |line: &str| usage_code(&line.split(' ').map(OsString::from).collect::<Vec<_>>()) as u8;
        assert_eq!((code("ssoctl exec --bogus"), code("ssoctl --no-start exec")), (125, 125));
        assert_eq!((code("ssoctl token exec"), code("ssoctl"), code("exec")), (2, 2, 2));
    }

    #[test]
    fn the_help_names_every_exit_code_and_variable() {
        let help = Cli::command().render_long_help().to_string();
        for needed in [
            "SSOCTL_SESSION",
            "AWS_PROFILE",
            "SSOCTL_SOCKET",
            "SSOCTL_SOCKET_OWNER",
            "SSOCTL_NO_START",
            "BROWSER",
            "NO_COLOR",
        ] {
            assert!(help.contains(needed), "{needed}");
        }
        for code in 0..=7 {
            assert!(help.contains(&format!("\n  {code}  ")), "{code}");
        }
    }
}
