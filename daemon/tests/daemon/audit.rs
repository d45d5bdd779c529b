//! The audit agrees with what was given, is written while the daemon runs, and never stands in the way of a request.

use std::path::PathBuf;

use identity_center_simulator::{Operation, Settings};
use serde_json::{Value, json};
use ssoctl_protocol::Grant;
use ssoctl_protocol::audit::{Audit, AuditEvent, AuditRecord};
use test_support::service::{preauthorised, simulator};
use test_support::waiting::until_so;

use crate::harness::{Harness, Process, START_URL, Store, exchange, hours, join_all, mins, secs, session};

const ROLE: &str = "ReadOnlyAccess";

fn settings() -> Settings {
    Settings { portal_session: hours(24 * 30), ..Settings::default() }
}

impl Harness {
    async fn audit(&self, query: &str) -> Audit {
        self.request(&format!("GET /v1/audit?{query}")).await.json()
    }

    /// How often this was recorded.
    async fn recorded(&self, what: AuditEvent) -> u64 {
        let records = self.audit("").await.records;
        records.iter().filter(|record| record.what == what).map(|record| record.count).sum()
    }

    fn audit_file(&self) -> PathBuf {
        self.home.path().join("audit.jsonl")
    }
}

#[tokio::test]
async fn everything_that_was_given_is_recorded_with_the_program_that_got_it() {
    let t = Harness::signed_in(settings()).await;
    t.token("").await.expect("a token");
    t.credentials(ROLE, "").await.expect("credentials");
    let role = json!({ "session": "corp", "account": "111122223333", "role": ROLE });
    let body = json!({ "name": "ci", "roles": [role] }).to_string();
    let grant: Grant = t.request_with("POST /v1/grants", "", body.as_bytes()).await.json();
    for request in ["GET /v1/credentials", "GET /v1/token", "GET /v1/credentials?role=Other"] {
        t.request_at(grant.socket.as_ref(), request, "", b"").await;
    }
    t.request("DELETE /v1/grants/ci").await;
    t.request("POST /v1/sessions/corp/logout").await;
    let records = t.audit("").await.records;
    use AuditEvent as Event;
    let what: Vec<Event> = records.iter().map(|record| record.what).collect();
    assert_eq!(
        what,
        [
            Event::Login,
            Event::SignedIn,
            Event::Token,
            Event::Credentials,
            Event::GrantMade,
            Event::GrantUsed,
            Event::GrantRefused,
            Event::GrantRefused,
            Event::GrantRevoked,
            Event::Logout,
            Event::SignedOut,
        ]
    );
    let credentials = &records[3];
    let AuditRecord { session, account, role, pid, program, executable, started, uid, count, .. } = credentials;
    let named = [session, account, role].map(|name| name.as_deref().unwrap_or_default());
    assert_eq!((named, *count), (["corp", "111122223333", ROLE], 1));
    assert_eq!((*pid, *uid), (Some(std::process::id()), Some(rustix::process::geteuid().as_raw())));
    let own = std::env::current_exe().expect("a file").display().to_string();
    assert!(program.is_some() && executable.as_ref() == Some(&own) && started.is_some(), "{credentials:?}");
    assert!(records[6].detail.as_ref().is_some_and(|detail| detail.starts_with("GET /v1/token")), "{:?}", records[6]);
    let of_grant = t.audit("grant=ci").await.records;
    assert_eq!(of_grant, records[4..9]);
    let text = std::fs::read_to_string(t.audit_file()).expect("a file");
    for secret in t.simulator.secrets() {
        assert!(!text.contains(&secret), "a secret in the audit");
    }
}

#[tokio::test]
async fn what_repeats_within_a_minute_is_one_record_with_a_count() {
    let t = Harness::signed_in(settings()).await;
    join_all((0..50).map(|_| t.token("")).collect()).await;
    join_all((0..50).map(|_| t.credentials(ROLE, "")).collect()).await;
    let lines = async || {
        let text = std::fs::read_to_string(t.audit_file()).unwrap_or_default();
        text.lines().filter(|line| line.contains("\"what\":\"token\"")).count()
    };
    until_so("the first one is written at once", async || lines().await == 1).await;
    t.clock.advance(secs(60));
    until_so("the others are written at the minute's end", async || lines().await == 2).await;
    assert_eq!((t.recorded(AuditEvent::Token).await, t.recorded(AuditEvent::Credentials).await), (50, 50));
    assert_eq!(t.simulator.calls(Operation::GetRoleCredentials), 1);
    t.clock.advance(mins(10));
    assert_eq!(t.audit("since=60").await.records, []);
    assert_eq!(t.audit("since=3600").await.records.len(), t.audit("").await.records.len());
}

#[tokio::test]
async fn each_role_that_the_service_was_asked_for_is_in_the_audit_and_no_other() {
    let t = Harness::signed_in(settings()).await;
    for role in ["ReadOnlyAccess", "AdministratorAccess", "ReadOnlyAccess", "Nobody"] {
        let _ = t.credentials(role, "").await;
    }
    let records = t.audit("").await.records.into_iter().filter(|record| record.what == AuditEvent::Credentials);
    let mut recorded: Vec<String> = records.filter_map(|record| record.role).collect();
    recorded.sort();
    recorded.dedup();
    assert_eq!(recorded, ["AdministratorAccess", "ReadOnlyAccess"]);
    assert_eq!(t.simulator.calls(Operation::GetRoleCredentials), 3, "of which one was refused");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_stops_no_request_and_is_written_later() {
    let t = Harness::signed_in(settings()).await;
    t.audit("").await;
    std::fs::rename(t.audit_file(), t.home.path().join("moved")).expect("it was there");
    std::fs::create_dir(t.audit_file()).expect("a directory in its place");
    t.token("").await.expect("a token");
    let is_told = async |t: &Harness| {
        let problems = t.report().await.daemon.machine_problems;
        problems.iter().any(|problem| problem.about == "audit")
    };
    until_so("status says so", async || is_told(&t).await).await;
    std::fs::remove_dir(t.audit_file()).expect("it was there");
    t.clock.advance(secs(60));
    until_so("status says so no more", async || !is_told(&t).await).await;
    assert_eq!(t.recorded(AuditEvent::Token).await, 1);
}

#[tokio::test]
async fn the_end_of_the_daemon_writes_what_is_merged_and_the_next_one_goes_on() {
    let mut t = Harness::start_with(settings(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    for _ in 0..3 {
        t.token("").await.expect("a token");
    }
    t.restart(Store::File).await;
    until_so("it is signed in", async || t.token("").await.is_ok()).await;
    assert_eq!(t.recorded(AuditEvent::Token).await, 4);
    assert_eq!(t.recorded(AuditEvent::SignedIn).await, 1, "what was in the store is no sign-in");
}

#[tokio::test]
async fn a_kill_loses_repetitions_of_the_last_minute_and_no_first_time() {
    let (home, simulator) = (tempfile::tempdir().expect("a directory"), simulator(preauthorised()));
    let daemon = Process::start(home.path(), &simulator).await;
    daemon.sign_in().await;
    let role = |number: usize| {
        format!(
            "GET /v1/sessions/corp/credentials?account=111122223333&role={}",
            ["ReadOnlyAccess", "AdministratorAccess"][number]
        )
    };
    for number in [0, 0, 1, 1] {
        exchange(&daemon.socket(), &role(number), "", b"").await.expect("an answer");
    }
    let file = home.path().join("state/audit.jsonl");
    let roles = || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        records
            .filter(|record| record["what"] == "credentials")
            .filter_map(|record| record["role"].as_str().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    until_so("both are written", async || roles().len() == 2).await;
    daemon.kill().await;
    assert_eq!(roles(), ["ReadOnlyAccess", "AdministratorAccess"]);
    let daemon = Process::start(home.path(), &simulator).await;
    let audit: Audit = exchange(&daemon.socket(), "GET /v1/audit", "", b"").await.expect("an answer").json();
    assert_eq!(audit.records.iter().filter(|record| record.what == AuditEvent::Credentials).count(), 2);
}
