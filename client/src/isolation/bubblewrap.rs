//! Running a command through bubblewrap (bwrap(1)): a process that makes the namespaces and stays outside, and the first process within,
//! which is `ssoctl` again.
//!
//! Signals that this process passes on go to the first process within, for bubblewrap handles none. They are blocked in bubblewrap and
//! until that first process can take them, so that none ends bubblewrap, none is lost, and the terminal's keys work as without it.

use std::ffi::OsString;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::{AsFd, AsRawFd as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use ssoctl_protocol::socket::{OWNER_VARIABLE, SOCKET_VARIABLE};

use super::plan::{OWN_PROGRAM, Plan};
use super::{INSIDE, variables};
use crate::attendance::Attendance;
use crate::environment;
use crate::failure::Failure;
use crate::installation;

/// New namespaces for users, processes and IPC, no capabilities even for the superuser, and an end with this process. Mounts always get a
/// namespace, and privileges can never be gained.
const NAMESPACES: [&str; 7] =
    ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--cap-drop", "ALL", "--die-with-parent", "--as-pid-1"];

/// The program, which is on `PATH`.
pub(super) struct Bubblewrap(PathBuf);

impl Bubblewrap {
    pub(super) fn find() -> Result<Self, Failure> {
        let missing = if cfg!(target_os = "linux") {
            "nothing was started, because --isolate needs bubblewrap, and there is no bwrap on PATH; install it, or leave --isolate out"
        } else {
            "nothing was started, because --isolate needs Linux; leave it out, or use a container"
        };
        installation::other("bwrap").map(Self).ok_or_else(|| Failure::Other(missing.to_owned()))
    }

    /// Runs a command to its end. `own` is this program, and `grant` the socket of the command's grant.
    pub(super) fn run(
        &self,
        plan: &Plan,
        own: &Path,
        grant: &Path,
        words: &[OsString],
        attendance: Attendance,
    ) -> Result<ExitStatus, Failure> {
        let failed = |error: io::Error| Failure::Other(format!("{} cannot be started: {error}", self.0.display()));
        let (reports, reporter) = io::pipe().map_err(failed)?;
        let mut reports = Reports(BufReader::new(reports));
        let filter = filter().map_err(failed)?;
        let mut command = Command::new(&self.0);
        command.args(NAMESPACES).args(plan.arguments(own));
        command.arg("--json-status-fd").arg(inherited(&reporter).map_err(failed)?);
        match &filter {
            Some(filter) => command.arg("--seccomp").arg(inherited(filter).map_err(failed)?),
            // The terminal is out of reach, and with it its signals.
            None => command.arg("--new-session"),
        };
        command.args(["--", OWN_PROGRAM, "exec", "--refreshable", &format!("--{INSIDE}"), "--"]).args(words);
        for name in variables::REMOVED {
            command.env_remove(name);
        }
        command.env(SOCKET_VARIABLE, grant);
        if environment::variable(OWNER_VARIABLE).is_some() {
            // Within, every other user has the same number. This process knows who listens there.
            command.env(OWNER_VARIABLE, "any");
        }
        ssoctl_process::keep_ignoring_broken_pipes(&mut command);
        let ended = attendance.attend_another(|blocked| {
            let child = blocked.spawn(&mut command)?;
            // With this end closed, the reports end with bubblewrap.
            drop(reporter);
            Ok((child, reports.first_process()))
        });
        let status = ended.map_err(failed)?;
        if status.code().is_some() && !reports.tell_of_a_start() {
            return Err(Failure::Other(
                "nothing was started, because bubblewrap cannot isolate the command here; it says why above. The kernel has \
                 to allow users namespaces of their own"
                    .to_owned(),
            ));
        }
        Ok(status)
    }
}

/// What bubblewrap tells: a JSON document in each line.
struct Reports(BufReader<io::PipeReader>);

impl Reports {
    /// The first process within, by its id out here, once there is one.
    fn first_process(&mut self) -> Option<i32> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok()?;
        let report: serde_json::Value = serde_json::from_str(&line).ok()?;
        report["child-pid"].as_i64()?.try_into().ok()
    }

    /// Whether the command within was executed, once all has ended. bubblewrap tells its exit code only then.
    fn tell_of_a_start(&mut self) -> bool {
        let mut rest = String::new();
        self.0.read_to_string(&mut rest).is_ok() && rest.contains("\"exit-code\"")
    }
}

/// Has a descriptor be inherited, and returns its number.
fn inherited(descriptor: &impl AsFd) -> io::Result<String> {
    let descriptor = descriptor.as_fd();
    rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::empty())?;
    Ok(descriptor.as_raw_fd().to_string())
}

/// The filter of system calls, ready to be read.
#[cfg(target_os = "linux")]
fn filter() -> io::Result<Option<std::fs::File>> {
    use std::io::{Seek as _, Write as _};

    use rustix::fs::{MemfdFlags, memfd_create};

    use super::filter;
    let Some(program) = filter::program() else { return Ok(None) };
    let mut file = std::fs::File::from(memfd_create("filter", MemfdFlags::CLOEXEC)?);
    file.write_all(&program)?;
    file.rewind()?;
    Ok(Some(file))
}

#[cfg(not(target_os = "linux"))]
fn filter() -> io::Result<Option<std::fs::File>> {
    Ok(None)
}

/// Refuses a directory as standard input, output or error: by it, the command could reach all that is around it.
pub(super) fn check_standard_streams() -> Result<(), Failure> {
    let is_directory = |stream: &dyn AsFd| {
        let found = rustix::fs::fstat(stream.as_fd());
        found.is_ok_and(|found| rustix::fs::FileType::from_raw_mode(found.st_mode) == rustix::fs::FileType::Directory)
    };
    let streams: [(&str, &dyn AsFd); 3] =
        [("input", &io::stdin()), ("output", &io::stdout()), ("error", &io::stderr())];
    match streams.into_iter().find(|(_, stream)| is_directory(*stream)) {
        Some((name, _)) => Err(Failure::Usage(format!(
            "standard {name} is a directory, by which the command could leave its isolation; give it a file, a pipe or a terminal"
        ))),
        None => Ok(()),
    }
}

#[cfg(target_os = "linux")]
pub(super) fn abstract_sockets_can_be_closed() -> bool {
    ssoctl_process::scopes_are_known()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn abstract_sockets_can_be_closed() -> bool {
    false
}

/// Within: closes what was inherited, and abstract sockets, where the kernel can do that.
pub(super) fn enter() -> io::Result<()> {
    ssoctl_process::close_inherited_descriptors();
    #[cfg(target_os = "linux")]
    if ssoctl_process::scopes_are_known() {
        ssoctl_process::leave_abstract_sockets()?;
    }
    Ok(())
}
