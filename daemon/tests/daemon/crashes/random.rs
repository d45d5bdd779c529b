//! Killed at random, while tokens of several sessions are renewed all the time.

use std::sync::Arc;

use identity_center_simulator::Grant;
use test_support::service::renewing;
use test_support::speed::{runs_all, seed};
use test_support::waiting::in_time;
use tokio::sync::Semaphore;

use crate::crashes::ledger::Ledger;
use crate::crashes::scene::{Scene, name};
use crate::harness::secs;
use crate::keyring::stage::Stage;

/// The longest time that callers wait for a person, who approves at once.
const WAIT: u32 = 20;

/// At most so many answers are given in one life; half as many on average.
const MOST_ANSWERS: u32 = 1500;

#[tokio::test]
async fn a_token_that_was_given_survives_kills_at_random_with_the_file_store() {
    let scene = Scene::with_files(renewing(secs(3)), 6);
    lives(&scene, 6, if runs_all() { 60 } else { 12 }).await;
}

#[tokio::test]
async fn a_token_that_was_given_survives_kills_at_random_with_the_keyring() {
    let Some((stage, _keyring)) = Stage::with_keyring().await else { return };
    let scene = Scene::with_keyring(&stage, renewing(secs(3)), 3);
    lives(&scene, 3, 30).await;
}

async fn lives(scene: &Scene, sessions: usize, lives: u32) {
    let mut chance = fastrand::Rng::with_seed(seed());
    let mut ledger = Ledger::new(sessions);
    for life in 0..lives {
        let daemon = scene.start().await;
        ledger.check(scene, &daemon).await;
        if life == 0 {
            for number in 0..sessions {
                daemon.request(&format!("GET /v1/sessions/{}/token?wait={WAIT}", name(number))).await;
            }
        }
        let answers = Arc::new(Semaphore::new(0));
        let callers = ledger.callers(&daemon, WAIT, &answers);
        let until_killed = answers.acquire_many(chance.u32(..MOST_ANSWERS));
        in_time("callers are answered", until_killed).await.unwrap().forget();
        daemon.kill().await;
        ledger.killed(callers).await;
    }
    let daemon = scene.start().await;
    ledger.check(scene, &daemon).await;
    ledger.report(scene.store, &scene.simulator);
    let renewals = scene.simulator.token_calls(Grant::RefreshToken);
    assert!(renewals > sessions, "only {renewals} renewals were there to be interrupted");
}
