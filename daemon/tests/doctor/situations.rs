//! A machine in each situation that a daemon may find itself in, and what doctor has to say there.
//!
//! The daemon and the shell that asks may have different environments: what is judged are the daemon's, and the differences.

use std::any::Any;
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use identity_center_simulator::Settings;

use crate::report::Report;
use test_support::part::{Part, bus, within, without_locks};
use test_support::speed::{has_programs, has_superuser};
use test_support::stage::CORP;
use test_support::{Stage, until};

/// The parts that have to live as long as the situation.
type Parts = Vec<Box<dyn Any>>;

type Variables = &'static [(&'static str, &'static str)];

/// A situation, and what is right in it.
struct Situation {
    what: &'static str,
    /// Files of the home, which their owner alone can write to.
    files: &'static [(&'static str, &'static str)],
    /// Prepares the rest of the home.
    home: fn(&Stage) -> Parts,
    /// Variables of the daemon and of the shell; `HOME` in a value is the home.
    daemon_has: Variables,
    shell_has: Variables,
    /// The daemon's command; none runs where this gives nothing.
    daemon: fn(&Stage, Command) -> Option<Command>,
    /// A change while the daemon runs.
    then: fn(&Stage),
    /// Changes the command that asks.
    shell: fn(&Stage, Command) -> Command,
    /// Expected findings: the check, its result, and words of it. There are no other problems.
    right: &'static [(&'static str, &'static str, &'static str)],
    /// Words that are found nowhere.
    wrong: &'static [&'static str],
}

/// One daemon, and a shell with the same environment.
const CALM: Situation = Situation {
    what: "daemon and shell have the same environment",
    files: &[],
    home: |_| Parts::new(),
    daemon_has: &[],
    shell_has: &[],
    daemon: |_, command| Some(command),
    then: |_| {},
    shell: |_, command| command,
    right: &[
        ("daemon", "ok", "1 session"),
        ("this shell", "ok", "the daemon has"),
        ("configuration", "warning", "signs in at http://127.0.0.1"),
        ("session bus", "skipped", "none here"),
        ("keyring", "skipped", ""),
        ("proxy", "ok", "none"),
        ("endpoint", "ok", "answers"),
    ],
    wrong: &[],
};

/// Another AWS configuration.
const OTHER: &[(&str, &str)] = &[(
    "other/config",
    "[sso-session other]\nsso_start_url = https://other.awsapps.com/start\nsso_region = eu-west-1\n",
)];

const WITH_AT: &str = "http://ada:p@ss@127.0.0.1:9";
const CLOSED_ENDPOINTS: Variables =
    &[("AWS_ENDPOINT_URL_SSO", "http://127.0.0.1:9"), ("AWS_ENDPOINT_URL_SSO_OIDC", "http://127.0.0.1:9")];

const PLAIN: &[Situation] = &[
    CALM,
    Situation {
        what: "no daemon runs",
        daemon: |_, _| None,
        right: &[
            ("daemon", "problem", "none runs"),
            ("socket", "skipped", "the daemon makes it"),
            ("state directory", "skipped", "the daemon makes it"),
            ("secret store", "skipped", "none answers"),
            ("endpoint", "ok", "answers"),
        ],
        ..CALM
    },
    Situation {
        what: "no daemon runs, and the shell has places that one would not have",
        daemon: |_, _| None,
        shell_has: &[("XDG_CONFIG_HOME", "HOME/x")],
        right: &[
            ("daemon", "problem", "none runs"),
            ("this shell", "warning", "once ssoctl has started it, the daemon reads its own configuration from"),
        ],
        ..CALM
    },
    Situation {
        what: "the shell names an AWS file, which the daemon reads for it",
        files: OTHER,
        shell_has: &[("AWS_CONFIG_FILE", "other/config")],
        right: &[("this shell", "ok", ""), ("configuration", "ok", "other (profiles")],
        ..CALM
    },
    Situation {
        what: "the shell names an AWS file that others can write to",
        files: OTHER,
        home: |stage| {
            fs::set_permissions(stage.home().join("other/config"), Permissions::from_mode(0o666)).expect("our file");
            Parts::new()
        },
        shell_has: &[("AWS_CONFIG_FILE", "~/other/config")],
        right: &[("configuration", "problem", "which AWS_CONFIG_FILE names: others can write to it")],
        ..CALM
    },
    Situation {
        what: "the shell names a credentials file with a profile",
        files: &[("keys", "[dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = R\n")],
        shell_has: &[("AWS_SHARED_CREDENTIALS_FILE", "keys")],
        right: &[("this shell", "ok", ""), ("configuration", "ok", "corp (profiles: 1)")],
        ..CALM
    },
    Situation {
        what: "the daemon was started with another AWS file",
        files: OTHER,
        daemon_has: &[("AWS_CONFIG_FILE", "HOME/other/config")],
        right: &[("this shell", "warning", "looks names up in"), ("configuration", "ok", "other (profiles")],
        wrong: &["corp (profiles"],
        ..CALM
    },
    Situation {
        what: "the shell has another configuration directory, with a file that is broken",
        files: &[("x/ssoctl/config.toml", "[broken")],
        shell_has: &[("XDG_CONFIG_HOME", "HOME/x")],
        right: &[("this shell", "warning", "x/ssoctl/config.toml as this shell"), ("configuration", "ok", "corp")],
        ..CALM
    },
    Situation {
        what: "the daemon has another configuration directory, with a file that is broken",
        files: &[("x/ssoctl/config.toml", "[broken")],
        daemon_has: &[("XDG_CONFIG_HOME", "HOME/x")],
        right: &[("this shell", "warning", "config.toml"), ("configuration", "problem", "")],
        ..CALM
    },
    Situation {
        what: "the shell has another state directory",
        shell_has: &[("XDG_STATE_HOME", "HOME/y")],
        right: &[
            ("this shell", "warning", "y/ssoctl as this shell"),
            ("state directory", "ok", ".local/state/ssoctl, held by process"),
        ],
        ..CALM
    },
    Situation {
        what: "the daemon has another state directory",
        daemon_has: &[("XDG_STATE_HOME", "HOME/y")],
        right: &[("this shell", "warning", "keeps its records in"), ("state directory", "ok", "y/ssoctl, held by")],
        ..CALM
    },
    Situation {
        what: "the shell has a proxy that cannot be used, and the daemon none",
        shell_has: &[("HTTPS_PROXY", WITH_AT)],
        right: &[
            ("this shell", "warning", "HTTPS_PROXY=http://***@127.0.0.1:9 of this shell"),
            ("proxy", "ok", "none"),
        ],
        wrong: &["p@ss"],
        ..CALM
    },
    Situation {
        what: "the daemon has a proxy that cannot be used, and the shell none",
        daemon_has: &[("HTTPS_PROXY", "nonsense://127.0.0.1:9")],
        right: &[
            ("this shell", "warning", "HTTPS_PROXY=nonsense://127.0.0.1:9 is the daemon's"),
            ("proxy", "problem", "HTTPS_PROXY does not hold the address of a proxy"),
            ("endpoint", "skipped", "was not asked"),
        ],
        ..CALM
    },
    Situation {
        what: "a password with @ in it, of the daemon and of the shell",
        daemon_has: &[("HTTPS_PROXY", WITH_AT)],
        shell_has: &[("HTTPS_PROXY", WITH_AT)],
        right: &[("this shell", "ok", ""), ("proxy", "problem", "write @ in the user or the password as %40")],
        wrong: &["p@ss"],
        ..CALM
    },
    Situation {
        what: "a password with @ in it, of the daemon alone",
        daemon_has: &[("HTTPS_PROXY", WITH_AT)],
        right: &[
            ("this shell", "warning", "HTTPS_PROXY=http://***@127.0.0.1:9 is the daemon's"),
            ("machine", "warning", "write @ in the user or the password as %40"),
        ],
        wrong: &["p@ss"],
        ..CALM
    },
    Situation {
        what: "a proxy with a password",
        daemon_has: &[("https_proxy", "http://ada:hunter2@127.0.0.1:9")],
        shell_has: &[("https_proxy", "http://ada:hunter2@127.0.0.1:9")],
        // Plain http goes through no proxy.
        right: &[("proxy", "ok", "https_proxy=http://127.0.0.1:9"), ("endpoint", "ok", "answers")],
        wrong: &["hunter2"],
        ..CALM
    },
    Situation {
        what: "a proxy with a blank and a CR after it",
        daemon_has: &[("HTTPS_PROXY", "http://127.0.0.1:9 \r")],
        shell_has: &[("HTTPS_PROXY", "http://127.0.0.1:9 \r")],
        right: &[("proxy", "ok", "HTTPS_PROXY=http://127.0.0.1:9"), ("endpoint", "ok", "answers")],
        ..CALM
    },
    Situation {
        what: "the shell has an endpoint where nobody listens",
        shell_has: CLOSED_ENDPOINTS,
        right: &[
            ("this shell", "warning", "AWS_ENDPOINT_URL_SSO_OIDC=http://127.0.0.1:9 of this shell"),
            ("endpoint", "ok", "answers"),
        ],
        ..CALM
    },
    Situation {
        what: "the daemon has an endpoint where nobody listens",
        daemon_has: CLOSED_ENDPOINTS,
        right: &[
            ("this shell", "warning", "which has http://127.0.0.1:9"),
            ("endpoint", "problem", "no connection to http://127.0.0.1"),
        ],
        ..CALM
    },
    Situation {
        what: "the shell has a bundle of certificates that is not there",
        shell_has: &[("AWS_CA_BUNDLE", "~/nowhere.pem")],
        right: &[("this shell", "warning", "AWS_CA_BUNDLE="), ("certificates", "ok", "the system's")],
        ..CALM
    },
    Situation {
        what: "the daemon has a bundle of certificates that is not there",
        daemon_has: &[("AWS_CA_BUNDLE", "HOME/nowhere.pem")],
        right: &[
            ("this shell", "warning", "nowhere.pem is the daemon's"),
            ("certificates", "problem", "nowhere.pem"),
            ("endpoint", "skipped", "was not asked"),
        ],
        ..CALM
    },
    Situation {
        what: "a bundle of certificates that holds none",
        files: &[("bundle.pem", "no certificate")],
        daemon_has: &[("AWS_CA_BUNDLE", "HOME/bundle.pem")],
        shell_has: &[("AWS_CA_BUNDLE", "~/bundle.pem")],
        right: &[("this shell", "ok", ""), ("certificates", "problem", "no PEM certificate")],
        ..CALM
    },
    Situation {
        what: "a session bus where nobody listens",
        daemon_has: &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=HOME/nobody")],
        shell_has: &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=HOME/nobody")],
        right: &[
            ("session bus", "problem", "does not answer"),
            ("keyring", "skipped", "session bus"),
            ("notifications", "skipped", "session bus"),
        ],
        ..CALM
    },
    Situation {
        what: "another time zone",
        shell_has: &[("TZ", "Europe/Berlin")],
        right: &[("this shell", "warning", "TZ=Europe/Berlin of this shell is not the daemon's")],
        ..CALM
    },
    Situation {
        what: "another home, with nothing in it",
        home: |stage| {
            fs::create_dir(stage.home().join("second")).expect("a directory");
            Parts::new()
        },
        shell_has: &[("HOME", "HOME/second")],
        right: &[
            ("this shell", "warning", "second/.aws/config as this shell would have it"),
            ("configuration", "ok", "corp (profiles"),
            ("state directory", "ok", "held by process"),
        ],
        ..CALM
    },
    Situation {
        what: "no runtime directory in the shell, as cron has it",
        shell: |_, mut command| {
            command.env_remove("XDG_RUNTIME_DIR");
            command
        },
        right: &[("daemon", "ok", "answers"), ("this shell", "warning", "listens at"), ("socket", "ok", "run/ssoctl/")],
        ..CALM
    },
    Situation {
        what: "a runtime directory in the shell that does not exist",
        shell_has: &[("XDG_RUNTIME_DIR", "HOME/nowhere")],
        right: &[("daemon", "ok", "answers"), ("this shell", "warning", "listens at")],
        ..CALM
    },
    Situation {
        what: "the runtime directory was removed while the daemon ran",
        then: |stage| {
            fs::remove_dir_all(stage.home().join("run")).expect("a directory of ours");
            until("it is made again", || UnixStream::connect(stage.socket()).ok());
        },
        ..CALM
    },
    Situation {
        what: "a path that is too long for a socket",
        daemon: |_, _| None,
        shell_has: &[(
            "SSOCTL_SOCKET",
            "HOME/ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss",
        )],
        right: &[
            ("daemon", "problem", "name a shorter one with SSOCTL_SOCKET"),
            ("socket", "problem", "longer than the 103 bytes"),
        ],
        wrong: &["SUN_LEN"],
        ..CALM
    },
    Situation {
        what: "a configuration that is no TOML",
        home: |stage| {
            stage.write_own_config("[broken");
            Parts::new()
        },
        right: &[("configuration", "problem", "")],
        ..CALM
    },
    Situation {
        what: "an AWS file with a line that is nothing",
        home: |stage| {
            stage.write(".aws/config", &format!("{CORP}nonsense\n"));
            Parts::new()
        },
        right: &[("configuration", "problem", "the AWS CLI refuses the whole file")],
        ..CALM
    },
];

/// Puts a machine into the situation, and insists on what is right there.
fn examine(situation: &Situation) {
    let stage = Stage::bare(Settings::default());
    stage.write(".aws/config", CORP);
    for (path, text) in situation.files {
        stage.write(path, text);
    }
    let _parts = (situation.home)(&stage);
    let with = |mut command: Command, variables: Variables| {
        let home = stage.home().display().to_string();
        command.envs(variables.iter().map(|(name, value)| (name, value.replace("HOME", &home))));
        command
    };
    if let Some(command) = (situation.daemon)(&stage, with(stage.ssoctld(), situation.daemon_has)) {
        stage.start_daemon_by(command);
        // The store is chosen in the background.
        until("the store is known", || {
            let kind = stage.request("GET", "/v1/health").1["secret_store"]["kind"].clone();
            (kind != "auto").then_some(())
        });
    }
    (situation.then)(&stage);
    let report =
        Report::by(&stage, (situation.shell)(&stage, with(stage.ssoctl(["doctor", "--json"]), situation.shell_has)));
    for (name, result, words) in situation.right {
        report.finds(name, result, words);
    }
    let expected = |name: &&str| situation.right.iter().any(|(known, result, _)| known == name && *result == "problem");
    let others: Vec<_> = report.problems().into_iter().filter(|name| !expected(name)).collect();
    assert_eq!(others, Vec::<&str>::new(), "{report:#?}");
    let text = format!("{report:?}");
    for words in situation.wrong {
        assert!(!text.contains(words), "{words:?} is wrong in {report:#?}");
    }
    let has_none = ["no Secret Service", "no keyring"].iter().any(|words| text.contains(words));
    assert!(!(has_none && text.contains("unlocked")), "{report:#?}");
}

/// Examines all of them, and tells of every one that is not right.
#[track_caller]
fn examine_all(situations: &[Situation]) {
    let is_right = |situation: &Situation| std::panic::catch_unwind(|| examine(situation)).is_ok();
    let not_right: Vec<_> = situations.iter().filter(|it| !is_right(it)).map(|it| it.what).collect();
    assert_eq!(not_right, Vec::<&str>::new());
}

#[test]
fn doctor_judges_what_the_daemon_has_and_names_what_the_shell_has_otherwise() {
    examine_all(PLAIN);
}

/// The address of the bus in this home.
fn bus_of(stage: &Stage) -> String {
    format!("unix:path={}/bus", stage.home().display())
}

fn with_bus(stage: &Stage) -> Parts {
    let (bus, _) = Part::that_says(&mut bus(stage.home(), ""), |line| Some(line.to_owned()));
    vec![Box::new(bus)]
}

/// gnome-keyring on a bus, unlocked.
fn with_keyring(stage: &Stage) -> Parts {
    let mut parts = with_bus(stage);
    fs::create_dir(stage.home().join("keyring-run")).expect("a directory");
    let mut child = Command::new("gnome-keyring-daemon")
        .args(["--foreground", "--components=secrets", "--unlock"])
        .env_clear()
        .env("PATH", test_support::part::path())
        .env("HOME", stage.home())
        .env("XDG_DATA_HOME", stage.home().join("data"))
        .env("XDG_RUNTIME_DIR", stage.home().join("keyring-run"))
        .env("DBUS_SESSION_BUS_ADDRESS", bus_of(stage))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("gnome-keyring");
    child.stdin.take().expect("it is piped").write_all(b"a password").expect("it reads it");
    parts.push(Box::new(Part::from(child)));
    let locked = ["org.freedesktop.DBus.Properties.Get", "string:org.freedesktop.Secret.Collection", "string:Locked"];
    until("the keyring is unlocked", || ask_keyring(stage, COLLECTION, &locked).contains("false").then_some(()));
    parts
}

const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";

fn ask_keyring(stage: &Stage, object: &str, call: &[&str]) -> String {
    let mut send = Command::new("dbus-send");
    send.arg(format!("--bus={}", bus_of(stage))).args(["--print-reply", "--dest=org.freedesktop.secrets", object]);
    let output = send.args(call).output().expect("dbus-send");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lock_keyring(stage: &Stage) {
    let lock = ["org.freedesktop.Secret.Service.Lock", &format!("array:objpath:{COLLECTION}")];
    assert!(ask_keyring(stage, "/org/freedesktop/secrets", &lock).contains(COLLECTION), "it locks");
}

const BUS: Variables = &[("DBUS_SESSION_BUS_ADDRESS", "unix:path=HOME/bus")];

#[cfg(target_os = "linux")]
#[test]
fn doctor_is_right_with_each_kind_of_bus_and_keyring() {
    if !has_programs(&["dbus-daemon", "dbus-send", "gnome-keyring-daemon"]) {
        return;
    }
    examine_all(&[
        Situation {
            what: "a bus without a keyring",
            home: with_bus,
            daemon_has: BUS,
            shell_has: BUS,
            right: &[
                ("session bus", "ok", "answers"),
                ("keyring", "skipped", "no Secret Service"),
                ("secret store", "warning", "files, in the clear"),
            ],
            ..CALM
        },
        Situation {
            what: "a keyring that is unlocked",
            home: with_keyring,
            daemon_has: BUS,
            shell_has: BUS,
            right: &[("this shell", "ok", ""), ("keyring", "ok", "unlocked"), ("secret store", "ok", "keyring")],
            ..CALM
        },
        Situation {
            what: "a keyring that is unlocked, asked about from a shell without a bus",
            home: with_keyring,
            daemon_has: BUS,
            right: &[("this shell", "ok", ""), ("keyring", "ok", "unlocked"), ("secret store", "ok", "keyring")],
            ..CALM
        },
        Situation {
            what: "a keyring that is locked",
            home: |stage| {
                let parts = with_keyring(stage);
                lock_keyring(stage);
                parts
            },
            daemon_has: BUS,
            then: |stage| {
                until("the daemon has found it locked", || {
                    let store = stage.request("GET", "/v1/health").1["secret_store"].clone();
                    store["error"].as_str().is_some_and(|error| error.contains("locked")).then_some(())
                });
            },
            shell_has: BUS,
            right: &[("secret store", "problem", "locked"), ("keyring", "problem", "it is locked")],
            wrong: &["unlocked"],
            ..CALM
        },
        Situation {
            what: "a keyring that is on the shell's bus, and the daemon has no bus",
            home: with_keyring,
            shell_has: BUS,
            right: &[
                ("this shell", "warning", "the daemon's session bus is"),
                ("session bus", "skipped", "none here"),
                ("keyring", "skipped", ""),
            ],
            wrong: &["unlocked"],
            ..CALM
        },
    ]);
}

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
    stage.write("bin/systemctl", &format!("#!/bin/sh\n{script}\n"));
    let program = stage.home().join("bin/systemctl");
    fs::set_permissions(&program, Permissions::from_mode(0o755)).expect("a file of ours");
    let mut inside = in_namespace(command, "mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system");
    let path = std::env::var("PATH").unwrap_or_default();
    inside.env("PATH", format!("{}:{path}", stage.home().join("bin").display()));
    inside
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_is_right_about_what_the_machine_does_not_give() {
    if !has_superuser() || !has_programs(&["unshare", "python3"]) {
        return;
    }
    examine_all(&[
        Situation {
            what: "a state directory on a read-only file system",
            home: |stage| {
                fs::create_dir_all(stage.state_directory()).expect("a directory");
                fs::set_permissions(stage.state_directory(), Permissions::from_mode(0o700)).expect("it is ours");
                Parts::new()
            },
            daemon: |_, _| None,
            shell: |_, command| {
                let state = "\"$HOME/.local/state/ssoctl\"";
                in_namespace(&command, &format!("mount --bind {state} {state}; mount -o remount,bind,ro {state}"))
            },
            right: &[
                ("daemon", "problem", "none runs"),
                ("state directory", "problem", "Read-only file system (os error 30); have its file system mounted"),
            ],
            ..CALM
        },
        Situation {
            what: "a home of another user",
            home: |stage| {
                for place in [stage.home().to_owned(), stage.home().join("run")] {
                    chown(place, Some(65_534), Some(65_534)).expect("the superuser may");
                }
                Parts::new()
            },
            daemon: |_, _| None,
            right: &[
                ("daemon", "problem", "none runs"),
                ("socket", "problem", "belongs to nobody (uid 65534)"),
                ("state directory", "problem", "belongs to nobody (uid 65534)"),
            ],
            ..CALM
        },
        Situation {
            what: "used-up inotify instances",
            daemon: |_, command| {
                let script = "echo 0 > /proc/sys/user/max_inotify_instances; exec \"$@\"";
                let arguments = ["--user", "--map-root-user", "sh", "-c", script, "sh"];
                Some(within(&command, "unshare", &arguments))
            },
            right: &[("daemon", "ok", ""), ("machine", "warning", "inotify instances are used up")],
            ..CALM
        },
        Situation {
            what: "a file system without locks",
            daemon: |_, command| Some(without_locks(&command)),
            then: |stage| {
                until("it is told", || {
                    let problems = stage.request("GET", "/v1/health").1["machine_problems"].clone();
                    problems.as_array().is_some_and(|problems| !problems.is_empty()).then_some(())
                });
            },
            right: &[("daemon", "ok", ""), ("machine", "warning", "knows no locks (flock)")],
            ..CALM
        },
        Situation {
            what: "a systemctl that hangs",
            shell: |stage, command| with_systemctl(stage, &command, "exec sleep 600"),
            right: &[("daemon", "ok", ""), ("service", "warning", "does not answer: no answer in time")],
            ..CALM
        },
        Situation {
            what: "a unit whose program has gone with an update",
            shell: |stage, command| {
                let unit = |name: &str, further: &str| {
                    format!("Id={name}\nLoadState=loaded\nActiveState=active\nUnitFileState=enabled\n{further}\n")
                };
                let program = "ExecStart={ path=/opt/ssoctl/0.1.0/ssoctld ; argv[]=ssoctld ; ignore_errors=no }\n";
                let text = unit("ssoctld.socket", "") + &unit("ssoctld.service", program);
                with_systemctl(stage, &command, &format!("cat <<'END'\n{text}END"))
            },
            right: &[(
                "service",
                "problem",
                "ssoctld.service runs /opt/ssoctl/0.1.0/ssoctld, which does not exist any more",
            )],
            ..CALM
        },
    ]);
}
