//! `ssoctld configure`: profiles in the AWS configuration for the roles that the portal lists.
//!
//! Sections of ours carry a mark in the line before them. Nothing else in the file is ever changed: not its order, its
//! comments, its line ends, nor a section that a person has written. The daemon that runs is asked for accounts and roles
//! like by any client; everything between its answers and the file's new text is pure.
//!
//! | module | what it owns |
//! |---|---|
//! | `listing` | asking the daemon |
//! | `choice` | which accounts and roles are meant |
//! | `names` | names of profiles |
//! | `profile` | what a profile says about its role |
//! | `plan` | what becomes of each section, and the proof that nothing else changes |
//! | `document`, `changes` | sections as lines; changing lines, and showing the difference |
//! | `file` | reading and replacing the file |
//! | `report` | what a person reads |

mod changes;
mod choice;
mod document;
mod file;
mod listing;
mod names;
mod plan;
mod profile;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ssoctl_protocol::{ErrorCode, ExitCode, Problem, SocketOwner, SocketPath, shell, text};

use crate::clock::Clock;
use crate::portal::{Assignment, RoleName};

pub use choice::{NoMatch, Pattern};
pub use file::FileError;
pub use names::{Template, TemplateError};
pub use plan::{Refusal, Stale};
pub use profile::Form;
pub use report::Report;

use file::Before;
use listing::{Daemon, Listed, ListedAccount};
use plan::{Intent, Session, Wanted};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Request {
    /// The session's name.
    pub session: String,
    /// Which accounts, by id or name; all without one.
    pub accounts: Vec<Pattern>,
    /// Which roles; all without one.
    pub roles: Vec<Pattern>,
    /// How the profiles are named.
    pub template: Template,
    /// The region that they are to have; without one theirs is left as it is.
    pub region: Option<String>,
    /// How they lead to their role.
    pub form: Form,
    /// What becomes of those whose role is not listed any more.
    pub stale: Stale,
    /// Whether anything is written.
    pub writing: Writing,
}

/// Whether anything is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    /// It is.
    Done,
    /// What would be written is shown instead.
    Shown,
}

/// Why nothing was done. `Display` is what stands after `ssoctl: `, remedy included.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The daemon answered with a problem.
    #[error("{}", remedied(.0))]
    Problem(Box<Problem>),
    /// The daemon did not answer.
    #[error("{}: {why}; run: ssoctl status", .socket.display())]
    Unanswered {
        /// Its socket.
        socket: PathBuf,
        /// What is there instead.
        why: String,
    },
    /// Its answer cannot be meant.
    #[error("the daemon's answer cannot be used: {0}; end it, and the next call starts it again: ssoctl stop")]
    Stranger(String),
    /// Nothing is called like that.
    #[error(transparent)]
    NoMatch(#[from] NoMatch),
    /// Several roles would get one name.
    #[error(
        "{template} names several roles {name:?}: {}; choose names that tell them apart with --name, such as {{account_name}}-{{account_id}}-{{role}}",
        .roles.join(", ")
    )]
    SameName {
        /// How profiles were to be named.
        template: Template,
        /// The name.
        name: String,
        /// The roles.
        roles: Vec<String>,
    },
    /// The file cannot be added to.
    #[error("{}: {why}", .path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        why: Refusal,
    },
    /// The file cannot be read or written.
    #[error("{}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: FileError,
    },
}

impl Failure {
    /// The whole story for a terminal, whoever's words are in it.
    pub fn line(&self) -> String {
        format!("ssoctl: {}\n", text::line(&self.to_string()))
    }

    /// The exit code that says it to scripts.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Problem(problem) => problem.code.exit_code(),
            Self::Unanswered { .. } | Self::Stranger(_) => ExitCode::DaemonUnreachable,
            Self::NoMatch(_) | Self::SameName { .. } => ExitCode::Usage,
            Self::Refused { .. } | Self::File { .. } => ExitCode::Other,
        }
    }
}

/// A problem in the daemon's words, and what to do where that is not among them.
fn remedied(problem: &Problem) -> String {
    let detail = &problem.detail;
    match (&problem.code, &problem.session) {
        (ErrorCode::SignInRequired, Some(session)) => {
            format!("{detail}; run: ssoctl login {}", shell::argument(session))
        }
        (ErrorCode::UnknownSession, _) if !problem.sessions.is_empty() => {
            format!("{detail}; the sessions are: {}", problem.sessions.join(", "))
        }
        (ErrorCode::ServiceUnavailable | ErrorCode::StoreUnavailable | ErrorCode::ShuttingDown, _) => {
            format!("{detail}; nothing was changed, try again")
        }
        _ => detail.clone(),
    }
}

/// Writes the profiles into the AWS configuration at `named`, else into the one that the daemon reads, or shows what would be
/// written.
pub async fn run(
    request: &Request,
    named: Option<&Path>,
    (socket, believed): (SocketPath, SocketOwner),
    clock: Arc<dyn Clock>,
) -> Result<Report, Failure> {
    let file = named.map(|path| path.to_string_lossy().into_owned());
    let daemon = Arc::new(Daemon { socket, believed, session: request.session.clone(), file, clock });
    let path = match named {
        Some(path) => path.to_owned(),
        None => daemon.default_file().await?,
    };
    let path = path.as_path();
    let status = daemon.session().await?;
    let listed = daemon.listing(&request.accounts).await?;
    choice::check_roles(&listed, &request.roles)?;
    let session =
        Session { name: status.name, start_url: status.start_url, region: status.region, scopes: status.scopes };
    let profiles = wanted(&listed, &session.name, request)?;
    let before = Before::read(path).map_err(|why| Failure::File { path: path.to_owned(), why })?;
    let intent = Intent {
        session: &session,
        profiles: &profiles,
        form: &request.form,
        region: request.region.as_deref(),
        listed: &listed,
        stale: request.stale,
    };
    let plan = plan::plan(before.text(), &path.to_string_lossy(), &intent)
        .map_err(|why| Failure::Refused { path: path.to_owned(), why })?;
    if request.writing == Writing::Shown {
        return Ok(Report::intended(path, &plan.outcomes, plan.diff));
    }
    let backup = if plan.text == before.text() {
        None
    } else {
        before.replace(path, &plan.text).map_err(|why| Failure::File { path: path.to_owned(), why })?
    };
    Ok(Report::done(path, &plan.outcomes, backup))
}

/// The profiles for the roles that are meant, in the portal's order.
///
/// Accounts that cannot be told apart by what a profile's name can have of theirs are called by their ids, whichever of them
/// are meant, so that a name does not depend on that. The same goes for single profiles that would have one name.
fn wanted(listed: &[ListedAccount], session: &str, request: &Request) -> Result<Vec<Wanted>, Failure> {
    let alike = names::alike(listed.iter().filter_map(|account| account.name.as_deref()));
    let meant = listed.iter().filter_map(|account| match &account.roles {
        Listed::Roles(roles) => Some(roles.iter().map(move |role| (account, role))),
        Listed::NotAsked => None,
    });
    let meant = meant.flatten().filter(|(_, role)| choice::is_role_meant(role.as_str(), &request.roles));
    let name = |account: &ListedAccount, role: &RoleName, account_name: Option<&str>| {
        request.template.name(names::Subject {
            session,
            account_id: account.id.as_str(),
            account_name,
            role: role.as_str(),
        })
    };
    let named = meant.map(|(account, role)| {
        let account_name = account.name.as_deref().filter(|name| !alike.contains(&names::safe(name)));
        (name(account, role, account_name), account, role)
    });
    let mut named: Vec<(String, &ListedAccount, &RoleName)> = named.collect();
    for index in shared(&named).into_values().flatten() {
        let (_, account, role) = named[index];
        named[index].0 = name(account, role, None);
    }
    if let Some((name, indices)) = shared(&named).into_iter().next() {
        let role = |index: usize| format!("{} in {}", named[index].2, named[index].1.id);
        let roles = indices.into_iter().map(role).collect();
        return Err(Failure::SameName { template: request.template.clone(), name, roles });
    }
    let wanted = named.into_iter().map(|(name, account, role)| Wanted {
        name,
        assignment: Assignment { account: account.id.clone(), role: role.clone() },
    });
    Ok(wanted.collect())
}

/// The names that several have, with their places.
fn shared<T, U>(named: &[(String, T, U)]) -> BTreeMap<String, Vec<usize>> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, (name, ..)) in named.iter().enumerate() {
        places.entry(name.clone()).or_default().push(index);
    }
    places.retain(|_, places| places.len() > 1);
    places
}

#[cfg(test)]
mod tests {
    use super::listing::tests::account;
    use super::*;

    fn request(template: &str, roles: &[&str]) -> Request {
        Request {
            session: "corp".to_owned(),
            accounts: Vec::new(),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            template: template.parse().unwrap(),
            region: None,
            form: Form::SsoSession,
            stale: Stale::Kept,
            writing: Writing::Done,
        }
    }

    fn names(listed: &[ListedAccount], request: &Request) -> Result<Vec<String>, (String, ExitCode)> {
        wanted(listed, "corp", request)
            .map(|wanted| wanted.into_iter().map(|wanted| wanted.name).collect())
            .map_err(|failure| (failure.to_string(), failure.exit_code()))
    }

    #[test]
    fn each_role_that_is_meant_gets_a_name_of_its_own() {
        let listed = [
            account("111122223333", Some("Dev"), &["Admin", "Read"]),
            account("444455556666", Some("Dev"), &["Read"]),
            account("777788889999", Some("Prod"), &["Read"]),
        ];
        assert_eq!(names(&listed, &request("{account_id}-{role}", &[])).map(|names| names.len()), Ok(4));
        let complaint = "{role} names several roles \"Read\": Read in 111122223333, Read in 444455556666, Read in 777788889999; \
                         choose names that tell them apart with --name, such as {account_name}-{account_id}-{role}";
        assert_eq!(names(&listed, &request("{role}", &[])), Err((complaint.to_owned(), ExitCode::Usage)));
    }

    #[test]
    fn accounts_that_names_do_not_tell_apart_are_called_by_their_ids() {
        let mut listed = [
            account("111122223333", Some("Büro"), &["Admin"]),
            account("222233334444", Some("B ro"), &["Admin"]),
            account("333344445555", Some("Dev"), &["Ops-Admin"]),
            account("444455556666", Some("Dev-Ops"), &["Admin", "Read"]),
            account("555566667777", Some("Prod"), &["Admin"]),
        ];
        let expected = [
            "111122223333-Admin",
            "222233334444-Admin",
            "333344445555-Ops-Admin",
            "444455556666-Admin",
            "Dev-Ops-Read",
            "Prod-Admin",
        ];
        let request = request("{account_name}-{role}", &[]);
        assert_eq!(names(&listed, &request), Ok(expected.map(str::to_owned).to_vec()));
        // Also if only one of them is meant.
        listed[1].roles = Listed::NotAsked;
        assert_eq!(names(&listed[..2], &request), Ok(vec![expected[0].to_owned()]));
    }

    #[test]
    fn a_problem_comes_with_what_to_do() {
        let problem = |code: ErrorCode| Problem::new(code, "it is so").of_session("my corp");
        for (problem, expected, code) in [
            (problem(ErrorCode::SignInRequired), "it is so; run: ssoctl login 'my corp'", 3),
            (
                problem(ErrorCode::UnknownSession).with_choices(vec!["a".to_owned(), "b".to_owned()]),
                "it is so; the sessions are: a, b",
                6,
            ),
            (problem(ErrorCode::ServiceUnavailable), "it is so; nothing was changed, try again", 1),
            (problem(ErrorCode::ServiceRefused), "it is so", 7),
        ] {
            let failure = Failure::Problem(Box::new(problem));
            assert_eq!((failure.to_string().as_str(), failure.exit_code() as u8), (expected, code));
        }
    }
}
