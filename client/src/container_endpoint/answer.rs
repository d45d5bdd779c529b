//! Writes credentials and failures as the SDKs expect them.
//!
//! A failure has `code` and `message`. The AWS SDK for JavaScript reads them with a capital letter, the one for Java without, the one
//! for Go either way; botocore shows the whole text, and the one for Rust only the status. A failure that may pass by itself has a
//! status of 500 or more, at which the SDKs that distinguish try again; below that they give up.

use serde_json::json;
use ssoctl_protocol::{ErrorCode, JSON, RoleCredentials, Secret};

use crate::failure::Failure;

/// The reason why a request gets no credentials. It tells the client nothing that it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    code: &'static str,
    text: &'static str,
}

impl Refusal {
    pub(super) const fn new(status: u16, code: &'static str, text: &'static str) -> Self {
        Self { status, code, text }
    }

    pub(super) const fn malformed(status: u16, text: &'static str) -> Self {
        Self::new(status, "invalid_request", text)
    }
}

/// The answer to a request that passed the guard, with the names of the ECS container credentials API.
pub(super) fn credentials(credentials: Result<RoleCredentials, Failure>) -> Secret<Vec<u8>> {
    let credentials = match credentials {
        Ok(credentials) => credentials,
        Err(failure) => return failed(&failure),
    };
    let body = json!({
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        "Token": credentials.session_token.expose(),
        "Expiration": credentials.expires_at,
        "AccountId": credentials.account,
    });
    message(200, body.to_string().as_bytes())
}

pub(super) fn refusal(refusal: Refusal) -> Secret<Vec<u8>> {
    problem(refusal.status, refusal.code, refusal.text)
}

fn failed(failure: &Failure) -> Secret<Vec<u8>> {
    let (status, code) = match failure {
        Failure::Problem(problem) => (status(&problem.code), problem.code.as_str()),
        // The daemon may be restarting.
        _ => (503, "daemon_unreachable"),
    };
    problem(status, code, &failure.to_string())
}

/// The status for a problem of the daemon. It says whether trying again may help, which the daemon's own statuses do not.
fn status(code: &ErrorCode) -> u16 {
    match code {
        ErrorCode::ServiceUnavailable
        | ErrorCode::StoreUnavailable
        | ErrorCode::ShuttingDown
        | ErrorCode::Internal
        | ErrorCode::Other(_) => 503,
        code => Some(code.status()).filter(|status| (400..500).contains(status)).unwrap_or(400),
    }
}

fn problem(status: u16, code: &str, text: &str) -> Secret<Vec<u8>> {
    let body = json!({ "code": code, "message": text, "Code": code, "Message": text });
    message(status, body.to_string().as_bytes())
}

/// A whole response. Clients do not read the reason phrase (RFC 9112, section 4).
fn message(status: u16, body: &[u8]) -> Secret<Vec<u8>> {
    let phrase = if status == 200 { "OK" } else { "Error" };
    let head = format!(
        "HTTP/1.1 {status} {phrase}\r\nContent-Type: {JSON}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    Secret::new([head.as_bytes(), body].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use ssoctl_protocol::Problem;

    fn parts(answer: &Secret<Vec<u8>>) -> (u16, Value) {
        let text = str::from_utf8(answer.expose()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }

    #[test]
    fn credentials_have_the_names_that_the_sdks_read() {
        let credentials = RoleCredentials {
            access_key_id: "ASIAKEY".into(),
            secret_access_key: "secret/+".into(),
            session_token: "session==".into(),
            expires_at: "2026-11-23T10:16:00Z".parse().unwrap(),
            session: "corp".into(),
            account: "111122223333".into(),
            role: "Admin".into(),
            region: None,
        };
        assert_eq!(
            parts(&super::credentials(Ok(credentials))),
            (
                200,
                json!({
                    "AccessKeyId": "ASIAKEY", "SecretAccessKey": "secret/+", "Token": "session==",
                    "Expiration": "2026-11-23T10:16:00Z", "AccountId": "111122223333",
                })
            )
        );
    }

    #[test]
    fn a_failure_says_what_to_do_and_whether_trying_again_may_help() {
        for code in ErrorCode::ALL {
            let problem = Problem::new(code.clone(), "it went wrong").of_session("corp");
            let (status, body) = parts(&credentials(Err(Failure::Problem(Box::new(problem)))));
            let again =
                matches!(code.as_str(), "service_unavailable" | "store_unavailable" | "shutting_down" | "internal");
            assert_eq!(status >= 500, again, "{code}");
            assert_eq!((&body["code"], &body["message"]), (&body["Code"], &body["Message"]));
            assert_eq!(body["code"], code.as_str());
            assert!(body["message"].as_str().is_some_and(|text| text.contains("; ")), "no remedy in {body}");
        }
        let (status, body) = parts(&credentials(Err(Failure::Unreachable("nobody answers".into()))));
        assert_eq!((status, &body["message"]), (503, &json!("nobody answers")));
    }
}
