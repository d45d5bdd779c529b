//! The arguments of verbs that are about a role: which one is meant, and what is to be done with its credentials.

use std::ffi::OsString;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

use super::{EPILOGUE, Terms, Waiting, Which};

/// The exit codes of `exec`, which differ from those of all other verbs.
const EXEC_EPILOGUE: &str = "\
Exit codes:
  125  CMD was not started: ssoctl says why (nobody is signed in, no such role, no daemon, a wrong command line)
  126  CMD was found and cannot be executed
  127  CMD was not found
  Any other is CMD's own; with --refreshable 128+N where signal N ended it.";

/// Which role in which account is meant.
#[derive(Args, Debug, Default)]
pub(crate) struct WhichRole {
    /// The AWS profile whose account and role are meant; default: AWS_PROFILE, else the profile "default"
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "session")]
    pub(crate) profile: Option<String>,
    /// The session, together with --account and --role
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), requires_all = ["account", "role"])]
    pub(crate) session: Option<String>,
    /// The account's id, twelve digits; default: the profile's
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) account: Option<String>,
    /// The role's name; default: the profile's
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) role: Option<String>,
}

/// Print the credentials of a role as AWS SDKs want them of a credential_process
///
/// For your AWS configuration, so that everything that reads it gets credentials from ssoctl's memory:
///
///     [profile dev]
///     credential_process = ssoctl credential-process --session corp --account 111122223333 --role ReadOnly
///
/// Credentials are renewed ahead of their end while they are in use. Where a person is needed, the command fails with exit
/// code 3 at once, or with --wait shows code and page on standard error and waits; it opens no browser.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE, verbatim_doc_comment)]
pub(crate) struct CredentialProcess {
    #[command(flatten)]
    pub(crate) which: WhichRole,
    #[command(flatten)]
    pub(crate) terms: Terms,
}

/// List the accounts that you have a role in
///
/// The portal is asked at each call. Where a person is needed, the command fails with exit code 3 at once, or with --wait
/// shows code and page on standard error and waits; it opens no browser.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Accounts {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Print a JSON object: {"session": …, "accounts": [{"id", "name", "email"}]}
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// List the roles that you have, in all accounts or in one
///
/// The portal is asked at each call, once for every account. Where a person is needed, the command fails with exit code 3
/// at once, or with --wait shows code and page on standard error and waits; it opens no browser.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Roles {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only those in this account, by its id
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) account: Option<String>,
    /// Print a JSON object: {"session": …, "roles": [{"account", "account_name", "role"}]}
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}

/// Run a command with the credentials of a role
///
/// CMD replaces ssoctl and gets AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_CREDENTIAL_EXPIRATION and
/// AWS_ACCOUNT_ID. Variables that would get in the way of these, such as AWS_PROFILE, are removed. AWS_REGION and
/// AWS_DEFAULT_REGION are those of the profile unless you have set one of them yourself.
///
/// Credentials in variables end with their expiry. For a command that runs longer, --refreshable gives it an address on this
/// machine instead, where AWS SDKs get new ones for as long as you are signed in; ssoctl stays until CMD ends.
#[derive(Args, Debug)]
#[command(after_long_help = EXEC_EPILOGUE)]
pub(crate) struct Exec {
    #[command(flatten)]
    pub(crate) which: WhichRole,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// Let CMD renew its credentials as it goes
    #[arg(long)]
    pub(crate) refreshable: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(crate) command: Vec<OsString>,
}

/// Print the credentials of a role for a shell to read
///
///     eval "$(ssoctl env --profile dev)"
///     ssoctl env --profile dev | source                                           # fish
///     ssoctl env --profile dev | Out-String | Invoke-Expression                   # PowerShell
///
/// Sets what `ssoctl exec` gives its command, and removes the variables that would get in the way.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE, verbatim_doc_comment)]
pub(crate) struct Env {
    #[command(flatten)]
    pub(crate) which: WhichRole,
    #[command(flatten)]
    pub(crate) terms: Terms,
    /// Whose language to print; default: that of $SHELL
    #[arg(long, value_enum)]
    pub(crate) shell: Option<Shell>,
    /// Remove the variables instead, and those that would get in their way; no daemon is asked
    #[arg(long, conflicts_with_all = ["profile", "session", "account", "role", "min_valid", "wait"])]
    pub(crate) unset: bool,
}

/// A language in which variables are set.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shell {
    /// Any shell that follows POSIX
    #[value(aliases = ["sh", "dash", "ksh"])]
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
    /// An object of names and values; with --unset the values are null
    Json,
}

/// Show which role is meant, and what decided that
///
/// Session, account, role and region, each with the argument, variable, or file and line that named it. Says so where variables
/// of this shell make AWS tools use other credentials. The service is not asked.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Whoami {
    #[command(flatten)]
    pub(crate) which: WhichRole,
    /// Print a JSON object: profile, session, start_url, sso_region, account, role, region, decided_by, overridden_by
    #[arg(long)]
    pub(crate) json: bool,
}

/// Open the AWS console with a role, through the access portal
///
/// The portal asks you to sign in there if you are not, so this works while you are signed out here.
#[derive(Args, Debug)]
#[command(after_long_help = EPILOGUE)]
pub(crate) struct Console {
    #[command(flatten)]
    pub(crate) which: WhichRole,
    /// Print the address instead of opening it
    #[arg(long)]
    pub(crate) url_only: bool,
    /// Open it over SSH and without a display, too
    #[arg(long, conflicts_with = "url_only")]
    pub(crate) browser: bool,
    /// The page of the console to go to; default: its home
    #[arg(long, value_name = "URL", value_parser = destination)]
    pub(crate) destination: Option<String>,
}

/// The portal shows an empty page for anything else.
fn destination(text: &str) -> Result<String, &'static str> {
    if text.starts_with("https://") {
        Ok(text.to_owned())
    } else {
        Err("expected the page's address, which begins with https://")
    }
}
