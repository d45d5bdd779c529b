//! Renewals without end, in real time.

use identity_center_simulator::{Operation, Settings, Simulator};
use test_support::service::{renewing, simulator};
use test_support::speed::{has_time, number};
use test_support::waiting::Pace;

use crate::harness::{Process, hours, secs, session};

/// The number of renewals if all tests run, which take about as many seconds; `SSOCTL_SOAK_RENEWALS` sets another number (3600:
/// an hour).
const RENEWALS: usize = 60;

/// glibc takes memory for its heap in steps of 132 KiB: the last part may need two steps more than the one before.
const GROWTH: u64 = 2 * (132 << 10);

#[tokio::test]
async fn renewals_every_second_leave_memory_and_descriptors_as_they_were() {
    if !has_time() {
        return;
    }
    // Renewed at two thirds, so that three sessions renew once a second and a half each.
    let settings = Settings { portal_session: hours(100), ..renewing(secs(4)) };
    let (home, simulator) = (tempfile::tempdir().unwrap(), simulator(settings));
    let names = ["a", "b", "c"];
    let configuration: String =
        names.iter().map(|name| session(name, &format!("https://{name}.awsapps.com/start"))).collect();
    std::fs::write(home.path().join("config.toml"), configuration).unwrap();
    let daemon = Process::start(home.path(), &simulator).await;
    for name in names {
        assert_eq!(daemon.request(&format!("GET /v1/sessions/{name}/token?wait=20")).await.status, 200);
    }
    // Memory for the first use stays. After that, no part of the run takes more than the one before.
    let part = number("SSOCTL_SOAK_RENEWALS", RENEWALS, RENEWALS) / 3;
    until_renewed(&daemon, &simulator, part).await;
    let (memory, descriptors) = until_renewed(&daemon, &simulator, part).await;
    let (memory_after, descriptors_after) = until_renewed(&daemon, &simulator, part).await;
    assert!(memory_after <= memory + GROWTH, "{memory} bytes have become {memory_after}");
    // How many connections are open at the same moment varies; one that leaked with each renewal would be twenty more.
    assert!(descriptors_after <= descriptors + 4, "{descriptors} descriptors have become {descriptors_after}");
    assert_eq!(simulator.violations(), Vec::<String>::new());
    assert_eq!(simulator.calls(Operation::StartDeviceAuthorization), names.len(), "nobody was asked again");
}

/// Waits for so many renewals, and asks for a token all the while. Returns the most memory and descriptors that were in use.
async fn until_renewed(daemon: &Process, simulator: &Simulator, renewals: usize) -> (u64, usize) {
    let goal = simulator.calls(Operation::CreateToken) + renewals;
    let (mut memory, mut descriptors, mut pace) = (0, 0, Pace::millis(50));
    while simulator.calls(Operation::CreateToken) < goal {
        pace.next().await;
        assert_eq!(daemon.request("GET /v1/sessions/a/token?wait=20").await.status, 200);
        (memory, descriptors) = (memory.max(daemon.memory_in_use()), descriptors.max(daemon.descriptors()));
    }
    (memory, descriptors)
}
