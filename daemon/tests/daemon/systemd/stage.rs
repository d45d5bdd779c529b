//! A person with a home, a runtime directory, and a service manager of their own.
//!
//! The manager lives in a mount namespace, in which `/home`, `/run/user` and `/run/systemd` are empty and `/etc/passwd` knows the
//! person, and in a control group that the person owns. Nothing of the machine's own manager is touched, which need not even be running.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use test_support::binaries::binaries;
use test_support::part::path;
use test_support::speed::{has_programs, has_superuser};
use test_support::waiting::until;

/// Of no account anywhere. Each person needs another one, as their control groups lie side by side.
const FIRST_UID: u32 = 64_100;

/// The set-up in the manager's process. Its parameters: uid and the directory of the binaries.
const SETTING_UP: &str = r#"
set -e
mkdir -p /run/systemd /run/user
for directory in /home /run/systemd /run/user; do mount -t tmpfs tmpfs "$directory"; done
mkdir -p /run/systemd/system "/run/user/$1" /home/person
# A bus lets nobody in who has no name.
{ cat /etc/passwd; echo "person:x:$1:$1::/home/person:/bin/sh"; } > /run/user/passwd
mount --bind /run/user/passwd /etc/passwd
cp -r "$2" /home/person/bin
chown -R "$1:$1" /home/person "/run/user/$1"
chmod 700 /home/person "/run/user/$1"
for group in $GROUPS_OF_PERSON; do echo $$ > "$group/cgroup.procs"; done
exec setpriv --reuid "$1" --regid "$1" --clear-groups \
    env -i HOME=/home/person XDG_RUNTIME_DIR="/run/user/$1" PATH="/home/person/bin:$PATH" \
    /lib/systemd/systemd --user --log-target=console
"#;

pub(crate) struct Person {
    manager: Child,
    uid: u32,
    groups: Vec<PathBuf>,
    log: PathBuf,
    _binaries: tempfile::TempDir,
}

impl Person {
    /// With a manager that runs. `None` where that cannot be; the test has said so.
    pub(crate) fn new() -> Option<Self> {
        Self::with(&[])
    }

    /// The same with further programs.
    pub(crate) fn with(programs: &[&str]) -> Option<Self> {
        let needed = ["/lib/systemd/systemd", "unshare", "nsenter", "setpriv", "systemctl"];
        if !has_superuser() || !has_programs(&[&needed[..], programs].concat()) {
            return None;
        }
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let uid = FIRST_UID + std::process::id() % 500 * 10 + NUMBER.fetch_add(1, Ordering::Relaxed);
        let binaries = copies();
        let groups = control_groups(uid);
        let names: Vec<_> = groups.iter().map(|group| group.display().to_string()).collect();
        let log = binaries.path().join("manager.log");
        let manager = Command::new("unshare")
            .args(["--mount", "--propagation", "private", "--", "bash", "-c", SETTING_UP, "bash", &uid.to_string()])
            .arg(binaries.path().join("bin"))
            .env("GROUPS_OF_PERSON", names.join(" "))
            .stdin(Stdio::null())
            .stdout(fs::File::create(&log).unwrap())
            .stderr(fs::File::options().append(true).create(true).open(&log).unwrap())
            .spawn()
            .unwrap();
        let person = Self { manager, uid, groups, log, _binaries: binaries };
        person.until("the manager runs", || person.systemctl(&["is-system-running"]).status.success());
        Some(person)
    }

    pub(crate) fn runtime_directory(&self) -> String {
        format!("/run/user/{}", self.uid)
    }

    /// A command of the person's, in their surroundings.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--mount=/proc/{}/ns/mnt", self.manager.id()))
            .args(["--wd=/", "setpriv", "--reuid", &self.uid.to_string(), "--regid", &self.uid.to_string()])
            .args(["--clear-groups", "env", "-i", "HOME=/home/person"])
            .arg(format!("XDG_RUNTIME_DIR={}", self.runtime_directory()))
            .arg(format!("PATH=/home/person/bin:{}", path().display()))
            .arg(program)
            .stdin(Stdio::null());
        command
    }

    /// The output of the superuser's command among the person's mounts.
    pub(crate) fn as_superuser(&self, command: &[&str]) -> Output {
        let mounts = format!("--mount=/proc/{}/ns/mnt", self.manager.id());
        Command::new("nsenter").arg(mounts).arg("--wd=/").args(command).stdin(Stdio::null()).output().unwrap()
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().unwrap()
    }

    /// The output of a command that has to succeed.
    #[track_caller]
    pub(crate) fn ok(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.run(program, arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{program} {arguments:?}: {}{}", text(&output.stderr), self.log());
        text(&output.stdout)
    }

    pub(crate) fn systemctl(&self, arguments: &[&str]) -> Output {
        self.command("systemctl").arg("--user").args(arguments).output().unwrap()
    }

    /// A property of the service.
    pub(crate) fn property(&self, name: &str) -> String {
        let shown = self.systemctl(&["show", "ssoctld.service", "--value", "--property", name]).stdout;
        String::from_utf8(shown).unwrap().trim().to_owned()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.property("MainPID").parse().unwrap()
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        let mut shell = self.command("sh");
        shell.args(["-c", "mkdir -p \"$(dirname \"$0\")\" && cat > \"$0\"", &format!("/home/person/{file}")]);
        let mut child = shell.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }

    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        until(&format!("{what}; its log is {}", self.log.display()), || is_so().then_some(()));
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        // Its services end with it. `SIGRTMIN+24` would have it end at once, and it ends well enough like this.
        let _ = kill_process(Pid::from_child(&self.manager), Signal::TERM);
        let _ = self.manager.wait();
        for group in &self.groups {
            end_group(group);
        }
    }
}

/// Ends what is left in a control group, and removes it.
fn end_group(group: &Path) {
    for below in fs::read_dir(group).into_iter().flatten().flatten() {
        if below.path().is_dir() {
            end_group(&below.path());
        }
    }
    let left = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    for pid in left.lines().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)) {
        let _ = kill_process(pid, Signal::KILL);
    }
    until("the control group is empty", || {
        let removed = fs::remove_dir(group);
        (removed.is_ok() || !group.exists()).then_some(())
    });
}

/// A group in the unified hierarchy, and in systemd's where the kernel has the old ones too.
fn control_groups(uid: u32) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let hierarchies = [root.join("unified"), root.join("systemd"), root.to_owned()];
    let usable: Vec<_> = hierarchies.iter().filter(|hierarchy| hierarchy.join("cgroup.procs").exists()).collect();
    assert!(!usable.is_empty(), "no control groups are mounted");
    let group = |hierarchy: &&PathBuf| {
        let group = hierarchy.join(format!("ssoctl-test-{uid}"));
        fs::create_dir_all(&group).unwrap();
        std::os::unix::fs::chown(&group, Some(uid), Some(uid)).unwrap();
        for file in fs::read_dir(&group).unwrap() {
            std::os::unix::fs::chown(file.unwrap().path(), Some(uid), Some(uid)).unwrap();
        }
        group
    };
    usable.iter().map(group).collect()
}

/// Copies of both binaries that everybody may run.
fn copies() -> tempfile::TempDir {
    let copies = tempfile::tempdir().unwrap();
    let directory = copies.path().join("bin");
    fs::create_dir(&directory).unwrap();
    for binary in [&binaries().ssoctl, &binaries().ssoctld] {
        let copy = directory.join(binary.file_name().unwrap());
        fs::copy(binary, &copy).unwrap();
        test_support::set_mode(&copy, 0o755);
    }
    copies
}
