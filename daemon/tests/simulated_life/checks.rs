//! The rules. A rule that is broken is an `Err` with a sentence and the numbers.
//!
//! | module | rules |
//! |---|---|
//! | `calls` | the calls to the service: which, and how often |
//! | `callers` | the answers to callers, and their time |
//! | `person` | the notices, and the flows that are opened unasked |
//! | `roles` | role credentials, accounts and roles |
//! | `tokens` | the token is not lost, is stored, and is renewed in time |

use std::time::Duration;

use ssoctld::notice::Presence;

use super::telling::Counts;

mod callers;
mod calls;
mod person;
mod roles;
mod tokens;

use callers::Callers;
pub(crate) use calls::DayOfWork;
use calls::{Calls, Habits};
use person::Person;
use roles::Roles;
use tokens::Tokens;

/// A rule that was broken.
pub(crate) type Verdict = Result<(), String>;

/// After the last fault, this long a session may need to be well again: one whole backoff, and the way of an answer.
pub(crate) const HEALING: Duration = Duration::from_secs(65);

/// How long nothing has to be wrong before a token must not end that could have been refreshed.
const REACHABLE: Duration = Duration::from_secs(120);

/// How long a new token may wait for the store before it is handed out. A promise to callers.
const STORING: Duration = Duration::from_secs(2);

/// The most that a wake-up may be late.
const SLACK: Duration = Duration::from_millis(1500);

/// How long an answer may take, which counts as life of the token in it.
const ON_ITS_WAY: Duration = Duration::from_secs(20);

/// Two ends that differ by less are one and the same: a promise to the person, as `policy` has it.
const SAME_END: Duration = Duration::from_secs(60);

/// A disagreement of clocks that the session does not care about, on writing and on reading a record.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(63);

fn require(holds: bool, rule: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(rule()) }
}

/// The rules, and what they have to remember.
#[derive(Default)]
pub(crate) struct Checks {
    calls: Calls,
    habits: Habits,
    callers: Callers,
    person: Person,
    tokens: Tokens,
    roles: Roles,
    presence: Presence,
    notices_on: bool,
    /// When the machine woke up last.
    woken: Duration,
    pub(crate) counts: Counts,
}

impl Checks {
    pub(crate) fn daemon_started(&mut self) {
        (self.person, self.tokens, self.roles) = Default::default();
        self.calls.daemon_started();
    }

    pub(crate) const fn woke_up(&mut self, now: Duration) {
        self.woken = now;
    }

    pub(crate) const fn presence_changed(&mut self, presence: Presence) {
        self.presence = presence;
    }

    pub(crate) const fn notices_changed(&mut self, on: bool) {
        self.notices_on = on;
    }
}
