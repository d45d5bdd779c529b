//! Credentials and failures as the SDKs expect them.
//!
//! Failures say `code` and `message`; the AWS SDK for JavaScript reads them with a capital, the one for Java without, the one
//! for Go either way, botocore shows the whole text, and the one for Rust the status alone. What may pass by itself has a
//! status from 500, at which those SDKs that distinguish try again; below that they give up.

use serde::Serialize;
use serde_json::json;
use ssoctl_protocol::{ErrorCode, JSON, RoleCredentials, Secret};

use super::guard::Refusal;
use super::request::Malformed;
use crate::failure::Failure;

/// The body of a success, with the names of the ECS container credentials API.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    account_id: &'a str,
}

/// The answer to a request that was let in.
pub(super) fn of(credentials: Result<RoleCredentials, Failure>) -> Secret<Vec<u8>> {
    let credentials = match credentials {
        Ok(credentials) => credentials,
        Err(failure) => return failed(&failure),
    };
    let body = serde_json::to_vec(&Body {
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        token: credentials.session_token.expose(),
        expiration: credentials.expires_at.to_string(),
        account_id: &credentials.account,
    });
    match body {
        Ok(body) => message(200, Secret::new(body).expose()),
        Err(error) => problem(500, "internal", &format!("cannot write JSON: {error}")),
    }
}

/// The answer to a request that was not let in. It says nothing that its sender does not know.
pub(super) fn refusal(refusal: Refusal) -> Secret<Vec<u8>> {
    match refusal {
        Refusal::HasOrigin => problem(403, "forbidden", "web pages get no credentials"),
        Refusal::WrongHost => problem(403, "forbidden", "the Host is not this machine"),
        Refusal::WrongPath => problem(404, "not_found", "there is nothing at this path"),
        Refusal::WrongMethod => problem(405, "method_not_allowed", "credentials can only be read"),
        Refusal::WrongToken => problem(401, "unauthorized", "the Authorization is not that of this command"),
    }
}

/// The answer to what is no request.
pub(super) fn malformed(malformed: Malformed) -> Secret<Vec<u8>> {
    let status = match malformed {
        Malformed::TooLarge => 431,
        Malformed::TooSlow => 408,
        Malformed::NotHttp | Malformed::TwiceTheSame | Malformed::HasBody => 400,
    };
    problem(status, "invalid_request", &malformed.to_string())
}

fn failed(failure: &Failure) -> Secret<Vec<u8>> {
    let (status, code) = match failure {
        Failure::Problem(problem) => (status(&problem.code), problem.code.as_str()),
        // The daemon may be restarting just now.
        _ => (503, "daemon_unreachable"),
    };
    problem(status, code, &failure.to_string())
}

/// The status for a problem of the daemon: whether trying again may help, as its exit codes and statuses do not say.
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

fn message(status: u16, body: &[u8]) -> Secret<Vec<u8>> {
    let phrase = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Error",
    };
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
            parts(&of(Ok(credentials))),
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
            let failure = Problem::new(code.clone(), "it went wrong").of_session("corp").into();
            let (status, body) = parts(&of(Err(failure)));
            let again =
                matches!(code.as_str(), "service_unavailable" | "store_unavailable" | "shutting_down" | "internal");
            assert_eq!(status >= 500, again, "{code}");
            assert_eq!((&body["code"], &body["message"]), (&body["Code"], &body["Message"]));
            assert_eq!(body["code"], code.as_str());
            assert!(body["message"].as_str().is_some_and(|text| text.contains("; ")), "no remedy in {body}");
        }
        let (status, body) = parts(&of(Err(Failure::Unreachable("nobody answers".into()))));
        assert_eq!((status, &body["message"]), (503, &json!("nobody answers")));
    }

    #[test]
    fn whoever_is_not_let_in_is_told_by_a_status_at_which_nobody_tries_again() {
        for refused in
            [Refusal::HasOrigin, Refusal::WrongHost, Refusal::WrongPath, Refusal::WrongMethod, Refusal::WrongToken]
        {
            assert!((400..500).contains(&parts(&refusal(refused)).0), "{refused:?}");
        }
        assert_eq!(parts(&malformed(Malformed::TooLarge)).0, 431);
    }
}
