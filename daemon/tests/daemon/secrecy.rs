//! The whole life of a token at the most talkative, searched for every secret that the service has given out.

#[cfg(target_os = "linux")]
use std::{
    path::Path,
    process::{Command, Stdio},
};

use identity_center_simulator::{Fault, Operation, RefreshTokens, Settings, Simulator, Times};
use ssoctl_protocol::{Login, PendingLogin};

use crate::harness::{Process, code_of, secs};

#[tokio::test]
async fn no_secret_shows_in_the_text_log_in_answers_or_in_the_process_table() {
    whole_life(&["--log", "trace"]).await;
}

#[tokio::test]
async fn no_secret_shows_in_the_json_log_even_where_libraries_are_talkative() {
    let filter = "ssoctld=trace,hyper=trace,hyper_util=trace,reqwest=trace,rustls=trace,tokio=trace,mio=trace";
    whole_life(&["--log", filter, "--log-format", "json"]).await;
}

/// The daemon of an ordinary user, and the user's id. The superuser can look into all processes of the superuser, so a superuser runs
/// the daemon as another user.
#[cfg(target_os = "linux")]
fn of_a_person(home: &Path, simulator: &Simulator) -> (Command, u32) {
    use std::os::unix::process::CommandExt;

    const NOBODY: u32 = 65_534;
    let direct = Process::command(home, simulator);
    let ourselves = rustix::process::geteuid();
    if !ourselves.is_root() {
        return (direct, ourselves.as_raw());
    }
    // Not everybody may reach the directory that it was built in.
    let program = home.join("ssoctld");
    test_support::executable::copy(&direct.get_program().to_string_lossy(), &program);
    std::os::unix::fs::chown(home, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(program);
    command.env_clear().envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.uid(NOBODY).gid(NOBODY).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    (command, NOBODY)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_is_neither_dumped_nor_shown_to_the_persons_other_programs() {
    use std::os::unix::fs::MetadataExt;
    let (home, simulator) = (tempfile::tempdir().unwrap(), Simulator::start(Settings::default()).unwrap());
    let (mut command, person) = of_a_person(home.path(), &simulator);
    let daemon = Process::run(home.path(), &mut command).await;
    assert_eq!(std::fs::metadata(home.path().join("socket")).unwrap().uid(), person, "it runs as an ordinary person");
    let limits = daemon.proc("limits");
    let of_core = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).unwrap();
    assert_eq!(of_core.split_whitespace().next(), Some("0"), "{limits}");
    // The kernel gives the files of a process that is not dumpable to the superuser (proc(5)).
    for file in ["environ", "mem", "maps"] {
        assert_eq!(std::fs::metadata(format!("/proc/{}/{file}", daemon.id())).unwrap().uid(), 0, "{file}");
    }
}

async fn pending(daemon: &Process) -> PendingLogin {
    match daemon.request("POST /v1/sessions/corp/login").await.json() {
        Login::Pending { login, .. } => login,
        other => panic!("{other:?}"),
    }
}

async fn whole_life(arguments: &[&str]) {
    let settings = Settings { token_lifetime: secs(6), refresh_tokens: RefreshTokens::Rotated, ..Settings::default() };
    let (home, simulator) = (tempfile::tempdir().unwrap(), Simulator::start(settings).unwrap());
    let daemon = Process::run(home.path(), Process::command(home.path(), &simulator).args(arguments)).await;
    let mut said = daemon.request("GET /v1/token").await.body;

    simulator.inject(Operation::StartDeviceAuthorization, Fault::Html, Times::Next(1));
    let denied = pending(&daemon).await;
    simulator.deny(code_of(&denied)).unwrap();
    said += &daemon.request(&format!("GET /v1/sessions/corp/login?flow={}&wait=20", denied.flow)).await.body;

    let login = pending(&daemon).await;
    simulator.approve(code_of(&login)).unwrap();
    said += &daemon.request(&format!("GET /v1/sessions/corp/login?flow={}&wait=20", login.flow)).await.body;
    let first = daemon.access_token().await;
    said += &daemon.request("GET /v1/sessions").await.body;
    said += &daemon.request("GET /v1/token?min_valid=60").await.body;

    let nonsense = Fault::replaced("expiresIn", "soon");
    simulator.inject(Operation::CreateToken, Fault::Reset, Times::Next(1));
    while daemon.access_token_if_any().await == Some(first.clone()) {}
    said += &daemon.request("GET /v1/token?wait=20&min_valid=1").await.status.to_string();
    assert!(simulator.issued_access_tokens().len() > 1, "it was refreshed");

    simulator.inject(Operation::CreateToken, nonsense, Times::UntilCleared);
    simulator.inject(Operation::Logout, Fault::error("InternalServerException"), Times::Next(1));
    said += &daemon.request("POST /v1/sessions/corp/login").await.body;
    said += &daemon.request("GET /v1/sessions").await.body;
    said += &daemon.request("POST /v1/sessions/corp/logout").await.body;
    said += &daemon.request("GET /v1/token").await.body;
    for file in ["cmdline", "environ"].iter().filter(|_| cfg!(target_os = "linux")) {
        said += &daemon.proc(file);
    }
    let ended = daemon.stop().await;
    assert_eq!(ended.status.code(), Some(0));
    for told in ["asking for a token", "signed in", "refreshing failed", "refreshed", "the portal could not be told"] {
        assert!(ended.log.contains(told), "the log is not about {told:?}");
    }
    let secrets = simulator.secrets();
    assert!(secrets.len() >= 7, "registration, codes and tokens");
    for (number, secret) in secrets.iter().enumerate() {
        assert!(!ended.log.contains(secret.as_str()), "secret {number} in the log");
        assert!(!said.contains(secret.as_str()), "secret {number} in an answer or the process table");
    }
    assert_eq!(simulator.violations(), Vec::<String>::new());
}
