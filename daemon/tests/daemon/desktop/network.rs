//! Changes of a real network, which has no more than the test gives it.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ssoctld::clock::ManualClock;
use ssoctld::desktop::observe;

use crate::desktop::stage::{Stage, output, play};
use test_support::waiting::until_so;

#[test]
fn a_flock_of_new_routes_is_told_once_and_the_next_one_again() {
    play(Stage::Network, &[], || async {
        let clock = Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH));
        let surroundings = observe(clock.clone());
        let changes = || surroundings.borrow().changes;
        let wait = |expected| {
            let clock = Arc::clone(&clock);
            until_so("the change is told", async move || {
                clock.advance(Duration::from_secs(2));
                changes() == expected
            })
        };
        assert_eq!(changes(), 0);
        // The kernel gives it its routes before the command ends.
        output("ip", &["link", "set", "lo", "up"]).await;
        wait(1).await;
        for address in ["192.0.2.1/24", "198.51.100.1/24", "203.0.113.1/24"] {
            output("ip", &["address", "add", address, "dev", "lo"]).await;
        }
        wait(2).await;
        output("ip", &["address", "add", "192.0.2.2/32", "dev", "lo"]).await;
        // Had the flock been told more than once, it would be more by now.
        wait(3).await;
    });
}
