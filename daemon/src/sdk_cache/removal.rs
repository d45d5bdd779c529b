//! Removing every file that has our mark, whichever session it was published for.

use std::path::Path;

use super::disk::{self, Change, DiskError, Reading};
use super::file::Content;
use super::import;
use crate::token::Token;

/// Removes the files of a directory that hold what we have published, but for those of tokens that are `live`. The texts are
/// what could not be removed. Blocks.
pub(super) fn remove_published(place: &Path, live: &[Token]) -> Vec<String> {
    match import::list(place) {
        Ok(paths) => paths.iter().filter_map(|path| remove(path, live).err()).map(|DiskError(error)| error).collect(),
        Err(DiskError(error)) => vec![error],
    }
}

fn remove(path: &Path, live: &[Token]) -> Result<(), DiskError> {
    loop {
        // What cannot be read has no mark of ours.
        let Ok(Reading { bytes, fingerprint }) = disk::read(path) else { return Ok(()) };
        let Content::Members(members) = Content::parse_secret(bytes.as_ref()) else { return Ok(()) };
        if !members.is_published() || live.iter().any(|token| members.holds(&token.access.value)) {
            return Ok(());
        }
        if disk::remove(path, fingerprint)? == Change::Done {
            tracing::info!(file = %path.display(), "a token file was removed");
            return Ok(());
        }
    }
}
