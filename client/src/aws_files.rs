//! The AWS files that this process's environment names. The daemon serves callers with different files, so each request names
//! them.

use std::ffi::OsString;
use std::path::PathBuf;

use ssoctl_aws_files::expanded;
use ssoctl_protocol::route::Query;

use crate::environment;
use crate::failure::Failure;

pub(crate) const CONFIG: &str = "AWS_CONFIG_FILE";
pub(crate) const CREDENTIALS: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// Absolute paths. `None` means the daemon's default file, with any `HOME` here.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct AwsFiles {
    pub(crate) config: Option<String>,
    pub(crate) credentials: Option<String>,
}

impl AwsFiles {
    pub(crate) fn of_environment() -> Result<Self, Failure> {
        Ok(Self { config: named_by(CONFIG)?, credentials: named_by(CREDENTIALS)? })
    }

    pub(crate) fn in_query(&self, query: &Query) -> Query {
        Query { config: self.config.clone(), credentials: self.credentials.clone(), ..query.clone() }
    }
}

fn named_by(name: &str) -> Result<Option<String>, Failure> {
    let Some(value) = environment::variable(name) else { return Ok(None) };
    let not_text = |_: OsString| Failure::Usage(format!("{name} is not UTF-8; give that file another path"));
    let written = value.into_string().map_err(not_text)?;
    // Most paths need no home directory, and looking it up may cost file reads.
    let path = if written.contains(['~', '$']) {
        let variable = |name: &str| environment::variable(name)?.into_string().ok();
        expanded(&written, environment::home_directory().as_deref(), variable)
    } else {
        PathBuf::from(&written)
    };
    let usable = std::path::absolute(path).ok().and_then(|path| path.into_os_string().into_string().ok());
    usable.map(Some).ok_or_else(|| {
        Failure::Usage(format!("{name} is {written:?}, which is not a usable path; correct or unset it"))
    })
}
