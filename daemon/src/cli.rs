//! The command line of `ssoctld`.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

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

    /// Leave the session of the terminal that started it. `ssoctl` uses this.
    #[arg(long)]
    pub(crate) background: bool,

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
    },
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
