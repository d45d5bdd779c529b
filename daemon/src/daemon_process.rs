//! Whether a process is an `ssoctld` of this user: a process id from a file may belong to another process by now.

use rustix::io::Errno;
use rustix::process::geteuid;

#[cfg(target_os = "linux")]
pub(crate) fn is_own_daemon(pid: u32) -> Result<bool, Errno> {
    // Its executable cannot be read: that needs the right to trace it, which a service's sandbox does not give.
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Ok(is_own_in(&status, geteuid().as_raw()))
}

/// Reads a process's name and real user from what proc_pid_status(5) describes.
#[cfg(target_os = "linux")]
fn is_own_in(status: &str, uid: u32) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t"));
    let owner = field("Uid").and_then(|uids| uids.split('\t').next()).and_then(|uid| uid.parse().ok());
    field("Name") == Some("ssoctld") && owner == Some(uid)
}

/// Written by the documentation of ps(1), and not run yet.
#[cfg(not(target_os = "linux"))]
pub(crate) fn is_own_daemon(pid: u32) -> Result<bool, Errno> {
    let mut ps = std::process::Command::new("/bin/ps");
    let output = ps.args(["-o", "uid=", "-o", "comm=", "-p", &pid.to_string()]).output();
    let output = output.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (uid, program) = text.trim().split_once(' ').ok_or(Errno::SRCH)?;
    let name = std::path::Path::new(program.trim()).file_name();
    Ok(uid.parse() == Ok(geteuid().as_raw()) && name == Some("ssoctld".as_ref()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn other_users_ssoctld_does_not_count() {
        let status = "Name:\tssoctld\nUmask:\t0077\nState:\tS (sleeping)\nUid:\t1000\t1000\t1000\t1000\n";
        assert!(is_own_in(status, 1000));
        assert!(!is_own_in(status, 1001));
        assert!(!is_own_in(&status.replace("ssoctld", "ssoctld-old"), 1000));
        assert!(!is_own_in("", 1000));
    }
}
