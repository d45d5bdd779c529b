//! `ssoctl credential-process`
//!
//! AWS SDKs and tools expect of a `credential_process` either one JSON object on standard output and exit code 0, or nothing
//! on standard output, a message on standard error and another exit code.

use std::process::Termination;

use clap::Args;
use serde::Serialize;
use ssoctl_protocol::Timestamp;
use ssoctl_protocol::secret::{self, Secret};

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

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    /// The only version that there is.
    version: u8,
    access_key_id: &'a str,
    #[serde(serialize_with = "secret::expose")]
    secret_access_key: &'a Secret<String>,
    #[serde(serialize_with = "secret::expose")]
    session_token: &'a Secret<String>,
    expiration: Timestamp,
}

impl Verb for CredentialProcess {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let credentials = self.credentials.request(starting, VersionWarning::Silent)?;
        let mut line = output::to_json(&Output {
            version: 1,
            access_key_id: &credentials.access_key_id,
            secret_access_key: &credentials.secret_access_key,
            session_token: &credentials.session_token,
            expiration: credentials.expires_at,
        })?;
        line.push(b'\n');
        output::write(Secret::new(line).expose())
    }
}
