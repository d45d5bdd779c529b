//! The verbs of `ssoctl` as its help lists them, so that a test of every verb has the new ones, too.

use std::path::Path;

use ssoctl_protocol::verb::of_daemon;

use crate::canned::{ssoctl, stdout};

/// The arguments of the verbs that need some.
const ARGUMENTS: &[(&str, &[&str])] = &[
    ("completion", &["bash"]),
    ("console", &["--url-only"]),
    ("env", &["--shell", "json"]),
    ("exec", &["--", "echo", "started"]),
    ("login", &["--no-browser"]),
    ("watch", &["--json"]),
    ("revoke", &["--all"]),
    ("shell-init", &["bash"]),
    ("ssh", &["host"]),
];

/// Verbs of the client that send no request to the daemon.
const ASKING_NOBODY: [&str; 4] = ["completion", "service", "shell-init", "stop"];

/// Verbs that say nothing of what they meet.
const SILENT: [&str; 1] = ["prompt"];

/// The verbs that `ssoctl --help` lists.
///
/// # Panics
/// If the help has no list of verbs.
pub fn all() -> Vec<String> {
    let help = ssoctl(Path::new("/nowhere"), &["--help"]).output().expect("ssoctl can be executed");
    let (_, list) = stdout(&help).split_once("\nCommands:\n").expect("a list of commands");
    let lines = list.lines().map_while(|line| line.strip_prefix("  "));
    let names = lines.filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

/// The verbs with which `ssoctl` itself asks the daemon, and that tell how that went.
pub fn asking() -> Vec<String> {
    let is_other = |verb: &str| [&ASKING_NOBODY[..], &SILENT].concat().contains(&verb) || of_daemon(verb).is_some();
    all().into_iter().filter(|verb| !is_other(verb)).collect()
}

/// The shortest command line of a verb: most need nothing but their name.
pub fn command_line(verb: &str) -> Vec<&str> {
    let arguments = ARGUMENTS.iter().find(|(name, _)| *name == verb).map_or(&[][..], |(_, arguments)| arguments);
    [&[verb], arguments].concat()
}
