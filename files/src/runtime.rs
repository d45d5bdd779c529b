//! The directory for what lives as long as a login.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::owner::is_foreign;

/// `XDG_RUNTIME_DIR` if it is there; else, as cron and su leave it out, where the login manager makes it, if that is there
/// and the user's own.
pub fn directory(variable: Option<OsString>) -> Option<OsString> {
    let named = variable.filter(|value| !value.is_empty()).map(PathBuf::from);
    let usual = PathBuf::from(format!("/run/user/{}", rustix::process::geteuid().as_raw()));
    named
        .filter(|path| path.is_dir())
        .or_else(|| (cfg!(target_os = "linux") && is_ours(&usual)).then_some(usual))
        .map(PathBuf::into_os_string)
}

fn is_ours(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_dir() && !is_foreign(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_there_counts_and_one_that_is_not_never_does() {
        let home = tempfile::tempdir().unwrap();
        let there = home.path().as_os_str().to_owned();
        assert_eq!(directory(Some(there.clone())), Some(there));
        let missing = home.path().join("missing").into_os_string();
        assert_ne!(directory(Some(missing.clone())), Some(missing));
    }
}
