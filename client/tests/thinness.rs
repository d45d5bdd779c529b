//! The client stays thin: what it links is known, and what would make it slow or powerful is not among it.

use std::env;
use std::process::Command;

/// The names of all packages that are linked into the client, on the system this runs on.
fn linked() -> Vec<String> {
    let output = Command::new(env::var_os("CARGO").expect("cargo runs the tests"))
        .args(["tree", "--offline", "--package", "ssoctl", "--edges", "normal,no-proc-macro"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn of_our_crates_only_those_that_both_sides_share_are_linked() {
    let linked = linked();
    let ours = [
        "ssoctl",
        "ssoctl-aws-files",
        "ssoctl-files",
        "ssoctl-process",
        "ssoctl-protocol",
        "ssoctld",
        "identity-center-simulator",
    ];
    let mut found: Vec<&str> = linked.iter().map(String::as_str).filter(|name| ours.contains(name)).collect();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, ["ssoctl", "ssoctl-aws-files", "ssoctl-files", "ssoctl-process", "ssoctl-protocol"]);
}

#[test]
fn no_runtime_tls_keyring_or_bus_is_linked() {
    let linked = linked();
    let heavy = [
        "tokio",
        "mio",
        "async-io",
        "futures",
        "hyper",
        "reqwest",
        "ureq",
        "curl",
        "rustls",
        "ring",
        "native-tls",
        "openssl",
        "keyring",
        "zbus",
        "dbus",
        "notify",
        "tracing",
        "regex",
    ];
    for name in &linked {
        // `hyper-util`, `openssl-sys` and `keyring-core` are as heavy as what they belong to.
        let family =
            |heavy: &&&str| name.strip_prefix(**heavy).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        assert_eq!(heavy.iter().find(family), None, "{name} is linked into the client");
    }
    assert!(linked.contains(&"serde_json".to_owned()), "the list is not that of the client: {linked:?}");
}
