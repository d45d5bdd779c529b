//! Killed at random, while tokens of several sessions are renewed all the time.

use std::time::Duration;

use identity_center_simulator::{Approval, Grant, RefreshTokens, Settings, Simulator};
use rustix::process::{Signal, kill_process};

use crate::ledger::Ledger;
use crate::scene::{Scene, name};
use crate::stage::Stage;

/// How long callers wait for a person, who approves at once.
const WAIT: u32 = 20;

/// Tokens that live for three seconds, so that a renewal is never far, and refresh tokens that work once.
fn simulator() -> Simulator {
    let settings = Settings {
        approval: Approval::Preauthorised,
        token_lifetime: Duration::from_secs(3),
        refresh_tokens: RefreshTokens::Rotated,
        ..Settings::default()
    };
    Simulator::start(settings).expect("a port")
}

#[tokio::test]
async fn a_token_that_was_given_survives_kills_at_random_with_the_file_store() {
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator());
    lives(Scene { home: home.path(), simulator: &simulator, store: "file", bus: None }, 6, 60).await;
}

#[tokio::test]
async fn a_token_that_was_given_survives_kills_at_random_with_the_keyring() {
    let Some(stage) = Stage::set().await else { return };
    let _keyring = stage.keyring().await;
    let simulator = simulator();
    let scene = Scene { home: stage.home(), simulator: &simulator, store: "keyring", bus: Some(&stage.address) };
    lives(scene, 3, 30).await;
}

async fn lives(scene: Scene<'_>, sessions: usize, lives: u32) {
    let seed = std::env::var("SSOCTL_TEST_SEED").ok().map_or_else(|| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("{}: SSOCTL_TEST_SEED={seed}", scene.store);
    let mut chance = fastrand::Rng::with_seed(seed);
    scene.configure(sessions);
    let mut ledger = Ledger::new(sessions);
    for life in 0..lives {
        let daemon = scene.start().await;
        ledger.check(scene, &daemon).await;
        if life == 0 {
            for number in 0..sessions {
                daemon.request(&format!("GET /v1/sessions/{}/token?wait={WAIT}", name(number))).await;
            }
        }
        let callers = ledger.callers(&daemon, WAIT);
        tokio::time::sleep(Duration::from_micros(chance.u64(..500_000))).await;
        kill_process(daemon.pid(), Signal::KILL).unwrap();
        daemon.ended().await;
        ledger.killed(callers).await;
    }
    let daemon = scene.start().await;
    ledger.check(scene, &daemon).await;
    ledger.report(scene.store, scene.simulator);
    let renewals = scene.simulator.token_calls(Grant::RefreshToken);
    assert!(renewals > sessions, "only {renewals} renewals were there to be interrupted");
}
