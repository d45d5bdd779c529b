//! The socket as any other tool uses it.

use std::process::Command;

use identity_center_simulator::Settings;

use test_support::Stage;
use test_support::speed::has_programs;

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
