//! Renewals without end, in real time.

use std::time::Duration;

use identity_center_simulator::{Approval, Operation, RefreshTokens, Settings, Simulator};

use crate::harness::{Process, session};

/// How many renewals there are in the ordinary run, which take about as many seconds; `SSOCTL_SOAK_RENEWALS` names another
/// number (3600: an hour).
const RENEWALS: usize = 60;

/// What the allocator and first uses may take besides.
const GROWTH: u64 = 1 << 20;

#[tokio::test]
async fn renewals_every_second_leave_memory_and_descriptors_as_they_were() {
    let settings = Settings {
        approval: Approval::Preauthorised,
        refresh_tokens: RefreshTokens::Rotated,
        // Renewed at two thirds, so that three sessions renew once a second and a half each.
        token_lifetime: Duration::from_secs(4),
        portal_session: Duration::from_secs(100 * 3600),
        ..Settings::default()
    };
    let (home, simulator) = (tempfile::tempdir().unwrap(), Simulator::start(settings).unwrap());
    let names = ["a", "b", "c"];
    let configuration: String =
        names.iter().map(|name| session(name, &format!("https://{name}.awsapps.com/start"))).collect();
    std::fs::write(home.path().join("config.toml"), configuration).unwrap();
    let daemon = Process::start(home.path(), &simulator).await;
    for name in names {
        assert_eq!(daemon.request(&format!("GET /v1/sessions/{name}/token?wait=20")).await.status, 200);
    }
    until_renewed(&daemon, &simulator, 10).await;
    let (memory, descriptors) = (daemon.memory_in_use(), daemon.descriptors());
    until_renewed(&daemon, &simulator, renewals()).await;
    let (memory_after, descriptors_after) = (daemon.memory_in_use(), daemon.descriptors());
    assert!(memory_after <= memory + GROWTH, "{memory} bytes have become {memory_after}");
    assert!(descriptors_after <= descriptors + 2, "{descriptors} descriptors have become {descriptors_after}");
    assert_eq!(simulator.violations(), Vec::<String>::new());
    assert_eq!(simulator.calls(Operation::StartDeviceAuthorization), names.len(), "nobody was asked again");
}

/// Waits for so many renewals, and asks for a token all the while.
async fn until_renewed(daemon: &Process, simulator: &Simulator, renewals: usize) {
    let goal = simulator.calls(Operation::CreateToken) + renewals;
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    while simulator.calls(Operation::CreateToken) < goal {
        pace.tick().await;
        assert_eq!(daemon.request("GET /v1/sessions/a/token?wait=20").await.status, 200);
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever runs the test chooses how long")]
fn renewals() -> usize {
    std::env::var("SSOCTL_SOAK_RENEWALS")
        .map_or(RENEWALS, |number| number.parse().expect("a number in SSOCTL_SOAK_RENEWALS"))
}
