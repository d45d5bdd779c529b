//! `--isolate`: a command that reaches its grant, and none of the other ways to the person's sign-in.
//!
//! bubblewrap makes namespaces for mounts, processes and IPC, in which everything can be read that is not hidden, and nothing be changed but
//! the current directory and what else is named. `places` says what is hidden and what must not be changed, `plan` makes mounts of that,
//! `variables` says which variables go, and `filter` which system calls. Within, `ssoctl exec --refreshable` is the first process, and asks
//! at the socket of the grant as in any container.
//!
//! SECURITY.md lists what this does not contain.

mod bubblewrap;
#[cfg(target_os = "linux")]
mod filter;
mod places;
mod plan;
mod sockets;
mod variables;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::attendance::Attendance;
use crate::environment;
use crate::failure::Failure;
use bubblewrap::Bubblewrap;
use places::Places;
use plan::Plan;

/// The option of `exec` by which the first process in there knows where it is.
pub(crate) const INSIDE: &str = "isolated";

/// A command's isolation, ready to be used.
pub(crate) struct Isolation {
    bubblewrap: Bubblewrap,
    plan: Plan,
}

impl Isolation {
    /// Checks that the command can be isolated, before anything is granted. `daemon` is the socket of the person's daemon.
    pub(crate) fn prepare(writable: &[PathBuf], daemon: &Path) -> Result<Self, Failure> {
        ssoctl_process::close_inherited_descriptors();
        bubblewrap::check_standard_streams()?;
        let bubblewrap = Bubblewrap::find()?;
        let places = Places::of_environment(daemon)?;
        let mut plan = Plan::new(places)?;
        let current = env::current_dir().map_err(|error| {
            Failure::Other(format!("the current directory, which the command may change, cannot be found: {error}"))
        })?;
        plan.start_in(&current)?;
        writable.iter().try_for_each(|path| plan.make_writable(path))?;
        plan.hide_sockets(sockets::listening());
        if !bubblewrap::abstract_sockets_can_be_closed() && variables::bus_is_abstract(&environment::variable) {
            return Err(Failure::Other(
                "the session bus listens at an abstract address, which this kernel cannot keep from the command (Linux 6.12 \
                 can); let the bus listen at a path, or leave --isolate out"
                    .to_owned(),
            ));
        }
        Ok(Self { bubblewrap, plan })
    }

    /// The places that the command may change.
    pub(crate) fn writable(&self) -> Vec<String> {
        self.plan.writable().map(|path| path.display().to_string()).collect()
    }

    /// Runs the command, which gets the roles of the grant at this socket, to its end.
    pub(crate) fn run(mut self, grant: &Path, command: &[OsString]) -> Result<ExitStatus, Failure> {
        let attendance = Attendance::begin()
            .map_err(|error| Failure::Other(format!("signals cannot be caught: {error}; try again")))?;
        let own = env::current_exe().map_err(|error| Failure::Other(format!("ssoctl cannot be found: {error}")))?;
        let grant = fs::canonicalize(grant)
            .map_err(|error| Failure::Other(format!("the socket of the grant, {}: {error}", grant.display())))?;
        self.plan.give_grant(grant.parent().unwrap_or(&grant).to_owned());
        self.bubblewrap.run(&self.plan, &own, &grant, command, attendance)
    }
}

/// In there: undoes what starting needed, and closes what is left open. To be called before anything else.
pub(crate) fn enter() -> io::Result<()> {
    bubblewrap::enter()
}
