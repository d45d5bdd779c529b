//! The two configuration files on disk: where they are, reading them, and replacing the own one.
//!
//! The only part of the configuration that touches the file system, besides `watch.rs`. The calls block for the
//! length of a few small reads and one synced write.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use ssoctl_protocol::Secret;
use tempfile::NamedTempFile;

use super::add::{AddError, NewSession, add_session};
use super::aws::AwsFile;
use super::environment::Environment;
use super::merge::{Source, merge};
use super::own::OwnFile;
use super::{Config, Problem, Severity};
use crate::regular_file::{Link, NotRead, RegularFile, explained};

/// Ten thousands of profiles fit.
const LONGEST: u64 = 16 << 20;

/// As many as Linux follows before it gives up.
const MAX_SYMLINKS: usize = 40;

/// Where the two configuration files are, whether they exist or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The daemon's own `config.toml`.
    pub own: PathBuf,
    /// The AWS shared configuration.
    pub aws: PathBuf,
}

/// Neither a path nor a home directory is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no home directory: set HOME, or set SSOCTL_CONFIG and AWS_CONFIG_FILE")]
pub struct NoHome;

impl Paths {
    /// Both of them.
    pub fn all(&self) -> Vec<PathBuf> {
        vec![self.own.clone(), self.aws.clone()]
    }

    /// Where the files are: the own one at `own` (a command line's `--config`), else `SSOCTL_CONFIG`, else in the
    /// platform's configuration directory; the AWS one at `AWS_CONFIG_FILE`, else `~/.aws/config`.
    pub fn locate(own: Option<PathBuf>, environment: &Environment) -> Result<Self, NoHome> {
        let own = own
            .or_else(|| environment.own_config.clone())
            .or_else(|| Some(ProjectDirs::from("", "", "ssoctl")?.config_dir().join("config.toml")))
            .ok_or(NoHome)?;
        let aws = match &environment.aws_config {
            Some(path) => environment.expand_home(path),
            None => environment.home.as_ref().ok_or(NoHome)?.join(".aws/config"),
        };
        Ok(Self { own, aws })
    }
}

/// Reads both files. A missing one is normal; one that cannot be read is a [`Problem`].
pub fn load(paths: &Paths, environment: &Environment) -> Config {
    let mut unreadable = Vec::new();
    let mut read = |path: &Path| match read_text(path) {
        Ok(text) => text,
        Err(problem) => {
            unreadable.push(problem);
            String::new()
        }
    };
    let (own, aws) = (read(&paths.own), read(&paths.aws));
    let mut config = parse(paths, &own, &aws, environment);
    config.problems.splice(..0, unreadable);
    config
}

/// What these texts of the two files mean.
pub fn parse(paths: &Paths, own: &str, aws: &str, environment: &Environment) -> Config {
    let (own, aws) = (OwnFile::parse(own), AwsFile::parse(aws));
    merge(Source { path: &paths.own, file: &own }, Source { path: &paths.aws, file: &aws }, environment)
}

/// Adds a session to the own configuration file, which is created where it is missing, and returns the session's name.
/// `config` is the configuration in force: its names are taken.
pub fn save_session(paths: &Paths, session: &NewSession, config: &Config) -> Result<String, SaveError> {
    let failed = |source| SaveError::File { path: paths.own.clone(), source };
    let bytes = read(&paths.own).map_err(|error| failed(io::Error::other(error)))?.unwrap_or_default();
    let text = str::from_utf8(bytes.expose()).map_err(|error| failed(io::Error::other(error)))?.to_owned();
    let is_taken = |name: &str| config.session(name).is_some() || config.profiles.contains_key(name);
    let added = add_session(&text, session, is_taken)?;
    replace(&paths.own, &added.text).map_err(failed)?;
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

/// Replaces a file in one step: whoever reads it finds the old text or the new one, also after a power failure.
///
/// A symbolic link stays, and the file that it leads to is replaced. The mode stays too; a new file is 0600, and a
/// directory made for it 0700.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    Replacement::write(path, text)?.put_in_place()
}

/// A new text beside the file that it is going to replace. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Replacement {
    temporary: NamedTempFile,
    directory: PathBuf,
    target: PathBuf,
}

impl Replacement {
    /// Writes the text, synced and with the mode of the file that it is for. See [`replace`].
    pub(crate) fn write(path: &Path, text: &str) -> io::Result<Self> {
        let target = follow_symlinks(path)?;
        let directory = match target.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let mode = match fs::metadata(&target) {
            Ok(metadata) if metadata.uid() != rustix::process::geteuid().as_raw() => {
                // Its owner would lose it to the one who takes its place.
                return Err(io::Error::other(
                    "it belongs to another user; change it by hand or give it to yourself with chown",
                ));
            }
            Ok(metadata) => metadata.permissions().mode() & 0o7777,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0o600,
            Err(error) => return Err(error),
        };
        let temporary = tempfile::Builder::new().prefix(".ssoctl-").tempfile_in(&directory);
        let mut temporary = temporary.map_err(|error| explained(error, &directory))?;
        temporary.write_all(text.as_bytes())?;
        temporary.as_file().set_permissions(Permissions::from_mode(mode))?;
        temporary.as_file().sync_all()?;
        Ok(Self { temporary, directory, target })
    }

    /// The step.
    pub(crate) fn put_in_place(self) -> io::Result<()> {
        self.temporary.persist(&self.target)?;
        File::open(&self.directory)?.sync_all()
    }
}

/// Where a path leads, also where the last link leads to nothing yet.
fn follow_symlinks(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MAX_SYMLINKS {
        match next_symlink(&target) {
            Some(next) => target = next,
            None => return Ok(target),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// What a symbolic link names, as a path that does not depend on the link's directory; nothing for other files.
pub(super) fn next_symlink(path: &Path) -> Option<PathBuf> {
    let named = fs::read_link(path).ok()?;
    Some(match path.parent() {
        Some(parent) => parent.join(named),
        None => named,
    })
}

pub(crate) fn read(path: &Path) -> Result<Option<Secret<Vec<u8>>>, NotRead> {
    RegularFile::open(path, Link::Followed)?.map(|file| file.read(LONGEST)).transpose()
}

fn read_text(path: &Path) -> Result<String, Problem> {
    let problem = |line, message| Problem { severity: Severity::Error, file: path.to_owned(), line, message };
    let bytes = match read(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(String::new()),
        Err(error) => return Err(problem(None, format!("the whole file is left out, it cannot be read: {error}"))),
    };
    str::from_utf8(bytes.expose()).map(str::to_owned).map_err(|error| {
        let valid = &bytes.expose()[..error.valid_up_to()];
        let line = 1 + valid.iter().filter(|&&byte| byte == b'\n').count();
        problem(Some(line), "the whole file is left out, this line is not UTF-8".to_owned())
    })
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
