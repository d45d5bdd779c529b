use std::time::Duration;

use test_support::waiting::in_time;

use super::*;
use crate::clock::ManualClock;
use crate::notice::Presence;

/// Central Europe: clocks go forward on 29 March 2026 at 02:00 and back on 25 October at 03:00.
const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

fn utc(text: &str) -> SystemTime {
    text.parse::<Timestamp>().unwrap().try_into().unwrap()
}

/// Checks hours in Berlin at some moments: which spell is on, or comes next.
#[track_caller]
fn spells(rows: [[&str; 4]; 8]) {
    for [hours, wall, from, until] in rows {
        let spell = spell(hours.parse().unwrap(), &TimeZone::posix(BERLIN).unwrap(), utc(wall)).unwrap();
        let found = [spell.from, spell.until].map(|time| Timestamp::try_from(time).unwrap().to_string());
        assert_eq!(found, [from, until], "{hours} at {wall}");
    }
}

#[test]
fn quiet_hours_are_in_local_time_and_may_span_midnight() {
    spells([
        ["20:00-08:00", "2026-01-10T12:00:00Z", "2026-01-10T19:00:00Z", "2026-01-11T07:00:00Z"],
        ["20:00-08:00", "2026-01-10T19:00:00Z", "2026-01-10T19:00:00Z", "2026-01-11T07:00:00Z"],
        ["20:00-08:00", "2026-01-11T06:59:59Z", "2026-01-10T19:00:00Z", "2026-01-11T07:00:00Z"],
        ["20:00-08:00", "2026-01-11T07:00:00Z", "2026-01-11T19:00:00Z", "2026-01-12T07:00:00Z"],
        ["12:00-13:30", "2026-07-10T11:00:00Z", "2026-07-10T10:00:00Z", "2026-07-10T11:30:00Z"],
        ["12:00-13:30", "2026-07-10T11:30:00Z", "2026-07-11T10:00:00Z", "2026-07-11T11:30:00Z"],
        ["00:00-23:59", "2026-07-10T21:59:00Z", "2026-07-10T22:00:00Z", "2026-07-11T21:59:00Z"],
        ["08:00-00:00", "2026-07-10T21:59:59Z", "2026-07-10T06:00:00Z", "2026-07-10T22:00:00Z"],
    ]);
}

#[test]
fn a_night_in_which_the_clocks_change_is_an_hour_longer_or_shorter() {
    spells([
        ["20:00-08:00", "2026-03-28T20:00:00Z", "2026-03-28T19:00:00Z", "2026-03-29T06:00:00Z"],
        ["20:00-08:00", "2026-10-24T20:00:00Z", "2026-10-24T18:00:00Z", "2026-10-25T07:00:00Z"],
        // 02:30 is skipped, and comes as 03:30.
        ["20:00-02:30", "2026-03-29T01:00:00Z", "2026-03-28T19:00:00Z", "2026-03-29T01:30:00Z"],
        ["02:30-08:00", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-29T06:00:00Z"],
        ["02:15-02:45", "2026-03-29T01:00:00Z", "2026-03-29T01:15:00Z", "2026-03-29T01:45:00Z"],
        // One end is past the next beginning then.
        ["03:00-02:30", "2026-03-29T00:59:00Z", "2026-03-28T02:00:00Z", "2026-03-30T00:30:00Z"],
        // 02:30 comes twice.
        ["20:00-02:30", "2026-10-25T00:40:00Z", "2026-10-24T18:00:00Z", "2026-10-25T01:30:00Z"],
        ["02:30-08:00", "2026-10-25T00:20:00Z", "2026-10-25T00:30:00Z", "2026-10-25T07:00:00Z"],
    ]);
}

#[test]
fn times_beyond_the_calendar_are_not_quiet() {
    let far = SystemTime::UNIX_EPOCH + Duration::from_secs(400_000_000_000);
    assert_eq!(spell("20:00-08:00".parse().unwrap(), &TimeZone::UTC, far), None);
}

/// A person in Berlin who wants quiet hours.
struct Night {
    clock: Arc<ManualClock>,
    hours: watch::Sender<Option<QuietHours>>,
    around: watch::Sender<Surroundings>,
    told: watch::Receiver<Surroundings>,
}

impl Night {
    fn at(wall: &str, hours: &str) -> Self {
        let clock = Arc::new(ManualClock::at(utc(wall)));
        let (hours, wanted) = watch::channel(Some(hours.parse().unwrap()));
        let (around, surroundings) = watch::channel(Surroundings::default());
        let mut told = follow(
            surroundings,
            wanted,
            LocalZone::from_variable(Some(BERLIN)),
            clock.clone(),
            MachineProblems::default(),
        );
        told.mark_unchanged();
        Self { clock, hours, around, told }
    }

    /// The next state that sessions see.
    async fn becomes(&mut self) -> (Presence, Option<SystemTime>) {
        in_time("a change is told", self.told.changed()).await.unwrap();
        self.sees()
    }

    /// The state that sessions see now.
    fn sees(&mut self) -> (Presence, Option<SystemTime>) {
        let (told, wall) = (*self.told.borrow_and_update(), self.clock.now().wall);
        (told.presence_at(wall), told.quiet_until(wall))
    }
}

const MORNING: &str = "2026-01-11T07:00:00Z";
const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn the_person_is_away_from_the_beginning_to_the_end() {
    let mut night = Night::at("2026-01-10T18:00:00Z", "20:00-08:00");
    assert_eq!(night.sees(), (Presence::Present, None));
    tokio::task::yield_now().await;
    night.clock.advance(HOUR);
    assert_eq!(night.sees(), (Presence::Away, Some(utc(MORNING))), "whoever looks first");
    night.clock.advance(12 * HOUR);
    assert_eq!(night.becomes().await, (Presence::Present, None));
    night.clock.advance(12 * HOUR);
    assert_eq!(night.sees().0, Presence::Away);
}

#[tokio::test]
async fn a_daemon_that_starts_at_night_is_quiet_from_the_first_moment() {
    assert_eq!(Night::at("2026-01-10T23:00:00Z", "20:00-08:00").sees(), (Presence::Away, Some(utc(MORNING))));
}

#[tokio::test]
async fn setting_the_clock_is_noticed_at_once() {
    let mut night = Night::at("2026-01-10T18:00:00Z", "20:00-08:00");
    tokio::task::yield_now().await;
    night.clock.step_wall(utc("2026-01-11T01:00:00Z"));
    assert_eq!(night.becomes().await, (Presence::Away, Some(utc(MORNING))));
    night.clock.step_wall(utc("2026-01-10T12:00:00Z"));
    assert_eq!(night.becomes().await, (Presence::Present, None));
}

#[tokio::test]
async fn other_hours_take_effect_at_once_and_none_end_them() {
    let mut night = Night::at("2026-01-10T18:00:00Z", "20:00-08:00");
    night.hours.send_replace(Some("18:00-08:00".parse().unwrap()));
    assert_eq!(night.becomes().await, (Presence::Away, Some(utc(MORNING))));
    night.hours.send_replace(None);
    assert_eq!(night.becomes().await, (Presence::Present, None));
}

#[tokio::test]
async fn a_screen_locked_at_night_stays_locked_in_the_morning() {
    let mut night = Night::at("2026-01-10T23:00:00Z", "20:00-08:00");
    tokio::task::yield_now().await;
    night.around.send_modify(|around| (around.presence, around.changes) = (Presence::Away, 1));
    assert_eq!(night.becomes().await, (Presence::Away, Some(utc(MORNING))));
    assert_eq!(night.told.borrow().changes, 1, "what else goes on is passed on");
    night.clock.advance(9 * HOUR);
    assert_eq!(night.becomes().await, (Presence::Away, None));
}

#[tokio::test]
async fn another_time_zone_is_noticed_when_its_file_changes() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().canonicalize().unwrap().join("localtime");
    std::fs::write(&file, zone_file(0)).unwrap();
    let (now, clock) = (utc("2026-01-10T18:30:00Z"), Arc::new(ManualClock::at(utc("2026-01-10T18:30:00Z"))));
    let (_hours, wanted) = watch::channel(Some("20:00-08:00".parse().unwrap()));
    let mut told = follow(
        watch::channel(Surroundings::default()).1,
        wanted,
        LocalZone::from_variable(file.to_str()),
        clock,
        MachineProblems::default(),
    );
    assert_eq!(told.borrow_and_update().quiet_until(now), None);
    tokio::task::yield_now().await;
    std::fs::write(&file, zone_file(2)).unwrap();
    in_time("a change is told", told.changed()).await.unwrap();
    assert_eq!(told.borrow().quiet_until(now), Some(utc("2026-01-11T06:00:00Z")));
}

/// A zone without transitions (RFC 9636), so many hours east of Greenwich: a header and a type, once for old readers and once
/// for new ones, and a rule.
fn zone_file(hours: i32) -> Vec<u8> {
    let mut header = [0; 44];
    header[..5].copy_from_slice(b"TZif2");
    // One type, whose name has four bytes.
    (header[39], header[43]) = (1, 4);
    let local_time_type = [(hours * 3600).to_be_bytes().as_slice(), &[0, 0], b"XXX\0"].concat();
    let block = [header.as_slice(), &local_time_type].concat();
    [block.as_slice(), &block, format!("\nXXX{}\n", -hours).as_bytes()].concat()
}
