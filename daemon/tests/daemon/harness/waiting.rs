//! Waiting for what a daemon does: for a state, for everything that is due, and while the test's time passes.

use std::time::Duration;

use ssoctl_protocol::{SessionState, SessionStatus};

use super::{Harness, REAL_PATIENCE, exchange, secs};

impl Harness {
    /// Waits until the status of `corp` is like this.
    pub(crate) async fn until(&self, is_it: impl Fn(&SessionStatus) -> bool) -> SessionStatus {
        let reached = async {
            loop {
                let status = self.status("corp").await;
                if is_it(&status) {
                    return status;
                }
            }
        };
        tokio::time::timeout(REAL_PATIENCE, reached).await.expect("the state that was waited for")
    }

    /// Asks again and again until the answer is no.
    pub(crate) async fn while_time_stands(&self, is_so: impl AsyncFn() -> bool) {
        let reached = async { while is_so().await {} };
        tokio::time::timeout(REAL_PATIENCE, reached).await.expect("the state that was waited for");
    }

    pub(crate) async fn until_state(&self, state: SessionState) -> SessionStatus {
        self.until(|status| status.state == state).await
    }

    /// Lets time pass on the clock, a second every few milliseconds, until this is done. It stands still while a call is
    /// under way that will be answered, so that nothing depends on how fast the machine is.
    pub(crate) async fn while_time_passes<T>(&self, work: impl Future<Output = T>) -> T {
        let passing = async {
            let mut pace = tokio::time::interval(Duration::from_millis(8));
            pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                pace.tick().await;
                if self.waits_for_an_answer() {
                    continue;
                }
                // What came before may lead to the next call.
                self.take_in().await;
                if !self.waits_for_an_answer() {
                    self.clock.advance(secs(1));
                }
            }
        };
        let work = tokio::time::timeout(REAL_PATIENCE, work);
        tokio::select! {
            done = work => done.expect("an end"),
            () = passing => unreachable!("time does not end"),
        }
    }

    /// Waits until everything that is due has been done, calls and what follows from them.
    pub(crate) async fn settle(&self) {
        let settling = async {
            let mut pace = tokio::time::interval(Duration::from_millis(2));
            self.take_in().await;
            while self.calls.count() > 0 {
                pace.tick().await;
                if self.calls.count() == 0 {
                    self.take_in().await;
                }
            }
        };
        tokio::time::timeout(REAL_PATIENCE, settling).await.expect("an end of all calls");
    }

    /// Lets the daemon take in what has come: it has when it answers.
    async fn take_in(&self) {
        exchange(&self.socket(), "GET /v1/health", "", b"").await.expect("an answer");
    }

    /// Whether more calls are under way than those that hang.
    pub(crate) fn waits_for_an_answer(&self) -> bool {
        let calls = self.calls.count();
        calls > 0 && calls > self.simulator.call_log().iter().filter(|call| call.outcome == "hanging").count()
    }
}
