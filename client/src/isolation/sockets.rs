//! The Unix sockets of this machine that have a file.

use std::fs;
use std::path::{Path, PathBuf};

/// The paths of all sockets that were bound by an absolute path in this network namespace. Their files may be gone, or be in another
/// mount namespace.
pub(super) fn listening() -> impl Iterator<Item = PathBuf> {
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    paths(&String::from_utf8_lossy(&table)).into_iter()
}

/// The eighth column of `/proc/net/unix` (proc(5)). An abstract name begins with `@`.
fn paths(table: &str) -> Vec<PathBuf> {
    let path = |line: &str| {
        let rest = (0..7).try_fold(line.trim_start(), |rest, _| Some(rest.split_once(' ')?.1.trim_start()));
        rest.filter(|path| path.starts_with('/')).map(|path| Path::new(path).to_owned())
    };
    table.lines().skip(1).filter_map(path).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn sockets_with_files_are_found_and_abstract_ones_and_nameless_ones_are_not() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 17303 /run/a b/s.sock\n\
                     0000000000000000: 00000003 00000000 00000000 0001 03 17304\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 17305 @/tmp/.X11-unix/X0\n\
                     ffff8880: 00000002 00000000 00010000 0001 01     7 relative.sock\n";
        assert_eq!(paths(table), [PathBuf::from("/run/a b/s.sock")]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_real_socket_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.sock");
        let _listener = UnixListener::bind(&path).unwrap();
        assert!(listening().any(|found| found == path));
    }
}
