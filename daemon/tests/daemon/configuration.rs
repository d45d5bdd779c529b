//! The configuration changes under a running daemon.

use std::time::Duration;

use identity_center_simulator::{Fault, Grant, Operation, RefreshTokens, Settings, Times};
use ssoctl_protocol::{SessionState, SessionStatus};

use crate::harness::{Harness, START_URL, Store, hours, mins, session};

impl Harness {
    /// Waits until the daemon has read a configuration with these sessions.
    async fn until_sessions(&self, names: &[&str]) -> Vec<SessionStatus> {
        let is_other = async || {
            let sessions = self.report().await.sessions;
            !sessions.iter().map(|session| session.name.as_str()).eq(names.iter().copied())
        };
        self.while_time_stands(is_other).await;
        self.report().await.sessions
    }
}

#[tokio::test]
async fn reading_the_configuration_again_keeps_tokens_and_flows() {
    let t = Harness::signed_in(Settings::default()).await;
    let token = t.access_token().await;
    let login = t.open_flow("corp").await;
    t.reconfigure(
        &(session("corp", START_URL) + "refresh_before = \"30m\"\n" + &session("new", "https://new.awsapps.com/start")),
    )
    .await;
    let sessions = t.until_sessions(&["corp", "new"]).await;
    assert_eq!(sessions[0].login.as_ref(), Some(&login));
    assert_eq!(t.access_token().await, token);
    let before_expiry = |status: &SessionStatus| {
        status.expires_at.zip(status.next.as_ref()).map(|(expiry, next)| expiry.duration_since(next.at))
    };
    t.until(|status| before_expiry(status).is_some_and(|lead| lead >= Duration::from_secs(1800))).await;
}

#[tokio::test]
async fn a_file_that_changes_is_read_without_a_signal() {
    let t = Harness::signed_in(Settings::default()).await;
    let token = t.access_token().await;
    t.configure(&(session("corp", START_URL) + &session("new", "https://new.awsapps.com/start")));
    t.until_sessions(&["corp", "new"]).await;
    assert_eq!(t.access_token().await, token);
}

#[tokio::test]
async fn a_session_under_another_name_is_another_sign_in_and_a_url_in_another_spelling_is_not() {
    let t = Harness::signed_in(Settings::default()).await;
    let token = t.access_token().await;
    let both = session("corp", &format!("{START_URL}/#/?tab=accounts")) + &session("work", START_URL);
    t.reconfigure(&both).await;
    t.until_sessions(&["corp", "work"]).await;
    assert_eq!(t.access_token().await, token);
    assert_eq!(t.request("GET /v1/sessions/work/token").await.code(), "sign_in_required");
}

#[tokio::test]
async fn an_edited_identity_is_another_session_and_the_old_one_is_there_again_when_it_is_edited_back() {
    let t = Harness::signed_in(Settings::default()).await;
    let token = t.access_token().await;
    for edited in [
        session("corp", "https://else.awsapps.com/start"),
        session("corp", START_URL).replace("eu-west-1", "eu-west-2"),
        session("corp", START_URL) + "scopes = [\"sso:account:access\", \"codewhisperer:completions\"]\n",
        session("alice", START_URL).replace("[session.alice]", "[session.corp]\nscopes = []"),
    ] {
        t.reconfigure(&edited).await;
        t.until_state(SessionState::SignedOut).await;
        assert_eq!(t.refusal("").await, "sign_in_required", "{edited}");
        t.reconfigure(&session("corp", START_URL)).await;
        t.until_state(SessionState::SignedIn).await;
        assert_eq!(t.access_token().await, token, "{edited}");
    }
}

#[tokio::test]
async fn a_removed_session_keeps_its_record() {
    let t = Harness::signed_in(Settings { portal_session: hours(24 * 30), ..Settings::default() }).await;
    t.reconfigure("").await;
    t.until_sessions(&[]).await;
    assert_eq!(t.request("GET /v1/token").await.code(), "unknown_session");
    t.clock.advance(hours(9));
    t.reconfigure(&session("corp", START_URL)).await;
    t.until_sessions(&["corp"]).await;
    t.until_state(SessionState::SignedIn).await;
    assert_eq!(t.simulator.calls(Operation::RegisterClient), 1);
}

#[tokio::test]
async fn a_broken_entry_is_reported_and_takes_no_other_down() {
    let t = Harness::signed_in(Settings::default()).await;
    t.reconfigure(&(session("corp", START_URL) + "colour = \"red\"\n" + &session("broken", "no url"))).await;
    t.while_time_stands(async || t.report().await.daemon.configuration_problems.is_empty()).await;
    let problems = t.report().await.daemon.configuration_problems;
    let told: Vec<_> = problems.iter().map(|problem| (problem.severity.as_str(), problem.line)).collect();
    assert_eq!(told, [("warning", Some(4)), ("error", Some(6))]);
    t.access_token().await;
}

#[tokio::test]
async fn a_session_that_comes_back_while_it_is_leaving_never_spends_a_refresh_token_twice() {
    let settings = Settings { refresh_tokens: RefreshTokens::Rotated, ..Settings::default() };
    let t = Harness::signed_in(settings).await;
    let before = t.status("corp").await.expires_at;
    t.simulator.inject(Operation::CreateToken, Fault::Delay { by: Duration::from_millis(500) }, Times::Next(1));
    t.clock.advance(Duration::from_secs(45 * 60));
    t.simulator.calls_reached(Operation::CreateToken, 2).await;
    t.reconfigure("").await;
    t.until_sessions(&[]).await;
    t.reconfigure(&session("corp", START_URL)).await;
    t.until_sessions(&["corp"]).await;
    t.until(|status| status.expires_at > before).await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1, "the newcomer finds what the leaving one had received");
}

#[tokio::test]
async fn callers_of_a_session_that_comes_back_wait_no_longer_than_others_for_its_record() {
    let t = Harness::signed_in(Settings::default()).await;
    t.simulator.inject(Operation::CreateToken, Fault::Hang, Times::Next(1));
    t.clock.advance(mins(45));
    t.simulator.calls_reached(Operation::CreateToken, 2).await;
    t.reconfigure("").await;
    t.until_sessions(&[]).await;
    t.reconfigure(&session("corp", START_URL)).await;
    t.until_sessions(&["corp"]).await;
    // The one that leaves waits for four seconds for the token that was on its way.
    let refused = t.while_time_passes(t.credentials("ReadOnlyAccess", "")).await.unwrap_err();
    assert_eq!(refused.code.as_str(), "store_unavailable");
    t.while_time_passes(t.until_state(SessionState::SignedIn)).await;
}

#[tokio::test]
async fn in_quiet_hours_no_sign_in_is_opened_unasked_and_callers_are_served() {
    let quiet = |hours: &str| format!("quiet_hours = \"{hours}\"\n{}scopes = []\n", session("corp", START_URL));
    let t = Harness::start_with(Settings::default(), Store::Memory, &quiet("19:00-19:50")).await;
    t.sign_in("corp").await;
    let flows = || t.simulator.calls(Operation::StartDeviceAuthorization);
    // From 12:00 to 19:46 in one go, as in a suspend: the person would have been asked at 19:45.
    t.clock.advance(hours(7) + mins(46));
    let until = Some("2026-11-23T19:50:00Z".to_owned());
    assert_eq!(t.report().await.daemon.quiet_until.map(|until| until.to_string()), until);
    t.access_token().await;
    assert_eq!(flows(), 1);
    t.clock.advance(mins(4));
    t.until(|status| status.login.is_some()).await;
    assert_eq!((flows(), t.report().await.daemon.quiet_until), (2, None));
}

#[tokio::test]
async fn quiet_hours_that_make_no_sense_are_reported_with_their_line() {
    let configuration = format!("quiet_hours = \"8pm-8am\"\n{}", session("corp", START_URL));
    let t = Harness::start_with(Settings::default(), Store::Memory, &configuration).await;
    let report = t.report().await;
    let problem = &report.daemon.configuration_problems[0];
    assert_eq!(problem.line, Some(1));
    assert!(problem.message.contains("such as \"20:00-08:00\""), "{}", problem.message);
    assert_eq!(report.sessions.len(), 1);
}
