//! The two binaries, built once and never stale.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Where the binaries are.
pub(crate) struct Binaries {
    pub ssoctl: PathBuf,
    pub ssoctld: PathBuf,
}

/// The binaries of the profile that this executable was built with.
///
/// Cargo builds a package's own binary for its tests, and nothing of other packages: without a build here
/// `cargo test -p ssoctl` would meet whatever `ssoctld` was built last, or none.
///
/// # Panics
/// When they cannot be built; cargo has said why on standard error.
pub(crate) fn binaries() -> &'static Binaries {
    static BINARIES: OnceLock<Binaries> = OnceLock::new();
    BINARIES.get_or_init(|| {
        let directory = directory();
        // In a test cargo has built `ssoctl` already.
        let packages: &[&str] =
            if option_env!("CARGO_BIN_EXE_ssoctl").is_some() { &["ssoctld"] } else { &["ssoctl", "ssoctld"] };
        build(&directory, packages);
        Binaries { ssoctl: directory.join("ssoctl"), ssoctld: directory.join("ssoctld") }
    })
}

fn directory() -> PathBuf {
    let binary = option_env!("CARGO_BIN_EXE_ssoctl").map(PathBuf::from);
    // An example lies in `examples/` beside the binaries.
    let beside = || Some(std::env::current_exe().ok()?.parent()?.with_file_name("ssoctl"));
    let binary = binary.or_else(beside).expect("a program knows where it lies");
    binary.parent().expect("a file is in a directory").to_owned()
}

fn build(directory: &Path, packages: &[&str]) {
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--bins", "--profile", profile]);
    cargo.args(packages.iter().flat_map(|package| ["--package", package]));
    cargo.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"));
    if let Some(target) = directory.parent() {
        cargo.arg("--target-dir").arg(target);
    }
    let status = cargo.stdin(Stdio::null()).status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "{} could not be built: {status:?}",
        packages.join(" and ")
    );
}
