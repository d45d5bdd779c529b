//! A thousand sessions in one daemon.
#![allow(clippy::print_stdout, reason = "the histogram is worth reading")]

use std::time::{Duration, SystemTime};

use identity_center_simulator::{Approval, Fault, Grant, Operation, Settings, Times};
use ssoctld::clock::Clock as _;
use ssoctld::transport::AT_ONCE;
use test_support::speed::has_time;

use crate::harness::{Harness, Store, hours, join_all, mins, secs, session};

const SESSIONS: usize = 1000;

/// How long they are watched after a beginning: some lifetimes of a token, which is an hour.
const WATCHED: Duration = hours(2);

/// The clock moves on by this much.
const STEP: Duration = secs(20);

/// Signs in to all of them within a minute.
async fn a_thousand() -> Harness {
    let settings =
        Settings { approval: Approval::Preauthorised, portal_session: hours(24 * 30), ..Settings::default() };
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

/// How many renewals there are in each minute while nobody asks.
async fn renewals_by_the_minute(t: &Harness, begin: SystemTime) -> Vec<usize> {
    for _ in 0..WATCHED.as_secs() / STEP.as_secs() {
        t.clock.advance(STEP);
        t.settle().await;
    }
    let mut renewals = vec![0; usize::try_from(WATCHED.as_secs() / 60).unwrap()];
    for call in t.simulator.call_log().into_iter().filter(|call| call.grant == Some(Grant::RefreshToken)) {
        if let Ok(after) = call.at.duration_since(begin)
            && let Some(minute) = renewals.get_mut(usize::try_from(after.as_secs() / 60).unwrap())
        {
            *minute += 1;
        }
    }
    renewals
}

/// From the first renewal on no minute has more than twice the mean.
fn are_spread(after: &str, renewals: &[usize]) {
    let first = renewals.iter().position(|renewals| *renewals > 0).expect("renewals");
    let (total, most) = (renewals.iter().sum::<usize>(), renewals.iter().max().copied().unwrap_or_default());
    let mean = total as f64 / (renewals.len() - first) as f64;
    println!("after {after}: {total} renewals, {mean:.1} a minute from minute {first} on, at most {most}");
    for (part, renewals) in renewals.chunks(30).enumerate() {
        println!(
            "  {:>3}: {}",
            30 * part,
            renewals.iter().map(|renewals| format!("{renewals:>4}")).collect::<String>()
        );
    }
    assert!(most as f64 <= 2.0 * mean, "after {after}, {most} in one minute are more than twice the mean of {mean:.1}");
}

#[tokio::test]
async fn a_thousand_sessions_that_began_or_woke_together_are_not_renewed_together() {
    if !has_time() {
        return;
    }
    // What the sessions leave to chance is the same each time.
    fastrand::seed(7);
    let t = a_thousand().await;
    are_spread("signing in", &renewals_by_the_minute(&t, t.clock.now().wall).await);

    // The machine sleeps through the end of each token.
    t.simulator.inject(Operation::CreateToken, Fault::Delay { by: Duration::from_millis(20) }, Times::UntilCleared);
    let renewed = t.simulator.token_calls(Grant::RefreshToken);
    t.clock.advance(hours(9));
    let woken = t.clock.now().wall;
    let (mut at_once, mut pace) = (0, tokio::time::interval(Duration::from_millis(10)));
    while t.simulator.token_calls(Grant::RefreshToken) < renewed + SESSIONS {
        pace.tick().await;
        let log = t.simulator.call_log();
        at_once = at_once.max(log.iter().filter(|call| call.outcome == "in progress").count());
    }
    t.settle().await;
    t.simulator.clear_faults();
    println!("waking up: {SESSIONS} renewals, at most {at_once} under way at once");
    assert!((2..=AT_ONCE).contains(&at_once), "{at_once} calls at once");

    t.clock.advance(mins(1));
    are_spread("waking up", &renewals_by_the_minute(&t, woken + mins(1)).await);
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), SESSIONS, "nobody was asked again");
}
