//! `ssoctl import`

use ssoctl_protocol::Route;
use ssoctl_protocol::import::{Import, ImportOutcome, ImportedFile};
use ssoctl_protocol::route::Query;

use crate::cli;
use crate::connection::Daemon;
use crate::failure::Failure;
use crate::output;
use crate::render;

pub(super) fn run(daemon: &Daemon, arguments: &cli::Import) -> Result<(), Failure> {
    let answer = daemon.ask(&Route::Import, &Query::default())?;
    let import: Import = daemon.read(&answer)?;
    if arguments.json {
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

fn text(import: &Import) -> String {
    let directory = render::printable(&import.directory);
    if import.files.is_empty() {
        return format!("There is nothing in {directory}.\n");
    }
    let lines = import.files.iter().map(|file| {
        let name = file.file.strip_prefix(&import.directory).unwrap_or(&file.file).trim_start_matches('/');
        let detail = file.detail.as_ref().map_or_else(String::new, |detail| format!(": {detail}"));
        format!("{}  {}\n", render::printable(name), render::printable(&format!("{}{detail}", outcome(file))))
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
        ImportOutcome::Published => "it is what ssoctl shares with other programs".to_owned(),
        ImportOutcome::OtherPortal => format!("left: it is for another portal than session {session}"),
        ImportOutcome::NoSession => "left: nothing in the configuration goes by it".to_owned(),
        ImportOutcome::NoToken => "left: there is no token in it".to_owned(),
        ImportOutcome::Unreadable => "failed".to_owned(),
        ImportOutcome::NotNow => {
            format!("failed: session {session} does not know its own record yet; unlock the keyring and try again")
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
        let import = Import {
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
             c\\u{1b}.json  left: nothing in the configuration goes by it\n"
        );
        assert_eq!(text(&Import { directory, files: vec![] }), "There is nothing in /h/.aws/sso/cache.\n");
    }
}
