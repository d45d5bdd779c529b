//! The directory for files that live as long as a login.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use crate::owner::is_foreign;

/// Returns the value of `XDG_RUNTIME_DIR` if that directory exists. Cron and su leave the variable out; then it is the one that
/// the login manager makes, if that exists and belongs to this user.
pub fn directory(variable: Option<OsString>) -> Option<OsString> {
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
