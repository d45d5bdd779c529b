//! The directory in which the AWS CLI and SDKs keep tokens. Whoever can write to it decides as whom the AWS CLI signs in.

use std::fs;
use std::path::{Path, PathBuf};

use super::place::{Expected, Place};
use super::report::{Check, Finding};

const CACHE: Check = Check("AWS token cache");

pub(super) struct TokenCache {
    path: PathBuf,
    directory: Place,
    /// Token files that others can read, or that belong to others.
    open_files: Vec<PathBuf>,
}

impl TokenCache {
    pub(super) fn find(home: &Path) -> Self {
        let path = home.join(".aws/sso/cache");
        let is_open = |file: &PathBuf| match Place::from(fs::symlink_metadata(file)) {
            Place::There { foreign, mode, .. } => foreign.is_some() || mode & 0o077 != 0,
            Place::Missing | Place::Unknown(_) => false,
        };
        let is_token = |file: &PathBuf| file.extension().is_some_and(|extension| extension == "json");
        let entries = fs::read_dir(&path).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut open_files: Vec<PathBuf> = entries.filter(is_token).filter(is_open).collect();
        open_files.sort();
        Self { directory: Place::from(fs::metadata(&path)), open_files, path }
    }

    pub(super) fn judge(&self) -> Finding {
        let path = self.path.display();
        if self.directory == Place::Missing {
            return CACHE.skipped(format!("{path} does not exist"));
        }
        if let Some(finding) = self.directory.judge(CACHE, &self.path, Expected::Directory, "") {
            return finding;
        }
        let [file, rest @ ..] = self.open_files.as_slice() else { return CACHE.ok(path.to_string()) };
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let file = file.file_name().map(Path::new).unwrap_or(file).display();
        CACHE.warning(
            format!("token files in {path} can be read by others or belong to others: {file}{more}"),
            format!("run: chmod 600 {path}/*.json; and chown those that are not yours"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Kind;
    use super::*;
    use crate::doctor::report::Verdict;

    #[test]
    fn a_cache_that_others_can_write_to_is_a_problem_and_readable_tokens_a_warning() {
        let there = |foreign, mode| Place::There { kind: Kind::Directory, foreign, mode };
        for (directory, open_files, result, words) in [
            (there(None, 0o755), vec![], Verdict::Ok, "/cache"),
            (
                there(None, 0o700),
                vec!["/cache/a.json".into(), "/cache/b.json".into()],
                Verdict::Warning,
                "a.json and 1 more",
            ),
            (there(None, 0o777), vec![], Verdict::Problem, "open to others (mode 0777)"),
            (there(None, 0o500), vec![], Verdict::Problem, "cannot write"),
            (there(Some(0), 0o700), vec![], Verdict::Problem, "user 0"),
            (
                Place::There { kind: Kind::Other, foreign: None, mode: 0o600 },
                vec![],
                Verdict::Problem,
                "not a directory",
            ),
            (Place::Unknown("denied".to_owned()), vec![], Verdict::Problem, "denied"),
            (Place::Missing, vec![], Verdict::Skipped, "does not exist"),
        ] {
            TokenCache { path: "/cache".into(), directory, open_files }.judge().says(result, words);
        }
    }
}
