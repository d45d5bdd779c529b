//! Modes of files that a test has made.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Gives a file or directory this mode.
#[track_caller]
pub fn set_mode(path: impl AsRef<Path>, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).expect("a file of this process");
}
