//! Everything that can go wrong between daemon and service, at every operation.

use std::time::Duration;

use identity_center_simulator::{Approval, Fault, Grant, Operation, Settings, Times};

use crate::harness::{Harness, hours, mins, secs};
use crate::sign_in::join_all;

/// What a fault leads to: at RegisterClient, StartDeviceAuthorization and CreateToken for a caller that waits for a
/// minute (a problem's code or `token`); at a refresh in `status` (the last error's code or `token`); at Logout in the
/// portal's outcome.
struct Row {
    fault: Fault,
    outcomes: [&'static str; 5],
}

const COLUMNS: [&str; 5] = ["register", "authorize", "poll", "refresh", "logout"];

fn table() -> Vec<Row> {
    let row = |fault, outcomes| Row { fault, outcomes };
    let (unavailable, refused, timeout) = ("service_unavailable", "service_refused", "wait_timeout");
    let status = |status| Fault::Status { status };
    vec![
        row(Fault::error("InternalServerException"), [unavailable, unavailable, timeout, "server_error", "not_told"]),
        row(Fault::error("SlowDownException"), [unavailable, unavailable, timeout, "slow_down", "not_told"]),
        row(Fault::error("InvalidRequestException"), [refused, refused, refused, "invalid_request", "not_told"]),
        row(Fault::error("InvalidClientException"), [refused, refused, refused, "invalid_client", "not_told"]),
        row(Fault::error("InvalidScopeException"), [refused, refused, refused, "invalid_scope", "not_told"]),
        row(Fault::error("AccessDeniedException"), [refused, refused, "access_denied", "access_denied", "not_told"]),
        row(Fault::error("SomethingNewException"), [unavailable, unavailable, timeout, "service_error", "not_told"]),
        row(Fault::error("UnauthorizedException"), [unavailable, unavailable, timeout, "service_error", "ended"]),
        row(
            Fault::error_with_reason("InvalidRequestException", "KMS_DisabledException"),
            [unavailable, unavailable, timeout, "invalid_request", "not_told"],
        ),
        row(status(503), [unavailable, unavailable, timeout, "service_error", "not_told"]),
        row(status(403), [unavailable, unavailable, timeout, "service_error", "not_told"]),
        row(status(302), [unavailable, unavailable, timeout, "unusable_answer", "not_told"]),
        row(status(200), [unavailable, unavailable, timeout, "unusable_answer", "ended"]),
        row(Fault::Delay { by: Duration::from_millis(30) }, ["token", "token", "token", "token", "ended"]),
        row(Fault::Reset, [unavailable, unavailable, timeout, "network", "not_told"]),
        row(Fault::Truncated, [unavailable, unavailable, timeout, "network", "not_told"]),
        row(Fault::LostAnswer, [unavailable, unavailable, timeout, "network", "not_told"]),
        row(Fault::NotJson, [unavailable, unavailable, timeout, "unusable_answer", "not_told"]),
        row(Fault::Html, [unavailable, unavailable, timeout, "unusable_answer", "not_told"]),
        row(Fault::Oversized { bytes: 8 << 20 }, [unavailable, unavailable, timeout, "unusable_answer", "not_told"]),
        row(
            Fault::TooManyRequests { retry_after: secs(1) },
            [unavailable, unavailable, timeout, "service_error", "not_told"],
        ),
        row(Fault::Hang, [timeout, timeout, timeout, "token", "not_told"]),
    ]
}

fn settings() -> Settings {
    Settings {
        approval: Approval::Preauthorised,
        portal_session: hours(24 * 30),
        portal_rate: None,
        ..Settings::default()
    }
}

/// The outcome for somebody who waits while the fault strikes one step of a flow again and again, and for the next one.
async fn during_a_flow(operation: Operation, fault: Fault) -> String {
    let t = Harness::start(settings()).await;
    t.simulator.inject(operation, fault, Times::UntilCleared);
    let outcome = t.while_time_passes(t.token("wait=60")).await;
    t.simulator.clear_faults();
    t.request("DELETE /v1/sessions/corp/login").await;
    t.while_time_passes(t.request("POST /v1/sessions/corp/login")).await;
    t.access_token().await;
    outcome.map_or_else(|problem| problem.code.as_str().to_owned(), |_| "token".to_owned())
}

/// What is shown while the fault strikes refreshes, during which the token is served, and the way out of it.
async fn during_a_refresh(fault: Fault) -> String {
    let t = Harness::start(settings()).await;
    t.request("POST /v1/sessions/corp/login").await;
    let before = t.status("corp").await.expires_at;
    let hangs = fault == Fault::Hang;
    t.simulator.inject(Operation::CreateToken, fault, Times::UntilCleared);
    t.clock.advance(mins(45));
    t.simulator.calls_reached(Operation::CreateToken, 2).await;
    let status = if hangs {
        t.status("corp").await
    } else {
        t.until(|status| status.last_error.is_some() || status.expires_at > before).await
    };
    t.access_token().await;
    t.simulator.clear_faults();
    if hangs || !status.refreshable {
        t.while_time_passes(t.request("POST /v1/sessions/corp/login")).await;
    }
    t.while_time_passes(t.until(|status| status.expires_at > before && status.last_error.is_none())).await;
    assert!(t.simulator.token_calls(Grant::RefreshToken) < 20);
    status.last_error.map_or_else(|| "token".to_owned(), |error| error.code)
}

/// What is said of the portal, and whether the token is gone and another can be had.
async fn during_a_logout(fault: Fault) -> String {
    let t = Harness::start(settings()).await;
    t.request("POST /v1/sessions/corp/login").await;
    t.simulator.inject(Operation::Logout, fault, Times::UntilCleared);
    let logout = t.while_time_passes(t.request("POST /v1/sessions/corp/logout")).await;
    assert_eq!(t.token("").await.unwrap_err().code.as_str(), "sign_in_required");
    t.simulator.clear_faults();
    t.request("POST /v1/sessions/corp/login").await;
    t.access_token().await;
    let outcome = logout.json::<serde_json::Value>()["portal"].as_str().map(str::to_owned);
    outcome.unwrap_or(logout.body)
}

async fn every_outcome(fault: &Fault) -> [String; 5] {
    let outcomes = tokio::join!(
        during_a_flow(Operation::RegisterClient, fault.clone()),
        during_a_flow(Operation::StartDeviceAuthorization, fault.clone()),
        during_a_flow(Operation::CreateToken, fault.clone()),
        during_a_refresh(fault.clone()),
        during_a_logout(fault.clone()),
    );
    outcomes.into()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the table is worth reading when it does not hold")]
async fn every_fault_at_every_operation_has_its_outcome_and_a_way_out() {
    let mut wrong = Vec::new();
    for rows in table().chunks(6) {
        let outcomes = join_all(rows.iter().map(|row| every_outcome(&row.fault)).collect()).await;
        for (Row { fault, outcomes: expected }, outcomes) in rows.iter().zip(outcomes) {
            println!("{fault:?}: {}", outcomes.join(", "));
            for ((column, outcome), expected) in COLUMNS.into_iter().zip(outcomes).zip(expected) {
                if outcome != *expected {
                    wrong.push(format!("{fault:?} at {column}: {outcome}, not {expected}"));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn an_answer_without_what_it_needs_or_with_nonsense_is_refused_and_names_the_member() {
    for (operation, fault, complaint) in [
        (Operation::RegisterClient, Fault::missing("clientId"), "it has no clientId"),
        (Operation::RegisterClient, Fault::missing("clientSecret"), "it has no clientSecret"),
        (
            Operation::RegisterClient,
            Fault::replaced("clientSecretExpiresAt", -1),
            "its clientSecretExpiresAt makes no sense",
        ),
        (Operation::StartDeviceAuthorization, Fault::missing("deviceCode"), "it has no deviceCode"),
        (Operation::StartDeviceAuthorization, Fault::missing("userCode"), "it has no userCode"),
        (Operation::StartDeviceAuthorization, Fault::missing("verificationUri"), "it has no verificationUri"),
        (Operation::StartDeviceAuthorization, Fault::replaced("expiresIn", 0), "its expiresIn makes no sense"),
        (Operation::StartDeviceAuthorization, Fault::replaced("interval", "soon"), "a member has the wrong type"),
    ] {
        let t = Harness::start(settings()).await;
        t.simulator.inject(operation, fault, Times::UntilCleared);
        let problem = t.while_time_passes(t.token("wait=60")).await.unwrap_err();
        assert_eq!(problem.code.as_str(), "service_unavailable");
        assert!(problem.detail.contains(complaint), "{}", problem.detail);
    }
    for (fault, complaint) in [
        (Fault::missing("accessToken"), "it has no accessToken"),
        (Fault::missing("expiresIn"), "it has no expiresIn"),
        (Fault::replaced("expiresIn", u64::MAX), "the service's answer is unusable"),
        (Fault::replaced("accessToken", 7), "a member has the wrong type"),
    ] {
        let t = Harness::start(settings()).await;
        t.request("POST /v1/sessions/corp/login").await;
        let before = t.access_token().await;
        t.simulator.inject(Operation::CreateToken, fault, Times::Next(1));
        t.clock.advance(mins(45));
        let status = t.until(|status| status.last_error.is_some()).await;
        let error = status.last_error.unwrap();
        assert!(error.message.contains(complaint), "{}", error.message);
        assert_eq!(t.access_token().await, before);
        t.while_time_passes(t.until(|status| status.last_error.is_none())).await;
    }
}

#[tokio::test]
async fn members_that_may_be_missing_are_not_missed() {
    for (operation, fault) in [
        (Operation::RegisterClient, Fault::missing("clientIdIssuedAt")),
        (Operation::RegisterClient, Fault::replaced("clientSecretExpiresAt", 0)),
        (Operation::StartDeviceAuthorization, Fault::missing("verificationUriComplete")),
        (Operation::StartDeviceAuthorization, Fault::missing("interval")),
        (Operation::CreateToken, Fault::missing("tokenType")),
        (Operation::CreateToken, Fault::missing("refreshToken")),
    ] {
        let t = Harness::start(settings()).await;
        t.simulator.inject(operation, fault.clone(), Times::Next(1));
        let token = t.while_time_passes(t.token("wait=60")).await;
        assert_eq!(token.map(|token| token.token_type), Ok("Bearer".to_owned()), "{fault:?}");
    }
}
