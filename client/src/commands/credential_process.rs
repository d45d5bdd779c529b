//! `ssoctl credential-process`
//!
//! What AWS SDKs and tools expect of a `credential_process`: one JSON object on standard output and exit code 0, or nothing
//! there, words on standard error and another exit code.

use serde::Serialize;
use ssoctl_protocol::secret::{self, Secret};
use ssoctl_protocol::{RoleCredentials, Timestamp};

use super::role;
use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;

/// The only version that the contract has.
const VERSION: u8 = 1;

/// More than the object needs beside its secrets, so that it is written without leaving copies of them behind.
const FRAME: usize = 512;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Output<'a> {
    version: u8,
    access_key_id: &'a str,
    #[serde(serialize_with = "secret::expose")]
    secret_access_key: &'a Secret<String>,
    #[serde(serialize_with = "secret::expose")]
    session_token: &'a Secret<String>,
    expiration: Timestamp,
}

pub(super) fn run(daemon: &Daemon, arguments: cli::CredentialProcess) -> Result<(), Failure> {
    let answer = role::answer(daemon, arguments.which, arguments.terms)?;
    let credentials: RoleCredentials = daemon.read(&answer)?;
    let output = Output {
        version: VERSION,
        access_key_id: &credentials.access_key_id,
        secret_access_key: &credentials.secret_access_key,
        session_token: &credentials.session_token,
        expiration: credentials.expires_at,
    };
    let mut line = Vec::with_capacity(answer.body.expose().len() + FRAME);
    let written = serde_json::to_writer(&mut line, &output);
    line.push(b'\n');
    let line = Secret::new(line);
    written.map_err(|error| Failure::Other(format!("the credentials cannot be written as JSON: {error}")))?;
    output::write(line.expose())
}
