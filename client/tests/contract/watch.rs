//! Events that a real daemon never sends, or seldom, and connections that end.

use serde_json::{Value, json};
use ssoctl_protocol::VERSION;
use test_support::canned::{Canned, assert_fails, problem, stderr, stdout};

/// An answer with these lines that never ends, until the connection does.
fn lines(lines: &[Value]) -> String {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/jsonl\r\nTransfer-Encoding: chunked\r\n";
    let chunk = |line: &Value| format!("{:x}\r\n{line}\n\r\n", line.to_string().len() + 1);
    let chunks: String = lines.iter().map(chunk).collect();
    format!("{head}ssoctl-version: {VERSION}\r\n\r\n{chunks}")
}

fn line(seq: u64, kind: &str) -> Value {
    json!({"epoch": "5b1c", "seq": seq, "kind": kind})
}

fn session(state: &str) -> Value {
    let mut line = line(1, "session");
    line["session"] = json!({
        "name": "corp", "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1", "scopes": [],
        "state": state, "refreshable": true,
    });
    line
}

/// A refusal that a watcher has to accept.
fn unknown_session() -> String {
    problem("unknown_session", 404, &json!({}))
}

#[test]
fn lines_of_a_later_version_pass_through_to_json_and_the_next_daemon_goes_on() {
    let mut newer = line(2, "weather");
    newer["weather"] = json!({"of": ["the", "future"]});
    let told = [session("hibernating"), newer, line(2, "current")];
    let canned =
        Canned::answers([lines(&told), problem("shutting_down", 503, &json!({})), lines(&told), unknown_session()]);
    let output = canned.run(&["watch", "--json", "corp"]);
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    let printed: Vec<Value> = stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(printed, [told.as_slice(), &told].concat());
    // The refusal between the two is no other loss, and the last answer is a failure.
    assert_eq!(stderr(&output).matches("is lost").count(), 2, "{}", stderr(&output));
    assert_eq!(canned.requests(), ["GET /v1/events?session=corp HTTP/1.1"; 4]);
}

#[test]
fn a_line_that_breaks_off_is_not_told_and_what_is_told_before_everything_else_is_no_state_yet() {
    let signed_in = lines(&[session("signed_in")]);
    let whole = lines(&[session("signed_out"), line(1, "current")]);
    let canned = Canned::answers([signed_in[..signed_in.len() - 20].to_owned(), signed_in, whole, unknown_session()]);
    let output = canned.run(&["watch", "--kind", "session"]);
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.ends_with("Z corp: signed out\n") && text.lines().count() == 1, "{text:?}");
}

#[test]
fn what_is_no_event_is_not_from_ssoctld() {
    let head = lines(&[]);
    for (answer, complaint) in [
        (format!("{head}6\r\nhello\n\r\n"), "its answer is not what was asked for (line 1, column 1)"),
        (format!("{head}3\r\n[]\n\r\n"), "its answer is not what was asked for"),
        (format!("{head}xyz\r\n"), "it does not speak HTTP"),
        (format!("{head}fffffff\r\n"), "longer than 16 MiB"),
    ] {
        assert_fails(&Canned::answers([answer.clone()]).run(&["watch", "--json"]), 4, complaint);
        // Neither is it from the next daemon.
        let output =
            Canned::answers([lines(&[session("signed_in"), line(1, "current")]), answer]).run(&["watch", "--json"]);
        assert_eq!((output.status.code(), stdout(&output).lines().count()), (Some(4), 2), "{}", stderr(&output));
        assert!(stderr(&output).contains(complaint), "{}", stderr(&output));
    }
}

#[test]
fn a_session_is_waited_for_by_the_name_that_the_daemon_gives_it() {
    let status = test_support::canned::ok(&session("signed_out")["session"]);
    let canned = Canned::answers([status, lines(&[session("signed_in"), line(1, "current")])]);
    let output = canned.run(&["watch", "--profile", "dev", "--until", "signed_in"]);
    assert_eq!((output.status.code(), stdout(&output), stderr(&output)), (Some(0), "", ""));
    let requests = ["GET /v1/session?profile=dev HTTP/1.1", "GET /v1/events?session=corp&kind=session HTTP/1.1"];
    assert_eq!(canned.requests(), requests);
}
