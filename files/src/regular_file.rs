//! Reads files that others may have replaced: without waiting for a FIFO, reading a device, or reading without end.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use ssoctl_protocol::Secret;

use crate::remedy::explained;

/// The treatment of a symbolic link in the place of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Link {
    /// It leads to the file: people keep their configuration elsewhere.
    Followed,
    Refused,
}

/// The reason why a file was not read. The text is a fragment without the path, and says what to do if that is known.
#[derive(Debug)]
pub enum NotRead {
    /// A FIFO, a directory, a device, a socket, or a link that is refused.
    NotRegular,
    /// The file has more bytes than this.
    TooLong(u64),
    Io(io::Error),
}

impl fmt::Display for NotRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular => f.write_str("it is not a regular file; move it away"),
            Self::TooLong(longest) => write!(f, "it is longer than {longest} bytes; move it away"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotRead {}

impl From<io::Error> for NotRead {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A regular file that is open for reading.
#[derive(Debug)]
pub struct RegularFile {
    file: File,
    /// Of exactly the file that is open.
    pub metadata: Metadata,
}

impl RegularFile {
    /// Opens the file; `None` if there is none.
    pub fn open(path: &Path, link: Link) -> Result<Option<Self>, NotRead> {
        let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        flags.set(OFlags::NOFOLLOW, link == Link::Refused);
        let file = match File::options().read(true).custom_flags(flags.bits().cast_signed()).open(path) {
            Ok(file) => file,
            Err(error) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::NOENT) => Ok(None),
                    // The errors of open(2) for a socket, and for a link that is refused.
                    Some(Errno::NXIO) => Err(NotRead::NotRegular),
                    Some(Errno::LOOP) if link == Link::Refused => Err(NotRead::NotRegular),
                    _ => Err(explained(error, path).into()),
                };
            }
        };
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok(Some(Self { file, metadata })) } else { Err(NotRead::NotRegular) }
    }

    /// Reads the file to its end. Fails if it has more bytes than `longest`.
    pub fn read(self, longest: u64) -> Result<Secret<Vec<u8>>, NotRead> {
        // One allocation, so that no part of a secret is left behind in a smaller one.
        let capacity = usize::try_from(self.metadata.len().min(longest)).unwrap_or_default() + 1;
        let mut bytes = Vec::with_capacity(capacity);
        let result = self.file.take(longest + 1).read_to_end(&mut bytes);
        let bytes = Secret::new(bytes);
        result?;
        if bytes.expose().len() as u64 > longest { Err(NotRead::TooLong(longest)) } else { Ok(bytes) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn read(path: &Path, link: Link) -> Result<Option<Vec<u8>>, String> {
        let read = || RegularFile::open(path, link)?.map(|file| file.read(5)).transpose();
        read().map(|bytes| bytes.map(|bytes| bytes.expose().clone())).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_regular_file_of_a_sensible_length_is_read_and_nothing_is_waited_for() {
        let home = tempfile::tempdir().unwrap();
        let path = |name: &str| home.path().join(name);
        fs::write(path("file"), "bytes").unwrap();
        fs::write(path("long"), "bytes!").unwrap();
        fs::create_dir(path("directory")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("fifo")).status().unwrap().success());
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink(path("file"), path("link")).unwrap();
        symlink(path("fifo"), path("link to a fifo")).unwrap();
        symlink(path("nothing"), path("dangling")).unwrap();

        let bytes = Ok(Some(b"bytes".to_vec()));
        let refused = || Err("it is not a regular file; move it away".to_owned());
        for (name, followed, not_followed) in [
            ("file", bytes.clone(), bytes.clone()),
            ("nothing", Ok(None), Ok(None)),
            (
                "long",
                Err("it is longer than 5 bytes; move it away".to_owned()),
                Err("it is longer than 5 bytes; move it away".to_owned()),
            ),
            ("directory", refused(), refused()),
            ("fifo", refused(), refused()),
            ("socket", refused(), refused()),
            ("link", bytes.clone(), refused()),
            ("link to a fifo", refused(), refused()),
            ("dangling", Ok(None), refused()),
        ] {
            assert_eq!(read(&path(name), Link::Followed), followed, "{name}");
            assert_eq!(read(&path(name), Link::Refused), not_followed, "{name}");
        }
    }
}
