//! The command line of `ssoctld`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ssoctld::configure::{Pattern, Template};

/// Options of [`Arguments`], as they are written.
pub(crate) const BACKGROUND: &str = "--background";
pub(crate) const WITHOUT_SERVICE_MANAGER: &str = "--without-service-manager";
pub(crate) const TELL_STARTER: &str = "--tell-starter";

/// Keeps AWS IAM Identity Center sign-ins alive and serves their tokens over a Unix socket.
///
/// It runs in the foreground and logs to standard error. SIGTERM and SIGINT stop it, SIGHUP makes it read its
/// configuration again. Most people never call it: `ssoctl` starts it when it is needed.
#[derive(Parser, Debug)]
#[command(name = "ssoctld", version)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, env = "SSOCTL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where records and the lock are kept; one daemon runs for each.
    #[arg(long, env = "SSOCTL_STATE_DIR", value_name = "DIRECTORY")]
    pub(crate) state_dir: Option<PathBuf>,

    /// What is logged: a level (error, warn, info, debug, trace) for ssoctld itself, or a list like
    /// `ssoctld=debug,hyper=info`. Secrets are logged at no level.
    #[arg(long, env = "SSOCTL_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: LogFilter,

    /// How it is logged.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,

    /// The file that standard error is: it is replaced when it has grown beyond 1 MiB. `ssoctl` uses this.
    #[arg(long, hide = true)]
    pub(crate) log_file: Option<PathBuf>,

    /// Start the daemon so that it has nothing of this process, wait until it is ready, and end. `ssoctl` uses this.
    #[arg(long)]
    pub(crate) background: bool,

    /// With --background: do not ask the service manager for a place of its own. `ssoctl` uses this where that hangs.
    #[arg(long, hide = true, requires = "background")]
    pub(crate) without_service_manager: bool,

    /// Tell whoever reads standard output when it runs and when it is ready. --background uses this.
    #[arg(long, hide = true, conflicts_with = "background")]
    pub(crate) tell_starter: bool,

    /// What to do instead of running as the daemon.
    #[command(subcommand)]
    pub(crate) instead: Option<Instead>,
}

/// What `ssoctl` leaves to this program, so that it stays small itself.
#[derive(Subcommand, Debug)]
pub(crate) enum Instead {
    /// Check everything that can be wrong, and say what to do about it
    ///
    /// Looks at the daemon, its socket and state directory, the service manager, the session's D-Bus, keyring and
    /// notifications, the browser, the configuration, certificates and proxies, and asks each configured endpoint for
    /// its root page. Nothing is changed and no secret is read.
    ///
    /// The exit code is 0 if there is no problem (warnings are none), 1 otherwise.
    Doctor {
        /// Print a JSON object: {"checks":[{"name","result","message","remedy"}],"ok":bool}; results are ok, warning,
        /// problem and skipped
        #[arg(long)]
        json: bool,
        /// The settings of the caller's shell as JSON: ssoctld passes them on when it runs itself again with the daemon's environment
        #[arg(long, hide = true)]
        shell: Option<String>,
    },
    /// Open a page of Identity Center in your browser
    ///
    /// What `ssoctl login` and `ssoctl console` run. The page has to be on a host of AWS, or on one that your configuration
    /// names for the session, and is opened with the session's `browser`, else $BROWSER, else the desktop's browser.
    ///
    /// The exit code is that of the command that opens the page, and 1 if none was started; standard error says why.
    OpenPage {
        /// The session whose page it is.
        #[arg(long)]
        session: Option<String>,
        /// Open it over SSH and without a display, too.
        #[arg(long)]
        browser: bool,
        /// Its address.
        url: String,
    },
    /// Write profiles for accounts and roles into the AWS configuration
    ///
    /// What `ssoctl configure` runs; see there.
    Configure(Configure),
}

/// Which profiles are written, and how.
#[derive(Args, Debug)]
pub(crate) struct Configure {
    /// The session's name.
    #[arg(long)]
    pub(crate) session: String,

    /// The accounts, by id or name, with `*` and `?`.
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub(crate) accounts: Vec<Pattern>,

    /// The roles, with `*` and `?`.
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<Pattern>,

    /// How the profiles are named.
    #[arg(long, value_name = "TEMPLATE", default_value = "{account_name}-{role}")]
    pub(crate) name: Template,

    /// The region of the profiles.
    #[arg(long, value_parser = region)]
    pub(crate) region: Option<String>,

    /// Have the profiles call this `ssoctl` instead of naming session, account and role.
    #[arg(long, value_name = "SSOCTL", value_parser = program)]
    pub(crate) credential_process: Option<String>,

    /// Remove profiles that were written here and whose role is gone.
    #[arg(long)]
    pub(crate) prune: bool,

    /// Print the difference and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// A region's name. Which there are changes too often to be known here.
fn region(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected one like eu-west-1")
    }
}

/// A path that a line of the AWS configuration can hold.
fn program(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/') && !text.chars().any(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("expected an absolute path without control characters")
    }
}

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct LogFilter(pub(crate) tracing_subscriber::filter::Targets);

impl std::str::FromStr for LogFilter {
    type Err = String;

    /// A bare level is meant for ssoctld: libraries have their own idea of what may be logged at `trace`.
    fn from_str(text: &str) -> Result<Self, String> {
        use tracing_subscriber::filter::{LevelFilter, Targets};
        if let Ok(level) = text.parse::<LevelFilter>() {
            return Ok(Self(Targets::new().with_target("ssoctld", level).with_default(level.min(LevelFilter::WARN))));
        }
        // A word alone would be read as the name of a module, so that a misspelt level would silence the log.
        let is_clear = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
        let filter = text.split(',').all(is_clear).then(|| text.parse().ok()).flatten();
        filter.map(Self).ok_or_else(|| {
            "expected error, warn, info, debug or trace, or a list like ssoctld=debug,hyper=info".to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use tracing::Level;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_region_or_a_program_that_would_break_its_line_is_refused() {
        assert!(region("eu-west-1").is_ok() && program("/opt/my tools/ssoctl").is_ok());
        assert!(["", "EU", "a b", "x\ny"].iter().all(|text| region(text).is_err()));
        assert!(["", "ssoctl", "/a\nb"].iter().all(|text| program(text).is_err()));
    }

    #[test]
    fn a_bare_level_never_makes_libraries_talkative() {
        let LogFilter(filter) = "trace".parse().unwrap();
        assert!(filter.would_enable("ssoctld::session", &Level::TRACE));
        assert!(filter.would_enable("hyper", &Level::WARN) && !filter.would_enable("hyper", &Level::INFO));
        let LogFilter(filter) = "error".parse().unwrap();
        assert!(!filter.would_enable("hyper", &Level::WARN));
        let LogFilter(filter) = "ssoctld=debug,hyper=info".parse().unwrap();
        assert!(filter.would_enable("hyper", &Level::INFO));
        assert!("loud".parse::<LogFilter>().is_err());
    }
}
