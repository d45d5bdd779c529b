//! The file of the audit, and the older ones that it was moved to.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use ssoctl_files::directory;
use ssoctl_files::own_file;
use ssoctl_protocol::audit::{Audit, AuditEvent, AuditRecord};
use ssoctl_protocol::{Timestamp, VERSION};

use super::Happened;
use crate::owner::{belongs, is_foreign};
use crate::regular_file::{Link, RegularFile};

/// The name of the file in the state directory.
pub const FILE: &str = "audit.jsonl";

/// A file with more bytes than this is moved away.
const LARGEST: u64 = 4 << 20;

/// The longest file that is read, in bytes. What is written at once may be longer than the limit.
const LONGEST_READ: u64 = 64 << 20;

/// The number of older files that are kept.
const KEPT: u32 = 4;

/// The largest number of records in an answer.
const MOST_READ: usize = 10_000;

/// What stands at the beginning of each file.
const NOTE: &str = "pid, program and executable are what the process at the other end of the socket said of itself, or what the kernel said of it \
                    at that moment; they prove nothing";

/// The file that is appended to.
#[derive(Default)]
pub(super) struct AuditFile(Option<File>);

impl AuditFile {
    /// Appends these records, and one that so many others were lost.
    pub(super) fn append(
        &mut self,
        directory: &Path,
        records: &[AuditRecord],
        lost: u64,
        at: Timestamp,
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        for record in records {
            line(&mut lines, record);
        }
        if lost > 0 {
            let what = Happened::new(AuditEvent::RecordsLost);
            let now = crate::clock::Now { boot: crate::clock::BootTime::default(), wall: at.into() };
            line(&mut lines, &AuditRecord { count: lost, ..super::first(what, None, None, now) });
        }
        let result = self.write(directory, &lines);
        if result.is_err() {
            // The next attempt opens it anew: somebody may have removed or replaced it.
            self.0 = None;
        }
        result
    }

    fn write(&mut self, directory: &Path, lines: &[u8]) -> io::Result<()> {
        let path = directory.join(FILE);
        // Somebody may have removed or replaced it.
        let id = |found: &Metadata| (found.dev(), found.ino());
        let at_path = fs::symlink_metadata(&path).ok();
        let open = self.0.as_ref().and_then(|file| file.metadata().ok());
        if at_path.as_ref().map(id) != open.as_ref().map(id) {
            self.0 = None;
        }
        if at_path.is_some_and(|found| found.is_file() && found.len() > LARGEST) {
            rotate(directory)?;
            self.0 = None;
        }
        let file = match &mut self.0 {
            Some(file) => file,
            None => {
                directory::private(directory)?;
                let mut file = own_file::append(&path)?;
                begin(&mut file, &path)?;
                self.0.insert(file)
            }
        };
        let length = file.metadata()?.len();
        // In one write, so that a process that is killed tears one line at most.
        file.write_all(lines).inspect_err(|_| {
            // What was written of them is written again later.
            let _ = file.set_len(length);
        })
    }
}

/// Writes what stands at the beginning of a file, or ends a line that a killed process has torn.
fn begin(file: &mut File, path: &Path) -> io::Result<()> {
    if file.metadata()?.len() == 0 {
        let note = json!({ "audit": "ssoctld", "version": VERSION, "note": NOTE });
        return file.write_all(format!("{note}\n").as_bytes());
    }
    let mut last = Vec::new();
    let mut reader = File::open(path)?;
    reader.seek(SeekFrom::End(-1))?;
    reader.read_to_end(&mut last)?;
    if last == b"\n" { Ok(()) } else { file.write_all(b"\n") }
}

fn line(lines: &mut Vec<u8>, record: &AuditRecord) {
    let mut text = serde_json::to_string(record).unwrap_or_default();
    // A person may look at it in a terminal.
    text = ssoctl_protocol::text::in_json(&text).into_owned();
    lines.extend_from_slice(text.as_bytes());
    lines.push(b'\n');
}

/// The path of an older file; the higher the number, the older.
fn older(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("audit.{number}.jsonl"))
}

fn rotate(directory: &Path) -> io::Result<()> {
    for number in (1..KEPT).rev() {
        match fs::rename(older(directory, number), older(directory, number + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    fs::rename(directory.join(FILE), older(directory, 1))
}

/// The newest records of all files that are meant, the oldest first. A line that is no record is passed over.
pub(super) fn read(directory: &Path, is_meant: impl Fn(&AuditRecord) -> bool) -> Audit {
    let mut audit = Audit::default();
    let mut records = std::collections::VecDeque::new();
    let mut is_oldest = older(directory, KEPT).exists();
    let paths = (1..=KEPT).rev().map(|number| older(directory, number)).chain([directory.join(FILE)]);
    for path in paths {
        match lines(&path) {
            Ok(None) => {}
            Ok(Some(lines)) => {
                let records_of_file = lines.iter().filter_map(|line| serde_json::from_slice::<AuditRecord>(line).ok());
                for record in records_of_file {
                    if std::mem::take(&mut is_oldest) {
                        audit.incomplete = Some(format!("what was before {} is not kept any more", record.at));
                    }
                    if record.what == AuditEvent::RecordsLost {
                        let count = record.count;
                        audit.incomplete = Some(format!("{count} records were lost before {}", record.at));
                    }
                    if is_meant(&record) {
                        if records.len() == MOST_READ {
                            records.pop_front();
                            audit.incomplete = Some(format!("only the newest {MOST_READ} records are listed"));
                        }
                        records.push_back(record);
                    }
                }
            }
            Err(why) => audit.incomplete = Some(format!("{} cannot be read: {why}", path.display())),
        }
    }
    audit.records = records.into();
    audit
}

/// The lines of a file; `None` if there is no file.
fn lines(path: &Path) -> Result<Option<Vec<Vec<u8>>>, String> {
    let Some(file) = RegularFile::open(path, Link::Refused).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    if is_foreign(&file.metadata) {
        return Err(format!("it {}", belongs(&file.metadata)));
    }
    let bytes = file.read(LONGEST_READ).map_err(|error| error.to_string())?;
    Ok(Some(bytes.expose().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()))
}

#[cfg(test)]
mod tests {
    use test_support::mode_of;

    use super::*;

    fn record(session: &str) -> AuditRecord {
        let now = crate::clock::Now {
            boot: crate::clock::BootTime::default(),
            wall: std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_795_435_200),
        };
        super::super::first(Happened::new(AuditEvent::Token).to_session(session), None, None, now)
    }

    fn append(file: &mut AuditFile, directory: &Path, session: &str) {
        file.append(directory, &[record(session)], 0, Timestamp::from_unix(0)).unwrap();
    }

    fn sessions(directory: &Path) -> Vec<String> {
        read(directory, |_| true).records.into_iter().filter_map(|record| record.session).collect()
    }

    #[test]
    fn records_are_appended_to_a_private_file_that_says_what_they_prove() {
        let home = tempfile::tempdir().unwrap();
        let directory = home.path().join("state");
        append(&mut AuditFile::default(), &directory, "one");
        let hostile = AuditRecord { program: Some("a\u{1b}[2J\nb".to_owned()), ..record("two") };
        AuditFile::default().append(&directory, &[hostile], 3, Timestamp::from_unix(0)).unwrap();
        let path = directory.join(FILE);
        assert_eq!((mode_of(&directory), mode_of(&path)), (0o700, 0o600));
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.lines().next().unwrap().contains("they prove nothing") && !text.contains('\u{1b}'), "{text}");
        let all = read(&directory, |_| true);
        assert_eq!(all.records[1].program.as_deref(), Some("a\u{1b}[2J\nb"));
        assert_eq!((all.records.len(), all.records[2].count), (3, 3));
        assert!(all.incomplete.unwrap().starts_with("3 records were lost"));
    }

    #[test]
    fn a_file_that_has_grown_is_moved_away_while_the_daemon_runs_and_the_oldest_goes() {
        let home = tempfile::tempdir().unwrap();
        let mut file = AuditFile::default();
        for round in 0..KEPT + 3 {
            append(&mut file, home.path(), &round.to_string());
            fs::File::options().append(true).open(home.path().join(FILE)).unwrap().set_len(LARGEST + 1).unwrap();
        }
        let mut files: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        files.sort();
        assert_eq!(files, ["audit.1.jsonl", "audit.2.jsonl", "audit.3.jsonl", "audit.4.jsonl", FILE]);
        assert_eq!(sessions(home.path()), ["2", "3", "4", "5", "6"]);
    }

    #[test]
    fn a_torn_line_is_passed_over_and_the_next_record_begins_on_a_line_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        append(&mut AuditFile::default(), home.path(), "one");
        let path = home.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{text}{}", &text.lines().nth(1).unwrap()[..20])).unwrap();
        append(&mut AuditFile::default(), home.path(), "two");
        assert_eq!(sessions(home.path()), ["one", "two"]);
    }

    #[test]
    fn a_file_that_somebody_removes_is_made_again_and_one_that_is_no_file_is_told() {
        let home = tempfile::tempdir().unwrap();
        let mut file = AuditFile::default();
        append(&mut file, home.path(), "one");
        fs::remove_file(home.path().join(FILE)).unwrap();
        append(&mut file, home.path(), "two");
        assert_eq!(sessions(home.path()), ["two"]);
        fs::remove_file(home.path().join(FILE)).unwrap();
        std::os::unix::fs::symlink("/dev/null", home.path().join(FILE)).unwrap();
        let refused = AuditFile::default().append(home.path(), &[record("three")], 0, Timestamp::from_unix(0));
        assert!(refused.unwrap_err().to_string().contains("not a regular file"));
        assert!(read(home.path(), |_| true).incomplete.is_some());
    }
}
