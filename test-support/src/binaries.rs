//! The two binaries, built once and never stale.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;

/// The paths of the binaries.
pub struct Binaries {
    pub ssoctl: PathBuf,
    pub ssoctld: PathBuf,
}

/// The binaries of the profile that this executable was built with.
///
/// Cargo builds a package's own binary for its tests, and nothing of other packages: without a build here
/// `cargo test -p ssoctl` would meet whatever `ssoctld` was built last, or none. After `cargo test --workspace` nothing is left to do.
///
/// # Panics
/// If they cannot be built; cargo prints the reason on standard error.
pub fn binaries() -> &'static Binaries {
    static BINARIES: OnceLock<Binaries> = OnceLock::new();
    BINARIES.get_or_init(|| {
        // A test lies in `deps/` beside the binaries, an example in `examples/`.
        let program = std::env::current_exe().expect("a program knows where it lies");
        let directory = program.ancestors().nth(2).expect("it is below the directory of the profile");
        build(directory);
        Binaries { ssoctl: directory.join("ssoctl"), ssoctld: directory.join("ssoctld") }
    })
}

fn build(directory: &Path) {
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(env!("CARGO"));
    // With a test, because only then do dependencies have the features that they have in `cargo test --workspace`.
    cargo.args(["build", "--quiet", "--profile", profile, "--workspace", "--bins", "--test", "thinness"]);
    // What cargo tells a test about its package. Build scripts that look at it would run again, and all that depends on them.
    for (name, _) in std::env::vars_os() {
        let of_package = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
        if name.to_str().is_some_and(|name| of_package.iter().any(|start| name.starts_with(start))) {
            cargo.env_remove(name);
        }
    }
    cargo.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    if let Some(target) = directory.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.stdin(Stdio::null()).status();
    assert!(status.as_ref().is_ok_and(ExitStatus::success), "ssoctl and ssoctld could not be built: {status:?}");
}
