//! Quiet hours: times of the day at which the person counts as away.
//!
//! [`spell`] is pure. [`follow`] wakes at the end of quiet hours, and when the wall clock or the time zone is set. Without quiet
//! hours it never wakes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use tokio::sync::watch;

use super::zone::LocalZone;
use super::{Quiet, Surroundings};
use crate::clock::Clock;
use crate::config::{FileWatch, QuietHours};
use crate::machine::MachineProblems;
use crate::waiting::or_never;

/// The quiet hours in which `wall` lies, or the next ones. If the clocks skip the beginning or the end when they go forward, it
/// comes that much later. If an end comes twice when they go back, the second counts. `None` beyond the calendar.
fn spell(hours: QuietHours, zone: &TimeZone, wall: SystemTime) -> Option<Quiet> {
    let now = Timestamp::try_from(wall).ok()?;
    let first = zone.to_datetime(now).date().checked_sub(2.days()).ok()?;
    let mut spells: Vec<(Timestamp, Timestamp)> = Vec::new();
    for date in first.series(1.day()).take(5) {
        let last_date = if hours.to < hours.from { date.tomorrow().ok()? } else { date };
        let from = zone.to_ambiguous_timestamp(date.to_datetime(hours.from)).compatible().ok()?;
        let until = zone.to_ambiguous_timestamp(last_date.to_datetime(hours.to)).later().ok()?;
        match spells.last_mut() {
            // An end that comes later, because the clocks go forward, may be past the next beginning.
            Some((_, last)) if from <= *last => *last = until.max(*last),
            _ => spells.push((from, until)),
        }
    }
    let (from, until) = spells.into_iter().find(|(_, until)| *until > now)?;
    Some(Quiet { from: from.try_into().ok()?, until: until.try_into().ok()? })
}

/// Adds quiet hours to the surroundings. New `hours` take effect at once, and the time zone is read again with them. Ends with the
/// sender of `hours`. Has to be called within a tokio runtime.
pub fn follow(
    surroundings: watch::Receiver<Surroundings>,
    hours: watch::Receiver<Option<QuietHours>>,
    zone: LocalZone,
    clock: Arc<dyn Clock>,
    machine: MachineProblems,
) -> watch::Receiver<Surroundings> {
    let (tell, told) = watch::channel(*surroundings.borrow());
    let mut follower = Follower { surroundings, hours, zone, clock, machine, tell, zone_files: None };
    // At once, so that no reader sees surroundings without quiet hours.
    let quiet = follower.quiet_now();
    follower.publish(quiet);
    tokio::spawn(follower.run(quiet));
    told
}

struct Follower {
    surroundings: watch::Receiver<Surroundings>,
    hours: watch::Receiver<Option<QuietHours>>,
    zone: LocalZone,
    clock: Arc<dyn Clock>,
    machine: MachineProblems,
    tell: watch::Sender<Surroundings>,
    /// Watched while there are quiet hours.
    zone_files: Option<FileWatch>,
}

impl Follower {
    async fn run(mut self, mut quiet: Option<Quiet>) {
        loop {
            let end = quiet.map(|quiet| self.clock.sleep_until_shown(quiet.until));
            // The sleep does not notice that the clock was set before it began.
            if self.quiet_now() == quiet {
                tokio::select! {
                    changed = self.hours.changed() => if changed.is_err() {
                        return;
                    },
                    Ok(()) = self.surroundings.changed() => {}
                    () = or_never(self.zone_files.as_mut().map(FileWatch::changed)) => {}
                    () = or_never(end) => {}
                }
            }
            quiet = self.quiet_now();
            self.publish(quiet);
        }
    }

    fn quiet_now(&mut self) -> Option<Quiet> {
        let hours = *self.hours.borrow_and_update();
        match hours {
            // Watched before the zone is read, so that no change is missed.
            Some(_) if self.zone_files.is_none() => {
                let watch = |file: &PathBuf| FileWatch::start(vec![file.clone()], &self.machine);
                self.zone_files = self.zone.file().map(watch);
            }
            Some(_) => {}
            None => self.zone_files = None,
        }
        spell(hours?, &self.zone.read(), self.clock.now().wall)
    }

    fn publish(&mut self, quiet: Option<Quiet>) {
        let next = Surroundings { quiet, ..*self.surroundings.borrow_and_update() };
        // Also if it is the same as before: the clock may have been set across a boundary.
        let told = self.tell.send_replace(next);
        if let Some(Quiet { from, until }) = quiet.filter(|_| told.quiet != quiet) {
            let time = |time| ssoctl_protocol::Timestamp::from(time);
            tracing::info!(from = %time(from), until = %time(until), "quiet hours were set");
        }
    }
}

#[cfg(test)]
#[path = "quiet_tests.rs"]
mod tests;
