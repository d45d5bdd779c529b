//! Other kinds of files in the place of the configuration.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;

use identity_center_simulator::{Operation, Settings};

use crate::harness::{Harness, START_URL, Store, session};

/// Puts something into the place of a file.
type Trick = (&'static str, fn(&Path));

const TRICKS: [Trick; 8] = [
    ("a FIFO that nobody writes to", |path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success())),
    ("a directory", |path| fs::create_dir(path).unwrap()),
    ("a socket", |path| drop(UnixListener::bind(path).unwrap())),
    ("a device without end", |path| symlink("/dev/zero", path).unwrap()),
    ("a link to itself", |path| symlink(path, path).unwrap()),
    ("a huge file", |path| fs::File::create(path).unwrap().set_len(1 << 40).unwrap()),
    ("what is not text", |path| fs::write(path, b"[session.\xff\xfe]\n").unwrap()),
    ("a name of a thousand directories", |path| {
        symlink(std::ffi::OsStr::from_bytes(&b"x/".repeat(1000)), path).unwrap();
    }),
];

fn remove(path: &Path) {
    if path.is_dir() && !path.is_symlink() { fs::remove_dir(path) } else { fs::remove_file(path) }.unwrap();
}

#[tokio::test]
async fn with_any_file_in_the_place_of_a_configuration_file_the_daemon_goes_on_and_nothing_is_lost() {
    let t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    let token = t.access_token().await;
    let own = t.home.path().join("config.toml");
    let sound = fs::read(&own).unwrap();
    for (trick, play) in TRICKS {
        remove(&own);
        play(&own);
        t.reload().await;
        t.while_time_stands(async || !t.report().await.sessions.is_empty()).await;
        let nothing_is_there = trick == "a name of a thousand directories";
        let expected = if nothing_is_there { "unknown_session" } else { "invalid_configuration" };
        assert_eq!(t.request("GET /v1/token").await.code(), expected, "{trick}");
        let body = br#"{"start_url":"https://second.awsapps.com/start","region":"eu-west-1"}"#;
        let saving = t.request_with("POST /v1/sessions", "", body).await;
        // Only where there is nothing to be destroyed may something be written.
        assert!(saving.status == 200 || saving.code() == "configuration_unwritable", "{trick}: {saving:?}");
        assert!(saving.status != 200 || fs::read_to_string(&own).is_ok(), "{trick} was not overwritten");
        remove(&own);
        fs::write(&own, &sound).unwrap();
        t.reload().await;
        t.while_time_stands(async || t.request("GET /v1/token").await.status != 200).await;
        assert_eq!(t.access_token().await, token, "{trick}");
    }
    for (trick, play) in TRICKS {
        let aws = t.home.path().join("aws-config");
        remove(&aws);
        play(&aws);
        t.reload().await;
        assert_eq!(t.access_token().await, token, "{trick}");
    }
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 1, "nobody signed in again");
}
