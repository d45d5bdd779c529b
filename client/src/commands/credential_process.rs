//! `ssoctl credential-process`
//!
//! AWS SDKs and tools expect of a `credential_process` either one JSON object on standard output and exit code 0, or nothing
//! on standard output, a message on standard error and another exit code.

use std::process::Termination;

use clap::Args;
use serde_json::json;
use ssoctl_protocol::Secret;

use super::Verb;
use super::waiting::CredentialsArguments;
use crate::connection::{Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;

/// Print the credentials of a role in the form that AWS SDKs expect of a credential_process
///
/// For your AWS configuration, so that everything that reads it gets credentials from ssoctl's memory:
///
///     [profile dev]
///     credential_process = ssoctl credential-process --session corp --account 111122223333 --role ReadOnly
///
/// Credentials that are in use are renewed before they expire.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct CredentialProcess {
    #[command(flatten)]
    credentials: CredentialsArguments,
}

impl Verb for CredentialProcess {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let credentials = self.credentials.request(starting, VersionWarning::Silent)?;
        let document = json!({
            // The only version that there is.
            "Version": 1,
            "AccessKeyId": credentials.access_key_id,
            "SecretAccessKey": credentials.secret_access_key.expose(),
            "SessionToken": credentials.session_token.expose(),
            "Expiration": credentials.expires_at,
        });
        output::write(Secret::new(format!("{document}\n")).expose().as_bytes())
    }
}
