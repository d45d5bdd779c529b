//! The verbs: a file for each, with its arguments and help, and the table of all of them. The other files are what several verbs share.

mod accounts;
mod audit;
mod choosing;
pub(crate) mod completion;
mod console;
mod credential_process;
mod env;
mod exec;
mod grant;
mod grants;
mod import;
mod login;
mod logout;
mod other_credentials;
mod program;
mod prompt;
mod refreshable;
mod revoke;
mod roles;
mod selection;
mod service;
mod shell_init;
mod ssh;
mod status;
mod stop;
mod token;
mod waiting;
mod watch;
mod whoami;

use std::ffi::{OsStr, OsString};
use std::process::{self, Termination};

use clap::{ArgMatches, Args, Command};
use ssoctl_protocol::ExitCode;

use crate::connection::Starting;
use crate::failure::Failure;

/// A verb with its arguments. The doc comment of a type that implements it is the verb's help.
pub(crate) trait Verb: Args {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure>;

    /// Returns the exit code for a command line of this verb that clap rejects.
    fn reject(_arguments: &[OsString]) -> ExitCode {
        ExitCode::Usage
    }
}

pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// Adds the verb's help and arguments to a command.
    pub(crate) arguments: fn(Command) -> Command,
    pub(crate) run: fn(&mut ArgMatches, Starting) -> Result<process::ExitCode, Failure>,
    pub(crate) reject: fn(&[OsString]) -> ExitCode,
}

impl Entry {
    const fn of<V: Verb>(name: &'static str) -> Self {
        Self {
            name,
            arguments: V::augment_args,
            run: |matches, starting| {
                let verb = V::from_arg_matches_mut(matches).map_err(|error| Failure::Usage(error.to_string()))?;
                verb.run(starting).map(Termination::report)
            },
            reject: V::reject,
        }
    }
}

/// The verbs that this program carries out, in the order of the help.
pub(crate) static VERBS: &[Entry] = &[
    Entry::of::<login::Login>("login"),
    Entry::of::<token::Token>("token"),
    Entry::of::<credential_process::CredentialProcess>("credential-process"),
    Entry::of::<exec::Exec>("exec"),
    Entry::of::<env::Env>("env"),
    Entry::of::<shell_init::ShellInit>("shell-init"),
    Entry::of::<console::Console>("console"),
    Entry::of::<whoami::Whoami>("whoami"),
    Entry::of::<accounts::Accounts>("accounts"),
    Entry::of::<roles::Roles>("roles"),
    Entry::of::<grant::Grant>("grant"),
    Entry::of::<grants::Grants>("grants"),
    Entry::of::<revoke::Revoke>("revoke"),
    Entry::of::<ssh::Ssh>("ssh"),
    Entry::of::<audit::Audit>("audit"),
    Entry::of::<status::Status>("status"),
    Entry::of::<watch::Watch>("watch"),
    Entry::of::<prompt::Prompt>("prompt"),
    Entry::of::<logout::Logout>("logout"),
    Entry::of::<import::Import>("import"),
    Entry::of::<stop::Stop>("stop"),
    Entry::of::<service::Service>("service"),
    Entry::of::<completion::Completion>("completion"),
];

pub(crate) fn find(name: &OsStr) -> Option<&'static Entry> {
    VERBS.iter().find(|verb| name == verb.name)
}
