//! The two configuration files on disk: where they are, reading them, and replacing the own one.
//!
//! The only part of the configuration that touches the file system, besides `watch.rs`. The calls block for the
//! length of a few small reads and one synced write.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use ssoctl_protocol::{Secret, settings};

use super::add::{AddError, NewSession, add_session};
use super::aws::AwsFile;
use super::environment::Environment;
use super::merge::{Source, merge};
use super::own::OwnFile;
use super::{Config, Problem, Severity};
use crate::regular_file::{Link, NotRead, RegularFile};
use crate::replacement::Replacement;

/// Where the configuration files are, whether they exist or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The daemon's own `config.toml`.
    pub own: PathBuf,
    /// The AWS shared configuration.
    pub aws: PathBuf,
    /// The AWS credentials file.
    pub aws_credentials: PathBuf,
}

/// Neither a path nor a home directory is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home directory: set HOME, or set SSOCTL_CONFIG and AWS_CONFIG_FILE")]
pub struct NoHome;

impl Paths {
    /// All of them.
    pub fn all(&self) -> Vec<PathBuf> {
        vec![self.own.clone(), self.aws.clone(), self.aws_credentials.clone()]
    }

    /// Where the files are: the own one at `own` (a command line's `--config`), else `SSOCTL_CONFIG`, else in the
    /// platform's configuration directory; those of AWS at `AWS_CONFIG_FILE`, else `~/.aws/config`, and at
    /// `AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`.
    pub fn locate(own: Option<PathBuf>, environment: &Environment) -> Result<Self, NoHome> {
        let own = own
            .or_else(|| environment.own_config.clone())
            .or_else(|| settings::config_toml(|name| std::env::var_os(name), std::env::home_dir()))
            .ok_or(NoHome)?;
        let home = environment.home.as_ref();
        let aws = environment.aws_config.clone().or_else(|| Some(home?.join(".aws/config"))).ok_or(NoHome)?;
        let credentials = environment.aws_credentials.clone();
        // Without a home there is no second file, and nothing is at its place.
        let aws_credentials =
            credentials.or_else(|| Some(home?.join(".aws/credentials"))).unwrap_or("/dev/null".into());
        Ok(Self { own, aws, aws_credentials })
    }
}

/// Reads the files. A missing one is normal; one that cannot be read is a [`Problem`].
pub fn load(paths: &Paths, environment: &Environment) -> Config {
    let mut unreadable = Vec::new();
    let mut read = |path: &Path| match read_text(path) {
        Ok(text) => text,
        Err(problem) => {
            unreadable.push(problem);
            Secret::new(String::new())
        }
    };
    let (own, aws, credentials) = (read(&paths.own), read(&paths.aws), read(&paths.aws_credentials));
    let mut config = parse(paths, own.expose(), aws.expose(), credentials.expose(), environment);
    config.losses.extend(unreadable.iter().cloned());
    config.problems.splice(..0, unreadable);
    config
}

/// What these texts of the files mean.
pub fn parse(paths: &Paths, own: &str, aws: &str, credentials: &str, environment: &Environment) -> Config {
    let (own, aws) = (OwnFile::parse(own), AwsFile::parse(aws, credentials));
    merge(
        Source { path: &paths.own, file: &own },
        Source { path: &paths.aws, file: &aws },
        &paths.aws_credentials,
        environment,
    )
}

/// Adds a session to the own configuration file, which is created where it is missing, and returns the session's name.
/// `config` is the configuration in force: its names are taken.
pub fn save_session(paths: &Paths, session: &NewSession, config: &Config) -> Result<String, SaveError> {
    let failed = |source| SaveError::File { path: paths.own.clone(), source };
    let bytes = read(&paths.own).map_err(|error| failed(io::Error::other(error)))?.unwrap_or_default();
    let text = str::from_utf8(bytes.expose()).map_err(|error| failed(io::Error::other(error)))?.to_owned();
    let is_taken = |name: &str| config.session(name).is_some() || config.profiles.contains_key(name);
    let added = add_session(&text, session, is_taken)?;
    Replacement::keeping_link_and_mode(&paths.own, added.text.as_bytes())
        .and_then(Replacement::put_in_place)
        .map_err(failed)?;
    Ok(added.name)
}

/// Why a session was not saved.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
    /// It cannot be added to this file.
    #[error(transparent)]
    Add(#[from] AddError),
    /// The file cannot be read or written.
    #[error("cannot change {}", path.display())]
    File {
        /// The own configuration file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Ten thousands of profiles fit.
pub(super) const LONGEST: u64 = 16 << 20;

pub(crate) fn read(path: &Path) -> Result<Option<Secret<Vec<u8>>>, NotRead> {
    RegularFile::open(path, Link::Followed)?.map(|file| file.read(LONGEST)).transpose()
}

/// Whether this is the null device, which people name where there is to be no configuration.
pub(crate) fn is_null(path: &Path) -> bool {
    let device = |path: &Path| {
        let metadata = std::fs::metadata(path).ok()?;
        metadata.file_type().is_char_device().then(|| metadata.rdev())
    };
    device(path).is_some_and(|found| device(Path::new("/dev/null")) == Some(found))
}

/// A file's text, in which people keep keys.
fn read_text(path: &Path) -> Result<Secret<String>, Problem> {
    let nothing = || Ok(Secret::new(String::new()));
    if is_null(path) {
        return nothing();
    }
    let problem = |line, message| Problem { severity: Severity::Error, file: path.to_owned(), line, message };
    let bytes = match read(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return nothing(),
        Err(error) => return Err(problem(None, format!("the whole file is left out, it cannot be read: {error}"))),
    };
    str::from_utf8(bytes.expose()).map(|text| Secret::new(text.to_owned())).map_err(|error| {
        let valid = &bytes.expose()[..error.valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        problem(Some(line), "the whole file is left out, this line is not UTF-8".to_owned())
    })
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
