//! The command line of `ssoctld`.

mod verbs;

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};

pub use verbs::{Configure, Doctor, OpenPage, Verb};

/// Options of [`Arguments`], for the processes that this program starts.
pub const BACKGROUND: &str = "--background";
pub const WITHOUT_SERVICE_MANAGER: &str = "--without-service-manager";
pub const TELL_STARTER: &str = "--tell-starter";

/// Keeps AWS IAM Identity Center sign-ins alive and serves their tokens over a Unix socket.
///
/// It runs in the foreground and logs to standard error. SIGTERM and SIGINT stop it, SIGHUP makes it read its
/// configuration again. Most people never call it: `ssoctl` starts it when it is needed.
#[derive(Parser, Debug)]
#[command(name = "ssoctld", version, max_term_width = 100)]
pub struct Arguments {
    /// The configuration file.
    #[arg(long, env = "SSOCTL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The directory of records and the lock; one daemon runs for each.
    #[arg(long, env = "SSOCTL_STATE_DIR", value_name = "DIRECTORY")]
    pub state_dir: Option<PathBuf>,

    /// The level of the log (error, warn, info, debug, trace) for ssoctld itself, or a list like
    /// `ssoctld=debug,hyper=info`. Secrets are never logged.
    #[arg(long, env = "SSOCTL_LOG", value_name = "FILTER", default_value = "info", value_parser = parse_filter)]
    pub log: Targets,

    /// The format of the log.
    #[arg(long, value_enum, default_value_t)]
    pub log_format: Format,

    /// The file that standard error goes to, which is replaced when it is longer than 1 MiB. `ssoctl` uses this.
    #[arg(long, hide = true)]
    pub log_file: Option<PathBuf>,

    /// Start the daemon as a process that inherits nothing from this one, wait until it is ready, and end. `ssoctl` uses this.
    #[arg(long)]
    pub background: bool,

    /// With --background: do not ask the service manager for a scope. `ssoctl` uses this if the service manager hangs.
    #[arg(long, hide = true, requires = "background")]
    pub without_service_manager: bool,

    /// Write to standard output when the daemon runs and when it is ready. --background uses this.
    #[arg(long, hide = true, conflicts_with = "background")]
    pub tell_starter: bool,

    /// Carried out instead of running as the daemon.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// The format of the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A bare level counts for ssoctld only: at `trace`, libraries might log secrets.
fn parse_filter(text: &str) -> Result<Targets, String> {
    if let Ok(level) = text.parse::<LevelFilter>() {
        return Ok(Targets::new().with_target("ssoctld", level).with_default(level.min(LevelFilter::WARN)));
    }
    // A misspelt level would be read as the name of a module, and silence the log.
    let is_clear = |part: &str| part.contains('=') || part.parse::<LevelFilter>().is_ok();
    let filter = text.split(',').all(is_clear).then(|| text.parse().ok()).flatten();
    filter
        .ok_or_else(|| "expected error, warn, info, debug or trace, or a list like ssoctld=debug,hyper=info".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;
    use ssoctl_protocol::verb::{Argument, DaemonVerb, OF_DAEMON};
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
        assert_eq!(verbs, OF_DAEMON.map(|verb| (verb.name.to_owned(), verb.about.to_owned())));
    }

    #[test]
    fn the_arguments_of_the_verbs_are_those_that_ssoctl_completes() {
        let mut command = Arguments::command();
        command.build();
        for DaemonVerb { name, arguments, .. } in OF_DAEMON {
            let verb = command.find_subcommand(name).unwrap();
            // `ssoctl` itself has `--help` and `--no-start`.
            let own = verb.get_arguments().filter(|arg| !["help", "no_start"].contains(&arg.get_id().as_str()));
            let own = own.filter(|arg| !arg.is_hide_set() && !arg.is_global_set());
            let of = |arg: &clap::Arg| {
                (arg.get_id().to_string(), arg.get_long().map(str::to_owned), arg.get_action().takes_values())
            };
            let listed_as = |arg: &Argument| (arg.id.to_owned(), arg.option.map(str::to_owned), arg.takes_value);
            assert_eq!(own.map(of).collect::<Vec<_>>(), arguments.iter().map(listed_as).collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn a_bare_level_does_not_count_for_libraries() {
        let filter = parse_filter("trace").unwrap();
        assert!(filter.would_enable("ssoctld::session", &Level::TRACE));
        assert!(filter.would_enable("hyper", &Level::WARN) && !filter.would_enable("hyper", &Level::INFO));
        let filter = parse_filter("error").unwrap();
        assert!(!filter.would_enable("hyper", &Level::WARN));
        let filter = parse_filter("ssoctld=debug,hyper=info").unwrap();
        assert!(filter.would_enable("hyper", &Level::INFO));
        assert!(parse_filter("loud").is_err());
    }
}
