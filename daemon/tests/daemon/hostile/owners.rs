//! Files of another user in the places of the daemon's own: it reports them with a remedy, or leaves them alone.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use identity_center_simulator::Simulator;
use ssoctl_protocol::Problem;
use ssoctld::token_files::file;
use test_support::service::{preauthorised, simulator};
use test_support::set_mode;
use test_support::waiting::until_so;

use super::{NOBODY, as_superuser};
use crate::harness::{Process, START_URL, exchange, session};

/// Gives the file to that user. False if the test may not do that, which it has printed.
fn give(path: &Path, user: &str) -> bool {
    as_superuser(&["chown", user, &path.display().to_string()]).inspect(|ran| assert!(ran.status.success())).is_some()
}

fn ourselves() -> String {
    rustix::process::geteuid().as_raw().to_string()
}

/// The daemon, for which owners and modes count: the superuser's, too, is started without the right to pass them by.
fn daemon(home: &Path, simulator: &Simulator) -> Command {
    if rustix::process::geteuid().is_root() {
        Process::command_by(&["setpriv", "--bounding-set=-all", "--inh-caps=-all"], home, simulator)
    } else {
        Process::command(home, simulator)
    }
}

/// A file, or with no text a directory.
fn put(path: &Path, text: Option<&str>, mode: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    match text {
        Some(text) => fs::write(path, text).unwrap(),
        None => fs::create_dir_all(path).unwrap(),
    }
    set_mode(path, mode);
}

/// Tells one file from another that takes its place.
fn identity(path: &Path) -> (u64, u32, u64) {
    let metadata = fs::symlink_metadata(path).unwrap();
    (metadata.ino(), metadata.uid(), metadata.len())
}

#[tokio::test]
async fn a_configuration_of_another_user_is_used_where_it_can_be_read_and_never_replaced() {
    let aws = "[sso-session other]\nsso_region = eu-west-1\nsso_start_url = https://other.awsapps.com/start\n";
    for mode in [0o644, 0o600] {
        let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
        let files = [home.path().join("config.toml"), home.path().join(".aws/config")];
        put(&files[0], Some(&session("corp", START_URL)), mode);
        put(&files[1], Some(aws), mode);
        let mut command = daemon(home.path(), &simulator);
        if !files.iter().all(|file| give(file, NOBODY)) {
            return;
        }
        let before = files.each_ref().map(|file| identity(file));
        let daemon = Process::run(home.path(), &mut command).await;
        let report = daemon.report().await;
        let problems = report.daemon.configuration_problems;
        if mode == 0o644 {
            assert_eq!((report.sessions.len(), problems), (2, Vec::new()));
            assert_eq!(daemon.request("GET /v1/sessions/corp/token?wait=20").await.status, 200);
        } else {
            assert_eq!((report.sessions.len(), problems.len()), (0, 2));
            for (problem, file) in problems.iter().zip(&files) {
                let words = format!("{} belongs to nobody (uid 65534); give it to yourself with chown", file.display());
                assert!(problem.message.contains(&words), "{}", problem.message);
            }
        }
        let body = br#"{"start_url":"https://second.awsapps.com/start","region":"eu-west-1"}"#;
        let answer = exchange(&home.path().join("socket"), "POST /v1/sessions", "", body).await.unwrap();
        let problem: Problem = answer.json();
        assert_eq!(problem.code.as_str(), "configuration_unwritable");
        let says = |words: &str| problem.detail.contains(words);
        assert!(says("belongs to nobody (uid 65534)") && says("give it to yourself with chown"), "{}", problem.detail);
        assert_eq!(files.each_ref().map(|file| identity(file)), before);
    }
}

#[tokio::test]
async fn a_token_file_of_another_user_is_neither_believed_nor_replaced_until_its_owner_is_corrected() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    fs::write(home.path().join("config.toml"), session("corp", START_URL) + "sdk_cache = \"on\"\n").unwrap();
    let cache = home.path().join(".aws/sso/cache");
    let path = cache.join(file::name("corp"));
    let planted = r#"{"accessToken":"planted","expiresAt":"2099-01-01T00:00:00Z"}"#;
    put(&path, Some(planted), 0o644);
    let mut command = daemon(home.path(), &simulator);
    if !give(&path, NOBODY) {
        return;
    }
    let before = identity(&path);
    let daemon = Process::run(home.path(), &mut command).await;
    daemon.sign_in().await;
    let files = async || daemon.status().await.token_files.unwrap_or_default();
    let complaint = async || files().await.error.unwrap_or_default();
    let words =
        format!("{} belongs to nobody (uid 65534); remove it or give it to yourself with chown", path.display());
    until_so(&words, async || complaint().await == words).await;
    assert_eq!((identity(&path), daemon.access_token().await == "planted"), (before, false));

    fs::remove_file(&path).unwrap();
    until_so("it is published", async || files().await.published.len() == 1).await;

    // A new token that cannot be published is served nevertheless.
    assert!(give(&cache, NOBODY));
    daemon.sign_in().await;
    let words = format!("{} belongs to nobody (uid 65534); give it to yourself with chown", cache.display());
    until_so(&words, async || complaint().await.ends_with(&words)).await;

    assert!(give(&cache, &ourselves()));
    let token = daemon.sign_in().await;
    until_so("it is published", async || fs::read_to_string(&path).is_ok_and(|file| file.contains(&token))).await;
    until_so("nothing is wrong", async || files().await.error.is_none()).await;
}

#[tokio::test]
async fn a_place_of_another_user_is_named_with_what_to_do_and_no_daemon_starts_there() {
    for (place, text, words) in [
        ("state", None, "cannot be used: it belongs to nobody (uid 65534); name another one with SSOCTL_STATE_DIR"),
        ("state/ssoctld.lock", Some(""), "belongs to nobody (uid 65534); give it to yourself with chown"),
        ("above", None, "belongs to nobody (uid 65534); give it to yourself with chown"),
        (
            "run/ssoctl",
            None,
            "belongs to nobody (uid 65534), so that another user could pose as the daemon; remove it, or name a socket",
        ),
        ("run", None, "belongs to nobody (uid 65534), and this process to root (uid 0); run it as its owner"),
    ] {
        let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
        let mut command = daemon(home.path(), &simulator);
        let path = home.path().join(place);
        put(&path, text, 0o755);
        match place {
            "above" => drop(command.env("SSOCTL_STATE_DIR", path.join("state"))),
            "run" | "run/ssoctl" => {
                command.env_remove("SSOCTL_SOCKET").env("XDG_RUNTIME_DIR", home.path().join("run"));
            }
            _ => {}
        }
        if !give(&path, NOBODY) {
            return;
        }
        let ended = Process::run_to_end(home.path(), &mut command).await;
        assert_eq!(ended.status.code(), Some(1), "{place}");
        let words = format!("{} {words}", path.display());
        assert!(ended.log.contains(&words), "{place}: {}", ended.log);
    }
}

#[tokio::test]
async fn records_in_a_directory_of_another_user_wait_until_it_is_given_back() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(preauthorised()));
    let configuration = "secret_store = \"file\"\n".to_owned() + &session("corp", START_URL);
    fs::write(home.path().join("config.toml"), configuration).unwrap();
    let records = home.path().join("state/records");
    let token = {
        let daemon = Process::run(home.path(), &mut daemon(home.path(), &simulator)).await;
        daemon.sign_in().await
    };
    if !give(&records, NOBODY) {
        return;
    }
    let daemon = Process::run(home.path(), &mut daemon(home.path(), &simulator)).await;
    let words =
        format!("{} belongs to nobody (uid 65534); remove it or give it to yourself with chown", records.display());
    daemon.until_store_says(&words).await;
    assert_eq!(daemon.request("GET /v1/token").await.code(), "store_unavailable");
    assert!(give(&records, &ourselves()));
    until_so("it is served", async || daemon.access_token_if_any().await == Some(token.clone())).await;
}
