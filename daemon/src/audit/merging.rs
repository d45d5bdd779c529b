//! Merges what repeats within a minute. Pure.
//!
//! The first time is written at once, so that a crash does not lose it; the repetitions are one further record, at the minute's end.

use std::collections::HashMap;
use std::time::Duration;

use ssoctl_protocol::audit::AuditRecord;

use super::Happened;
use crate::clock::{BootTime, Now};

/// How long repetitions are merged.
const SPAN: Duration = Duration::from_secs(60);

/// The largest number of different things that are merged at the same time.
const MOST: usize = 4096;

/// The largest number of programs that have records of their own for the same thing, within a minute. A program chooses its name, and could
/// fill the audit with names.
const MOST_PROGRAMS: usize = 20;

/// The same thing, done by a program of the same name.
type Key = (Happened, Option<String>, Option<u32>);

/// What happened within the last minute.
#[derive(Default)]
pub(super) struct Merging {
    open: HashMap<Key, Repetitions>,
    /// When the first of them ends, or earlier.
    due: Option<BootTime>,
    /// For each thing, whatever its detail: the number of programs that have begun to do it, and when that is counted anew.
    programs: HashMap<Happened, (BootTime, usize)>,
}

struct Repetitions {
    ends: BootTime,
    /// What the repetitions are recorded with; its `count` is their number.
    record: AuditRecord,
}

impl Merging {
    /// When [`end_due`](Self::end_due) has something to give.
    pub(super) const fn due(&self) -> Option<BootTime> {
        self.due
    }

    /// Whether one more program gets a record of its own for this thing. Otherwise it shares one with others.
    pub(super) fn has_room_for(&mut self, happened: &Happened, now: Now) -> bool {
        if self.programs.len() >= MOST {
            self.programs.retain(|_, (ends, _)| now.boot < *ends);
        }
        let thing = Happened { detail: None, ..happened.clone() };
        let (ends, count) = self.programs.entry(thing).or_insert((now.boot + SPAN, 0));
        if now.boot >= *ends {
            (*ends, *count) = (now.boot + SPAN, 0);
        }
        *count += 1;
        *count <= MOST_PROGRAMS
    }

    /// Counts a repetition. Returns false if it is none, because it has not happened within the last minute.
    pub(super) fn repeats(&mut self, happened: &Happened, program: Option<&str>, uid: Option<u32>, now: Now) -> bool {
        let key = (happened.clone(), program.map(str::to_owned), uid);
        let Some(open) = self.open.get_mut(&key).filter(|open| now.boot < open.ends) else { return false };
        let record = &mut open.record;
        if record.count == 0 {
            record.at = now.wall.into();
            self.due = self.due.into_iter().chain([open.ends]).min();
        }
        record.count += 1;
        record.until = Some(now.wall.into());
        true
    }

    /// Begins to merge what is like this first record. Returns the record of the repetitions before, whose minute has ended.
    pub(super) fn begin(&mut self, first: &AuditRecord, now: Now) -> Option<AuditRecord> {
        if self.open.len() >= MOST {
            // Those without a repetition have nothing to write.
            self.open.retain(|_, open| open.record.count > 0);
            if self.open.len() >= MOST {
                return None;
            }
        }
        let happened = Happened {
            what: first.what,
            session: first.session.clone(),
            account: first.account.clone(),
            role: first.role.clone(),
            grant: first.grant.clone(),
            detail: first.detail.clone(),
        };
        let record = AuditRecord { count: 0, ..first.clone() };
        let key = (happened, first.program.clone(), first.uid);
        let before = self.open.insert(key, Repetitions { ends: now.boot + SPAN, record });
        before.map(|before| before.record).filter(|record| record.count > 0)
    }

    /// The records of repetitions whose minute has ended.
    pub(super) fn end_due(&mut self, now: BootTime) -> Vec<AuditRecord> {
        if self.due.is_none_or(|due| now < due) {
            return Vec::new();
        }
        self.end(|open| open.ends <= now)
    }

    /// The records of all repetitions so far. Further ones are merged anew.
    pub(super) fn end_all(&mut self) -> Vec<AuditRecord> {
        self.end(|_| true)
    }

    fn end(&mut self, is_over: impl Fn(&Repetitions) -> bool) -> Vec<AuditRecord> {
        let ended = self.open.extract_if(|_, open| is_over(open)).map(|(_, open)| open.record);
        let mut records: Vec<AuditRecord> = ended.filter(|record| record.count > 0).collect();
        records.sort_by_key(|record| record.at);
        self.due = self.open.values().filter(|open| open.record.count > 0).map(|open| open.ends).min();
        records
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use ssoctl_protocol::audit::AuditEvent;

    use super::*;
    use crate::assignment::{AccountId, Assignment, RoleName};

    fn at(seconds: u64) -> Now {
        let elapsed = Duration::from_secs(seconds);
        Now { boot: BootTime::from_boot(elapsed), wall: SystemTime::UNIX_EPOCH + elapsed }
    }

    fn token() -> Happened {
        Happened::new(AuditEvent::Token).to_session("corp")
    }

    fn credentials(role: &str) -> Happened {
        let (account, role) = (AccountId::new("111122223333").unwrap(), RoleName::new(role).unwrap());
        Happened::new(AuditEvent::Credentials).to_session("corp").of_role(&Assignment { account, role })
    }

    /// Records it, and returns the record if it is the first one.
    fn happens(merging: &mut Merging, happened: Happened, program: &str, now: Now) -> Option<AuditRecord> {
        if merging.repeats(&happened, Some(program), None, now) {
            return None;
        }
        let record = super::super::first(happened, Some(program.to_owned()), None, now);
        assert_eq!(merging.begin(&record, now), None);
        Some(record)
    }

    #[test]
    fn the_first_time_is_recorded_at_once_and_its_repetitions_together() {
        let mut merging = Merging::default();
        let first = happens(&mut merging, token(), "aws", at(100)).expect("the first one");
        assert_eq!((first.count, merging.due()), (1, None), "without a repetition there is nothing to wait for");
        for second in 101..200_101 {
            let now = Now { boot: at(101).boot, wall: at(second.min(150)).wall };
            assert_eq!(happens(&mut merging, token(), "aws", now), None);
        }
        assert_eq!(merging.due(), Some(at(160).boot));
        assert_eq!(merging.end_due(at(159).boot), []);
        let rest = merging.end_due(at(160).boot);
        assert_eq!(rest.len(), 1);
        assert_eq!(
            (rest[0].count, rest[0].at, rest[0].until),
            (200_000, at(101).wall.into(), Some(at(150).wall.into()))
        );
        assert_eq!(merging.due(), None);
        assert!(happens(&mut merging, token(), "aws", at(161)).is_some(), "a new minute");
    }

    #[test]
    fn other_programs_sessions_and_things_have_records_of_their_own() {
        let mut merging = Merging::default();
        for (happened, program) in [
            (token(), "aws"),
            (token(), "terraform"),
            (token().to_session("lab"), "aws"),
            (credentials("a"), "aws"),
            (credentials("b"), "aws"),
            (Happened::new(AuditEvent::GrantRefused).by_grant("ci").because("one"), "aws"),
            (Happened::new(AuditEvent::GrantRefused).by_grant("ci").because("other"), "aws"),
        ] {
            assert!(happens(&mut merging, happened, program, at(1)).is_some());
        }
        assert_eq!(happens(&mut merging, token(), "aws", at(2)), None);
        let rest = merging.end_all();
        assert_eq!((rest.len(), rest[0].count), (1, 1));
    }

    #[test]
    fn a_program_that_changes_its_name_all_the_time_fills_nothing() {
        let mut merging = Merging::default();
        let room: Vec<bool> = (0..2 * MOST_PROGRAMS).map(|_| merging.has_room_for(&token(), at(1))).collect();
        assert_eq!(room.iter().filter(|has_room| **has_room).count(), MOST_PROGRAMS);
        assert!(merging.has_room_for(&token().to_session("lab"), at(1)), "another thing");
        assert!(!merging.has_room_for(&token().because("another detail"), at(1)));
        assert!(merging.has_room_for(&token(), at(61)), "another minute");
    }

    #[test]
    fn very_many_different_things_are_all_recorded_and_cost_bounded_memory() {
        let mut merging = Merging::default();
        for number in 0..3 * MOST {
            assert!(happens(&mut merging, token(), &number.to_string(), at(1)).is_some());
            assert_eq!(happens(&mut merging, token(), &number.to_string(), at(1)).is_none(), number < MOST, "{number}");
        }
        assert_eq!((merging.open.len(), merging.end_all().len()), (MOST, MOST));
    }
}
