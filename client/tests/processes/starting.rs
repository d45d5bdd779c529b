//! The daemon that `ssoctl` starts by itself.

use std::collections::BTreeSet;

use test_support::stage::CORP;
use test_support::{Running, Stage, daemon};

fn stage_without_a_daemon() -> Stage {
    Stage::without_daemon(test_support::service::preauthorised(), CORP)
}

#[test]
fn the_first_call_starts_a_daemon_that_later_calls_find() {
    let stage = stage_without_a_daemon();
    let report = stage.run(["status", "--json"]).exits(0).json();
    assert_eq!(report["sessions"][0]["name"], "corp");
    stage.sign_in("corp");
    stage.run(["--no-start", "token"]).exits(0);
    let later = stage.run(["status", "--json"]).exits(0).json();
    assert_eq!(later["daemon"]["pid"], report["daemon"]["pid"]);
}

#[test]
#[cfg(target_os = "linux")]
fn the_daemon_does_not_depend_on_the_shell_that_started_it() {
    use std::fs;
    use std::path::Path;

    let stage = stage_without_a_daemon();
    let mut first = stage.ssoctl(["status", "--json"]);
    first.env("AWS_PROFILE", "x").env("AWS_SECRET_ACCESS_KEY", "x").env("SSOCTL_SESSION", "x").env("LANG", "C");
    let pid = stage.finish(first).exits(0).json()["daemon"]["pid"].to_string();
    let of_daemon = |file: &str| Path::new("/proc").join(&pid).join(file);
    assert_eq!(fs::read_link(of_daemon("exe")).unwrap().file_name(), Some("ssoctld".as_ref()));
    assert_eq!(fs::read_link(of_daemon("cwd")).unwrap(), Path::new("/"));
    assert_eq!(fs::read_link(of_daemon("fd/0")).unwrap(), Path::new("/dev/null"));
    assert_eq!(fs::read_link(of_daemon("fd/2")).unwrap(), stage.log());
    assert!(fs::read_to_string(stage.log()).unwrap().contains("ssoctld is ready"));

    // proc_pid_stat(5): after the name in parentheses follow state, parent, process group and session.
    let stat = fs::read_to_string(of_daemon("stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    assert_eq!(fields.split(' ').nth(3), Some(pid.as_str()), "it leads a session of its own");

    let environment = fs::read(of_daemon("environ")).unwrap();
    let environment = String::from_utf8(environment).unwrap();
    let names: BTreeSet<&str> =
        environment.split('\0').filter_map(|variable| Some(variable.split_once('=')?.0)).collect();
    assert_eq!(
        names,
        BTreeSet::from([
            "AWS_ENDPOINT_URL_SSO",
            "AWS_ENDPOINT_URL_SSO_OIDC",
            "HOME",
            "LANG",
            "PATH",
            "SSOCTL_LOG",
            "XDG_RUNTIME_DIR"
        ])
    );
}

#[test]
fn ten_first_calls_at_once_end_with_one_daemon() {
    let stage = stage_without_a_daemon();
    let clients: Vec<Running> = (0..10).map(|_| stage.start(stage.ssoctl(["status", "--json"]))).collect();
    let pids: BTreeSet<String> =
        clients.into_iter().map(|client| client.finish().exits(0).json()["daemon"]["pid"].to_string()).collect();
    let holder = daemon::holder(&stage.state_directory()).expect("a daemon runs");
    assert_eq!(pids, BTreeSet::from([holder.as_raw_nonzero().to_string()]));
}

#[test]
fn no_daemon_is_started_where_that_is_forbidden() {
    let stage = stage_without_a_daemon();
    stage.run(["--no-start", "status"]).exits(4).prints_nothing().says("ssoctld");
    stage.run(["token", "--no-start"]).exits(4).prints_nothing();
    stage.run_in(&[("SSOCTL_NO_START", "1")], &["status"]).exits(4).prints_nothing();
    assert_eq!(daemon::holder(&stage.state_directory()), None);
}

#[test]
fn a_daemon_that_cannot_start_is_told_with_the_end_of_its_log() {
    let stage = stage_without_a_daemon();
    // A directory where the socket should be is not one that the daemon would remove.
    std::fs::create_dir_all(stage.socket()).unwrap();
    stage.run(["status"]).exits(4).prints_nothing().says("the daemon ended at once").says("not a socket");
}

#[test]
fn the_next_call_after_kill_9_starts_a_new_daemon_with_the_old_token() {
    let stage = stage_without_a_daemon();
    stage.sign_in("corp");
    let token = stage.run(["token"]).exits(0).stdout;
    stage.end_daemons();
    assert!(stage.socket().exists(), "nobody was there to remove it");
    assert_eq!(stage.run(["token"]).exits(0).stdout, token);
}

#[test]
fn a_caller_without_the_daemons_runtime_directory_finds_it_where_its_lock_says() {
    let stage = stage_without_a_daemon();
    let pid = stage.run(["status", "--json"]).exits(0).json()["daemon"]["pid"].clone();
    for runtime in [None, Some(stage.home().join("missing")), Some(stage.home().join(".aws"))] {
        let mut caller = stage.ssoctl(["--no-start", "status", "--json"]);
        match &runtime {
            Some(runtime) => caller.env("XDG_RUNTIME_DIR", runtime),
            None => caller.env_remove("XDG_RUNTIME_DIR"),
        };
        assert_eq!(stage.finish(caller).exits(0).json()["daemon"]["pid"], pid, "{runtime:?}");
    }
}

#[test]
fn a_runtime_directory_that_does_not_exist_is_no_place_for_a_socket() {
    let stage = stage_without_a_daemon();
    let with = |arguments: &[&str]| {
        stage.run_in(&[("XDG_RUNTIME_DIR", stage.home().join("missing"))], arguments).exits(0).json()["daemon"]["pid"]
            .clone()
    };
    let pid = with(&["status", "--json"]);
    assert_eq!(with(&["--no-start", "status", "--json"]), pid);
    assert!(!stage.home().join("missing").exists());
}
