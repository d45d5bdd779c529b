use std::process::Termination;

use clap::Args;
use ssoctl_protocol::Route;
use ssoctl_protocol::import::{self, ImportOutcome, ImportedFile};
use ssoctl_protocol::route::Query;
use ssoctl_protocol::text::line;

use super::Verb;
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::failure::Failure;
use crate::output;

/// Take over sign-ins of the AWS CLI and SDKs
///
/// Reads each file in ~/.aws/sso/cache, and says what it did with it: a session takes over a sign-in that `aws sso
/// login` left there if the file is named after the session's name or start URL, unless the session has a better one. Sessions of
/// the AWS configuration do this by themselves; this command does it for all sessions now.
///
/// The exit code is 1 if a file of one of the sessions cannot be read, or cannot be taken over now.
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// Print a JSON object: {"directory": …, "files": [{"file", "session", "outcome", "detail"}]}
    #[arg(long)]
    json: bool,
}

impl Verb for Import {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        daemon.showing("Taking over sign-ins");
        let answer = daemon.ask(&Route::Import, &Query::default())?;
        let import: import::Import = daemon.read(&answer)?;
        if self.json {
            output::json(answer.body.expose())?;
        } else {
            output::write(text(&import).as_bytes())?;
        }
        let is_failure = |file: &&ImportedFile| {
            matches!(file.outcome, ImportOutcome::Unreadable | ImportOutcome::NotNow | ImportOutcome::NotProved)
        };
        match import.files.iter().filter(is_failure).count() {
            0 => Ok(()),
            1 => Err(Failure::Other("one file could not be taken over; see above".to_owned())),
            several => Err(Failure::Other(format!("{several} files could not be taken over; see above"))),
        }
    }
}

fn text(import: &import::Import) -> String {
    let directory = line(&import.directory);
    if import.files.is_empty() {
        return format!("There is nothing in {directory}.\n");
    }
    let lines = import.files.iter().map(|file| {
        let name = file.file.strip_prefix(&import.directory).unwrap_or(&file.file).trim_start_matches('/');
        let detail = file.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        format!("{}  {}\n", line(name), line(&format!("{}{detail}", outcome(file))))
    });
    format!("In {directory}:\n{}", lines.collect::<String>())
}

fn outcome(file: &ImportedFile) -> String {
    let session = file.session.as_deref().unwrap_or("none");
    match file.outcome {
        ImportOutcome::TakenOver => format!("taken over by session {session}"),
        ImportOutcome::Known => format!("session {session} has this sign-in already"),
        ImportOutcome::OursIsBetter => format!("left: session {session} has a better sign-in"),
        ImportOutcome::Expired => "left: it has expired and cannot be renewed".to_owned(),
        ImportOutcome::Refused => "left: its issuer does not know this sign-in".to_owned(),
        ImportOutcome::NotProved => "failed: found, not yet proved".to_owned(),
        ImportOutcome::Published => "ssoctl itself shares this with other programs".to_owned(),
        ImportOutcome::OtherPortal => format!("left: it is for another portal than session {session}"),
        ImportOutcome::NoSession => "left: no session of the configuration has its name".to_owned(),
        ImportOutcome::NoToken => "left: it has no token".to_owned(),
        ImportOutcome::Unreadable => "failed".to_owned(),
        ImportOutcome::NotNow => {
            format!("failed: the record of session {session} is not loaded yet; unlock the keyring and try again")
        }
        _ => "an outcome that this version does not know; update ssoctl".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, session: Option<&str>, outcome: ImportOutcome, detail: Option<&str>) -> ImportedFile {
        ImportedFile {
            file: format!("/h/.aws/sso/cache/{name}"),
            session: session.map(str::to_owned),
            outcome,
            detail: detail.map(str::to_owned),
        }
    }

    #[test]
    fn each_file_has_its_line() {
        let directory = "/h/.aws/sso/cache".to_owned();
        let import = import::Import {
            directory: directory.clone(),
            files: vec![
                file("a.json", Some("corp"), ImportOutcome::TakenOver, None),
                file("b.json", Some("dev"), ImportOutcome::Unreadable, Some("it is not a whole token file")),
                file("c\u{1b}.json", None, ImportOutcome::NoSession, None),
            ],
        };
        assert_eq!(
            text(&import),
            "In /h/.aws/sso/cache:\n\
             a.json  taken over by session corp\n\
             b.json  failed: it is not a whole token file\n\
             c\\u{1b}.json  left: no session of the configuration has its name\n"
        );
        assert_eq!(text(&import::Import { directory, files: vec![] }), "There is nothing in /h/.aws/sso/cache.\n");
    }
}
