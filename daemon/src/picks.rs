//! The roles that a person has picked from a list, so that the next list begins with those picked most and last. No secret is in it.
//!
//! A pick counts 1 and half as much a week later.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ssoctl_protocol::Timestamp;
use ssoctl_protocol::grant::WantedRole;
use tokio::sync::Mutex;

use crate::file_work::FileWork;
use crate::regular_file::{Link, RegularFile};
use crate::replacement::Replacement;

/// The time after which a pick counts half as much, in seconds.
const HALF_LIFE: f64 = 7.0 * 86_400.0;

/// Those that count least are forgotten beyond this number.
const MOST: usize = 200;

/// The longest file that is read, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// What was picked, and how much that counts.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
struct Pick {
    role: WantedRole,
    /// The sum of all picks, as they counted at that time.
    weight: f64,
    /// Seconds since the epoch.
    at: u64,
}

impl Pick {
    fn weight_at(&self, now: u64) -> f64 {
        // Exact to the microsecond for centuries.
        #[expect(clippy::cast_precision_loss, reason = "seconds of a human life are exact in an f64")]
        let age = now.saturating_sub(self.at) as f64;
        self.weight * (-age / HALF_LIFE).exp2()
    }
}

pub struct Picks {
    /// Without one, nothing outlives the daemon.
    file: Option<PathBuf>,
    /// `None` until the file was read.
    known: Mutex<Option<Known>>,
    work: FileWork,
}

struct Known {
    picks: Vec<Pick>,
    /// Whether nothing is in memory or in the file.
    is_forgotten: bool,
}

impl Picks {
    /// The picks that are kept in this file. It is read when somebody asks.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, known: Mutex::default(), work: FileWork::default() }
    }

    /// The roles, those picked most and last first.
    pub async fn list(&self, now: Timestamp) -> Vec<WantedRole> {
        let mut picks = self.loaded(&mut *self.known.lock().await).await.picks.clone();
        sort(&mut picks, now.as_unix());
        picks.into_iter().map(|pick| pick.role).collect()
    }

    /// Notes that a role was picked now. If that cannot be saved, it counts as long as the daemon runs.
    pub async fn note(&self, role: WantedRole, now: Timestamp) {
        let mut known = self.known.lock().await;
        let Known { picks, is_forgotten } = self.loaded(&mut known).await;
        let now = now.as_unix();
        let before = picks.iter().position(|pick| pick.role == role).map(|at| picks.swap_remove(at).weight_at(now));
        picks.push(Pick { role, weight: before.unwrap_or(0.0) + 1.0, at: now });
        sort(picks, now);
        picks.truncate(MOST);
        *is_forgotten = false;
        self.save(picks.clone()).await;
    }

    /// Forgets all picks.
    pub async fn forget(&self) {
        let mut known = self.known.lock().await;
        if known.as_ref().is_some_and(|known| known.is_forgotten) {
            return;
        }
        *known = Some(Known { picks: Vec::new(), is_forgotten: true });
        let Some(file) = self.file.clone() else { return };
        let removed = self.work.run(move || std::fs::remove_file(file)).await;
        if let Some(Err(error)) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the picked roles cannot be forgotten");
            // It is tried again.
            *known = Some(Known { picks: Vec::new(), is_forgotten: false });
        }
    }

    async fn loaded<'a>(&self, known: &'a mut Option<Known>) -> &'a mut Known {
        if let Some(known) = known {
            return known;
        }
        let picks = match self.file.clone() {
            Some(file) => self.work.run(move || read(&file)).await.unwrap_or_else(|| Ok(Vec::new())),
            None => Ok(Vec::new()),
        };
        let picks = picks.unwrap_or_else(|why| {
            tracing::warn!(why, "the picked roles are forgotten, because their file cannot be used");
            Vec::new()
        });
        known.insert(Known { picks, is_forgotten: false })
    }

    async fn save(&self, picks: Vec<Pick>) {
        let Some(file) = self.file.clone() else { return };
        let save = move || {
            let bytes = serde_json::to_vec_pretty(&picks).map_err(io::Error::from)?;
            Replacement::private(&file, &bytes)?.put_in_place()
        };
        if let Some(Err(error)) = self.work.run(save).await {
            tracing::warn!(%error, "what was picked cannot be saved");
        }
    }
}

/// Those that count most come first.
fn sort(picks: &mut [Pick], now: u64) {
    picks.sort_by(|a, b| b.weight_at(now).total_cmp(&a.weight_at(now)).then(b.at.cmp(&a.at)));
}

fn read(path: &Path) -> Result<Vec<Pick>, String> {
    let Some(file) = RegularFile::open(path, Link::Refused).map_err(|error| error.to_string())? else {
        return Ok(Vec::new());
    };
    let bytes = file.read(LONGEST_FILE).map_err(|error| error.to_string())?;
    serde_json::from_slice(bytes.expose()).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str) -> WantedRole {
        WantedRole { profile: Some(name.to_owned()), ..WantedRole::default() }
    }

    const DAY: u64 = 86_400;

    async fn names(picks: &Picks, now: u64) -> Vec<String> {
        let now = Timestamp::from_unix(now);
        picks.list(now).await.into_iter().filter_map(|role| role.profile).collect()
    }

    #[tokio::test]
    async fn what_is_picked_most_and_last_comes_first_also_for_the_next_daemon() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("picks.json");
        let picks = Picks::new(Some(file.clone()));
        for (name, day) in [("often", 0), ("often", 1), ("often", 2), ("once", 2)] {
            picks.note(profile(name), Timestamp::from_unix(day * DAY)).await;
        }
        assert_eq!(names(&picks, 2 * DAY).await, ["often", "once"]);
        // Three picks of three weeks ago count less than a new one.
        picks.note(profile("new"), Timestamp::from_unix(21 * DAY)).await;
        let next = Picks::new(Some(file.clone()));
        assert_eq!(names(&next, 21 * DAY).await, ["new", "often", "once"]);
        // Two at the same time: the later one first. A clock that was set back changes nothing.
        assert_eq!(names(&next, 0).await, names(&picks, 0).await);
        next.forget().await;
        assert!(names(&next, 21 * DAY).await.is_empty() && !file.exists());
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_costs_the_history_and_nothing_else() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("picks.json");
        std::fs::write(&file, "torn").unwrap();
        let picks = Picks::new(Some(file.clone()));
        assert!(names(&picks, 0).await.is_empty());
        picks.note(profile("dev"), Timestamp::from_unix(0)).await;
        assert_eq!(names(&Picks::new(Some(file)), 0).await, ["dev"]);
    }

    #[tokio::test]
    async fn the_least_picked_are_forgotten_when_there_are_too_many() {
        let picks = Picks::new(None);
        for number in 0..=MOST as u64 {
            picks.note(profile(&number.to_string()), Timestamp::from_unix(number * DAY)).await;
        }
        let left = names(&picks, MOST as u64 * DAY).await;
        assert!(left.len() == MOST && !left.contains(&"0".to_owned()), "{left:?}");
    }
}
