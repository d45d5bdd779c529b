//! What tests with real programs share: the programs, skipping where one is missing, and waiting for what they do.

#[path = "../../../client/tests/support/part.rs"]
mod part;
#[path = "../../../client/tests/support/skipping.rs"]
mod skipping;

use std::time::Duration;

pub(crate) use part::{Part, bus, bus_configuration, bus_for_notices, is_there};
pub(crate) use skipping::skip;

/// However slow the machine: what has not happened by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a program says first: that it is ready, and how to reach it.
pub(crate) fn first_line(line: &str) -> Option<String> {
    Some(line.to_owned())
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let reached = async {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        while !is_so().await {
            pace.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
