//! The promises of `ssoctl` to scripts: exit codes, streams, and errors for answers that a real daemon rarely gives. The
//! binary is real; the daemon is a socket with canned answers.

use std::fs;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use serde_json::{Value, json};
use ssoctl_protocol::{ErrorCode, VERSION};
use test_support::canned::{Canned, assert_fails, http, ok, problem, signed_in, ssoctl, stderr, stdout};
use test_support::executable;

use super::pending;

fn token() -> Value {
    json!({
        "access_token": "aoaTOKEN", "token_type": "Bearer", "expires_at": "2099-11-23T11:16:00Z", "session": "corp",
        "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1",
    })
}

fn session(name: &str) -> Value {
    json!({
        "name": name, "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1", "scopes": [],
        "state": "signed_in", "expires_at": "2099-11-23T11:16:00Z", "refreshable": true, "oidc_endpoint": null,
        "login": null, "last_error": null,
    })
}

fn daemon() -> Value {
    json!({"version": VERSION, "pid": 4711, "started_at": "2026-11-23T08:00:00Z", "sessions": 1})
}

#[test]
fn the_token_stands_alone_on_standard_output() {
    let canned = Canned::answers([ok(&token())]);
    let output = canned.run(&["token", "corp", "--min-valid", "5m"]);
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "aoaTOKEN\n", ""));
    assert_eq!(canned.requests(), ["GET /v1/token?session=corp&min_valid=300 HTTP/1.1"]);
}

#[test]
fn the_session_is_the_one_named_else_that_of_the_environment_else_the_only_one() {
    type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);
    let cases: [Case; 7] = [
        (&["corp"], &[("SSOCTL_SESSION", "x"), ("AWS_PROFILE", "y")], "?session=corp"),
        (&["--profile", "dev"], &[("SSOCTL_SESSION", "x")], "?profile=dev"),
        (&["--start-url", "https://a/start#/"], &[], "?start_url=https%3A%2F%2Fa%2Fstart%23%2F"),
        (&[], &[("SSOCTL_SESSION", "x"), ("AWS_PROFILE", "y")], "?session=x"),
        (&[], &[("AWS_PROFILE", "y")], "?profile=y"),
        (&[], &[("SSOCTL_SESSION", ""), ("AWS_PROFILE", "")], ""),
        (&[], &[], ""),
    ];
    for (arguments, variables, query) in cases {
        let canned = Canned::answers([ok(&token())]);
        let mut command = ssoctl(&canned.socket(), &["token"]);
        let output = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(canned.requests(), [format!("GET /v1/token{query} HTTP/1.1")]);
    }
}

#[test]
fn members_of_a_later_version_pass_through_to_json() {
    let mut newer = token();
    newer["colour"] = json!({"of": ["the", "future"]});
    let output = Canned::answers([ok(&newer)]).run(&["token", "--json"]);
    assert_eq!(stdout(&output), format!("{newer}\n"));

    let (mut session, mut daemon) = (session("corp"), daemon());
    session["state"] = json!("hibernating");
    session["colour"] = json!("red");
    daemon["colour"] = json!("blue");
    let report = json!({"daemon": daemon, "sessions": [session]});
    let output = Canned::answers([ok(&report)]).run(&["status", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), report);
    let canned = Canned::answers([ok(&session), ok(&daemon)]);
    let output = canned.run(&["status", "corp", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), report);
}

#[test]
fn every_error_code_has_its_exit_code_and_says_what_to_do() {
    for code in ErrorCode::ALL {
        for verb in ["token", "login", "logout"] {
            let canned = Canned::answers([problem(code.as_str(), code.status(), &json!({}))]);
            let output = canned.run(&[verb, "corp"]);
            assert_fails(&output, i32::from(code.exit_code() as u8), "; ");
        }
    }
}

#[test]
fn an_error_code_of_a_later_version_is_shown_and_is_exit_code_1() {
    let output = Canned::answers([problem("teapot", 418, &json!({}))]).run(&["token"]);
    assert_fails(&output, 1, "it did not work (teapot, which this version does not know); update ssoctl");
}

#[test]
fn servers_that_are_not_ssoctld_are_recognised() {
    let whole = ok(&token());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    for (answer, complaint) in [
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "does not speak HTTP"),
        (http(502, "Content-Type: text/html\r\n", "<html>Bad gateway</html>"), "HTTP status 502 and no problem"),
        (http(200, "Content-Type: text/html\r\n", "<html>Hello</html>"), "not what was asked for"),
        (ok(&json!({"access_token": "aoaHALF"})), "not what was asked for"),
        (ok(&json!(["aoaHALF"])), "not what was asked for"),
        (whole[..whole.len() - 5].to_owned(), "breaks off"),
        (chunked.to_owned(), "no Content-Length"),
    ] {
        let canned = Canned::answers([answer.as_str()]);
        let output = canned.run(&["token", "--json"]);
        assert_fails(&output, 4, complaint);
        assert!(stderr(&output).contains(&format!("not ssoctld at {}", canned.socket().display())));
        assert!(!stderr(&output).contains("aoa"), "a token may be in what could not be read");
    }
}

#[test]
fn a_daemon_that_hangs_up_is_unreachable() {
    let output = Canned::answers([""]).run(&["token"]);
    assert_fails(&output, 4, "closed the connection without an answer");
}

#[test]
fn another_version_is_a_warning_for_people_and_silence_for_scripts() {
    let answer = || http(200, "ssoctl-version: 9.8.7\r\n", &token().to_string());
    let output = Canned::answers([answer()]).run(&["token"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), "aoaTOKEN\n"));
    assert!(stderr(&output).contains("the daemon is ssoctld 9.8.7") && stderr(&output).lines().count() == 1);
    let output = Canned::answers([answer()]).run(&["token", "--json"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""));
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let more = json!({"detail": "\u{1b}]0;owned\u{7}\r\ngone", "session": "a\u{1b}[2Jb"});
    for code in ["access_denied", "sign_in_required", "teapot"] {
        let output = Canned::answers([problem(code, 403, &more)]).run(&["token"]);
        let text = stderr(&output).strip_suffix('\n').unwrap();
        assert!(!text.chars().any(char::is_control) && text.contains(r"\u{1b}"), "{text:?}");
    }
    let report = json!({"daemon": daemon(), "sessions": [session("a\u{1b}[2J\nb")]});
    let output = Canned::answers([ok(&report)]).run(&["status"]);
    assert!(stdout(&output).contains(r"a\u{1b}[2J\nb"), "{}", stdout(&output));
    assert!(!stdout(&output).contains('\u{1b}'));
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_asks_nobody() {
    for arguments in [
        &["toke"][..],
        &["token", "a", "b"],
        &["token", "--colour"],
        &["token", "--min-valid", "soon"],
        &["token", "corp", "--profile", "dev"],
        &["token", "--profile", "dev", "--start-url", "https://a/"],
        &["token", ""],
        &["login", "--region", "eu-west-1"],
        &["login", "--name", "corp"],
        &["login", "--cancel", "--start-url", "https://a/", "--name", "corp"],
        &["login", "--cancel", "--if-needed"],
        &["login", "--min-valid", "1h"],
        &["login", "--flow", "device", "--callback-port", "8400"],
        &["accounts", "--wait", "soon"],
        &["logout", "corp", "--all"],
        &[],
    ] {
        let output = ssoctl(Path::new("/nonexistent/s.sock"), arguments).output().unwrap();
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), ""), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn help_and_version_are_answers() {
    for (arguments, expected) in [
        (&["--version"][..], VERSION),
        (&["--help"], "SSOCTL_SOCKET"),
        (&["-h"], "logout"),
        (&["token", "--help"], "Exit codes and environment variables: ssoctl --help"),
        (&["exec", "--help"], "Exit codes:"),
        (&["login", "--help"], "--start-url https://example.awsapps.com/start --region eu-west-1"),
        (&["help", "status"], "--json"),
        (&["help", "service", "logs"], "--follow"),
        (&["help"], "Exit codes:"),
    ] {
        let output = ssoctl(Path::new("/nonexistent/s.sock"), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(stdout(&output).contains(expected), "{arguments:?}: {}", stdout(&output));
    }
}

#[test]
fn a_chosen_socket_without_a_daemon_is_unreachable_and_nothing_is_started() {
    let home = tempfile::tempdir().unwrap();
    let stale = home.path().join("stale.sock");
    drop(UnixListener::bind(&stale).unwrap());
    let program = home.path().join("ssoctld");
    executable::script(&program, &format!("#!/bin/sh\n: > {}\n", home.path().join("started").display()));
    for socket in [stale, home.path().join("none.sock")] {
        let mut command = ssoctl(&socket, &["token"]);
        let output = command.env("HOME", home.path()).env("PATH", home.path()).output().unwrap();
        assert_fails(&output, 4, "where SSOCTL_SOCKET points");
    }
    assert!(!home.path().join("started").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_reported() {
    let canned = Canned::answers([ok(&token())]);
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = ssoctl(&canned.socket(), &["token"]).stdout(full).output().unwrap();
    assert_fails(&output, 1, "could not be written to standard output");
}

#[test]
fn a_reader_that_has_gone_ends_the_client_quietly_as_the_signal_does() {
    let canned = Canned::answers([ok(&token())]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = ssoctl(&canned.socket(), &["token"]).stdout(writer).output().unwrap();
    assert_eq!((output.status.signal(), stderr(&output)), (Some(rustix::process::Signal::PIPE.as_raw()), ""));
}

#[test]
fn login_shows_code_and_page_and_waits_for_that_flow() {
    let canned = Canned::answers([ok(&pending(true)), ok(&signed_in())]);
    let output = canned.run(&["login", "my corp"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), ""), "{}", stderr(&output));
    for shown in ["ABCD-EFGH", "https://device.example.com/?user_code=ABCD-EFGH", "Signed in to my corp"] {
        assert!(stderr(&output).contains(shown), "{}", stderr(&output));
    }
    let requests = canned.requests();
    assert_eq!(requests[0], "POST /v1/sessions/my%20corp/login HTTP/1.1");
    assert!(requests[1].starts_with("GET /v1/sessions/my%20corp/login?wait="), "{requests:?}");
    assert!(requests[1].ends_with("&flow=3 HTTP/1.1"), "{requests:?}");
}

#[test]
fn the_end_of_a_flow_decides_the_exit_code_of_login() {
    for (code, exit_code) in [("access_denied", 7), ("wait_timeout", 5), ("login_cancelled", 7), ("unknown_flow", 1)] {
        let canned = Canned::answers([ok(&pending(false)), problem(code, 400, &json!({}))]);
        assert_eq!(canned.run(&["login", "corp"]).status.code(), Some(exit_code), "{code}");
    }
}

#[test]
fn login_adds_a_session_that_no_configuration_has() {
    let canned = Canned::answers([ok(&session("corp")), ok(&signed_in())]);
    let output = canned.run(&["login", "--start-url", "https://a/start", "--region", "eu-west-1", "--scopes", "a,b"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let add = canned.requests.recv().unwrap();
    let body = add.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        json!({"name": null, "start_url": "https://a/start", "region": "eu-west-1", "scopes": ["a", "b"]})
    );
    assert_eq!(canned.requests(), ["POST /v1/sessions/corp/login HTTP/1.1"]);
}

#[test]
fn login_adds_a_session_at_a_start_url_that_no_session_has() {
    let unknown = problem("unknown_session", 404, &json!({}));
    let canned = Canned::answers([unknown.clone(), ok(&session("corp")), ok(&signed_in())]);
    let output = canned.run(&["login", "--start-url", "https://sso.corp.example"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        canned.requests(),
        [
            "GET /v1/session?start_url=https%3A%2F%2Fsso.corp.example HTTP/1.1",
            "POST /v1/sessions HTTP/1.1",
            "POST /v1/sessions/corp/login HTTP/1.1"
        ]
    );
    let canned = Canned::answers([unknown.clone()]);
    let cancel = ["login", "--cancel", "--start-url", "https://sso.corp.example"];
    assert_fails(&canned.run(&cancel), 6, "it did not work");
    let canned = Canned::answers([unknown, problem("invalid_request", 400, &json!({}))]);
    let output = canned.run(&["login", "--start-url", "https://a.awsapps.com/start"]);
    assert_fails(&output, 6, "it did not work");
}

#[test]
fn a_token_that_waits_shows_the_code_on_standard_error_and_opens_no_browser() {
    let needed = problem("sign_in_required", 401, &json!({}));
    let canned = Canned::answers([needed, ok(&pending(true)), ok(&token())]);
    let output = canned.run(&["token", "corp", "--wait", "10m"]);
    assert_eq!((output.status.code(), stdout(&output)), (Some(0), "aoaTOKEN\n"), "{}", stderr(&output));
    assert!(stderr(&output).contains("ABCD-EFGH"), "{}", stderr(&output));
    let requests = canned.requests();
    assert_eq!(requests[1], "POST /v1/sessions/corp/login?if_needed=true HTTP/1.1");
    let wait = requests[2].strip_prefix("GET /v1/token?session=corp&wait=").unwrap().split(' ').next().unwrap();
    assert!((590..=600).contains(&wait.parse::<u64>().unwrap()), "{wait}");
}

#[test]
fn a_token_too_short_for_min_valid_leads_to_a_flow_whose_code_is_seen() {
    let needed = problem("sign_in_required", 401, &json!({}));
    let canned = Canned::answers([needed, ok(&pending(true)), ok(&token())]);
    let output = canned.run(&["token", "corp", "--wait", "1m", "--min-valid", "1h"]);
    assert_eq!(stdout(&output), "aoaTOKEN\n", "{}", stderr(&output));
    assert!(stderr(&output).contains("ABCD-EFGH"), "{}", stderr(&output));
    assert_eq!(canned.requests()[1], "POST /v1/sessions/corp/login?min_valid=3600&if_needed=true HTTP/1.1");
}

#[test]
fn a_login_if_needed_says_how_long_the_token_must_live() {
    let canned = Canned::answers([ok(&signed_in())]);
    assert!(canned.run(&["login", "corp", "--if-needed", "--min-valid", "2h"]).status.success());
    assert_eq!(canned.requests(), ["POST /v1/sessions/corp/login?min_valid=7200&if_needed=true HTTP/1.1"]);
}

#[test]
fn a_store_that_opens_late_is_waited_for_and_no_flow_is_started() {
    let closed = problem("store_unavailable", 503, &json!({}));
    let canned = Canned::answers([closed, ok(&token())]);
    assert_eq!(stdout(&canned.run(&["token", "corp", "--wait", "1m"])), "aoaTOKEN\n");
    assert_eq!(canned.requests(), ["GET /v1/token?session=corp HTTP/1.1"; 2]);
}

#[test]
fn logout_says_what_the_portal_was_told() {
    for (portal, said) in [("ended", "at the portal"), ("nothing_to_end", "not signed in"), ("not_told", "503 from it")]
    {
        let body = json!({"session": "corp", "portal": portal, "detail": "503 from it"});
        let output = Canned::answers([ok(&body)]).run(&["logout", "corp"]);
        assert_eq!(output.status.code(), Some(0), "locally the token is gone in every case");
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn a_logout_that_waits_for_the_store_is_not_called_done() {
    let body = json!({"session": "corp", "portal": "deferred", "detail": "the keyring is locked"});
    let output = Canned::answers([ok(&body)]).run(&["logout", "corp"]);
    assert_fails(
        &output,
        1,
        "the sign-out of corp is pending, because the store does not answer: the keyring is locked; unlock the keyring to finish it",
    );
}

#[test]
fn a_profile_is_resolved_by_the_daemon_before_a_verb_that_takes_a_name() {
    let body = json!({"session": "corp", "portal": "ended"});
    let canned = Canned::answers([ok(&session("corp")), ok(&body)]);
    assert!(canned.run(&["logout", "--profile", "dev"]).status.success());
    assert_eq!(canned.requests(), ["GET /v1/session?profile=dev HTTP/1.1", "POST /v1/sessions/corp/logout HTTP/1.1"]);
}
