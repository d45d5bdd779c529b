//! What watchers are told: everything at first, each change, and that they have missed some.

use identity_center_simulator::{Approval, Settings};
use serde_json::json;
use ssoctl_protocol::event::Watched;
use ssoctl_protocol::{Event, EventKind, Grants, SessionState};
use test_support::waiting::{in_time, until_so};
use tokio::io::AsyncReadExt;
use tokio::net::UnixStream;

use crate::harness::{Harness, Lines, START_URL, Store, code_of, hours, mins, noon, secs, session};

/// The state as answers have it.
async fn shown(t: &Harness) -> Watched {
    let report = t.report().await;
    let grants = t.request("GET /v1/grants").await.json::<Grants>().grants;
    Watched {
        daemon: Some(report.daemon),
        sessions: report.sessions.into_iter().map(|session| (session.name.clone(), session)).collect(),
        grants: grants.into_iter().map(|grant| (grant.name.clone(), grant)).collect(),
    }
}

impl Harness {
    /// Takes lines in until they give the state that answers have.
    async fn catch_up(&self, lines: &mut Lines) {
        let wanted = shown(self).await;
        lines.until_state(|state| *state == wanted).await;
    }

    /// Checks that the next line is about a change that is made now, so that none has come before.
    async fn has_told_all(&self, lines: &mut Lines, last: &Event) {
        self.machine().found("mark", "the mark", "nothing");
        let next = lines.next().await.expect("a line");
        assert_eq!((next.kind, next.seq), (EventKind::Daemon, last.seq + 1), "{next:?}");
        self.machine().solved("mark");
        lines.next().await.expect("a line");
    }
}

#[tokio::test]
async fn a_watcher_is_told_everything_and_then_each_step_of_a_sign_in() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let mut lines = t.watch("").await;
    let (kinds, current) = lines.up_to(EventKind::Current).await;
    assert_eq!(kinds, ["daemon", "session", "current"]);
    assert_eq!(*lines.state(), shown(&t).await);
    let login = t.open_flow("corp").await;
    lines.until_state(|state| state.sessions["corp"].login.is_some()).await;
    assert_eq!(lines.state().sessions["corp"].login.as_ref().map(code_of), Some(code_of(&login)));
    assert_eq!(*lines.state(), shown(&t).await);
    t.simulator.approve(code_of(&login)).unwrap();
    t.clock.advance(secs(1));
    lines.until_state(|state| state.sessions["corp"].state == SessionState::SignedIn).await;
    t.settle().await;
    t.catch_up(&mut lines).await;
    t.request("POST /v1/sessions/corp/logout").await;
    lines.until_state(|state| state.sessions["corp"].state == SessionState::SignedOut).await;
    t.settle().await;
    t.catch_up(&mut lines).await;
    let event = t.watch("").await.next().await.unwrap();
    assert_eq!(event.epoch, current.epoch, "every watcher of a daemon sees the same epoch");
}

#[tokio::test]
async fn each_change_has_the_next_number_and_what_changes_nothing_makes_no_line() {
    let t = Harness::signed_in(Settings::default()).await;
    t.settle().await;
    let mut lines = t.watch("").await;
    let current = lines.current().await;
    for request in ["GET /v1/token", "GET /v1/sessions", "GET /v1/health", "GET /v1/sessions/corp/accounts"] {
        assert_eq!(t.request(request).await.status, 200, "{request}");
    }
    assert_eq!(t.refusal("min_valid=86400").await, "validity_unattainable");
    t.has_told_all(&mut lines, &current).await;
    t.reload().await;
    t.open_flow("corp").await;
    let next = lines.next().await.unwrap();
    assert_eq!((next.kind, next.seq), (EventKind::Session, current.seq + 3), "{next:?}");
}

#[tokio::test]
async fn what_changes_because_time_passes_is_told_when_it_does() {
    let scopeless = format!("[session.corp]\nstart_url = \"{START_URL}\"\nregion = \"eu-west-1\"\nscopes = []\n");
    let configuration = format!("notifications = \"off\"\n{scopeless}");
    let t = Harness::start_with(Settings::default(), Store::Memory, &configuration).await;
    t.sign_in("corp").await;
    t.settle().await;
    let mut lines = t.watch("kind=session").await;
    lines.current().await;
    assert_eq!(*lines.state(), Watched { daemon: None, ..shown(&t).await });
    let expires = lines.state().sessions["corp"].expires_at.unwrap();
    let left = expires.duration_since(noon().into());
    t.clock.advance(left);
    lines.until_state(|state| state.sessions["corp"].state == SessionState::Expired).await;
    t.settle().await;
    assert_eq!(lines.state().sessions, shown(&t).await.sessions);
}

#[tokio::test]
async fn a_clock_that_is_set_moves_every_time_that_is_shown() {
    let t = Harness::signed_in(Settings::default()).await;
    t.settle().await;
    let mut lines = t.watch("").await;
    lines.current().await;
    let before = lines.state().sessions["corp"].expires_at;
    t.clock.step_wall(noon() + hours(5));
    lines.until_state(|state| state.sessions["corp"].expires_at != before).await;
    t.catch_up(&mut lines).await;
}

#[tokio::test]
async fn sessions_that_come_and_go_are_told_by_their_names() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let mut lines = t.watch("").await;
    lines.current().await;
    t.reconfigure(&session("second", "https://second.awsapps.com/start")).await;
    lines.until_state(|state| state.sessions.keys().eq(["second"])).await;
    t.while_time_stands(async || t.status("second").await.state == SessionState::Loading).await;
    t.catch_up(&mut lines).await;
    t.reconfigure(&(session("corp", START_URL) + "colour = \"red\"\n")).await;
    lines
        .until_state(|state| {
            let has_problem = |daemon: &ssoctl_protocol::DaemonStatus| !daemon.configuration_problems.is_empty();
            state.sessions.keys().eq(["corp"]) && state.daemon.as_ref().is_some_and(has_problem)
        })
        .await;
    t.until_state(SessionState::SignedOut).await;
    t.catch_up(&mut lines).await;
}

#[tokio::test]
async fn a_watcher_names_the_session_and_the_kinds_that_it_wants() {
    let configuration = session("a", START_URL) + &session("b", "https://b.awsapps.com/start");
    let t = Harness::start_with(Settings::default(), Store::Memory, &configuration).await;
    for name in ["a", "b"] {
        t.while_time_stands(async || t.status(name).await.state == SessionState::Loading).await;
    }
    for (query, expected) in [
        ("", vec!["daemon", "session", "session", "current"]),
        ("session=b", vec!["daemon", "session", "current"]),
        ("start_url=https://b.awsapps.com/start&kind=session", vec!["session", "current"]),
        ("kind=session,grant", vec!["session", "session", "current"]),
        ("kind=daemon", vec!["daemon", "current"]),
    ] {
        assert_eq!(t.watch(query).await.up_to(EventKind::Current).await.0, expected, "{query}");
    }
    let mut lines = t.watch("session=b&kind=session").await;
    lines.current().await;
    t.open_flow("a").await;
    t.open_flow("b").await;
    let next = lines.next().await.unwrap();
    assert_eq!(next.session.map(|session| session.name).as_deref(), Some("b"));
    for (query, status, code) in [
        ("session=c", 404, "unknown_session"),
        ("profile=c", 404, "unknown_session"),
        ("kind=weather", 400, "invalid_request"),
        ("heartbeat=0", 400, "invalid_request"),
        ("config=/nowhere", 409, "aws_config_unusable"),
    ] {
        let answer = t.request(&format!("GET /v1/events?{query}")).await;
        assert_eq!((answer.status, answer.code().as_str()), (status, code), "{query}");
    }
}

#[tokio::test]
async fn a_watcher_of_a_named_file_sees_its_names_until_that_file_is_gone() {
    let t = Harness::start(Settings::default()).await;
    let file = t.home.path().join("client-config");
    let text = |name: &str| format!("[sso-session {name}]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n");
    std::fs::write(&file, text("client")).unwrap();
    let query = format!("config={}", file.display());
    let mut lines = t.watch(&query).await;
    lines.current().await;
    assert!(lines.state().sessions.keys().eq(["client"]));
    let files = &lines.state().daemon.as_ref().unwrap().settings.aws_config_files;
    assert_eq!(files.len(), 1);
    std::fs::write(&file, text("renamed")).unwrap();
    lines.until_state(|state| state.sessions.keys().eq(["renamed"])).await;
    std::fs::remove_file(&file).unwrap();
    while lines.next().await.is_some() {}
}

#[tokio::test]
async fn grants_and_their_uses_are_told() {
    let profiles = "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n\
         [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n";
    let settings = Settings { portal_session: hours(24 * 30), ..Settings::default() };
    let t = Harness::start_at(noon(), settings, Store::Memory, "", profiles).await;
    t.sign_in("corp").await;
    let mut lines = t.watch("kind=grant").await;
    assert_eq!(lines.up_to(EventKind::Current).await.0, ["current"]);
    let body = json!({"name": "ci", "roles": [{"profile": "dev"}]}).to_string();
    assert_eq!(t.request_with("POST /v1/grants", "", body.as_bytes()).await.status, 200);
    lines.until_state(|state| state.grants.contains_key("ci")).await;
    let socket = lines.state().grants["ci"].socket.clone();
    let answer = t.request_at(std::path::Path::new(&socket), "GET /v1/credentials", "", b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    lines.until_state(|state| state.grants["ci"].uses == 1).await;
    assert_eq!(lines.state().grants, shown(&t).await.grants);
    t.clock.advance(mins(61));
    lines
        .until_state(|state| state.grants["ci"].ended.is_some() && state.grants["ci"].credentials_end_at.is_none())
        .await;
    assert_eq!(lines.state().grants, shown(&t).await.grants);
    t.clock.advance(mins(61));
    lines.until_state(|state| state.grants.is_empty()).await;
    // There is nothing about watchers at the socket of a grant.
    assert_eq!(t.request_with("POST /v1/grants", "", body.as_bytes()).await.status, 200);
    assert_eq!(t.request_at(std::path::Path::new(&socket), "GET /v1/events", "", b"").await.code(), "not_granted");
}

#[tokio::test]
async fn who_does_not_read_is_told_so_and_everything_anew_and_holds_nobody_up() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let (mut slow, mut quick) = (t.watch("").await, t.watch("").await);
    let last = slow.current().await;
    quick.current().await;
    // More than the socket takes. The quick one sees each of these changes.
    let problem = |number: usize| format!("{number} {}", "x".repeat(32 << 10));
    for number in 0..40 {
        t.machine().found("size", problem(number), "read");
        let next = quick.next().await.unwrap();
        assert_eq!((next.kind, next.seq), (EventKind::Daemon, last.seq + 1 + number as u64));
    }
    let login = t.open_flow("corp").await;
    quick.until_state(|state| state.sessions["corp"].login.is_some()).await;
    // What the slow one has not been told by now is lost, but for the last state.
    let (kinds, resync) = slow.up_to(EventKind::Resync).await;
    assert!(kinds.len() < 40 && kinds[..kinds.len() - 1].iter().all(|kind| *kind == "daemon"), "{kinds:?}");
    assert!(resync.seq > last.seq + 40, "{resync:?}");
    let (mut told, _) = slow.up_to(EventKind::Current).await;
    told.sort_unstable();
    assert_eq!(told, ["current", "daemon", "session"]);
    assert_eq!(slow.state(), quick.state());
    assert_eq!(slow.state().sessions["corp"].login.as_ref().map(code_of), Some(code_of(&login)));
}

#[tokio::test]
async fn a_watcher_that_reads_nothing_for_ten_seconds_is_cut_off() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let mut lines = t.watch("").await;
    let last = lines.current().await;
    for number in 0..40 {
        t.machine().found("size", format!("{number} {}", "x".repeat(32 << 10)), "read");
        t.report().await;
    }
    t.clock.advance(secs(11));
    // What is in the socket can be read, and then the connection ends without a last line.
    let mut seq = last.seq;
    while let Some(event) = lines.next().await {
        seq += 1;
        assert_eq!((event.kind, event.seq), (EventKind::Daemon, seq));
    }
    assert!(seq < last.seq + 40);
}

#[tokio::test]
async fn connections_that_send_nothing_are_cut_off_and_those_that_watch_are_not() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let mut watchers = Vec::new();
    for _ in 0..20 {
        watchers.push(t.watch("").await);
        watchers.last_mut().unwrap().current().await;
    }
    t.clock.advance(secs(2));
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(UnixStream::connect(t.socket()).await.unwrap());
    }
    t.clock.advance(secs(2));
    // The next one makes them too many, also for those of a moment ago.
    silent.push(UnixStream::connect(t.socket()).await.unwrap());
    let cut = in_time("the first is cut off", silent[0].read(&mut [0])).await;
    assert_eq!(cut.unwrap(), 0);
    t.machine().found("mark", "the mark", "nothing");
    for mut lines in watchers {
        assert_eq!(lines.next().await.map(|event| event.kind), Some(EventKind::Daemon));
    }
}

#[tokio::test]
async fn a_heartbeat_is_sent_to_those_who_ask_for_it() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let (mut lines, mut without) = (t.watch("heartbeat=60").await, t.watch("").await);
    let (current, _) = (lines.current().await, without.current().await);
    for _ in 0..2 {
        t.clock.advance(secs(60));
        let beat = lines.next().await.unwrap();
        assert_eq!((beat.kind, beat.seq), (EventKind::Alive, current.seq));
    }
    t.has_told_all(&mut without, &current).await;
}

#[tokio::test]
async fn a_daemon_that_stops_says_so_and_the_next_one_has_another_epoch() {
    let mut t = Harness::signed_in(Settings { approval: Approval::Manual, ..Settings::default() }).await;
    let mut lines = t.watch("").await;
    let before = lines.current().await;
    // Nobody waits for those who watch.
    t.stop().await;
    let (kinds, last) = lines.up_to(EventKind::Stopping).await;
    assert_eq!((kinds.last(), last.epoch.as_str()), (Some(&"stopping"), before.epoch.as_str()));
    assert_eq!(lines.next().await, None);
    t.start_again(Store::Memory);
    until_so("the next daemon answers", async || UnixStream::connect(t.socket()).await.is_ok()).await;
    let after = t.watch("").await.current().await;
    assert_ne!(after.epoch, before.epoch);
}

#[tokio::test]
async fn numbers_go_on_when_somebody_watches_again() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let first = t.watch("").await.current().await;
    until_so("nobody watches any more", async || {
        let next = t.watch("").await.current().await;
        next.epoch == first.epoch && next.seq > first.seq
    })
    .await;
}

#[tokio::test]
async fn who_waits_is_told_and_that_nobody_does_any_more() {
    let t = Harness::start(Settings::default()).await;
    t.until_state(SessionState::SignedOut).await;
    let mut lines = t.watch("").await;
    lines.current().await;
    let waiting = async || t.request("GET /v1/token?wait=3600").await;
    let told = async {
        t.while_time_passes(lines.until_state(|state| state.sessions["corp"].waiting_count == 2)).await;
        assert_eq!(lines.state().sessions["corp"].waiting.len(), 2);
        t.settle().await;
        t.request("DELETE /v1/sessions/corp/login").await;
    };
    let (first, second, ()) = tokio::join!(waiting(), waiting(), told);
    assert_eq!((first.code().as_str(), second.code().as_str()), ("login_cancelled", "login_cancelled"));
    t.while_time_passes(lines.until_state(|state| state.sessions["corp"].waiting_count == 0)).await;
    t.catch_up(&mut lines).await;
}
