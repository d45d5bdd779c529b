//! Asking the daemon how it is.

use std::path::Path;

use ssoctl_protocol::route::Query;
use ssoctl_protocol::{DaemonStatus, Route, SocketOwner};

use crate::doctor::daemon::Answer;
use crate::inquiry::{self, Unanswered};

/// Asks for the daemon's health. Takes as long as the daemon likes.
pub(in crate::doctor) async fn ask(socket: &Path, believed: SocketOwner) -> Answer {
    match inquiry::get(socket, &Route::Health, &Query::default(), believed).await {
        Ok(answer) => read(&answer),
        Err(Unanswered::Nobody) => Answer::Nobody,
        Err(Unanswered::Foreign { uid }) => Answer::Foreign { uid },
        Err(Unanswered::Refused(why)) => Answer::Refused(why),
        Err(Unanswered::Garbled(why)) => Answer::Garbled(why),
    }
}

fn read(answer: &inquiry::Answer) -> Answer {
    if answer.status != 200 {
        return Answer::Garbled("it does not know its health".to_owned());
    }
    match serde_json::from_str::<DaemonStatus>(&answer.body) {
        Ok(status) => Answer::Status(Box::new(status)),
        Err(error) => Answer::Garbled(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_daemon_knows_its_health() {
        let read = |status, body: &str| read(&inquiry::Answer { status, body: body.to_owned() });
        let good = "{\"version\":\"1\",\"pid\":7,\"started_at\":\"2026-11-23T10:17:35Z\",\"sessions\":0}";
        assert!(matches!(read(200, good), Answer::Status(status) if status.pid == 7));
        for (status, body) in [(404, good), (200, "{}"), (200, "")] {
            assert!(matches!(read(status, body), Answer::Garbled(_)), "{status} {body}");
        }
    }
}
