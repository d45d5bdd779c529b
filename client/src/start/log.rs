//! The file that a daemon started by the client writes its log to.
//!
//! `ssoctld.log` in the state directory of such a daemon, `~/.local/state/ssoctl`; on macOS in `~/Library/Logs/ssoctl`. As for
//! the daemon, no variable of this shell but `HOME` counts.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ssoctl_files::own_file;

/// The end of the log that is shown is no longer than this many bytes and lines.
const LAST_BYTES: u64 = 4096;
const LAST_LINES: usize = 5;

/// The directory of the log.
pub(super) fn directory(home: &Path) -> PathBuf {
    home.join(if cfg!(target_os = "macos") { "Library/Logs/ssoctl" } else { ".local/state/ssoctl" })
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
