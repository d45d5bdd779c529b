//! Killed at random while grants are made, used and revoked: none that was made is lost, and none lives beyond its deadline.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use ssoctl_protocol::grant::Revocation;
use ssoctl_protocol::{Grant, RoleCredentials, Timestamp};
use ssoctld::clock::{Clock, SystemClock};
use test_support::service::preauthorised;
use test_support::speed::{runs_all, seed};
use test_support::waiting::until_so;

use crate::crashes::scene::{Scene, name};
use crate::harness::{Answer, Process, exchange};

/// The longest life of a grant in this test, in seconds. Some have to end while no daemon runs.
const LONGEST: u64 = 5;

/// What the answers have promised.
#[derive(Default)]
struct Promises {
    open: BTreeMap<String, Grant>,
    revoked: BTreeMap<String, Grant>,
}

#[tokio::test]
async fn kills_lose_no_grant_and_prolong_none() {
    let scene = Scene::with_files(preauthorised(), 1);
    let mut chance = fastrand::Rng::with_seed(seed());
    let mut promises = Promises::default();
    let clock = SystemClock::start().expect("a clock");
    let mut made = 0;
    let lives = if runs_all() { 200 } else { 20 };
    for life in 0..lives {
        let daemon = scene.start().await;
        if life == 0 {
            daemon.request(&format!("GET /v1/sessions/{}/token?wait=20", name(0))).await;
        }
        for grant in promises.revoked.values() {
            // Only the last of those that have ended are remembered.
            let outcome = outcome(grant).await;
            assert!(outcome.is_none_or(|outcome| outcome == "not_granted"), "{} was revoked", grant.name);
        }
        made += promises.open.len();
        let mut ended = Vec::new();
        for (name, grant) in &promises.open {
            if check(grant, &clock).await {
                ended.push(name.clone());
            }
        }
        promises.open.retain(|name, _| !ended.contains(name));
        made -= promises.open.len();
        let now = Timestamp::from(clock.now().wall);
        promises.revoked.retain(|_, grant| now < grant.expires_at);
        // The last of these is interrupted by the kill.
        let work = work(&daemon, life, chance.fork(), &mut promises);
        let kill = async {
            for _ in 0..chance.u32(..200) {
                tokio::task::yield_now().await;
                let _ = exchange(&daemon.socket(), "GET /v1/health", "", b"").await;
            }
        };
        tokio::select! {
            () = work => {}
            () = kill => {}
        }
        daemon.kill().await;
    }
    let _daemon = scene.start().await;
    made += promises.open.len();
    assert!(made > lives / 2, "only {made} grants were made");
    for grant in promises.open.values() {
        until_so("it ends", async || check(grant, &clock).await).await;
    }
}

/// Checks that a grant is neither lost nor prolonged. Returns whether it has ended.
async fn check(grant: &Grant, clock: &SystemClock) -> bool {
    let before = Timestamp::from(clock.now().wall);
    let outcome = outcome(grant).await;
    let after = Timestamp::from(clock.now().wall);
    match outcome.as_deref() {
        // The daemon may not have read its record yet. The grant is there, and that is what counts here.
        Some("credentials" | "sign_in_required" | "store_unavailable") => {
            assert!(before < grant.expires_at, "{} lives beyond its deadline", grant.name);
            false
        }
        Some("not_granted") => {
            assert!(after >= grant.expires_at, "{} has ended before its deadline", grant.name);
            true
        }
        // Only the last of those that have ended are remembered.
        other => {
            assert!(after >= grant.expires_at, "{} is lost: {other:?}", grant.name);
            true
        }
    }
}

/// Makes and revokes grants until it is interrupted.
async fn work(daemon: &Process, life: usize, mut chance: fastrand::Rng, promises: &mut Promises) {
    for number in 0.. {
        let role = json!({ "session": name(0), "account": "111122223333", "role": "ReadOnlyAccess" });
        let new = json!({ "name": format!("g{life}-{number}"), "seconds": chance.u64(1..=LONGEST), "roles": [role] });
        let socket = daemon.socket();
        let made = exchange(&socket, "POST /v1/grants", "", new.to_string().as_bytes()).await;
        let Ok(Answer { status: 200, .. }) = &made else { continue };
        let grant: Grant = made.expect("an answer").json();
        promises.open.insert(grant.name.clone(), grant.clone());
        if chance.u8(..4) == 0 {
            // Whether it was revoked is not known until the answer is there.
            let grant = promises.open.remove(&grant.name).expect("it was made");
            let request = format!("DELETE /v1/grants/{}", grant.name);
            if exchange(&socket, &request, "", b"").await.is_ok_and(|answer| answer.status == 200) {
                promises.revoked.insert(grant.name.clone(), grant);
            }
        }
    }
}

/// The code of the answer to a request for credentials; `None` where nobody listens.
async fn outcome(grant: &Grant) -> Option<String> {
    let answer = exchange(Path::new(&grant.socket), "GET /v1/credentials", "", b"").await.ok()?;
    Some(if answer.status == 200 { "credentials".to_owned() } else { answer.code() })
}

#[tokio::test]
async fn after_a_kill_a_revocation_still_tells_until_when_credentials_live() {
    let scene = Scene::with_files(preauthorised(), 1);
    let daemon = scene.start().await;
    daemon.request(&format!("GET /v1/sessions/{}/token?wait=20", name(0))).await;
    let role = json!({ "session": name(0), "account": "111122223333", "role": "ReadOnlyAccess" });
    let body = json!({ "name": "ci", "roles": [role] }).to_string();
    let made = exchange(&daemon.socket(), "POST /v1/grants", "", body.as_bytes()).await.expect("an answer");
    let grant: Grant = made.json();
    let given = exchange(Path::new(&grant.socket), "GET /v1/credentials", "", b"").await.expect("an answer");
    let credentials: RoleCredentials = given.json();
    daemon.kill().await;
    let daemon = scene.start().await;
    let revoked = exchange(&daemon.socket(), "DELETE /v1/grants/ci", "", b"").await.expect("an answer");
    let ends = revoked.json::<Revocation>().grants[0].credentials_end_at.expect("they live");
    let (early, late) = (credentials.expires_at.min(ends), credentials.expires_at.max(ends));
    assert!(late.duration_since(early).as_secs() <= 1, "{early} and {late}");
}
