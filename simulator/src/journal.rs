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
pub(crate) struct Journal {
    records: Vec<CallRecord>,
    in_progress: usize,
    most_at_once: usize,
}

const IN_PROGRESS: &str = "in progress";

/// Where in the journal a call is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(usize);

impl Journal {
    pub(crate) fn arrived(&mut self, operation: Operation, grant: Option<Grant>, at: SystemTime) -> Entry {
        self.records.push(CallRecord { operation, at, grant, outcome: IN_PROGRESS.to_owned() });
        self.in_progress += 1;
        self.most_at_once = self.most_at_once.max(self.in_progress);
        Entry(self.records.len() - 1)
    }

    pub(crate) fn ended(&mut self, Entry(index): Entry, outcome: &str) {
        let record = &mut self.records[index].outcome;
        // A call that hangs ends again when its client leaves.
        self.in_progress -= usize::from(record == IN_PROGRESS);
        outcome.clone_into(record);
    }

    pub(crate) fn records(&self) -> &[CallRecord] {
        &self.records
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.most_at_once
    }

    pub(crate) fn count(&self, operation: Operation) -> usize {
        self.records.iter().filter(|record| record.operation == operation).count()
    }

    pub(crate) fn count_grants(&self, grant: Grant) -> usize {
        self.records.iter().filter(|record| record.grant == Some(grant)).count()
    }
}
