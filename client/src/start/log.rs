//! The file that a daemon started by the client writes its log to.
//!
//! `ssoctld.log` in the state directory of ssoctl: `$SSOCTL_STATE_DIR`, else `$XDG_STATE_HOME/ssoctl`, else
//! `~/.local/state/ssoctl`; on macOS, without `SSOCTL_STATE_DIR`, in `~/Library/Logs/ssoctl`.

use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ssoctl_files::own_file;

/// The end of the log that is shown is no longer than this many bytes and lines.
const LAST_BYTES: u64 = 4096;
const LAST_LINES: usize = 5;

/// The directory of the log.
pub(super) fn directory(
    variable: impl Fn(&str) -> Option<OsString>,
    home: impl FnOnce() -> Option<PathBuf>,
) -> Option<PathBuf> {
    let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    if let Some(chosen) = variable("SSOCTL_STATE_DIR") {
        return std::path::absolute(chosen).ok();
    }
    if cfg!(target_os = "macos") {
        return Some(home()?.join("Library/Logs/ssoctl"));
    }
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(home()?.join(".local/state")))?;
    Some(state.join("ssoctl"))
}

/// The last lines that were written after the first `from` bytes, joined by ` / `; empty if there are none.
pub(super) fn end_of(path: &Path, from: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = own_file::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(from.max(length.saturating_sub(LAST_BYTES))))?;
        let mut bytes = Vec::new();
        file.take(LAST_BYTES).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join(" / ")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn directory_with(variables: &[(&str, &str)], home: Option<&str>) -> Option<PathBuf> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        directory(find, || home.map(PathBuf::from))
    }

    #[test]
    fn the_log_is_in_the_state_directory() {
        let chosen = directory_with(&[("SSOCTL_STATE_DIR", "/s"), ("XDG_STATE_HOME", "/x")], None);
        assert_eq!(chosen, Some(PathBuf::from("/s")));
        if !cfg!(target_os = "macos") {
            assert_eq!(directory_with(&[("XDG_STATE_HOME", "/x")], None), Some(PathBuf::from("/x/ssoctl")));
            let relative = directory_with(&[("XDG_STATE_HOME", "x")], Some("/home/ada"));
            assert_eq!(relative, Some(PathBuf::from("/home/ada/.local/state/ssoctl")));
            assert_eq!(directory_with(&[], None), None);
        }
    }

    #[test]
    fn only_the_newest_lines_are_quoted() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("ssoctld.log");
        fs::write(&path, "old\n1\n2\n\n3\n4\n5\n6\n").unwrap();
        assert_eq!(end_of(&path, 4), "2 / 3 / 4 / 5 / 6");
        assert_eq!(end_of(&path, 15), "6");
        assert_eq!(end_of(&root.path().join("none"), 0), "");
    }
}
