//! A sign-in in a token file is proved by its issuer before it is used or replaces another.

use std::time::Duration;

use identity_center_simulator::{Fault, Grant, Operation, Settings, Simulator, Times};
use serde_json::{Value, json};
use ssoctl_protocol::import::{Import, ImportOutcome};
use ssoctl_protocol::{SessionState, SessionStatus, Timestamp};
use ssoctld::clock::Clock;

use crate::harness::{Harness, START_URL, Store, hours, mins, noon, secs};
use crate::token_files::{SERVICES, shared, text};

const DAY: Duration = hours(24);

impl Harness {
    /// A token file of another program, without anything to renew it with.
    fn made_up(&self, token: &str, lifetime: Duration) -> Value {
        json!({"startUrl": START_URL, "region": "eu-west-1", "accessToken": token,
            "expiresAt": Timestamp::from(self.clock.now().wall + lifetime)})
    }

    /// A sign-in of the AWS CLI whose file claims that it lives for longer than ours.
    async fn longer_sign_in(&self) -> Value {
        let mut theirs = self.sign_in_of_the_aws_cli().await;
        theirs["expiresAt"] = json!(Timestamp::from(self.clock.now().wall + hours(2)));
        theirs
    }

    fn path(&self) -> String {
        self.token_file("corp").display().to_string()
    }

    async fn imported(&self) -> (ImportOutcome, Option<String>) {
        let import: Import = self.request("POST /v1/import").await.json();
        let path = self.path();
        let file = import.files.into_iter().find(|file| file.file == path).expect("the file");
        (file.outcome, file.detail)
    }
}

fn complaint(status: &SessionStatus) -> &str {
    status.token_files.as_ref().and_then(|files| files.error.as_deref()).unwrap_or_default()
}

fn unproved(status: &SessionStatus) -> Vec<&str> {
    status.token_files.iter().flat_map(|files| &files.unproved).map(|unproved| unproved.file.as_str()).collect()
}

#[tokio::test]
async fn an_answer_and_a_forbidden_list_prove_a_sign_in_and_its_file_is_named_from_then_on() {
    for fault in [None, Some(Fault::error("ForbiddenException"))] {
        let mut t = Harness::sharing_signed_out().await;
        let theirs = t.sign_in_of_the_aws_cli().await;
        if let Some(fault) = fault {
            t.simulator.inject(Operation::ListAccounts, fault, Times::UntilCleared);
        }
        t.put("corp", &theirs.to_string());
        let status = t.until_state(SessionState::SignedIn).await;
        assert_eq!(t.access_token().await, text(&theirs["accessToken"]));
        assert_eq!((t.simulator.calls(Operation::ListAccounts), status.found_in), (1, Some(t.path())));

        // Also after it was renewed, and after a restart; until a person signs in again.
        t.clock.advance(mins(58));
        let renewed = t.until(|now| now.expires_at > status.expires_at).await;
        assert_eq!(renewed.found_in, Some(t.path()));
        t.restart(Store::File).await;
        assert_eq!(t.until_state(SessionState::SignedIn).await.found_in, Some(t.path()));
        t.sign_in("corp").await;
        t.until(|status| status.found_in.is_none()).await;
    }
}

#[tokio::test]
async fn a_working_sign_in_outlives_a_file_that_its_issuer_does_not_know() {
    let (t, ours) = Harness::published().await;
    let mut theirs = t.longer_sign_in().await;
    theirs["accessToken"] = json!("made-up");
    t.put("corp", &theirs.to_string());
    t.until_published("corp", &ours).await;
    let status = t.status("corp").await;
    assert_eq!((t.access_token().await, status.refreshable, status.found_in), (ours, true, None));
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 1);

    // The old renewal still works.
    t.clock.advance(mins(58));
    t.until(|now| now.expires_at > status.expires_at).await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1);
}

#[tokio::test]
async fn a_rejected_sign_in_is_not_proved_again_until_the_file_changes() {
    let t = Harness::sharing_signed_out().await;
    t.put("corp", &t.made_up("made-up", DAY).to_string());
    let status = t.until(|status| complaint(status).contains("holds a sign-in that its issuer rejects")).await;
    assert!(complaint(&status).starts_with(&t.path()), "{status:?}");
    assert_eq!((status.state, unproved(&status)), (SessionState::SignedOut, vec![]));
    let (outcome, why) = t.imported().await;
    assert_eq!(outcome, ImportOutcome::Refused, "{why:?}");
    t.clock.advance(hours(5));
    t.settle().await;
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 1);

    let theirs = t.sign_in_of_the_aws_cli().await;
    t.put("corp", &theirs.to_string());
    t.until_published("corp", text(&theirs["accessToken"])).await;
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 2);
    t.until(|status| complaint(status).is_empty()).await;
}

#[tokio::test]
async fn an_unproved_sign_in_is_reported_and_tried_again_and_replaces_nothing_until_then() {
    for fault in [Fault::Status { status: 500 }, Fault::Status { status: 401 }, Fault::Reset, Fault::Html] {
        for signed_in in [true, false] {
            let t = Harness::sharing_signed_out().await;
            if signed_in {
                t.sign_in("corp").await;
                t.until_published("corp", &t.access_token().await).await;
            }
            let before = t.status("corp").await;
            t.simulator.inject(Operation::ListAccounts, fault.clone(), Times::UntilCleared);
            let theirs = t.longer_sign_in().await;
            t.put("corp", &theirs.to_string());
            let status = t.until(|status| unproved(status) == [t.path()]).await;
            assert_eq!((status.state, status.expires_at), (before.state, before.expires_at), "{fault:?}");
            assert_eq!(t.content("corp").as_ref(), Some(&theirs), "{fault:?}");
            assert_eq!(t.simulator.calls(Operation::ListAccounts), 1, "{fault:?}");
            let (outcome, why) = t.imported().await;
            assert_eq!((outcome, why.is_some()), (ImportOutcome::NotProved, true), "{fault:?}");

            // Twice as long after each failure.
            for (pause, calls) in [(3, 2), (1, 3), (7, 3), (1, 4)] {
                t.clock.advance(secs(pause));
                t.while_time_stands(async || {
                    t.settle().await;
                    t.simulator.calls(Operation::ListAccounts) < calls
                })
                .await;
                t.settle().await;
                assert_eq!(t.simulator.calls(Operation::ListAccounts), calls, "{fault:?}");
            }
            t.simulator.clear_faults();
            t.clock.advance(secs(16));
            t.until_published("corp", text(&theirs["accessToken"])).await;
            assert_eq!(t.access_token().await, text(&theirs["accessToken"]));
            t.until(|status| unproved(status).is_empty()).await;
        }
    }
}

#[tokio::test]
async fn one_that_has_expired_is_proved_by_its_renewal_where_there_is_no_live_sign_in_to_lose() {
    let t = Harness::sharing_signed_out().await;
    let theirs = t.sign_in_of_the_aws_cli().await;
    t.clock.advance(hours(2));
    t.put("corp", &theirs.to_string());
    let status = t.until_state(SessionState::SignedIn).await;
    let token = t.access_token().await;
    assert_ne!(token, text(&theirs["accessToken"]));
    assert_eq!((status.refreshable, status.found_in), (true, Some(t.path())));
    t.until_published("corp", &token).await;
    let counts = || (t.simulator.token_calls(Grant::RefreshToken), t.simulator.calls(Operation::ListAccounts));
    assert_eq!(counts(), (1, 0));

    let mut another = t.sign_in_of_the_aws_cli().await;
    another["expiresAt"] = json!(Timestamp::from(t.clock.now().wall - mins(1)));
    t.put("corp", &another.to_string());
    t.until_published("corp", &token).await;
    assert_eq!((t.access_token().await, counts()), (token, (1, 0)), "a live one is not risked");
}

#[tokio::test]
async fn an_expired_sign_in_whose_renewal_fails_takes_no_record_away() {
    let (t, _) = Harness::published().await;
    let theirs = t.sign_in_of_the_aws_cli().await;
    t.simulator.inject(Operation::CreateToken, Fault::Status { status: 500 }, Times::UntilCleared);
    t.clock.advance(hours(2));
    t.until_state(SessionState::Expired).await;
    let mut later = theirs.clone();
    later["expiresAt"] = json!(Timestamp::from(t.clock.now().wall - mins(1)));
    t.put("corp", &later.to_string());
    let status = t.until(|status| unproved(status) == [t.path()]).await;
    assert_eq!((status.state, status.refreshable, status.found_in), (SessionState::Expired, true, None));
    t.simulator.clear_faults();
    t.simulator.inject(Operation::CreateToken, Fault::error("InvalidGrantException"), Times::Next(1));
    t.clock.advance(secs(4));
    let status = t.until(|status| complaint(status).contains("holds a sign-in that its issuer rejects")).await;
    assert_eq!((status.state, status.refreshable), (SessionState::Expired, true), "our own renewal is kept");
    t.access_token().await;
}

#[tokio::test]
async fn no_life_beyond_ninety_days_is_believed_or_published() {
    let t = Harness::sharing_signed_out().await;
    t.simulator.inject(Operation::ListAccounts, Fault::error("ForbiddenException"), Times::Next(1));
    t.put("corp", &t.made_up("made-up", 2_911_748 * DAY).to_string());
    let status = t.until_state(SessionState::SignedIn).await;
    let latest = Timestamp::from(t.clock.now().wall + 90 * DAY);
    assert!(status.expires_at.unwrap() <= latest, "{status:?}");
    let is_ours = |content: Option<&Value>| content.is_some_and(|content| content.get("publishedBySsoctl").is_some());
    let published = t.until_file("corp", is_ours).await.unwrap();
    assert!(text(&published["expiresAt"]).parse::<Timestamp>().unwrap() <= latest, "{published}");
}

#[tokio::test]
async fn a_token_that_could_command_a_terminal_or_a_header_is_never_taken_over_or_sent() {
    let t = Harness::sharing_signed_out().await;
    for token in ["a\u{1b}[2J", "a\r\nx-evil: 1", "a\u{9b}31m", "a b", ""] {
        t.put("corp", &t.made_up(token, DAY).to_string());
        t.until(|status| complaint(status).contains("characters that no token")).await;
        assert_eq!(t.imported().await.0, ImportOutcome::Unreadable, "{token:?}");
        std::fs::remove_file(t.token_file("corp")).unwrap();
        t.until(|status| complaint(status).is_empty()).await;
    }
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 0);
}

#[tokio::test]
async fn an_endpoint_of_a_variable_never_gets_a_sign_in_from_a_file() {
    let of_the_file = Simulator::start(Settings::default()).expect("a port");
    let named = SERVICES.replace("{simulator}", &of_the_file.url());
    // Without a `services` section the file means AWS.
    for aws in [named.as_str(), ""] {
        for signed_in in [false, true] {
            let t = Harness::start_at(noon(), Settings::default(), Store::File, &shared(), aws).await;
            t.until_state(SessionState::SignedOut).await;
            if signed_in {
                t.sign_in("corp").await;
                t.until_published("corp", &t.access_token().await).await;
            }
            let before = (t.status("corp").await.state, t.simulator.call_log().len());
            for file in [t.made_up("made-up", DAY), {
                let mut expired = t.made_up("made-up", Duration::ZERO);
                for secret in ["refreshToken", "clientId", "clientSecret"] {
                    expired[secret] = json!("made-up");
                }
                expired
            }] {
                t.put("corp", &file.to_string());
                let words = "and this session signs in at another one";
                t.until(|status| complaint(status).contains(words)).await;
                let (outcome, detail) = t.imported().await;
                assert_eq!(outcome, ImportOutcome::OtherPortal);
                assert!(detail.is_some_and(|detail| detail.contains(words)));
                assert_eq!(t.content("corp"), Some(file));
            }
            assert_eq!((t.status("corp").await.state, t.simulator.call_log().len()), before);
        }
    }
    assert_eq!(of_the_file.call_log().len(), 0);
}
