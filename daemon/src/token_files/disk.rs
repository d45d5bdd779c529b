//! The directory of token files on disk: reading, replacing and removing files, on threads, since file systems may block.
//!
//! Other programs write these files, too, some of them in place. So a file is replaced or removed only if its content is the one
//! that was read, and what is not a regular file of this person is left alone and reported. An error says why and what to do, and
//! never the file's content.

use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use ssoctl_files::remedy::explained;
use ssoctl_protocol::Secret;
use tokio::sync::Mutex;

use super::file::Content;
use crate::file_work::FileWork;
use crate::owner::{belongs, is_foreign};
use crate::regular_file::{Link, NotRead, RegularFile};
use crate::replacement::Replacement;
use crate::token::Token;

/// The longest file that is read, in bytes. No token file is longer.
const LONGEST: u64 = 256 << 10;

/// A directory with more files than this holds no token files.
const MOST_FILES: usize = 1000;

/// Tells one content of a file from another; `None` if there is no file.
pub(super) type Fingerprint = Option<[u8; 32]>;

pub(super) struct Reading {
    pub(super) bytes: Option<Secret<Vec<u8>>>,
    pub(super) fingerprint: Fingerprint,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Change {
    Done,
    /// The file has changed since it was read, and was left alone.
    Overtaken,
}

/// Work on the files of one session: one piece after the other. A piece that has begun is finished, even if its caller has gone,
/// and the next one waits for it.
#[derive(Clone, Default)]
pub(super) struct Work {
    session: Arc<Mutex<()>>,
    files: FileWork,
}

impl Work {
    /// For one more session with files in this directory.
    pub(super) fn new(files: &FileWork) -> Self {
        Self { session: Arc::default(), files: files.clone() }
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let turn = Arc::clone(&self.session).lock_owned().await;
        let work = move || {
            let result = work();
            drop(turn);
            result
        };
        let failed = || Err("the work on a token file ended unexpectedly".to_owned());
        self.files.run(work).await.unwrap_or_else(failed)
    }
}

pub(super) fn read(path: &Path) -> Result<Reading, String> {
    let refused = |error: NotRead| failed("read", path, &error);
    let Some(file) = RegularFile::open(path, Link::Refused).map_err(refused)? else {
        return Ok(Reading { bytes: None, fingerprint: None });
    };
    if is_foreign(&file.metadata) {
        let belongs = belongs(&file.metadata);
        return Err(format!("{} {belongs}; remove it or give it to yourself with chown", path.display()));
    }
    let bytes = file.read(LONGEST).map_err(refused)?;
    let fingerprint = Some(Sha256::digest(bytes.expose()).into());
    Ok(Reading { bytes: Some(bytes), fingerprint })
}

/// The token files in a directory, sorted.
pub(super) fn list(place: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: io::Error| failed("read", place, &error);
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let paths = entries.take(MOST_FILES).map(|entry| Ok(entry.map_err(failed)?.path()));
    let mut paths = paths.collect::<Result<Vec<PathBuf>, String>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    Ok(paths)
}

/// Replaces a file with a private one, if it still has the expected content. Missing directories are made for the person alone.
pub(super) fn replace(path: &Path, expected: Fingerprint, text: &Secret<Vec<u8>>) -> Result<Change, String> {
    let failed = |error: io::Error| failed("write", path, &error);
    let replacement = Replacement::private(path, text.expose()).map_err(failed)?;
    if read(path)?.fingerprint != expected {
        return Ok(Change::Overtaken);
    }
    replacement.put_in_place().map_err(failed)?;
    Ok(Change::Done)
}

/// Moves a malformed file to a name that no reader looks for, if it still has the expected content. Its copy there is private,
/// whatever mode it had.
pub(super) fn set_aside(path: &Path, expected: Fingerprint) -> Result<(Change, PathBuf), String> {
    let aside = path.with_extension("damaged");
    let Reading { bytes: Some(bytes), fingerprint } = read(path)? else { return Ok((Change::Overtaken, aside)) };
    if fingerprint != expected {
        return Ok((Change::Overtaken, aside));
    }
    let failed = |error: io::Error| failed("write", &aside, &error);
    Replacement::private(&aside, bytes.expose()).map_err(failed)?.put_in_place().map_err(failed)?;
    Ok((remove(path, expected)?, aside))
}

/// Removes a file, if it still has the expected content.
pub(super) fn remove(path: &Path, expected: Fingerprint) -> Result<Change, String> {
    if read(path)?.fingerprint != expected {
        return Ok(Change::Overtaken);
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(failed("remove", path, &explained(error, path.parent().unwrap_or(path))))
        }
        _ => Ok(Change::Done),
    }
}

/// Removes the files that ssoctl has published, for whichever session, but for those of tokens that are `live`. Returns what
/// could not be removed.
pub(super) fn remove_published(place: &Path, live: &[Token]) -> Vec<String> {
    let remove = |path: &PathBuf| {
        loop {
            // Without a reading, there is no mark of ours.
            let Ok(Reading { bytes, fingerprint }) = read(path) else { return Ok(()) };
            let content = Content::parse_secret(bytes.as_ref());
            if !content.is_published() || live.iter().any(|token| content.holds(&token.access.value)) {
                return Ok(());
            }
            if remove(path, fingerprint)? == Change::Done {
                tracing::info!(file = %path.display(), "a token file was removed");
                return Ok(());
            }
        }
    };
    match list(place) {
        Ok(paths) => paths.iter().filter_map(|path| remove(path).err()).collect(),
        Err(error) => vec![error],
    }
}

fn failed(verb: &str, path: &Path, error: &dyn Display) -> String {
    format!("failed to {verb} {}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use test_support::{mode_of, set_mode};

    fn text(text: &str) -> Secret<Vec<u8>> {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn written_files_and_their_directories_are_for_this_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".aws/sso/cache/a.json");
        let absent = read(&path).unwrap();
        assert_eq!(replace(&path, absent.fingerprint, &text("one")), Ok(Change::Done));
        assert_eq!(read(&path).unwrap().bytes, Some(text("one")));
        assert_eq!(
            (mode_of(&path), mode_of(path.parent().unwrap()), mode_of(home.path().join(".aws"))),
            (0o600, 0o700, 0o700)
        );
        let names: Vec<_> =
            fs::read_dir(path.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.json"], "nothing temporary is left behind");
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_neither_replaced_nor_removed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.json");
        fs::write(&path, "one").unwrap();
        let seen = read(&path).unwrap().fingerprint;
        fs::write(&path, "two").unwrap();
        for change in [replace(&path, seen, &text("ours")), replace(&path, None, &text("ours")), remove(&path, seen)] {
            assert_eq!(change, Ok(Change::Overtaken));
        }
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let seen = read(&path).unwrap().fingerprint;
        fs::remove_file(&path).unwrap();
        assert_eq!(replace(&path, seen, &text("ours")), Ok(Change::Overtaken));
        assert_eq!(remove(&path, None), Ok(Change::Done), "that there is none is no error");
    }

    #[test]
    fn only_regular_files_are_read_and_no_other_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.json");
        let complaint = || read(&path).map(|reading| reading.fingerprint).unwrap_err();

        fs::write(home.path().join("other"), "one").unwrap();
        symlink(home.path().join("other"), &path).unwrap();
        assert!(complaint().contains("is not a regular file; move it away"));
        fs::remove_file(&path).unwrap();

        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(complaint().contains("is not a regular file"));
        assert!(replace(&path, None, &text("ours")).is_err());
        fs::remove_file(&path).unwrap();

        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(complaint().contains("is not a regular file"));
        fs::remove_file(&path).unwrap();

        fs::create_dir(&path).unwrap();
        assert!(complaint().contains("is not a regular file"));
        fs::remove_dir(&path).unwrap();

        fs::write(&path, vec![b' '; usize::try_from(LONGEST).unwrap() + 1]).unwrap();
        assert!(complaint().contains("is longer than 262144 bytes"));
    }

    #[test]
    fn a_file_set_aside_is_for_this_user_alone_and_a_changed_file_stays() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a.json");
        fs::write(&path, "torn").unwrap();
        set_mode(&path, 0o644);
        let seen = read(&path).unwrap().fingerprint;
        fs::write(&path, "torn again").unwrap();
        assert_eq!(set_aside(&path, seen).unwrap().0, Change::Overtaken);
        assert_eq!(fs::read(&path).unwrap(), b"torn again");
        let seen = read(&path).unwrap().fingerprint;
        let (change, aside) = set_aside(&path, seen).unwrap();
        assert_eq!((change, path.exists(), mode_of(&aside)), (Change::Done, false, 0o600));
        assert_eq!((fs::read(&aside).unwrap(), aside), (b"torn again".to_vec(), home.path().join("a.damaged")));
        assert_eq!(set_aside(&path, seen).unwrap().0, Change::Overtaken, "it is gone");
    }

    #[test]
    fn something_else_in_place_of_a_directory_is_told() {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".aws"), "").unwrap();
        let path = home.path().join(".aws/sso/cache/a.json");
        assert!(read(&path).is_err());
        assert!(replace(&path, None, &text("ours")).unwrap_err().starts_with("failed to write"));
    }
}
