//! Advice for errors of the operating system, for client and daemon.

use std::io::{self, ErrorKind};
use std::path::Path;

use ssoctl_protocol::socket::{LONGEST_PATH, SOCKET_VARIABLE};

use crate::explained::{has_remedy, with_remedy};
use crate::owner::foreign_place;

/// Adds the remedy to an error of the operating system about a path, if it is known.
pub fn explained(error: io::Error, path: &Path) -> io::Error {
    // The standard library has no error kind for it.
    if error.kind() == ErrorKind::InvalidInput && error.to_string().contains("SUN_LEN") {
        return with_remedy(ErrorKind::InvalidFilename, too_long(path));
    }
    if has_remedy(&error) {
        return error;
    }
    let remedy = match error.kind() {
        ErrorKind::PermissionDenied => match foreign_place(path) {
            Some(refusal) => return refusal,
            None => {
                format!("check the owner and the mode of it and of the directories above it: ls -ld {}", path.display())
            }
        },
        ErrorKind::ReadOnlyFilesystem => {
            "have its file system mounted read-write, or name a place on another one; if a directory of a service was removed while \
             it ran, run: ssoctl service restart"
                .to_owned()
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on its file system".to_owned(),
        _ => return error,
    };
    with_remedy(error.kind(), format!("{error}; {remedy}"))
}

/// Says that this path is too long for a socket, and what to do. The text fits after "failed to …: ".
pub fn too_long(path: &Path) -> String {
    let length = path.as_os_str().len();
    format!(
        "the path has {length} bytes, but that of a socket has at most {LONGEST_PATH}; name a shorter one with {SOCKET_VARIABLE}, \
         for ssoctl and ssoctld"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;
    use std::os::unix::net::{UnixListener, UnixStream};

    fn told(errno: Errno) -> String {
        explained(errno.into(), Path::new("/")).to_string()
    }

    #[test]
    fn errors_of_the_operating_system_have_a_remedy() {
        for (errno, words, remedy) in [
            (Errno::ACCESS, "Permission denied", "ls -ld /"),
            (Errno::ROFS, "Read-only file system", "mounted read-write"),
            (Errno::NOSPC, "No space left on device", "make room"),
            (Errno::DQUOT, "quota exceeded", "make room"),
        ] {
            let text = told(errno);
            assert!(text.contains(words) && text.contains("; ") && text.contains(remedy), "{text}");
        }
        assert!(!told(Errno::NOTDIR).contains(';'), "nothing is advised where nothing is known");
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_reported_with_its_length() {
        let path = Path::new("/").join("x".repeat(200));
        let refused = [UnixStream::connect(&path).map(drop), UnixListener::bind(&path).map(drop)];
        for error in refused.map(|refused| refused.expect_err("it is too long")) {
            let text = explained(error, &path).to_string();
            assert!(
                text.contains("201 bytes") && text.contains(SOCKET_VARIABLE) && !text.contains("SUN_LEN"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_remedy_that_is_added_twice_appears_once() {
        let once = explained(Errno::ROFS.into(), Path::new("/"));
        let text = once.to_string();
        assert_eq!(explained(once, Path::new("/")).to_string(), text);
    }
}
