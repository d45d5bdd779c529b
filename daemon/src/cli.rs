//! The command line of `ssoctld`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::verbs::Verb;

/// Options of [`Arguments`], for the processes that this program starts.
pub(crate) const BACKGROUND: &str = "--background";
pub(crate) const WITHOUT_SERVICE_MANAGER: &str = "--without-service-manager";
pub(crate) const TELL_STARTER: &str = "--tell-starter";

/// Keeps AWS IAM Identity Center sign-ins alive and serves their tokens over a Unix socket.
///
/// It runs in the foreground and logs to standard error. SIGTERM and SIGINT stop it, SIGHUP makes it read its
/// configuration again. Most people never call it: `ssoctl` starts it when it is needed.
#[derive(Parser, Debug)]
#[command(name = "ssoctld", version, max_term_width = 100)]
pub(crate) struct Arguments {
    /// The configuration file.
    #[arg(long, env = "SSOCTL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Where records and the lock are kept; one daemon runs for each.
    #[arg(long, env = "SSOCTL_STATE_DIR", value_name = "DIRECTORY")]
    pub(crate) state_dir: Option<PathBuf>,

    /// What is logged: a level (error, warn, info, debug, trace) for ssoctld itself, or a list like
    /// `ssoctld=debug,hyper=info`. Secrets are never logged.
    #[arg(long, env = "SSOCTL_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: LogFilter,

    /// How it is logged.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,

    /// The file that standard error goes to, which is replaced when it is longer than 1 MiB. `ssoctl` uses this.
    #[arg(long, hide = true)]
    pub(crate) log_file: Option<PathBuf>,

    /// Start the daemon as a process that inherits nothing from this one, wait until it is ready, and end. `ssoctl` uses this.
    #[arg(long)]
    pub(crate) background: bool,

    /// With --background: do not ask the service manager for a scope. `ssoctl` uses this if the service manager hangs.
    #[arg(long, hide = true, requires = "background")]
    pub(crate) without_service_manager: bool,

    /// Write to standard output when the daemon runs and when it is ready. --background uses this.
    #[arg(long, hide = true, conflicts_with = "background")]
    pub(crate) tell_starter: bool,

    /// Carried out instead of running as the daemon.
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
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

    /// A bare level counts for ssoctld only: at `trace`, libraries might log secrets.
    fn from_str(text: &str) -> Result<Self, String> {
        use tracing_subscriber::filter::{LevelFilter, Targets};
        if let Ok(level) = text.parse::<LevelFilter>() {
            return Ok(Self(Targets::new().with_target("ssoctld", level).with_default(level.min(LevelFilter::WARN))));
        }
        // A misspelt level would be read as the name of a module, and silence the log.
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
    use ssoctl_protocol::verb::OF_DAEMON;
    use tracing::Level;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_verbs_and_their_summaries_are_those_that_ssoctl_lists() {
        let command = Arguments::command();
        // `ssoctl login` and `ssoctl console` call this one.
        let listed = command.get_subcommands().filter(|verb| verb.get_name() != "open-page");
        let verbs: Vec<(String, String)> =
            listed.map(|verb| (verb.get_name().to_owned(), verb.get_about().unwrap().to_string())).collect();
        assert_eq!(verbs, OF_DAEMON.map(|(name, about)| (name.to_owned(), about.to_owned())));
    }

    #[test]
    fn a_bare_level_does_not_count_for_libraries() {
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
