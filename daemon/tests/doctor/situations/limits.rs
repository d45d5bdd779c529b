//! What the machine does not give.

use std::fs;
use std::os::unix::fs::chown;
use std::process::Command;

use super::{examine_all, when};
use test_support::part::{within, without_locks};
use test_support::speed::{has_programs, has_superuser};
use test_support::{Stage, executable, set_mode, until};

/// Runs a script as root in a separate mount namespace; the command follows as `"$@"`.
fn in_namespace(command: &Command, script: &str) -> Command {
    let script = format!("set -e; {script}; exec \"$@\"");
    let mut inside = within(command, "unshare", &["--mount", "--propagation", "private", "sh", "-c", &script, "sh"]);
    inside
        .env("PATH", command.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, path)| path).expect("a PATH"));
    inside
}

/// A machine with systemd, as far as `systemctl` tells: a script in `bin` of the home, which comes first on the `PATH`.
fn with_systemctl(stage: &Stage, command: &Command, script: &str) -> Command {
    fs::create_dir_all(stage.home().join("bin")).expect("a directory");
    executable::script(&stage.home().join("bin/systemctl"), &format!("#!/bin/sh\n{script}\n"));
    let mut inside = in_namespace(command, "mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system");
    let path = std::env::var("PATH").unwrap_or_default();
    inside.env("PATH", format!("{}:{path}", stage.home().join("bin").display()));
    inside
}

/// What `systemctl show` says of a service whose program is not there.
fn units_without_their_program() -> String {
    let unit = |name: &str, further: &str| {
        format!("Id={name}\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n{further}\n")
    };
    let program = "ExecStart={ path=/opt/ssoctl/0.1.0/ssoctld ; argv[]=ssoctld ; ignore_errors=no }\n";
    unit("ssoctld.socket", "") + &unit("ssoctld.service", program)
}

fn can_limit() -> bool {
    has_superuser() && has_programs(&["unshare", "python3"])
}

#[test]
fn doctor_is_right_about_files_that_the_machine_does_not_give() {
    if !can_limit() {
        return;
    }
    examine_all([
        when("a state directory on a read-only file system")
            .before(|stage| {
                fs::create_dir_all(stage.state_directory()).expect("a directory");
                set_mode(stage.state_directory(), 0o700);
            })
            .without_daemon()
            .shell_by(|_, command| {
                let state = "\"$HOME/.local/state/ssoctl\"";
                in_namespace(&command, &format!("mount --bind {state} {state}; mount -o remount,bind,ro {state}"))
            })
            .finds("daemon", "problem", "none runs")
            .finds("state directory", "problem", "Read-only file system (os error 30); have its file system mounted"),
        when("a home of another user")
            .before(|stage| {
                for place in [stage.home().to_owned(), stage.home().join("run")] {
                    chown(place, Some(65_534), Some(65_534)).expect("the superuser may");
                }
            })
            .without_daemon()
            .finds("daemon", "problem", "none runs")
            .finds("socket", "problem", "belongs to nobody (uid 65534)")
            .finds("state directory", "problem", "belongs to nobody (uid 65534)"),
        when("used-up inotify instances")
            .daemon_by(|command| {
                let script = "echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\"";
                within(&command, "unshare", &["--user", "--map-root-user", "sh", "-c", script, "sh"])
            })
            .finds("daemon", "ok", "")
            .finds("machine", "warning", "inotify instances are used up"),
        when("a file system without locks")
            .daemon_by(|command| without_locks(&command))
            .meanwhile(|stage| {
                until("it is told", || {
                    let problems = stage.request("GET", "/v1/health").1["machine_problems"].clone();
                    problems.as_array().is_some_and(|problems| !problems.is_empty()).then_some(())
                });
            })
            .finds("daemon", "ok", "")
            .finds("machine", "warning", "knows no locks (flock)"),
    ]);
}

#[test]
fn doctor_is_right_about_a_service_manager_that_hangs_or_has_an_old_unit() {
    if !can_limit() {
        return;
    }
    examine_all([
        when("a systemctl that hangs")
            .shell_by(|stage, command| with_systemctl(stage, &command, "exec sleep 600"))
            .finds("daemon", "ok", "")
            .finds("service", "warning", "does not answer: no answer in time"),
        when("a unit whose program has gone with an update")
            .shell_by(|stage, command| {
                let units = units_without_their_program();
                with_systemctl(stage, &command, &format!("cat <<'END'\n{units}END"))
            })
            .finds(
                "service",
                "problem",
                "ssoctld.service runs /opt/ssoctl/0.1.0/ssoctld, which does not exist any more",
            ),
    ]);
}
