//! Faults on demand: what goes wrong between a client and the service, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::operation::Operation;
use crate::settings::duration_text;

/// One thing that goes wrong with a call.
///
/// Time in faults is real time, whatever clock the simulator follows: a fault stands for the network, and a client's
/// sockets wait in real time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// The service refuses with this exception; nothing else happens. Names that no model has are sent with 400.
    Error {
        /// The name, such as `SlowDownException`.
        name: String,
        /// The member `reason` that the model gives some exceptions, such as `KMS_DisabledException`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// This status with an empty body; the call is not carried out.
    Status {
        /// 200 to 999; anything else is sent as 500.
        status: u16,
    },
    /// The call is carried out and answered after this time, and not at all if the client leaves earlier.
    Delay {
        /// The delay of the answer.
        #[serde(with = "duration_text")]
        by: Duration,
    },
    /// No answer ever; the call is not carried out.
    Hang,
    /// The connection is reset (RST) and the call is not carried out.
    Reset,
    /// The call is carried out; half of the answer's body arrives, then the connection ends.
    Truncated,
    /// 200 with a JSON content type and a body that is not JSON; the call is not carried out.
    NotJson,
    /// 200 with an HTML page, as a captive portal or proxy sends it; the call is not carried out.
    Html,
    /// 200 with a streamed body of that many bytes that never becomes whole JSON; the call is not carried out.
    Oversized {
        /// Length of the body in bytes.
        bytes: u64,
    },
    /// 429 with a `Retry-After` header in whole seconds; the call is not carried out.
    TooManyRequests {
        /// The time that `Retry-After` gives.
        #[serde(with = "duration_text")]
        retry_after: Duration,
    },
    /// The call is carried out, and its answer lacks this member (at its top, or in `roleCredentials`).
    MissingMember {
        /// Name of the member, such as `expiresIn`.
        name: String,
    },
    /// The call is carried out, and its answer has this value in place of the right one.
    ReplacedMember {
        /// Name of the member, such as `expiresIn`.
        name: String,
        /// Any JSON value, such as `-1` or `"soon"`.
        value: Value,
    },
    /// The call is carried out, and the connection is closed without an answer.
    LostAnswer,
}

impl Fault {
    /// The exception of this name.
    pub fn error(name: &str) -> Self {
        Self::Error { name: name.to_owned(), reason: None }
    }

    /// The exception of this name with a `reason` member.
    pub fn error_with_reason(name: &str, reason: &str) -> Self {
        Self::Error { name: name.to_owned(), reason: Some(reason.to_owned()) }
    }

    /// An answer without the member `name`.
    pub fn missing(name: &str) -> Self {
        Self::MissingMember { name: name.to_owned() }
    }

    /// An answer with `value` in the member `name`.
    pub fn replaced(name: &str, value: impl Into<Value>) -> Self {
        Self::ReplacedMember { name: name.to_owned(), value: value.into() }
    }
}

/// The number of calls that a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// At the next so many calls.
    Next(u32),
    /// At each call until the faults are cleared.
    UntilCleared,
}

/// A fault that is waiting for its call.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Injection {
    pub(crate) operation: Operation,
    pub(crate) fault: Fault,
    #[serde(default = "once")]
    pub(crate) times: Times,
}

fn once() -> Times {
    Times::Next(1)
}

/// The faults that have not struck yet. Those of one operation strike in the order in which they were injected.
#[derive(Default, Serialize)]
pub(crate) struct Faults(Vec<Injection>);

impl Faults {
    pub(crate) fn inject(&mut self, operation: Operation, fault: Fault, times: Times) {
        if times != Times::Next(0) {
            self.0.push(Injection { operation, fault, times });
        }
    }

    /// The fault that strikes this call, if one does.
    pub(crate) fn strike(&mut self, operation: Operation) -> Option<Fault> {
        let first = self.0.iter().position(|injection| injection.operation == operation)?;
        let injection = &mut self.0[first];
        match &mut injection.times {
            Times::UntilCleared => Some(injection.fault.clone()),
            Times::Next(left) if *left > 1 => {
                *left -= 1;
                Some(injection.fault.clone())
            }
            Times::Next(_) => Some(self.0.remove(first).fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_strike_their_own_operation_as_often_as_asked_in_the_order_of_injection() {
        let mut faults = Faults::default();
        faults.inject(Operation::CreateToken, Fault::Hang, Times::Next(2));
        faults.inject(Operation::CreateToken, Fault::Reset, Times::UntilCleared);
        assert_eq!(faults.strike(Operation::Logout), None);
        let struck: Vec<_> = (0..4).filter_map(|_| faults.strike(Operation::CreateToken)).collect();
        assert_eq!(struck, [Fault::Hang, Fault::Hang, Fault::Reset, Fault::Reset]);
    }
}
