//! The owner of a file or directory.

use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Whether it belongs to another user.
pub fn is_foreign(metadata: &Metadata) -> bool {
    metadata.uid() != rustix::process::geteuid().as_raw()
}

/// What the operating system says of a file or directory; that it belongs to somebody else, and what to do, where that is why
/// nothing is permitted.
pub fn explained(error: io::Error, path: &Path) -> io::Error {
    // What is closed hides everything below it.
    let seen = path.ancestors().find_map(|place| Some((place, place.symlink_metadata().ok()?)));
    match seen {
        Some((place, metadata)) if error.kind() == ErrorKind::PermissionDenied && is_foreign(&metadata) => {
            let place = place.display();
            io::Error::new(error.kind(), format!("{place} belongs to another user; give it to yourself with chown"))
        }
        _ => error,
    }
}
