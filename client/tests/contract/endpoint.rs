//! The endpoint of `ssoctl exec --refreshable`: what it gives, to whom, and for how long.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use serde_json::json;

use crate::{attend, credentials};
use test_support::canned::{Canned, assert_fails, ok, problem, ssoctl, stderr, stdout};
use test_support::crowd::{AS_NOBODY, Crowd};
use test_support::speed::{has_programs, has_superuser};

#[test]
fn the_command_asks_as_often_as_it_likes_and_the_daemon_is_asked_each_time() {
    let mut renewed = credentials();
    renewed["access_key_id"] = json!("ASIARENEWED");
    let canned = Canned::answers([
        ok(&credentials()),
        ok(&credentials()),
        ok(&renewed),
        problem("service_unavailable", 503, &json!({})),
        problem("sign_in_required", 401, &json!({})),
        ok(&renewed),
    ]);
    let attended = attend(&canned, "cat > /dev/null");
    assert_eq!(
        attended.ask(),
        (
            200,
            json!({
                "AccessKeyId": "ASIAKEY", "SecretAccessKey": "secret/+key", "Token": "session/+token==",
                "Expiration": "2099-11-23T10:16:00Z", "AccountId": "111122223333",
            })
        )
    );
    assert_eq!(attended.ask().1["AccessKeyId"], "ASIARENEWED");
    let (status, body) = attended.ask();
    assert_eq!((status, &body["code"]), (503, &json!("service_unavailable")), "this is worth another attempt");
    let (status, body) = attended.ask();
    assert_eq!((status, &body["code"]), (401, &json!("sign_in_required")), "this is not");
    assert!(body["message"].as_str().unwrap().contains("run: ssoctl login corp"), "{body}");
    assert_eq!(attended.ask().0, 200, "and after a sign-in all is well");

    // The role stays the one that the profile had at the start, even if the profile changes.
    let pinned = "GET /v1/credentials?session=corp&account=111122223333&role=Admin HTTP/1.1";
    let mut expected = vec!["GET /v1/credentials HTTP/1.1"];
    expected.extend([pinned; 5]);
    assert_eq!(canned.requests(), expected);
    assert_eq!(attended.finish().code(), Some(0));
}

#[test]
fn no_other_process_gets_credentials() {
    let canned = Canned::answers([ok(&credentials())]);
    let attended = attend(&canned, "cat > /dev/null");
    let other = Canned::answers([ok(&credentials())]);
    let other = attend(&other, "cat > /dev/null");
    let (path, host, token) = (attended.path(), attended.authority(), attended.token.as_str());
    let port = host.split(':').nth(1).unwrap();
    let request = |method: &str, path: &str, host: &str, token: &str, more: &str| {
        attended
            .send_request(&format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\n{more}\r\n"))
    };
    let rebound = format!("evil.example.com:{port}");
    let large = format!("X: {}\r\n", "x".repeat(20_000));
    for (answer, status) in [
        (request("GET", "/", host, token, ""), 404),
        (request("GET", other.path(), host, token, ""), 404),
        (request("GET", path, host, &other.token, ""), 401),
        (request("GET", path, host, "", ""), 401),
        (request("GET", path, &rebound, token, ""), 403),
        (request("GET", path, "", token, ""), 403),
        (request("GET", path, host, token, "Origin: https://evil.example.com\r\n"), 403),
        (request("GET", path, host, token, "Origin: null\r\n"), 403),
        (request("GET", path, host, token, "Sec-Fetch-Site: same-origin\r\n"), 403),
        (request("POST", path, host, token, ""), 405),
        (request("OPTIONS", path, host, token, "Origin: https://evil.example.com\r\n"), 403),
        (request("GET", path, host, token, "Host: x\r\n"), 400),
        (request("GET", path, host, token, "Content-Length: 3\r\n"), 400),
        (request("GET", path, host, token, &large), 431),
        (attended.send_request("hello\r\n\r\n"), 400),
    ] {
        assert_eq!(answer.0, status, "{answer:?}");
        let text = answer.1.to_string();
        assert!(!["ASIA", "secret", token, path].iter().any(|secret| text.contains(secret)), "{text}");
    }
    assert_eq!(canned.requests().len(), 1, "the daemon was not asked again");
}

#[test]
fn silent_connections_keep_no_client_out() {
    let canned = Canned::answers(vec![ok(&credentials()); 2]);
    let attended = attend(&canned, "cat > /dev/null");
    let silent: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(attended.authority()).unwrap()).collect();
    assert_eq!(attended.ask().0, 200);
    drop(silent);
}

#[test]
fn another_user_with_four_hundred_silent_connections_keeps_the_command_from_nothing() {
    if !has_superuser() || !has_programs(&["setpriv", "curl", "python3"]) {
        return;
    }
    let canned = Canned::answers(vec![ok(&credentials()); 8]);
    let attended = attend(&canned, "cat > /dev/null");
    let curl = |as_whom: &[&str]| {
        let url = format!("http://{}{}", attended.authority(), attended.path());
        let authorization = format!("Authorization: {}", attended.token);
        let words = [as_whom, &["curl", "--silent", "--max-time", "100", "--header", &authorization, &url]].concat();
        let output = Command::new(words[0]).args(&words[1..]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).contains("ASIAKEY")
    };
    assert!(curl(&AS_NOBODY), "another user who has the token is served, as under sudo -E");

    let port = attended.authority().split(':').nth(1).unwrap();
    let crowd = Crowd::of_another_user(port.parse().unwrap());
    let served: Vec<bool> = (0..5).map(|_| curl(&[])).collect();
    drop(crowd);
    assert_eq!(served, vec![true; 5]);
}

#[test]
fn the_endpoint_is_gone_when_the_command_ends() {
    let canned = Canned::answers([ok(&credentials())]);
    let attended = attend(&canned, "cat > /dev/null");
    let authority = attended.authority().to_owned();
    assert!(TcpStream::connect(&authority).is_ok());
    assert!(attended.finish().success());
    assert!(TcpStream::connect(&authority).is_err());
}

#[test]
fn the_command_has_an_address_and_no_keys() {
    let canned = Canned::answers([ok(&credentials())]);
    let stale = [
        ("AWS_ACCESS_KEY_ID", "AKIASTALE"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/x"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x"),
        ("HOME", "/nowhere"),
    ];
    let output =
        ssoctl(&canned.socket(), &["exec", "--refreshable", "--", "/usr/bin/env"]).envs(stale).output().unwrap();
    let mut names: Vec<&str> = stdout(&output).lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "AWS_ACCOUNT_ID",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "AWS_DEFAULT_REGION",
            "AWS_REGION",
            "HOME",
            "SSOCTL_SET_REGION",
            "SSOCTL_SOCKET",
        ]
    );
    assert!(!stdout(&output).contains("secret/+key"));
}

#[test]
fn no_secret_stands_in_a_command_line() {
    let canned = Canned::answers([ok(&credentials())]);
    let attended = attend(&canned, "cat > /dev/null");
    if cfg!(target_os = "linux") {
        let line = fs::read_to_string(format!("/proc/{}/cmdline", attended.pid().as_raw_nonzero())).unwrap();
        assert!(line.contains("--refreshable"), "{line}");
        assert!(!line.contains(&attended.token) && !line.contains(attended.path()), "{line}");
    }
}

#[test]
fn a_default_profile_that_would_win_over_the_endpoint_is_refused() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join(".aws")).unwrap();
    fs::write(home.path().join(".aws/credentials"), "[default]\naws_access_key_id = AKIA\n").unwrap();
    let canned = Canned::answers(vec![ok(&credentials()); 2]);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = ssoctl(&canned.socket(), &[&["exec"], arguments, &["--", "/bin/true"]].concat());
        command.env("HOME", home.path()).envs(variables.iter().copied()).output().unwrap()
    };
    assert_fails(&run(&["--refreshable"], &[]), 125, "AWS_SHARED_CREDENTIALS_FILE");
    let output = run(&["--refreshable"], &[("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
    assert!(output.status.success(), "{}", stderr(&output));
    let output = run(&[], &[]);
    assert!(output.status.success(), "variables win over every profile: {}", stderr(&output));
}
