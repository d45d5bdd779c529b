//! The configuration files on disk: their paths, and reading them. Each call may block as long as the file system does.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ssoctl_protocol::{Secret, settings};

use super::environment::Environment;
use crate::regular_file::{Link, NotRead, RegularFile};

/// The paths of the default files. The files may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The daemon's own `config.toml`.
    pub own: PathBuf,
    pub aws: PathBuf,
    pub aws_credentials: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home directory: set HOME, or set SSOCTL_CONFIG and AWS_CONFIG_FILE")]
pub struct NoHome;

/// What tells whether one of the default files has changed. `None` for a file that is not there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stamps([Option<Stamp>; 3]);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    changed_at: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok()?;
        let changed_at = (found.mtime(), found.mtime_nsec());
        Some(Self { device: found.dev(), inode: found.ino(), size: found.len(), changed_at })
    }
}

impl Paths {
    pub fn stamps(&self) -> Stamps {
        Stamps([&self.own, &self.aws, &self.aws_credentials].map(|path| Stamp::of(path)))
    }

    pub fn all(&self) -> Vec<PathBuf> {
        vec![self.own.clone(), self.aws.clone(), self.aws_credentials.clone()]
    }

    /// config.toml is at `own` (`--config` of a command line), else at `SSOCTL_CONFIG`, else in the platform's directory for
    /// configuration. The AWS files are at `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE`, else in `~/.aws`.
    pub fn locate(own: Option<PathBuf>, environment: &Environment) -> Result<Self, NoHome> {
        let own = own
            .or_else(|| environment.own_config.clone())
            .or_else(|| settings::config_toml(crate::variable, std::env::home_dir()))
            .ok_or(NoHome)?;
        let in_home = |name: &str| environment.home.as_ref().map(|home| home.join(name));
        let aws = environment.aws_config.clone().or_else(|| in_home(".aws/config")).ok_or(NoHome)?;
        let credentials = environment.aws_credentials.clone().or_else(|| in_home(".aws/credentials"));
        // Without a home directory there is no default credentials file.
        Ok(Self { own, aws, aws_credentials: credentials.unwrap_or_else(|| NULL_DEVICE.into()) })
    }
}

/// The AWS files that a caller has named; without one, the default files.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct FilePair {
    /// The configuration file; `None` for the default one.
    pub config: Option<PathBuf>,
    /// The credentials file. With a configuration file, `None` is no credentials file.
    pub credentials: Option<PathBuf>,
}

impl FilePair {
    pub const fn of_config(config: PathBuf) -> Self {
        Self { config: Some(config), credentials: None }
    }
}

impl fmt::Display for FilePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.config, &self.credentials) {
            (Some(config), _) => write!(f, "{}, which AWS_CONFIG_FILE names", config.display()),
            (None, Some(credentials)) => {
                write!(f, "{}, which AWS_SHARED_CREDENTIALS_FILE names", credentials.display())
            }
            (None, None) => f.write_str("no file"),
        }
    }
}

/// The reason why a file cannot be read. The text fits after the file's path.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("it cannot be read: {0}")]
    Unreadable(NotRead),
    /// The first such line, counted from 1.
    #[error("line {0} is not UTF-8; repair that first")]
    NotUtf8(usize),
}

/// The reason why a named file is not used. The text fits after its path.
#[derive(Debug, thiserror::Error)]
pub enum NotUsable {
    #[error("there is no such file")]
    Missing,
    /// Its owner would decide whom this person signs in as.
    #[error("it belongs to the user with uid {0}; name a file of your own")]
    Foreign(u32),
    /// Everybody who can write to it would decide that, too.
    #[error("others can write to it (mode {0:04o}); run: chmod go-w on it")]
    Writable(u32),
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The credentials file that is named with the configuration file is not used, for this reason.
    #[error("{}, which AWS_SHARED_CREDENTIALS_FILE names with it", path.display())]
    Credentials { path: PathBuf, source: Box<Self> },
}

/// Ten thousands of profiles fit.
const LONGEST: u64 = 16 << 20;

const NULL_DEVICE: &str = "/dev/null";

/// Whether this is the null device. People name it to have no configuration.
pub(crate) fn is_null_device(path: &Path) -> bool {
    let device = |path: &Path| {
        let metadata = fs::metadata(path).ok()?;
        metadata.file_type().is_char_device().then(|| metadata.rdev())
    };
    device(path).is_some_and(|found| device(Path::new(NULL_DEVICE)) == Some(found))
}

/// Reads a file's text, or `None` if there is no file.
pub(crate) fn read_text(path: &Path) -> Result<Option<Secret<String>>, ReadError> {
    if is_null_device(path) {
        return Ok(None);
    }
    let file = RegularFile::open(path, Link::Followed).map_err(ReadError::Unreadable)?;
    file.map(text).transpose()
}

/// Reads the text of a file that a caller has named, or `None` if the caller has named the null device. The file must be the
/// user's own, and others must not be able to write to it.
pub(super) fn read_named_text(path: &Path) -> Result<Option<Secret<String>>, NotUsable> {
    if is_null_device(path) {
        return Ok(None);
    }
    let opened = match RegularFile::open(path, Link::Followed) {
        // A component of the path is a file.
        Err(NotRead::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => None,
        opened => opened.map_err(ReadError::Unreadable)?,
    };
    let file = opened.ok_or(NotUsable::Missing)?;
    let (owner, mode) = (file.metadata.uid(), file.metadata.mode() & 0o7777);
    if owner != rustix::process::geteuid().as_raw() {
        return Err(NotUsable::Foreign(owner));
    }
    if mode & 0o022 != 0 {
        return Err(NotUsable::Writable(mode));
    }
    Ok(Some(text(file)?))
}

/// The text is a secret because people keep keys in these files.
fn text(file: RegularFile) -> Result<Secret<String>, ReadError> {
    let bytes = file.read(LONGEST).map_err(ReadError::Unreadable)?;
    let text = str::from_utf8(bytes.expose()).map_err(|error| {
        let valid = &bytes.expose()[..error.valid_up_to()];
        ReadError::NotUtf8(1 + valid.iter().filter(|&&byte| byte == b'\n').count())
    })?;
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
