//! The service, installed by `ssoctl service install`.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};

use crate::systemd::stage::Person;

const ONE_SESSION: &str = "[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";
const TWO_SESSIONS: &str = "[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n\
                            [session.lab]\nstart_url = \"https://lab.awsapps.com/start\"\nregion = \"eu-west-1\"\n";

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), signal).unwrap();
}

#[test]
fn a_service_is_installed_once_and_removed_wholly() {
    let Some(person) = Person::new() else { return };
    let first = person.ok("ssoctl", &["service", "install"]);
    assert!(first.contains("installed: ssoctld runs now"), "{first}");
    assert_eq!(person.property("ActiveState"), "active");
    assert_eq!(person.property("UnitFileState"), "enabled");
    let pid = person.pid();
    let second = person.ok("ssoctl", &["service", "install"]);
    assert_eq!(second, "already installed and running; nothing was changed\n");
    assert_eq!(person.pid(), pid);

    let verified = person.run(
        "systemd-analyze",
        &[
            "--man=no",
            "--user",
            "verify",
            "/home/person/.config/systemd/user/ssoctld.service",
            "/home/person/.config/systemd/user/ssoctld.socket",
        ],
    );
    assert!(verified.status.success());
    assert_eq!(String::from_utf8_lossy(&verified.stderr), "", "it has nothing to say");

    // An older version's unit is brought up to date.
    person.ok("sh", &["-c", "echo '# old' >> ~/.config/systemd/user/ssoctld.service"]);
    assert!(person.ok("ssoctl", &["service", "install"]).contains("wrote "));
    assert_ne!(person.pid(), pid);

    person.ok("ssoctl", &["service", "status"]);
    let removed = person.ok("ssoctl", &["service", "uninstall"]);
    assert!(removed.contains("uninstalled"), "{removed}");
    assert_eq!(person.property("LoadState"), "not-found");
    let left = person.ok("sh", &["-c", "find ~/.config/systemd $XDG_RUNTIME_DIR/ssoctl -not -type d"]);
    assert_eq!(left, "");
    assert_eq!(person.ok("ssoctl", &["service", "uninstall"]), "not installed; nothing was changed\n");
}

#[test]
fn settings_of_the_shell_that_the_service_does_not_see_are_named_without_their_values() {
    let Some(person) = Person::new() else { return };
    let install = ["HTTPS_PROXY=http://ada:word@127.0.0.1:9", "AWS_PROFILE=dev", "ssoctl", "service", "install"];
    let warned = String::from_utf8(person.run("env", &install).stderr).unwrap();
    assert!(warned.contains("does not see HTTPS_PROXY of this shell") && !warned.contains("word"), "{warned}");
    person.write(
        ".config/systemd/user/ssoctld.service.d/proxy.conf",
        "[Service]\nEnvironment=HTTPS_PROXY=http://127.0.0.1:9\n",
    );
    person.ok("systemctl", &["--user", "daemon-reload"]);
    let silent = person.run("env", &install);
    assert_eq!((silent.status.success(), silent.stderr.as_slice()), (true, &b""[..]));
}

#[test]
fn without_a_manager_it_is_told_what_to_do() {
    let Some(person) = Person::new() else { return };
    let output = person.run("env", &["-u", "XDG_RUNTIME_DIR", "ssoctl", "service", "install"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("log in as yourself"), "{said}");
    assert_eq!(person.ok("sh", &["-c", "find ~ -name 'ssoctld.s*'"]), "");
}

#[test]
fn the_manager_knows_how_it_is_doing_and_starts_it_again_when_it_hangs_or_dies() {
    let Some(person) = Person::new() else { return };
    person.write(".config/ssoctl/config.toml", ONE_SESSION);
    // A shorter limit, so that the test does not wait half a minute.
    person.write(".config/systemd/user/ssoctld.service.d/watchdog.conf", "[Service]\nWatchdogSec=5\n");
    person.ok("ssoctl", &["service", "install"]);
    person.until("it tells how many", || person.property("StatusText") == "Serving 1 session");
    let sandbox = std::fs::read_to_string(format!("/proc/{}/status", person.pid())).unwrap();
    for confined in ["NoNewPrivs:\t1", "Seccomp:\t2", "CapBnd:\t0000000000000000"] {
        assert!(sandbox.contains(confined), "{confined}: {sandbox}");
    }

    person.write(".config/ssoctl/config.toml", TWO_SESSIONS);
    person.ok("systemctl", &["--user", "reload", "ssoctld.service"]);
    person.until("it has read it", || person.property("StatusText") == "Serving 2 sessions");

    let hung = person.pid();
    signal(hung, Signal::STOP);
    person.until("it is started again", || person.pid() != hung && person.property("ActiveState") == "active");
    assert_ne!(person.property("NRestarts"), "0");
    person.ok("ssoctl", &["--no-start", "status"]);

    let killed = person.pid();
    signal(killed, Signal::KILL);
    // No waiting: the socket is there all the time.
    person.ok("ssoctl", &["--no-start", "status"]);
    assert_ne!(person.pid(), killed);
}

#[test]
fn no_call_fails_while_it_restarts() {
    let Some(person) = Person::new() else { return };
    person.ok("ssoctl", &["service", "install"]);
    let done = AtomicBool::new(false);
    let calls = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut calls = 0;
                    while !done.load(Ordering::Relaxed) {
                        // One shell for several calls, so that most of the time is the calls'.
                        let eight = "for _ in 1 2 3 4 5 6 7 8; do ssoctl --no-start status --json || exit 1; done";
                        person.ok("sh", &["-c", eight]);
                        calls += 8;
                    }
                    calls
                })
            })
            .collect();
        let first = person.pid();
        for _ in 0..4 {
            person.ok("ssoctl", &["service", "restart"]);
        }
        assert_ne!(person.pid(), first);
        done.store(true, Ordering::Relaxed);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum::<u32>()
    });
    assert!(calls > 0);
}

#[test]
fn a_daemon_that_was_started_by_hand_makes_room() {
    let Some(person) = Person::new() else { return };
    person.write(".config/ssoctl/config.toml", ONE_SESSION);
    person.ok("ssoctl", &["status"]);
    let by_hand = person.ok("sh", &["-c", "cat ~/.local/state/ssoctl/ssoctld.lock"]);
    person.ok("ssoctl", &["service", "install"]);
    let of_service = person.ok("sh", &["-c", "cat ~/.local/state/ssoctl/ssoctld.lock"]);
    assert_ne!(by_hand, of_service);
    assert!(of_service.starts_with(&format!("pid {},", person.pid())), "{of_service}");
    assert!(person.ok("sh", &["-c", "cat ~/.local/state/ssoctl/ssoctld.log"]).contains("stopping"));
    person.ok("ssoctl", &["--no-start", "status"]);
}

#[test]
fn when_the_directory_of_aws_is_removed_the_status_says_what_helps_and_it_does() {
    let Some(person) = Person::new() else { return };
    let simulator = test_support::service::simulator(test_support::service::preauthorised());
    person.write(".config/ssoctl/config.toml", &format!("secret_store = \"file\"\n{ONE_SESSION}sdk_cache = \"on\"\n"));
    let url = simulator.url();
    let [oidc, portal] = ["AWS_ENDPOINT_URL_SSO_OIDC", "AWS_ENDPOINT_URL_SSO"].map(|name| format!("{name}={url}"));
    person.ok("systemctl", &["--user", "set-environment", &oidc, &portal]);
    person.ok("ssoctl", &["service", "install"]);
    let token = person.ok("ssoctl", &["--no-start", "token", "--wait", "5m"]);
    let published = || person.run("sh", &["-c", "cat ~/.aws/sso/cache/*.json"]);
    let is_published = || String::from_utf8_lossy(&published().stdout).contains(token.trim_end());
    person.until("the token is published", is_published);

    person.ok("sh", &["-c", "rm -rf ~/.aws"]);
    person.until("the status says what helps", || {
        person.ok("ssoctl", &["--no-start", "status"]).contains("run: ssoctl service restart")
    });
    assert_eq!(person.ok("ssoctl", &["--no-start", "token"]), token, "nothing else is amiss");
    person.ok("ssoctl", &["service", "restart"]);
    person.until("the token is published again", is_published);
}

#[test]
fn keys_and_passwords_of_others_are_out_of_its_sight_and_its_own_files_are_not() {
    let Some(person) = Person::new() else { return };
    let closed =
        [".ssh/id_ed25519", ".gnupg/private-keys-v1.d/key", ".password-store/x.gpg", ".mozilla/firefox/logins.json"];
    for file in closed {
        person.write(file, "secret");
    }
    person.write(".aws/config", ONE_SESSION);
    person.write(".config/ssoctl/config.toml", &format!("secret_store = \"file\"\n{ONE_SESSION}"));
    person.ok("ssoctl", &["service", "install"]);
    let show =
        |property: &str| person.ok("systemctl", &["--user", "show", "--value", "--property", property, "ssoctld"]);
    // The test is the superuser, who sees what the daemon's own mounts leave of the file system.
    let seen = Path::new("/proc").join(show("MainPID").trim()).join("root/home/person");
    assert!(seen.join(".aws/config").is_file() && seen.join(".config/ssoctl/config.toml").is_file());
    for file in closed {
        assert!(!seen.join(file).exists(), "{file} can be read");
        assert_eq!(person.ok("sh", &["-c", &format!("cat ~/{file}")]), "secret", "it is there");
    }
    assert_eq!((show("MemoryHigh").trim(), show("MemoryMax").trim()), ("536870912", "2147483648"));
}

#[test]
fn stop_ends_the_daemon_of_a_service_and_the_next_call_starts_it() {
    let Some(person) = Person::new() else { return };
    person.ok("ssoctl", &["service", "install"]);
    let first = person.pid();
    assert!(person.ok("ssoctl", &["stop"]).contains("stopped the service"));
    assert_eq!(person.property("ActiveState"), "inactive");
    person.ok("ssoctl", &["--no-start", "status"]);
    person.until("it runs again", || person.property("ActiveState") == "active");
    assert_ne!(person.pid(), first);
}

#[test]
fn a_restart_that_fails_says_why() {
    let Some(person) = Person::new() else { return };
    let refused = |words: &str| {
        let output = person.run("ssoctl", &["service", "restart"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{said}");
    };
    refused("no service is installed; install it: ssoctl service install");
    person.ok("ssoctl", &["service", "install"]);
    let drop_in = ".config/systemd/user/ssoctld.service.d/broken.conf";
    person.write(drop_in, "[Service]\nEnvironment=SSOCTL_STATE_DIR=/proc/nowhere\n");
    person.ok("systemctl", &["--user", "daemon-reload"]);
    refused("(result exit-code, exit status 1)");
    let gone = "/home/person/Cellar/ssoctl/0.0.9/bin/ssoctld";
    person.write(drop_in, &format!("[Service]\nExecStart=\nExecStart={gone}\n"));
    person.ok("systemctl", &["--user", "daemon-reload"]);
    refused(&format!("the service runs {gone}, which does not exist any more; update it: ssoctl service install"));
    person.write(drop_in, "");
    person.ok("systemctl", &["--user", "daemon-reload"]);
    person.ok("ssoctl", &["service", "restart"]);
}

#[test]
fn a_service_outlives_the_version_that_installed_it() {
    let Some(person) = Person::new() else { return };
    let installed = |version: &str| {
        let script = "mkdir -p ~/Cellar/ssoctl/$0/bin ~/brew && cp ~/bin/ssoctl* ~/Cellar/ssoctl/$0/bin && \
                      ln -sf ~/Cellar/ssoctl/$0/bin/ssoctl ~/Cellar/ssoctl/$0/bin/ssoctld ~/brew";
        person.ok("sh", &["-c", script, version]);
    };
    installed("0.1.0");
    let path = "PATH=/home/person/brew:/usr/bin:/bin";
    person.ok("env", &[path, "ssoctl", "service", "install"]);
    let unit = person.ok("sh", &["-c", "grep ^ExecStart= ~/.config/systemd/user/ssoctld.service"]);
    assert_eq!(unit, "ExecStart=/home/person/brew/ssoctld\n");
    installed("0.2.0");
    person.ok("sh", &["-c", "rm -r ~/Cellar/ssoctl/0.1.0"]);
    person.ok("env", &[path, "ssoctl", "service", "restart"]);
    let running = person.ok("sh", &["-c", "readlink /proc/$0/exe || true", &person.pid().to_string()]);
    // It may not be looked at, as it is not dumpable; that it runs is enough.
    assert!(running.is_empty() || running.contains("0.2.0"), "{running}");
    assert_eq!(person.property("ActiveState"), "active");
}

#[test]
fn a_socket_that_was_removed_ends_the_service_and_the_next_call_has_both_made_again() {
    let Some(person) = Person::new() else { return };
    person.write(".config/ssoctl/config.toml", ONE_SESSION);
    person.ok("ssoctl", &["service", "install"]);
    let first = person.pid();
    person.ok("sh", &["-c", "rm -r $XDG_RUNTIME_DIR/ssoctl"]);
    person.until("the daemon ends", || person.property("ActiveState") == "inactive");
    assert_eq!(person.property("Result"), "success", "it is not started again and again");
    let socket = person.ok("systemctl", &["--user", "is-active", "ssoctld.socket"]);
    assert_eq!(socket, "active\n", "systemd knows nothing of it");
    assert!(person.ok("ssoctl", &["status"]).contains("corp"));
    assert_eq!(person.property("ActiveState"), "active", "it is the service that answers");
    assert_ne!(person.pid(), first);
    person.ok("ssoctl", &["--no-start", "status"]);
}

#[test]
fn a_state_directory_that_was_removed_is_told_and_a_restart_brings_it_back() {
    let Some(person) = Person::new() else { return };
    person.write(".config/ssoctl/config.toml", &format!("secret_store = \"file\"\n{ONE_SESSION}"));
    person.ok("ssoctl", &["service", "install"]);
    let pid = person.pid();
    person.ok("sh", &["-c", "rm -r ~/.local/state/ssoctl"]);
    let status = || person.ok("ssoctl", &["--no-start", "status"]);
    let lock = || person.run("cat", &["/home/person/.local/state/ssoctl/ssoctld.lock"]);
    // The sandbox lets it make nothing there.
    person.until("it is told", || status().contains("ssoctl service restart"));
    assert_eq!(person.pid(), pid, "it serves what it has");
    person.ok("ssoctl", &["service", "restart"]);
    person.until("it has its lock again", || lock().stdout.starts_with(format!("pid {},", person.pid()).as_bytes()));
    assert!(!status().contains("ssoctl service restart"), "{}", status());
}
