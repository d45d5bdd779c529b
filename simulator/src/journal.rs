//! The record of calls: what was called, when, and how it ended. Never a secret.

use std::time::SystemTime;

use crate::operation::{Grant, Operation};

/// One call of the service or its page.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallRecord {
    /// What was called.
    pub operation: Operation,
    /// When the request arrived, in service time.
    pub at: SystemTime,
    /// What a CreateToken call offered, where it is one of the known grants.
    pub grant: Option<Grant>,
    /// `ok`; the name of the exception, such as `SlowDownException`; `status 503`; `in progress` until there is an
    /// answer; `hanging` where there will be none; `abandoned` when the client left before; or the fault, such as
    /// `lost answer (ok)`.
    pub outcome: String,
}

#[derive(Debug, Default)]
pub(crate) struct Journal(Vec<CallRecord>);

/// Where in the journal a call is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(usize);

impl Journal {
    pub(crate) fn arrived(&mut self, operation: Operation, grant: Option<Grant>, at: SystemTime) -> Entry {
        self.0.push(CallRecord { operation, at, grant, outcome: "in progress".to_owned() });
        Entry(self.0.len() - 1)
    }

    pub(crate) fn ended(&mut self, Entry(index): Entry, outcome: &str) {
        outcome.clone_into(&mut self.0[index].outcome);
    }

    pub(crate) fn records(&self) -> &[CallRecord] {
        &self.0
    }

    pub(crate) fn count(&self, operation: Operation) -> usize {
        self.0.iter().filter(|record| record.operation == operation).count()
    }

    pub(crate) fn count_grants(&self, grant: Grant) -> usize {
        self.0.iter().filter(|record| record.grant == Some(grant)).count()
    }
}
