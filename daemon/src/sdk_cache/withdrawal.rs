//! Takes back what was published for a session that does not share its token any more: the files that hold our mark, and no
//! others. What another program has put there since stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::Standing;
use super::disk::{self, Change, DiskError, Reading};
use super::file::Content;
use super::keeper::{Hands, blocking};
use crate::clock::Clock;

/// Between two attempts at a file that could not be read or removed, as on a file system that is read-only for now.
const PAUSE: Duration = Duration::from_secs(60);

/// The files of one session that may hold what we have published.
pub(super) struct Withdrawal {
    pub(super) session: String,
    pub(super) files: Vec<PathBuf>,
    pub(super) hands: Hands,
    pub(super) clock: Arc<dyn Clock>,
}

impl Withdrawal {
    /// Works until nothing of ours is left. What is in the way is reported, and at the end that nothing is.
    pub(super) async fn run(self, report: impl Fn(Option<Standing>) + Send) {
        loop {
            let mut trouble = None;
            for path in &self.files {
                if let Err(DiskError(error)) = self.take_back(path).await {
                    tracing::warn!(session = self.session, "{error}");
                    trouble = Some(error);
                }
            }
            if trouble.is_none() {
                return report(None);
            }
            report(Some(Standing { trouble, ..Standing::default() }));
            self.clock.sleep_until(self.clock.now().boot + PAUSE).await;
        }
    }

    async fn take_back(&self, path: &Path) -> Result<(), DiskError> {
        loop {
            let read = path.to_owned();
            let Reading { bytes, fingerprint } = blocking(&self.hands, move || disk::read(&read)).await?;
            let is_ours = match Content::parse_secret(bytes.as_ref()) {
                Content::Members(members) => members.is_published(),
                Content::Absent | Content::Garbled => false,
            };
            if !is_ours {
                return Ok(());
            }
            tracing::info!(session = self.session, file = %path.display(), "removing its token file");
            let remove = path.to_owned();
            match blocking(&self.hands, move || disk::remove(&remove, fingerprint)).await? {
                Change::Done => return Ok(()),
                Change::Overtaken => {}
            }
        }
    }
}
