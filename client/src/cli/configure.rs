//! The arguments of `ssoctl configure`.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use super::{Waiting, Which};

/// Write profiles for your accounts and roles into the AWS configuration
///
///     ssoctl configure --dry-run
///     ssoctl configure --account "prod-*" --role ReadOnlyAccess --region eu-west-1
///     ssoctl configure --name "{session}-{account_name}-{role}" --credential-process
///
/// Asks the portal what you have, and writes a profile for each role into AWS_CONFIG_FILE, else ~/.aws/config. The
/// profiles are marked by a comment, so that the next run can bring them up to date; comments, order and everything that
/// you have written stay as they are. The file as it was is kept beside it, as config.ssoctl-backup.
///
/// The exit code is 0 also if profiles were left alone; what was done, and why not, is printed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Configure {
    #[command(flatten)]
    pub(crate) which: Which,
    /// Only this account, by id or name; * and ? stand for characters; can be repeated
    #[arg(long = "account", value_name = "ACCOUNT", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) accounts: Vec<String>,
    /// Only this role; * and ? stand for characters; can be repeated
    #[arg(long = "role", value_name = "ROLE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) roles: Vec<String>,
    /// How profiles are named, with {session}, {account_id}, {account_name} and {role}; default: {account_name}-{role}
    #[arg(long, value_name = "TEMPLATE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: Option<String>,
    /// The region of the profiles; default: none for new ones, and that of others is left as it is
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) region: Option<String>,
    /// Have AWS tools ask ssoctl for credentials (credential_process), instead of naming session, account and role
    /// (sso_session), with which they get credentials themselves
    #[arg(long)]
    pub(crate) credential_process: bool,
    /// Remove profiles that were written here for this session and whose role the portal does not list any more
    #[arg(long)]
    pub(crate) prune: bool,
    /// Print what would change as a unified diff, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) waiting: Waiting,
}
