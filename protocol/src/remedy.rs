//! Problems for people: the event, and the remedy.

use crate::text::{self, LONGEST_CODE, duration_in_words};
use crate::{ErrorCode, PendingLogin, Problem, Timestamp, shell};

const HOW_TO_ADD: &str = "add one: ssoctl login --start-url URL --region REGION";

/// The text for a problem, without the leading `ssoctl: `.
pub fn with_remedy(problem: &Problem, now: Timestamp) -> String {
    let detail = problem.detail.trim_end_matches('.');
    let session = problem.session.as_deref();
    let login =
        session.map_or_else(|| "ssoctl login".to_owned(), |name| format!("ssoctl login {}", shell::argument(name)));
    match &problem.code {
        ErrorCode::SignInRequired => {
            let who = session.map_or_else(|| "the session".to_owned(), |name| format!("session \"{name}\""));
            let since = problem
                .expires_at
                .filter(|at| *at <= now)
                .map(|at| format!(" (expired {} ago)", duration_in_words(now.duration_since(at))));
            format!(
                "{who} needs a sign-in{}; run: {login}{}",
                since.unwrap_or_default(),
                pending(problem.login.as_ref(), now)
            )
        }
        ErrorCode::WaitTimeout => format!("{detail}; run: {login}{}", pending(problem.login.as_ref(), now)),
        ErrorCode::ValidityUnattainable => format!("{detail}; ask for less with --min-valid"),
        ErrorCode::UnknownSession if problem.sessions.is_empty() => format!("{detail}; {HOW_TO_ADD}"),
        ErrorCode::UnknownSession => {
            format!("{detail}; the sessions are: {}; or {HOW_TO_ADD}", problem.sessions.join(", "))
        }
        ErrorCode::AmbiguousSession => format!("{detail}; name one of: {}", problem.sessions.join(", ")),
        ErrorCode::SessionExists => {
            format!("{detail}; choose another --name, edit that one, or sign in to it: {login}")
        }
        ErrorCode::NotAssigned => {
            format!("{detail}; list your roles: ssoctl accounts, ssoctl roles (an administrator assigns them)")
        }
        ErrorCode::AssignmentUnnamed => {
            format!(
                "{detail}; give --account and --role (ssoctl roles lists yours), or a profile with sso_account_id and sso_role_name"
            )
        }
        ErrorCode::AccessDenied => format!("{detail}; if that was a mistake, run: {login}"),
        ErrorCode::LoginCancelled => format!("{detail}; to start over, run: {login}"),
        ErrorCode::UnknownFlow => format!("{detail}; run again: {login}"),
        ErrorCode::ServiceRefused => format!(
            "{detail}; check start URL, region and scopes of the session: ssoctl status{}",
            session.map_or_else(String::new, |name| format!(" {}", shell::argument(name)))
        ),
        ErrorCode::ServiceUnavailable => format!("{detail}; check the network and the proxy settings, then try again"),
        ErrorCode::StoreUnavailable => format!("{detail}; unlock the keyring and try again, or run: {login}"),
        ErrorCode::InvalidConfiguration | ErrorCode::ConfigurationUnwritable => {
            format!("{detail}; correct the configuration; this checks it: ssoctl status")
        }
        ErrorCode::AwsConfigUnusable => format!("{detail}; repair it, or unset the variable that names it"),
        ErrorCode::InvalidRequest => format!("{detail}; correct the command line"),
        ErrorCode::Forbidden => format!("{detail}; run ssoctl as the daemon's user"),
        ErrorCode::NotFound | ErrorCode::MethodNotAllowed => {
            format!(
                "{detail}; the daemon is of another version; end it, and the next call starts the new one: ssoctl stop"
            )
        }
        ErrorCode::BodyTooLarge => format!("{detail}; shorten the arguments"),
        ErrorCode::TooManyConnections
        | ErrorCode::TooManyRequests
        | ErrorCode::RequestTimeout
        | ErrorCode::ShuttingDown => {
            format!("{detail}; try again in a moment")
        }
        ErrorCode::Internal => format!("{detail}; see the daemon's log"),
        code => format!("{detail} ({code}, which this version does not know); update ssoctl"),
    }
}

/// A hint at a sign-in that waits for the person.
fn pending(login: Option<&PendingLogin>, now: Timestamp) -> String {
    login.filter(|login| login.expires_at > now).map_or_else(String::new, |login| {
        let what = match &login.user_code {
            Some(code) => {
                let code = text::shown(code, LONGEST_CODE);
                format!("confirm the pending code {code} at {}", login.verification_uri_complete)
            }
            // Its address has the `state`, and errors are kept in logs.
            None => "finish the pending sign-in in the browser".to_owned(),
        };
        let left = duration_in_words(login.expires_at.duration_since(now));
        format!(" (or {what}, for another {left})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LoginKind;

    fn now() -> Timestamp {
        "2026-11-23T10:17:00Z".parse().unwrap()
    }

    fn minutes_from_now(minutes: i64) -> Timestamp {
        Timestamp::from_unix(now().as_unix().saturating_add_signed(minutes * 60))
    }

    #[test]
    fn a_needed_sign_in_is_reported_with_the_time_of_expiry_and_the_command() {
        let expired = Problem {
            expires_at: Some(minutes_from_now(-12)),
            ..Problem::new(ErrorCode::SignInRequired, "ignored").of_session("corp")
        };
        assert_eq!(
            with_remedy(&expired, now()),
            r#"session "corp" needs a sign-in (expired 12 min ago); run: ssoctl login corp"#
        );
        let never = Problem::new(ErrorCode::SignInRequired, "ignored").of_session("my corp");
        assert_eq!(with_remedy(&never, now()), r#"session "my corp" needs a sign-in; run: ssoctl login 'my corp'"#);
    }

    #[test]
    fn a_pending_sign_in_is_mentioned_while_its_code_is_valid() {
        let login = |minutes| PendingLogin {
            flow: 1,
            kind: LoginKind::Device,
            user_code: Some("ABCD-EFGH".into()),
            verification_uri: Some("https://example.awsapps.com/start/#/device".into()),
            callback_port: None,
            no_browser: None,
            verification_uri_complete: "https://example.awsapps.com/start/#/device?user_code=ABCD-EFGH".into(),
            expires_at: minutes_from_now(minutes),
        };
        let needed = Problem::new(ErrorCode::SignInRequired, "").of_session("corp");
        let with = |login| Problem { login: Some(login), ..needed.clone() };
        let text = with_remedy(&with(login(9)), now());
        assert!(text.contains("ABCD-EFGH at https://example.awsapps.com/") && text.contains("another 9 min"), "{text}");
        assert!(!with_remedy(&with(login(-1)), now()).contains("ABCD"), "a dead code is of no use");
        let page = "https://oidc.eu-west-1.amazonaws.com/authorize?state=s".to_owned();
        let at_browser = PendingLogin { user_code: None, verification_uri_complete: page, ..login(9) };
        let text = with_remedy(&with(at_browser), now());
        assert!(text.ends_with(" (or finish the pending sign-in in the browser, for another 9 min)"), "{text}");
    }

    #[test]
    fn every_code_says_what_happened_and_what_to_do() {
        for code in ErrorCode::ALL.iter().cloned().chain([ErrorCode::Other("teapot".into())]) {
            let text = with_remedy(&Problem::new(code.clone(), "it went wrong.").of_session("corp"), now());
            let (what, remedy) = text.split_once("; ").unwrap_or_else(|| panic!("{code}: no remedy in {text:?}"));
            assert!(what.starts_with("it went wrong") || code == ErrorCode::SignInRequired, "{code}: {text}");
            assert!(remedy.len() > 10, "{code}: {text}");
        }
    }

    #[test]
    fn the_names_to_choose_from_are_listed() {
        let choices = vec!["dev".to_owned(), "prod".to_owned()];
        for code in [ErrorCode::AmbiguousSession, ErrorCode::UnknownSession] {
            assert!(with_remedy(&Problem::new(code, "x").with_choices(choices.clone()), now()).contains("dev, prod"));
        }
    }
}
