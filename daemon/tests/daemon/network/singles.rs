//! Everything that can go wrong between daemon and service, at every operation, over TLS.

use std::cell::RefCell;
use std::time::Duration;

use identity_center_simulator::{Fault, Grant, Operation, Settings, Times};
use ssoctl_protocol::{Problem, SessionStatus};

use crate::faults::settings;
use crate::harness::{Answer, Harness, join_all, mins, secs};
use crate::network::front::{Front, RIGHT, start_through};

/// The results of a fault that strikes again and again: at RegisterClient, StartDeviceAuthorization and CreateToken for a
/// caller that waits for a minute (a problem's code or `ok`); at a refresh in `status` (the last error's code or `ok`);
/// at the portal's three questions for their callers (a problem's code or `ok`); at Logout in the portal's outcome.
struct Row {
    fault: Fault,
    outcomes: [&'static str; 8],
}

const COLUMNS: [&str; 8] = ["register", "authorize", "poll", "refresh", "credentials", "accounts", "roles", "logout"];

fn table() -> Vec<Row> {
    let row = |fault, flow: [&'static str; 3], refresh, [credentials, accounts, roles]: [&'static str; 3], logout| {
        Row { fault, outcomes: [flow[0], flow[1], flow[2], refresh, credentials, accounts, roles, logout] }
    };
    let (unavailable, refused, timeout) = ("service_unavailable", "service_refused", "wait_timeout");
    let (passing, lasting, fine) = ([unavailable, unavailable, timeout], [refused; 3], ["ok"; 3]);
    let none = [unavailable; 3];
    let error = |name| Fault::error(name);
    let status = |status| Fault::Status { status };
    let not_told = "not_told";
    vec![
        row(error("InternalServerException"), passing, "server_error", none, not_told),
        row(error("SlowDownException"), passing, "slow_down", none, not_told),
        row(error("AuthorizationPendingException"), passing, "authorization_pending", none, not_told),
        row(error("InvalidRequestException"), lasting, "invalid_request", lasting, not_told),
        row(error("InvalidClientException"), lasting, "invalid_client", none, not_told),
        row(error("InvalidClientMetadataException"), lasting, "invalid_client_metadata", none, not_told),
        row(error("InvalidGrantException"), lasting, "invalid_grant", none, not_told),
        row(error("InvalidRedirectUriException"), lasting, "invalid_redirect_uri", none, not_told),
        row(error("InvalidScopeException"), lasting, "invalid_scope", none, not_told),
        row(error("UnauthorizedClientException"), lasting, "unauthorized_client", none, not_told),
        row(error("UnsupportedGrantTypeException"), lasting, "unsupported_grant_type", none, not_told),
        row(error("ExpiredTokenException"), [refused, refused, timeout], "expired_token", none, not_told),
        row(error("AccessDeniedException"), [refused, refused, "access_denied"], "access_denied", none, not_told),
        row(error("SomethingNewException"), passing, "service_error", none, not_told),
        row(error("UnauthorizedException"), passing, "service_error", ["sign_in_required"; 3], "ended"),
        row(error("ForbiddenException"), passing, "service_error", ["not_assigned"; 3], not_told),
        row(error("ResourceNotFoundException"), passing, "service_error", ["not_assigned"; 3], not_told),
        row(error("TooManyRequestsException"), passing, "service_error", none, not_told),
        row(
            Fault::error_with_reason("InvalidRequestException", "KMS_DisabledException"),
            passing,
            "invalid_request",
            lasting,
            not_told,
        ),
        row(status(503), passing, "service_error", none, not_told),
        row(status(403), passing, "service_error", none, not_told),
        row(status(302), passing, "unusable_answer", none, not_told),
        row(status(200), passing, "unusable_answer", none, "ended"),
        row(Fault::Delay { by: Duration::from_millis(30) }, fine, "ok", fine, "ended"),
        row(Fault::Reset, passing, "network", none, not_told),
        row(Fault::Truncated, passing, "network", none, not_told),
        row(Fault::LostAnswer, passing, "network", none, not_told),
        row(Fault::NotJson, passing, "unusable_answer", none, not_told),
        row(Fault::Html, passing, "unusable_answer", none, not_told),
        row(Fault::Oversized { bytes: 8 << 20 }, passing, "unusable_answer", none, not_told),
        row(Fault::TooManyRequests { retry_after: secs(1) }, passing, "service_error", none, not_told),
        row(Fault::Hang, [timeout; 3], "ok", none, not_told),
    ]
}

/// The result of a request.
pub(crate) fn outcome(answer: &Answer) -> String {
    if answer.status == 200 { "ok".to_owned() } else { answer.json::<Problem>().code.as_str().to_owned() }
}

/// The front ends when it is dropped.
pub(crate) async fn over_tls(settings: Settings) -> (Harness, Front) {
    let mut front = None;
    let t = start_through(settings, |simulator| front.insert(Front::new(simulator, RIGHT)).way()).await;
    (t, front.expect("a front"))
}

/// The outcome for a caller that waits while the fault strikes one step of a flow again and again, and for the next caller.
async fn during_a_flow(operation: Operation, fault: Fault) -> String {
    let (t, _front) = over_tls(settings()).await;
    t.simulator.inject(operation, fault, Times::UntilCleared);
    let answer = t.while_time_passes(t.request("GET /v1/sessions/corp/token?wait=60")).await;
    t.simulator.clear_faults();
    t.request("DELETE /v1/sessions/corp/login").await;
    t.while_time_passes(t.token("wait=3600")).await.expect("a token");
    outcome(&answer)
}

/// The shown error while the fault strikes refreshes. Meanwhile the token is served. Afterwards the refresh succeeds.
async fn during_a_refresh(fault: Fault) -> String {
    let (t, _front) = over_tls(settings()).await;
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
    let is_well = |status: &SessionStatus| status.expires_at > before && status.last_error.is_none();
    // An error is shown before a refusal of the refresh token is believed: for that, the store is read once more.
    let is_over = |status: &SessionStatus| hangs || is_well(status) || !status.refreshable;
    if !is_well(&t.while_time_passes(t.until(is_over)).await) {
        t.while_time_passes(t.request("POST /v1/sessions/corp/login")).await;
    }
    t.while_time_passes(t.until(is_well)).await;
    assert!(t.simulator.token_calls(Grant::RefreshToken) < 20);
    status.last_error.map_or_else(|| "ok".to_owned(), |error| error.code)
}

/// The request that leads to this operation of the portal.
pub(crate) fn question(operation: Operation) -> &'static str {
    match operation {
        Operation::GetRoleCredentials => {
            "GET /v1/sessions/corp/credentials?account=111122223333&role=ReadOnlyAccess&wait=0"
        }
        Operation::ListAccounts => "GET /v1/sessions/corp/accounts",
        _ => "GET /v1/sessions/corp/accounts/111122223333/roles",
    }
}

/// The answer to a caller whose question to the portal fails. The token is kept, or replaced by a new sign-in if the portal
/// rejected it, and then the question is answered.
async fn during_a_question(operation: Operation, fault: Fault) -> String {
    let (t, _front) = over_tls(settings()).await;
    t.request("POST /v1/sessions/corp/login").await;
    let token = t.access_token().await;
    t.simulator.inject(operation, fault, Times::UntilCleared);
    let told = outcome(&t.while_time_passes(t.request(question(operation))).await);
    t.simulator.clear_faults();
    if told == "sign_in_required" {
        t.while_time_passes(t.request("POST /v1/sessions/corp/login")).await;
    } else {
        assert_eq!(t.access_token().await, token, "{operation}");
    }
    t.while_time_passes(t.while_time_stands(async || t.request(question(operation)).await.status != 200)).await;
    told
}

/// The reported outcome at the portal. The token is gone, and a new sign-in works.
async fn during_a_logout(fault: Fault) -> String {
    let (t, _front) = over_tls(settings()).await;
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

async fn every_outcome(fault: &Fault) -> [String; 8] {
    let outcomes = tokio::join!(
        during_a_flow(Operation::RegisterClient, fault.clone()),
        during_a_flow(Operation::StartDeviceAuthorization, fault.clone()),
        during_a_flow(Operation::CreateToken, fault.clone()),
        during_a_refresh(fault.clone()),
        during_a_question(Operation::GetRoleCredentials, fault.clone()),
        during_a_question(Operation::ListAccounts, fault.clone()),
        during_a_question(Operation::ListAccountRoles, fault.clone()),
        during_a_logout(fault.clone()),
    );
    outcomes.into()
}

#[tokio::test]
async fn every_fault_at_every_operation_has_its_outcome_and_a_way_out() {
    let wrong = RefCell::new(Vec::new());
    let check = async |row: &Row| {
        let outcomes = every_outcome(&row.fault).await;
        println!("{:?}: {}", row.fault, outcomes.join(", "));
        for ((column, outcome), expected) in COLUMNS.into_iter().zip(outcomes).zip(row.outcomes) {
            if outcome != expected {
                wrong.borrow_mut().push(format!("{:?} at {column}: {outcome}, not {expected}", row.fault));
            }
        }
    };
    let (slow, quick): (Vec<Row>, Vec<Row>) = table().into_iter().partition(|row| row.fault == Fault::Hang);
    for rows in quick.chunks(4) {
        join_all(rows.iter().map(&check).collect()).await;
    }
    // By itself: the others would take its time, and on a busy machine it would not be over before patience is.
    join_all(slow.iter().map(&check).collect()).await;
    assert_eq!(wrong.take(), Vec::<String>::new());
}
