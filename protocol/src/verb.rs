//! The verbs of `ssoctl` that `ssoctld` carries out, because it has what they need: TLS, D-Bus, the configuration.
//!
//! `ssoctl VERB …` executes `ssoctld VERB …` with the same arguments. Arguments and help are defined in the daemon alone, and a
//! test there compares its definition with this list.

/// A verb that the daemon carries out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DaemonVerb {
    /// What it is called.
    pub name: &'static str,
    /// Its summary, for the list in `ssoctl --help`.
    pub about: &'static str,
    /// Its arguments, for completion.
    pub arguments: &'static [Argument],
}

/// What `ssoctld open-page --judge` writes about a page that may be opened.
pub const PAGE_IS_ADMITTED: &str = "admitted";

/// An argument of one of these verbs, as far as completion has to know it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Argument {
    /// The name of its member, such as `start_url`. Arguments of this name in other verbs mean the same.
    pub id: &'static str,
    /// The option without `--`; `None`: it is the verb's positional argument.
    pub option: Option<&'static str>,
    /// Whether it takes a value.
    pub takes_value: bool,
}

const fn switch(id: &'static str, option: &'static str) -> Argument {
    Argument { id, option: Some(option), takes_value: false }
}

const fn valued(id: &'static str, option: &'static str) -> Argument {
    Argument { id, option: Some(option), takes_value: true }
}

/// The verbs that the daemon carries out.
pub const OF_DAEMON: [DaemonVerb; 2] = [
    DaemonVerb {
        name: "configure",
        about: "Write profiles for your accounts and roles into the AWS configuration",
        arguments: &[
            Argument { id: "session", option: None, takes_value: true },
            valued("profile", "profile"),
            valued("start_url", "start-url"),
            valued("accounts", "account"),
            valued("roles", "role"),
            valued("name", "name"),
            valued("region", "region"),
            switch("credential_process", "credential-process"),
            switch("prune", "prune"),
            switch("dry_run", "dry-run"),
            valued("wait", "wait"),
        ],
    },
    DaemonVerb {
        name: "doctor",
        about: "Check everything that can be wrong, and say what to do about it",
        arguments: &[switch("json", "json")],
    },
];

/// The verb of this name, if the daemon carries it out.
pub fn of_daemon(name: &str) -> Option<DaemonVerb> {
    OF_DAEMON.into_iter().find(|verb| verb.name == name)
}

/// The last line of the help of every verb.
pub const HELP_FOOTER: &str = "Exit codes and environment variables: ssoctl --help";

/// The variable that tells `ssoctld VERB` the path of the `ssoctl` that has executed it. The path stays valid when ssoctl is
/// updated.
pub const CLIENT_VARIABLE: &str = "SSOCTL_CLIENT";
