//! `ssoctld configure`: writes profiles into the AWS configuration for the roles that the portal lists.
//!
//! The line before each section that this module has written says so. Nothing else in the file ever changes: not its order, its
//! comments, its line ends, nor a section that a person has written. It is given the accounts, and is a client of the running daemon, which
//! it asks for the roles. Everything between these answers and the file's new text is pure.
//!
//! | module | what it does |
//! |---|---|
//! | `request` | the command line |
//! | `listing` | the accounts and their roles, for which it asks the daemon |
//! | `choice` | chooses accounts and roles, and names profiles for them |
//! | `names` | templates for names of profiles |
//! | `profile` | the keys of a profile for a role |
//! | `plan` | decides about each section, and proves that nothing else changes |
//! | `document`, `diff` | edit sections as lines, and show the difference |
//! | `file` | reads and replaces the file |
//! | `report`, `failure` | the texts for a person |

mod choice;
mod diff;
mod document;
mod failure;
mod file;
mod listing;
mod names;
mod plan;
mod profile;
mod report;
mod request;

use std::path::Path;
use std::sync::Arc;

use ssoctl_process::Progress;
use ssoctl_protocol::{Accounts, SocketOwner, SocketPath};

use crate::clock::Clock;

pub use crate::pattern::Pattern;
pub use choice::{NoMatch, SameName};
pub use failure::Failure;
pub use file::FileError;
pub use names::{Template, TemplateError};
pub use plan::Unchangeable;
pub use profile::Form;
pub use report::Summary;
pub use request::{Request, Stale, Writing};

use file::Before;
use listing::Daemon;
use plan::Intent;

/// Writes profiles for the accounts that the portal has `listed`, into the AWS configuration at `named`, or else into the one that the
/// daemon reads. With [`Writing::Shown`] it only reports the changes.
pub async fn run(
    request: &Request,
    listed: Accounts,
    named: Option<&Path>,
    (socket, believed): (SocketPath, SocketOwner),
    clock: Arc<dyn Clock>,
    progress: &mut Progress,
) -> Result<Summary, Failure> {
    let file = named.map(|path| path.to_string_lossy().into_owned());
    let daemon = Arc::new(Daemon { socket, believed, session: listed.session, file, clock });
    let path = match named {
        Some(path) => path.to_owned(),
        None => daemon.default_file().await?,
    };
    let session = daemon.session().await?;
    let mut accounts = listing::accounts(listed.accounts)?;
    let chosen = choice::accounts(&accounts, &request.accounts)?;
    daemon.list_roles(&mut accounts, chosen, progress).await?;
    progress.clear();
    choice::check_roles(&accounts, &request.roles)?;
    let profiles = choice::profiles(&accounts, &session.name, request)?;

    let before = Before::read(&path).map_err(|why| Failure::File { path: path.clone(), why })?;
    let intent = Intent { request, session: &session, profiles: &profiles, accounts: &accounts };
    let plan = plan::plan(before.text(), &intent).map_err(|why| Failure::Refused { path: path.clone(), why })?;
    if request.writing == Writing::Shown {
        let diff = diff::diff(before.text(), &plan.text, &path.to_string_lossy());
        return Ok(Summary::intended(&path, &plan.outcomes, diff, request.region.as_deref()));
    }
    let backup = if plan.text == before.text() {
        None
    } else {
        before.replace(&path, &plan.text).map_err(|why| Failure::File { path: path.clone(), why })?
    };
    Ok(Summary::done(&path, &plan.outcomes, backup, request.region.as_deref()))
}
