//! Modes of files that a test has made.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The mode of a file or directory.
#[track_caller]
pub fn mode_of(path: impl AsRef<Path>) -> u32 {
    metadata(path).expect("a file of this process").permissions().mode() & 0o7777
}

/// Gives a file or directory this mode.
#[track_caller]
pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).expect("a file of this process");
}
