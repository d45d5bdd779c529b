//! The socket as any other tool uses it.

use std::process::Command;

use identity_center_simulator::Settings;

use test_support::Stage;
use test_support::speed::has_programs;

#[test]
fn a_plain_http_request_over_the_socket_is_answered() {
    let stage = Stage::signed_in(Settings::default());
    let (status, health) = stage.request("GET", "/v1/health");
    assert_eq!(
        (status, &health["pid"], &health["sessions"]),
        (200, &stage.daemon_pid().as_raw_nonzero().get().into(), &1.into())
    );
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));

    let issued = stage.identity_center.issued_access_tokens();
    for target in ["/v1/token", "/v1/sessions/corp/token", "/v1/token?session=corp&min_valid=60&wait=1"] {
        let (status, token) = stage.request("GET", target);
        assert_eq!((status, &token["access_token"]), (200, &issued[0].as_str().into()), "{target}");
    }
    let (status, problem) = stage.request("GET", "/v1/sessions/nowhere/token");
    assert_eq!((status, &problem["code"]), (404, &"unknown_session".into()));
    let (status, _) = stage.request("POST", "/v1/health");
    assert_eq!(status, 405);
}

#[test]
fn curl_is_a_client() {
    if !has_programs(&["curl"]) {
        return;
    }
    let stage = Stage::signed_in(Settings::default());
    let curl = |target: &str| {
        Command::new("curl")
            .args(["--silent", "--show-error", "--include", "--max-time", "30", "--unix-socket"])
            .arg(stage.socket())
            .arg(format!("http://ssoctld{target}"))
            .output()
            .map(|output| String::from_utf8(output.stdout).unwrap())
            .unwrap()
    };
    let answer = curl("/v1/token");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(&stage.identity_center.issued_access_tokens()[0]), "{answer}");
    let answer = curl("/v1/token?min_valid=86400");
    assert!(answer.starts_with("HTTP/1.1 409 ") && answer.contains("application/problem+json"), "{answer}");
}
