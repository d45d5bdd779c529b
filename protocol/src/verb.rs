//! The verbs of `ssoctl` that `ssoctld` carries out, because it has what they need: TLS, D-Bus, the configuration.
//!
//! `ssoctl VERB …` executes `ssoctld VERB …` with the same arguments. Arguments and help are defined in the daemon alone, and a
//! test there compares its definition with this list.

/// Name and summary of each of these verbs, for the list in `ssoctl --help`.
pub const OF_DAEMON: [(&str, &str); 2] = [
    ("configure", "Write profiles for your accounts and roles into the AWS configuration"),
    ("doctor", "Check everything that can be wrong, and say what to do about it"),
];

/// The last line of the help of every verb.
pub const HELP_FOOTER: &str = "Exit codes and environment variables: ssoctl --help";

/// The variable that tells `ssoctld VERB` the path of the `ssoctl` that has executed it. The path stays valid when ssoctl is
/// updated.
pub const CLIENT_VARIABLE: &str = "SSOCTL_CLIENT";
