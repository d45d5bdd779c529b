//! Makes directories that no other user can write to (a user who can write to a directory can replace every file in it), and
//! finds the runtime directory.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use crate::explained::with_remedy;
use crate::owner::{belongs, is_foreign, refuse_foreign_place};
use crate::remedy::explained;

/// Makes a directory with this mode, and those above it, if they are missing. Errors say what to do.
pub fn make(directory: &Path, mode: u32) -> io::Result<()> {
    refuse_foreign_place(directory)?;
    DirBuilder::new().recursive(true).mode(mode).create(directory).map_err(|error| explained(error, directory))
}

/// Makes the directory with mode 0700 if it is missing. One that exists has to belong to this user, and others must not be
/// able to write to it. It may be a link to a directory elsewhere; then that directory counts. Errors say what to do.
pub fn private(directory: &Path) -> io::Result<()> {
    if !directory.exists() {
        make(directory, 0o700)?;
    }
    let metadata = fs::metadata(directory).map_err(|error| explained(error, directory))?;
    let refuse = |message: String| Err(with_remedy(ErrorKind::PermissionDenied, message));
    if is_foreign(&metadata) {
        return refuse(format!("it {}; name another one with SSOCTL_STATE_DIR", belongs(&metadata)));
    }
    if metadata.mode() & 0o022 != 0 {
        return refuse(format!(
            "others may write to it (mode {:04o}); look at what is in it, then run: chmod 700 {}",
            metadata.mode() & 0o7777,
            directory.display()
        ));
    }
    Ok(())
}

/// Returns the value of `XDG_RUNTIME_DIR` if that directory exists. Cron and su leave the variable out; then it is the one that
/// the login manager makes, if that exists and belongs to this user.
pub fn runtime(variable: Option<OsString>) -> Option<OsString> {
    let named = variable.map(PathBuf::from).filter(|path| path.is_dir());
    let usual = || {
        let path = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
        let is_ours = fs::metadata(&path).is_ok_and(|found| found.is_dir() && !is_foreign(&found));
        (cfg!(target_os = "linux") && is_ours).then_some(path)
    };
    named.or_else(usual).map(PathBuf::into_os_string)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_directory_is_made_private_and_one_that_others_can_write_to_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("new/state");
        private(&directory).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!((mode(&directory), mode(directory.parent().unwrap())), (0o700, 0o700));
        for (mode, refused) in [(0o700, false), (0o755, false), (0o775, true), (0o777, true), (0o1777, true)] {
            fs::set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
            assert_eq!(private(&directory).is_err(), refused, "{mode:o}");
        }
        let refusal = private(&directory).unwrap_err().to_string();
        assert!(refusal.contains("mode 1777") && refusal.contains("chmod 700"), "{refusal}");
        let link = home.path().join("link");
        symlink(&directory, &link).unwrap();
        assert!(private(&link).is_err(), "where the link leads is what counts");
    }

    #[test]
    fn a_runtime_directory_that_is_there_counts_and_one_that_is_not_never_does() {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().as_os_str().to_owned();
        assert_eq!(runtime(Some(there.clone())), Some(there));
        let missing = home.path().join("missing").into_os_string();
        assert_ne!(runtime(Some(missing.clone())), Some(missing));
    }
}
