//! The superuser, by sudo or su, in the home of another user: nothing is made there that its owner could not use.

#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use identity_center_simulator::{Approval, Settings};

use test_support::part::Part;
use test_support::speed::{has_programs, has_superuser};
use test_support::stage::CORP;
use test_support::{Stage, daemon, until};

/// The owner of the home.
const NOBODY: u32 = 65_534;

/// A stage whose home belongs to the user `nobody`, with the usual files. `None` if tests with the superuser do not run.
fn home_of_another_user() -> Option<Stage> {
    if !has_superuser() || !has_programs(&["sudo", "su", "setpriv"]) {
        return None;
    }
    let stage = Stage::without_daemon(Settings::default(), CORP);
    // A variable names the service here, and such a session shares token files only if it says so.
    stage.write_own_config("[session.corp]\nsdk_cache = \"on\"\n");
    for path in below(stage.home()) {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    Some(stage)
}

/// Everything in a home, itself included, but what the stage keeps there.
fn below(home: &Path) -> Vec<PathBuf> {
    let mut found = vec![home.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next).cloned() {
        next += 1;
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten().map(|entry| entry.path());
        found.extend(entries.filter(|path| !path.ends_with("said")));
    }
    found
}

#[track_caller]
fn nothing_is_foreign(stage: &Stage, what: &str) {
    let foreign = |path: &PathBuf| fs::symlink_metadata(path).unwrap().uid() != NOBODY;
    let found: Vec<_> = below(stage.home()).into_iter().filter(foreign).collect();
    assert_eq!(found, Vec::<PathBuf>::new(), "{what}");
    assert_eq!(daemon::holder(&stage.state_directory()), None, "{what}");
}

/// The same command through another program, with its variables.
fn through(command: &Command, program: &str, arguments: &[&str]) -> Command {
    let mut through = Command::new(program);
    through.args(arguments).env_clear();
    through.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    through
}

#[test]
fn the_superuser_makes_nothing_in_the_home_of_another_user_and_is_told_the_owner() {
    let Some(stage) = home_of_another_user() else { return };
    let words =
        "belongs to nobody (uid 65534), and this process to root (uid 0); run it as its owner, without sudo or su";
    // With the runtime directory of the other user, without any, and with one that is the superuser's own.
    let own = tempfile::tempdir().unwrap();
    for runtime in [Some(stage.home().join("run")), None, Some(own.path().to_owned())] {
        let with = |mut command: Command| {
            match &runtime {
                Some(runtime) => command.env("XDG_RUNTIME_DIR", runtime),
                None => command.env_remove("XDG_RUNTIME_DIR"),
            };
            command
        };
        let what = format!("{runtime:?}");
        for arguments in [&["status"][..], &["token"], &["exec", "--", "true"], &["configure", "--dry-run"]] {
            let outcome = stage.finish(with(stage.ssoctl(arguments))).says(words);
            assert_ne!(outcome.code, Some(0), "{what} {arguments:?}");
            nothing_is_foreign(&stage, &format!("{what} {arguments:?}"));
        }
        let outcome = stage.finish(with(stage.ssoctld())).says(words);
        assert_eq!(outcome.code, Some(1));
        nothing_is_foreign(&stage, &format!("{what} ssoctld"));
    }
}

#[test]
fn token_files_and_configuration_in_the_home_of_another_user_are_left_alone() {
    let Some(stage) = home_of_another_user() else { return };
    stage.identity_center.settings(|settings| settings.approval = Approval::Preauthorised);
    let own = tempfile::tempdir().unwrap();
    fs::create_dir(own.path().join("run")).unwrap();
    let with = |mut command: Command| {
        command.env("XDG_RUNTIME_DIR", own.path().join("run")).env("SSOCTL_STATE_DIR", own.path().join("state"));
        command
    };
    let daemon = Part::start(&mut with(stage.ssoctld()));
    until("it answers", || stage.finish(with(stage.ssoctl(["--no-start", "status"]))).code.filter(|code| *code == 0));
    stage.finish(with(stage.ssoctl(["login", "--no-browser"]))).exits(0);
    until("it says why there is no token file", || {
        let status = stage.finish(with(stage.ssoctl(["status"]))).stdout;
        status.contains("belongs to nobody (uid 65534)").then_some(())
    });
    let saved = stage.finish(with(stage.ssoctl([
        "login",
        "--start-url",
        "https://x.awsapps.com/start",
        "--region",
        "eu-west-1",
    ])));
    assert_ne!(saved.says("belongs to nobody (uid 65534)").code, Some(0));
    let written = stage.finish(with(stage.ssoctl(["configure"])));
    assert_ne!(written.says("nobody (uid 65534)").code, Some(0));
    nothing_is_foreign(&stage, "a daemon that keeps its own things elsewhere");
    daemon.signal(rustix::process::Signal::TERM);
}

#[test]
fn sudo_and_su_with_the_home_of_another_user_are_told_the_owner() {
    let Some(stage) = home_of_another_user() else { return };
    let client = stage.ssoctl(["status"]);
    let path = client.get_program().to_string_lossy().into_owned();
    let home = format!("HOME={}", stage.home().display());
    let by_su = format!("{path} status");
    for (program, arguments) in
        [("sudo", vec![home.as_str(), path.as_str(), "status"]), ("su", vec!["-p", "root", "-c", by_su.as_str()])]
    {
        let outcome = stage.finish(through(&client, program, &arguments));
        outcome.exits(4).says("belongs to nobody (uid 65534), and this process to root (uid 0)");
        nothing_is_foreign(&stage, program);
    }
}

#[test]
fn a_user_in_the_home_of_the_superuser_is_told_the_owner() {
    if !has_superuser() {
        return;
    }
    let stage = Stage::bare(Settings::default());
    let binaries = tempfile::tempdir().unwrap();
    test_support::set_mode(binaries.path(), 0o755);
    for program in [stage.ssoctl(["x"]), stage.ssoctld()] {
        let program = Path::new(program.get_program()).to_owned();
        // By another process: what is written here could still be open in a program that another test starts.
        assert!(Command::new("cp").arg(&program).arg(binaries.path()).status().unwrap().success());
    }
    let client = stage.ssoctl(["status"]);
    let ssoctl = binaries.path().join("ssoctl").display().to_string();
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups", &ssoctl, "status"];
    let mut called = through(&client, "setpriv", &user);
    called.env_remove("XDG_RUNTIME_DIR");
    stage.finish(called).exits(4).says("belongs to root (uid 0), and this process to nobody (uid 65534)");
}
