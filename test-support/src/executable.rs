//! Programs that a test makes and runs at once.
//!
//! A separate process writes them. While this process writes a file, another test may be starting a program. Until that program
//! runs, it has the file open, too, and executing the file in that moment fails because it is busy (ETXTBSY).

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A script.
pub fn script(path: &Path, text: &str) {
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 700 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    writer.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a shell that reads");
    assert!(writer.wait().expect("a shell that ends").success(), "{} cannot be written", path.display());
}

/// A copy of a program.
#[allow(dead_code, reason = "not every test that shares this file copies one")]
pub fn copy(from: &str, to: &Path) {
    let status = Command::new("cp").arg(from).arg(to).status().expect("cp");
    assert!(status.success(), "{} cannot be written", to.display());
}
