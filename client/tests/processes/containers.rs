//! Containers that get a role over the socket of a shared grant: with `ssoctl` in them, also as their first process, and with nothing but
//! curl. The engine is the real podman. The containers have the programs of this machine and none of its other files, a network of their own
//! without any connection, and other users.

#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::documents;
use identity_center_simulator::Settings;
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use test_support::binaries::binaries;
use test_support::part::path;
use test_support::speed::{has_programs, has_superuser, python_with_botocore};
use test_support::{Stage, executable, set_mode, until};

/// Where the directory of the grant's socket is in containers, as docs/containers-and-ssh.md has it.
const PLACE: &str = "/run/ssoctl";

/// Runs an engine where it works on machines whose control groups are of both versions: without the second one.
const BY_ONE_VERSION: &str = "umount /sys/fs/cgroup/unified 2> /dev/null; exec \"$@\"";

/// Users of containers, and how they are told whom to trust: one that has the daemon's uid, one that has not, and one to whom the
/// daemon's uid is unknown.
const USERS: [(&[&str], Option<&str>); 3] = [
    (&["--user", "0:0"], None),
    (&["--user", "1234:1234"], Some("0")),
    (&["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536", "--user", "1234:1234"], Some("any")),
];

/// Prints the directory in which botocore is.
const SITE: &str = "import botocore, os; print(os.path.dirname(os.path.dirname(botocore.__file__)))";
/// Prints where botocore finds credentials, and which.
const FINDS: &str = "import botocore.session as s; c = s.get_session().get_credentials(); print(c.method, c.get_frozen_credentials()[0])";

/// An engine with containers of its own, and a person who has a shared grant.
struct Engine {
    stage: Stage,
    storage: TempDir,
    /// Volumes: the grant, and programs.
    volumes: Vec<String>,
}

impl Engine {
    fn new() -> Option<Self> {
        if !has_superuser() || !has_programs(&["podman", "crun", "unshare", "curl"]) {
            return None;
        }
        let python = python_with_botocore()?;
        let stage = Stage::with_roles(Settings::default());
        let socket = stage.run(["grant", "--profile", "dev", "--name", "box", "--shared"]).exits(0).stdout;
        let site = String::from_utf8(Command::new(python).args(["-c", SITE]).output().unwrap().stdout).unwrap();
        let programs = binaries().ssoctl.parent().unwrap().display();
        let volumes = vec![
            format!("{}:{PLACE}:ro", directory_of(&socket)),
            format!("{programs}:/opt/ssoctl:ro"),
            format!("{}:/opt/site:ro", site.trim()),
            "/usr:/usr:ro".to_owned(),
        ];
        let storage = tempfile::tempdir().unwrap();
        let image = storage.path().join("image");
        for name in ["", "dev", "etc", "opt", "proc", "run", "sys", "tmp", "usr"] {
            fs::create_dir(image.join(name)).unwrap();
            // Of another user where the container has uids of its own.
            set_mode(image.join(name), 0o777);
        }
        for name in ["bin", "lib", "lib64", "sbin"] {
            std::os::unix::fs::symlink(format!("usr/{name}"), image.join(name)).unwrap();
        }
        set_mode(storage.path(), 0o755);
        Some(Self { stage, storage, volumes })
    }

    /// A container's process.
    fn container(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = self.engine(&self.volumes);
        command.arg("--env").arg(format!("SSOCTL_SOCKET={PLACE}/s.sock"));
        command.args(options).arg("--rootfs").arg(self.image()).args(words);
        command
    }

    /// The files of every container.
    fn image(&self) -> PathBuf {
        self.storage.path().join("image")
    }

    /// The engine with all that comes before the options of a container.
    fn engine(&self, volumes: &[String]) -> Command {
        let storage = |name: &str| self.storage.path().join(name);
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", BY_ONE_VERSION, "sh", "podman"]);
        command.arg("--root").arg(storage("root")).arg("--runroot").arg(storage("run"));
        command.args([
            "--log-level=error",
            "--cgroup-manager=cgroupfs",
            "run",
            "--rm",
            "--interactive",
            "--network=none",
        ]);
        command.args([
            "--cgroups=disabled",
            "--ulimit=nofile=1024:1024",
            "--ulimit=nproc=4096:4096",
            "--http-proxy=false",
        ]);
        command.args(volumes.iter().flat_map(|volume| ["--volume", volume])).args(["--env", "HOME=/tmp"]);
        command.env_clear().env("PATH", path()).env("HOME", self.storage.path());
        command
    }

    /// The same with what tells its `ssoctl` whom to trust.
    fn trusting(&self, (user, owner): (&[&str], Option<&str>), words: &[&str]) -> Command {
        let owner = owner.map(|owner| format!("SSOCTL_SOCKET_OWNER={owner}"));
        let options: Vec<&str> = owner.iter().flat_map(|owner| ["--env", owner]).chain(user.iter().copied()).collect();
        self.container(&options, words)
    }
}

/// In the containers.
const SSOCTL: &str = "/opt/ssoctl/ssoctl";
const PYTHON: &str = "/usr/bin/python3";
const SITE_IN_THERE: &str = "PYTHONPATH=/opt/site";

fn directory_of(socket: &str) -> String {
    Path::new(socket.trim()).parent().unwrap().display().to_string()
}

#[test]
fn ssoctl_gives_a_container_the_role_also_as_its_first_process() {
    let Some(engine) = Engine::new() else { return };
    let script = format!("{FINDS}; print(open('/proc/1/comm').read().strip()); raise SystemExit(7)");
    for user in USERS {
        let words = [SSOCTL, "exec", "--refreshable", "--", "env", SITE_IN_THERE, PYTHON, "-c", &script];
        let ran = engine.stage.finish(engine.trusting(user, &words)).exits(7);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert!(lines[0].starts_with("container-role ASIA"), "{user:?}: {lines:?}");
        assert_eq!(lines[1], "ssoctl", "{user:?}");
        let refused = engine.stage.finish(engine.trusting(user, &[SSOCTL, "token"]));
        assert_eq!(refused.code, Some(7), "{user:?}: {refused:?}");
    }
    let (user, _) = USERS[1];
    let doubtful = engine.stage.finish(engine.container(user, &[SSOCTL, "whoami"]));
    assert_eq!(doubtful.code, Some(4), "{doubtful:?}");
    doubtful.says("SSOCTL_SOCKET_OWNER=0");
}

#[test]
fn the_commands_of_the_documents_give_a_container_the_role() {
    const TEST: &str = "the_commands_of_the_documents_give_a_container_the_role";
    let Some(engine) = Engine::new() else { return };
    let [command] = &documents::run_by(TEST)[..] else { panic!("one block") };
    let grant =
        documents::line("docs/containers-and-ssh.md", "S=$(").replace("dev-readonly", "dev").replace("box", "boxed");
    let (home, image) = (engine.stage.home(), engine.image());
    executable::script(&image.join("program"), "#!/bin/sh\necho \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"\n");
    set_mode(image.join("program"), 0o755);
    // The grant of the documents is mounted by the command itself.
    let podman = engine.engine(&engine.volumes[1..]);
    let words: Vec<_> = std::iter::once(podman.get_program()).chain(podman.get_args()).collect();
    let words = words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ");
    let docker = format!(
        "#!/bin/sh\nshift 2\nwhile [ \"$1\" != my-image ]; do options=\"$options $1\"; shift; done; shift\n\
         exec {words} --env PATH=/opt/ssoctl:/usr/bin $options --rootfs {} \"$@\"\n",
        image.display()
    );
    executable::script(&home.join("docker"), &docker);
    let mut shell = engine.stage.tool("sh".as_ref());
    let programs = binaries().ssoctl.parent().unwrap().display().to_string();
    shell.args(["-ec", &format!("{grant}\n{command}")]);
    shell.env("PATH", format!("{}:{programs}:{}", home.display(), path().to_str().unwrap()));
    let ran = engine.stage.finish(shell).exits(0);
    assert!(ran.stdout.starts_with("http://127.0.0.1:"), "{ran:?}");
}

#[test]
fn curl_is_a_complete_credential_process_where_no_ssoctl_is_installed() {
    const AWS: &str = "/usr/bin/aws";
    if !has_programs(&[AWS]) {
        return;
    }
    let Some(engine) = Engine::new() else { return };
    let line = documents::line("docs/containers-and-ssh.md", "credential_process = curl");
    let config = engine.stage.write("for-containers", &format!("[default]\nregion = eu-west-1\n{line}\n"));
    set_mode(&config, 0o644);
    let mount = format!("{}:/config:ro", config.display());
    for (user, _) in USERS {
        let options = [
            user,
            &["--volume", &mount, "--env", "AWS_CONFIG_FILE=/config", "--env", "AWS_EC2_METADATA_DISABLED=true"],
        ]
        .concat();
        let exported =
            engine.stage.finish(engine.container(&options, &[AWS, "configure", "export-credentials"])).exits(0);
        let exported: Value = serde_json::from_str(&exported.stdout).unwrap();
        assert_eq!(exported["AccessKeyId"], engine.stage.credentials_of_dev()["access_key_id"], "{user:?}");
        let found =
            engine.stage.finish(engine.container(&options, &["env", SITE_IN_THERE, PYTHON, "-c", FINDS])).exits(0);
        assert!(found.stdout.starts_with("custom-process ASIA"), "{user:?}: {found:?}");
    }
    engine.stage.run(["revoke", "box"]).exits(0);
    let options = ["--volume", &mount, "--env", "AWS_CONFIG_FILE=/config", "--env", "AWS_EC2_METADATA_DISABLED=true"];
    let refused = engine.stage.finish(engine.container(&options, &[AWS, "configure", "export-credentials"]));
    assert!(refused.code != Some(0) && refused.stdout.is_empty(), "{refused:?}");
    refused.says("403");
}

#[test]
fn a_socket_that_is_not_shared_answers_no_other_user_and_one_that_is_made_anew_is_found_again() {
    let Some(engine) = Engine::new() else { return };
    let own = engine.stage.run(["grant", "--profile", "dev", "--name", "own"]).exits(0).stdout;
    let mount = format!("{}:/own:ro", directory_of(&own));
    let options = ["--user", "1234:1234", "--volume", &mount, "--env", "SSOCTL_SOCKET=/own/s.sock"];
    let refused = engine.stage.finish(engine.container(&options, &[SSOCTL, "whoami"]));
    assert_eq!(refused.code, Some(4), "{refused:?}");
    refused.says("ssoctl grant --shared");

    let script = format!("while read line; do {SSOCTL} whoami > /dev/null 2>&1; echo $?; done");
    let mut container = engine.trusting(USERS[1], &["sh", "-c", &script]);
    let mut container = container.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let (mut questions, answers) = (container.stdin.take().unwrap(), container.stdout.take().unwrap());
    let mut answers = BufReader::new(answers).lines();
    let mut ask = || {
        questions.write_all(b"\n").unwrap();
        answers.next().unwrap().unwrap()
    };
    assert_eq!(ask(), "0");
    engine.stage.end_daemon(Signal::TERM);
    assert_eq!(ask(), "4");
    engine.stage.start_daemon();
    // The directory is what is mounted.
    until("the new socket is there", || (ask() == "0").then_some(()));
    drop(questions);
    assert!(container.wait().unwrap().success());
}
