//! The verbs of `ssoctl` that `ssoctld` carries out: their arguments and help.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use ssoctl_protocol::verb::HELP_FOOTER;

use crate::configure::{Pattern, Template};

/// A verb, carried out instead of running as the daemon.
#[derive(Subcommand, Debug)]
pub enum Verb {
    Configure(Configure),
    Doctor(Doctor),
    OpenPage(OpenPage),
}

/// Write profiles for your accounts and roles into the AWS configuration
///
///     ssoctl configure --dry-run
///     ssoctl configure --account "prod-*" --role ReadOnlyAccess --region eu-west-1
///     ssoctl configure --name "{session}-{account_name}-{role}" --credential-process
///
/// Asks the portal which roles you have, and writes a profile for each into AWS_CONFIG_FILE, else ~/.aws/config. A comment
/// marks these profiles, so that the next run can update them; comments, order and everything that you have written stay
/// as they are. The previous file is kept as config.ssoctl-backup in the same directory.
///
/// The exit code is 0 even if some profiles were left alone; what was done, and why not, is printed.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment, after_long_help = HELP_FOOTER)]
pub struct Configure {
    /// Name of the session; default: the session that the environment names
    #[arg(value_parser = NonEmptyStringValueParser::new(), conflicts_with_all = ["profile", "start_url"])]
    pub session: Option<String>,
    /// The session of this AWS profile
    #[arg(long, value_parser = NonEmptyStringValueParser::new(), conflicts_with = "start_url")]
    pub profile: Option<String>,
    /// The session with this start URL
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub start_url: Option<String>,
    /// Only this account, by id or name; * stands for any characters and ? for one; can be repeated
    #[arg(long = "account", value_name = "ACCOUNT")]
    pub accounts: Vec<Pattern>,
    /// Only this role; * stands for any characters and ? for one; can be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<Pattern>,
    /// Template for the profiles' names, with {session}, {account_id}, {account_name} and {role}
    #[arg(long, value_name = "TEMPLATE", default_value = "{account_name}-{role}")]
    pub name: Template,
    /// The region of the profiles; default: none for new ones, and existing ones keep theirs
    #[arg(long, value_parser = region)]
    pub region: Option<String>,
    /// Write profiles with which AWS tools request credentials from ssoctl (credential_process), instead of profiles with session,
    /// account and role (sso_session), with which AWS tools get credentials themselves
    #[arg(long)]
    pub credential_process: bool,
    /// Remove profiles that ssoctl has written for this session and whose role the portal does not list any more
    #[arg(long)]
    pub prune: bool,
    /// Print the changes as a unified diff, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Longest wait for a person to sign in: code and page are shown on standard error, and no browser is opened; default: do
    /// not wait, and fail with exit code 3
    #[arg(long, value_name = "DURATION")]
    pub wait: Option<String>,
    /// Fail with exit code 4 if no daemon runs, instead of starting one
    #[arg(long)]
    pub no_start: bool,
}

/// A region's name. The list of regions changes too often to be known here.
fn region(text: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !text.is_empty() && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("expected one like eu-west-1")
    }
}

/// Check everything that can be wrong, and say what to do about it
///
/// Looks at the daemon, its socket and state directory, the service manager, the session's D-Bus, keyring and
/// notifications, the browser, the configuration, certificates and proxies, and asks each configured endpoint for
/// its root page. Nothing is changed, no daemon is started and no secret is read.
///
/// The exit code is 0 if there is no problem, even if there are warnings, and 1 otherwise.
#[derive(Args, Debug)]
#[command(after_long_help = HELP_FOOTER)]
pub struct Doctor {
    /// Print a JSON object: {"checks":[{"name","result","message","remedy"}],"ok":bool}; results are ok, warning,
    /// problem and skipped
    #[arg(long)]
    pub json: bool,
    /// An option of every verb of `ssoctl`. No daemon is started in any case.
    #[arg(long, hide = true)]
    pub no_start: bool,
    /// The settings of the caller's shell as JSON. ssoctld passes them on when it executes itself with the daemon's environment.
    #[arg(long, hide = true)]
    pub shell: Option<String>,
}

/// Open a page of Identity Center in your browser
///
/// `ssoctl login` and `ssoctl console` run this. The page has to be on a host of AWS, or on one that your configuration
/// names for the session. It is opened with the session's `browser`, else $BROWSER, else the desktop's browser.
///
/// The exit code is that of the command that opens the page, and 1 if none was started; standard error says why.
#[derive(Args, Debug)]
pub struct OpenPage {
    /// The session that the page belongs to
    #[arg(long)]
    pub session: Option<String>,
    /// Open it over SSH and without a display, too
    #[arg(long)]
    pub browser: bool,
    /// Only judge the address, and open nothing: standard error says `admitted`, or why a page there is not opened
    #[arg(long, conflicts_with = "browser")]
    pub judge: bool,
    /// The AWS profile of the role that the page belongs to, if it was named
    #[arg(long, requires = "role")]
    pub profile: Option<String>,
    /// The id of that role's account
    #[arg(long, requires = "role")]
    pub account: Option<String>,
    /// The name of that account, if it is known
    #[arg(long, requires = "role")]
    pub account_name: Option<String>,
    /// The name of that role
    #[arg(long, requires = "account")]
    pub role: Option<String>,
    /// Its address
    pub url: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_would_break_its_line_is_refused() {
        assert!(region("eu-west-1").is_ok());
        assert!(["", "EU", "a b", "x\ny"].iter().all(|text| region(text).is_err()));
    }
}
