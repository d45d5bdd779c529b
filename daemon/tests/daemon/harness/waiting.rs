//! Waiting for what a daemon does: for a state, for everything that is due, and while the test's time passes.

use ssoctl_protocol::{SessionState, SessionStatus};
use test_support::waiting::{Pace, in_time, until_so};

use super::{Harness, exchange, secs};

impl Harness {
    /// Waits until the status of `corp` is like this. It looks more often than [`while_time_passes`](Self::while_time_passes)
    /// moves the clock, so that it misses nothing that holds for a second.
    pub(crate) async fn until(&self, is_it: impl Fn(&SessionStatus) -> bool) -> SessionStatus {
        let reached = async {
            let mut pace = Pace::millis(2);
            loop {
                pace.next().await;
                let status = self.status("corp").await;
                if is_it(&status) {
                    return status;
                }
            }
        };
        in_time("the status is as it should be", reached).await
    }

    /// Asks again and again until the answer is no.
    pub(crate) async fn while_time_stands(&self, is_so: impl AsyncFn() -> bool) {
        until_so("it is so no more", async || !is_so().await).await;
    }

    pub(crate) async fn until_state(&self, state: SessionState) -> SessionStatus {
        self.until(|status| status.state == state).await
    }

    /// Lets time pass on the clock, a second every few milliseconds, until this is done. It stands still while a call is
    /// under way that will be answered, so that nothing depends on how fast the machine is.
    pub(crate) async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let passing = async {
            let mut pace = Pace::millis(8);
            loop {
                pace.next().await;
                if self.waits_for_an_answer() {
                    continue;
                }
                // An earlier answer may lead to the next call.
                self.take_in().await;
                if !self.waits_for_an_answer() {
                    self.clock.advance(secs(1));
                }
            }
        };
        tokio::select! {
            done = in_time("it is done", work) => done,
            () = passing => unreachable!("time does not end"),
        }
    }

    /// Waits until everything that is due has been done, calls and what follows from them.
    pub(crate) async fn settle(&self) {
        let settling = async {
            let mut pace = Pace::millis(2);
            self.take_in().await;
            while self.calls.under_way() > 0 {
                pace.next().await;
                if self.calls.under_way() == 0 {
                    self.take_in().await;
                }
            }
        };
        in_time("all calls have ended", settling).await;
    }

    /// Lets the daemon take in what has come: it has when it answers.
    async fn take_in(&self) {
        exchange(&self.socket(), "GET /v1/health", "", b"").await.expect("an answer");
    }

    /// Whether more calls are under way than those that hang.
    pub(crate) fn waits_for_an_answer(&self) -> bool {
        let calls = self.calls.under_way();
        calls > 0 && calls > self.simulator.call_log().iter().filter(|call| call.outcome == "hanging").count()
    }
}
