//! What every verb does in the same way. The verbs are those of `ssoctl --help`.

use std::os::unix::net::UnixListener;
use std::process::Stdio;

use serde_json::json;
use test_support::canned::{Canned, assert_fails, ok, problem, ssoctl, stderr};
use test_support::verbs;

use super::{credentials, pending};

/// The exit code of a verb that gets no answer.
fn code_without_answer(verb: &str) -> i32 {
    if ["exec", "ssh"].contains(&verb) { 125 } else { 4 }
}

#[test]
fn every_verb_reports_an_invalid_answer_as_one_clear_error() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let verbs = verbs::asking();
    let variants: [&[&str]; 6] = [
        &["accounts", "corp", "--json"],
        &["exec", "--refreshable", "--", "echo", "started"],
        &["login", "corp", "--no-browser"],
        &["logout", "corp"],
        &["roles", "--account", "1", "--json"],
        &["status", "--json"],
    ];
    for command_line in verbs.iter().map(|verb| verbs::command_line(verb)).chain(variants.map(<[_]>::to_vec)) {
        for (answer, complaint) in [
            (format!("{head}Content-Length: 5\r\n\r\nhello"), "not what was asked for"),
            (format!("{head}Content-Length: 2\r\n\r\n\u{ff}"), "not what was asked for"),
            (format!("{head}Content-Length: 500\r\n\r\n{{\"access_token\": \"aoaHALF"), "breaks off"),
            (format!("{head}Content-Length: 104857600\r\n\r\n{{"), "larger than 16 MiB"),
        ] {
            let output = Canned::answers([answer]).run(&command_line);
            assert_fails(&output, code_without_answer(command_line[0]), complaint);
            assert_eq!(stderr(&output).lines().count(), 1, "{command_line:?}: {}", stderr(&output));
        }
    }
    // One that does not say how long it is.
    let endless = [format!("{head}\r\n").into_bytes(), vec![b' '; 100 << 20]].concat();
    for verb in ["token", "exec"] {
        let output = Canned::answers([endless.clone()]).run(&verbs::command_line(verb));
        assert_fails(&output, code_without_answer(verb), "no Content-Length");
    }
}

#[test]
fn no_verb_waits_longer_than_agreed_for_a_daemon_that_hangs() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("s.sock");
    // The kernel accepts connections, and no process reads from them.
    let _hanging = UnixListener::bind(&socket).unwrap();
    let piped = Stdio::piped;
    let running: Vec<_> = verbs::asking()
        .into_iter()
        .map(|verb| {
            let mut client = ssoctl(&socket, &verbs::command_line(&verb));
            (code_without_answer(&verb), client.stdout(piped()).stderr(piped()).spawn().unwrap())
        })
        .collect();
    for (code, client) in running {
        assert_fails(&client.wait_with_output().unwrap(), code, "did not answer within 15 s");
    }
}

#[test]
fn every_verb_that_needs_a_sign_in_waits_in_the_same_way() {
    let credentials = credentials();
    let accounts = json!({"session": "corp", "accounts": []});
    let roles = json!({"session": "corp", "account": "111122223333", "roles": []});
    for (verb, answer) in [
        (&["accounts", "corp"][..], &accounts),
        (&["roles", "corp"], &accounts),
        (&["roles", "corp", "--account", "111122223333"], &roles),
        (&["credential-process", "--profile", "dev", "--min-valid", "2h"], &credentials),
        (&["env", "--profile", "dev", "--shell", "json"], &credentials),
        (&["exec", "--profile", "dev", "--wait", "1m", "--", "true"], &credentials),
    ] {
        let needed = problem("sign_in_required", 401, &json!({}));
        let canned = Canned::answers([needed, ok(&pending(true)), ok(answer)]);
        let mut command = ssoctl(&canned.socket(), verb);
        if !verb.contains(&"--wait") {
            command.args(["--wait", "1m"]);
        }
        let output = command.env("PATH", "/usr/bin:/bin").output().unwrap();
        assert!(output.status.success(), "{verb:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("ABCD-EFGH"), "{verb:?}: {}", stderr(&output));
        let requests = canned.requests();
        assert_eq!(requests[1], "POST /v1/sessions/corp/login?if_needed=true HTTP/1.1", "{verb:?}");
        assert!(requests[2].contains("wait="), "{verb:?}: {requests:?}");
    }
}
