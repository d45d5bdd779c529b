//! A thousand sessions in one daemon.

use std::time::Duration;

use identity_center_simulator::{Fault, Grant, Operation, Settings, Times};
use ssoctld::transport::AT_ONCE;
use test_support::service::preauthorised;
use test_support::speed::has_time;
use test_support::waiting::until_so;

use crate::harness::{Harness, Store, hours, join_all, secs, session};

const SESSIONS: usize = 1000;

/// Signs in to all of them within a minute.
async fn a_thousand() -> Harness {
    let settings = Settings { portal_session: hours(24 * 30), ..preauthorised() };
    let names: Vec<String> = (0..SESSIONS).map(|number| format!("s{number}")).collect();
    let configuration: String =
        names.iter().map(|name| session(name, &format!("https://{name}.awsapps.com/start"))).collect();
    let t = Harness::start_with(settings, Store::Memory, &configuration).await;
    for names in names.chunks(20) {
        let t = &t;
        let sign_in = async |name| assert_eq!(t.request(&format!("POST /v1/sessions/{name}/login")).await.status, 200);
        join_all(names.iter().map(sign_in).collect()).await;
        t.clock.advance(secs(1));
    }
    assert_eq!(t.simulator.issued_access_tokens().len(), SESSIONS);
    t
}

#[tokio::test]
async fn a_thousand_sessions_that_wake_up_together_make_sixteen_calls_at_once_and_ask_no_person() {
    if !has_time() {
        return;
    }
    let t = a_thousand().await;
    // The machine sleeps through the end of each token. Each call takes long enough that a busy machine begins sixteen meanwhile.
    t.simulator.inject(Operation::CreateToken, Fault::Delay { by: Duration::from_millis(100) }, Times::UntilCleared);
    let renewed = t.simulator.token_calls(Grant::RefreshToken);
    t.clock.advance(hours(9));
    until_so("all are renewed", async || t.simulator.token_calls(Grant::RefreshToken) >= renewed + SESSIONS).await;
    t.settle().await;
    let at_once = t.simulator.most_at_once();
    t.simulator.clear_faults();
    assert_eq!(at_once, AT_ONCE, "calls at once");
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), SESSIONS, "nobody was asked again");
}
