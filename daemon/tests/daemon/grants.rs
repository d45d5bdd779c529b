//! Grants: what their sockets give and refuse, when they end, and that a restart neither loses nor prolongs one.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use identity_center_simulator::{Operation, Settings};
use serde_json::json;
use ssoctl_protocol::grant::{GrantEndReason, Revocation};
use ssoctl_protocol::{Assignment, Grant, Grants, RoleCredentials, Route, SessionState};
use ssoctld::clock::Clock as _;
use test_support::waiting::until_so;

use crate::harness::{Answer, Harness, START_URL, Store, code_of, exchange, hours, mins, noon, secs, session};

const ROLE: &str = "ReadOnlyAccess";

fn settings() -> Settings {
    Settings { portal_session: hours(24 * 30), ..Settings::default() }
}

/// A daemon that is signed in to `corp`, with an AWS configuration of two profiles.
async fn signed_in() -> Harness {
    let profiles = "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\nregion = eu-north-1\n\
         [profile ops]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = AdministratorAccess\n\
         [sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n";
    let t = Harness::start_at(noon(), settings(), Store::File, "", profiles).await;
    t.sign_in("corp").await;
    t
}

impl Harness {
    async fn make(&self, body: serde_json::Value) -> Answer {
        self.request_with("POST /v1/grants", "", body.to_string().as_bytes()).await
    }

    /// Grants the profile `dev` for an hour.
    async fn grant(&self, name: &str) -> Grant {
        let answer = self.make(json!({ "name": name, "roles": [{ "profile": "dev" }] })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    async fn ask(&self, grant: &Grant, request: &str) -> Answer {
        self.request_at(Path::new(&grant.socket), request, "", b"").await
    }

    /// The code of the answer to a request for credentials at the socket of a grant.
    async fn outcome(&self, grant: &Grant) -> String {
        let answer = self.ask(grant, "GET /v1/credentials").await;
        if answer.status == 200 { "credentials".to_owned() } else { answer.code() }
    }

    async fn grants(&self) -> Vec<Grant> {
        self.request("GET /v1/grants").await.json::<Grants>().grants
    }

    async fn end_of_grant(&self, name: &str) -> Option<GrantEndReason> {
        let grant = self.grants().await.into_iter().find(|grant| grant.name == name).expect("it is listed");
        grant.ended.map(|ended| ended.reason)
    }
}

#[tokio::test]
async fn a_grant_gives_its_role_to_whoever_asks_at_its_socket() {
    let t = signed_in().await;
    let grant = t.grant("ci").await;
    assert_eq!(PathBuf::from(&grant.socket), t.home.path().join("grants/ci/s.sock"));
    let credentials: RoleCredentials = t.ask(&grant, "GET /v1/credentials").await.json();
    assert_eq!((credentials.role.as_str(), credentials.region.as_deref()), (ROLE, Some("eu-north-1")));
    assert!(t.simulator.secrets().contains(credentials.secret_access_key.expose()));
    for query in ["profile=dev", "session=corp", "account=111122223333&role=ReadOnlyAccess"] {
        let assignment: Assignment = t.ask(&grant, &format!("GET /v1/assignment?{query}")).await.json();
        assert_eq!((assignment.role.as_str(), assignment.sso_region.as_str()), (ROLE, "eu-west-1"), "{query}");
    }
    let process = t.ask(&grant, "GET /v1/credentials?format=credential_process").await;
    let process: serde_json::Value = process.json();
    assert_eq!((&process["Version"], &process["AccessKeyId"]), (&json!(1), &json!(credentials.access_key_id)));
    let state: Grant = t.ask(&grant, "GET /v1/grant").await.json();
    assert_eq!((state.uses, state.credentials_end_at), (2, Some(credentials.expires_at)));
    let last_use = state.last_use.expect("it was used");
    assert_eq!(last_use.pid, Some(std::process::id()));
    assert!(last_use.program.is_some_and(|name| name.starts_with("daemon")), "the test's own name");
    assert_eq!(t.grants().await.len(), 1);
}

#[tokio::test]
async fn a_grant_gives_nothing_but_its_roles_whatever_is_asked() {
    let t = signed_in().await;
    let grant = t.grant("ci").await;
    for query in [
        "profile=ops",
        "profile=other",
        "session=other",
        "role=AdministratorAccess",
        "account=444455556666",
        "start_url=https://other.awsapps.com/start",
        "profile=dev&role=AdministratorAccess",
    ] {
        for route in ["credentials", "assignment"] {
            let answer = t.ask(&grant, &format!("GET /v1/{route}?{query}")).await;
            assert_eq!((answer.status, answer.code().as_str()), (403, "not_granted"), "{route}?{query}");
        }
    }
    // A file that the caller names counts for nothing.
    let answer = t.ask(&grant, "GET /v1/credentials?profile=ops&config=/etc/passwd").await;
    assert_eq!(answer.code(), "not_granted");
    assert_eq!(t.simulator.calls(Operation::GetRoleCredentials), 0);
}

#[tokio::test]
async fn every_route_but_five_is_refused_at_the_socket_of_a_grant() {
    let t = signed_in().await;
    let grant = t.grant("ci").await;
    let served = ["/v1/health", "/v1/openapi.json", "/v1/grant", "/v1/credentials", "/v1/assignment"];
    let mut refused = 0;
    for row in Route::TABLE {
        for path in row.paths {
            let target = path.replace("{name}", "corp").replace("{id}", "111122223333").replace("{grant}", "ci");
            let body: &[u8] =
                if row.body.is_some() { br#"{"roles":[{"profile":"ops"}],"start_url":"x"}"# } else { b"" };
            let answer = t.request_at(Path::new(&grant.socket), &format!("{} {target}", row.method), "", body).await;
            let is_of_role = target == "/v1/sessions/corp/credentials";
            if (served.contains(path) && row.method == "GET") || is_of_role {
                assert_eq!(answer.status, 200, "{} {target}: {answer:?}", row.method);
            } else {
                assert_eq!((answer.status, answer.code().as_str()), (403, "not_granted"), "{} {target}", row.method);
                refused += 1;
            }
        }
    }
    assert_eq!(refused, Route::TABLE.iter().map(|row| row.paths.len()).sum::<usize>() - 6);
    let health = t.ask(&grant, "GET /v1/health").await.body;
    for told in ["corp", "grants.json", t.home.path().to_str().expect("text")] {
        assert!(!health.contains(told), "{health}");
    }
    // Nothing was revoked or made by all of this.
    assert_eq!(t.outcome(&grant).await, "credentials");
    assert_eq!(t.grants().await.len(), 1);
}

#[tokio::test]
async fn a_grant_never_opens_a_sign_in_unless_it_may_ask_for_one() {
    let t = Harness::start_at(noon(), settings(), Store::Memory, &session("corp", START_URL), "").await;
    let roles = json!([{ "session": "corp", "account": "111122223333", "role": ROLE }]);
    let silent: Grant = t.make(json!({ "name": "silent", "roles": roles })).await.json();
    let asking: Grant = t.make(json!({ "name": "asking", "roles": roles, "may_ask": true })).await.json();
    let refused = t.ask(&silent, "GET /v1/credentials?wait=3600").await;
    assert_eq!(refused.code(), "sign_in_required");
    assert_eq!(t.simulator.calls(Operation::StartDeviceAuthorization), 0);
    let sign_in = async {
        let status = t.until(|status| status.login.is_some()).await;
        let login = status.login.expect("a flow");
        let waiting: Vec<_> = status.waiting.iter().map(|who| (who.grant.as_deref(), who.wants.as_str())).collect();
        assert_eq!((waiting.as_slice(), status.waiting_count), ([(Some("asking"), "token")].as_slice(), 1));
        // The page is for the person, and not for the program.
        let other = t.ask(&asking, "GET /v1/credentials").await;
        assert_eq!(other.code(), "sign_in_required");
        assert!(!other.body.contains("user_code"), "{other:?}");
        t.simulator.approve(code_of(&login)).expect("a pending code");
        t.clock.advance(secs(1));
    };
    let (answer, ()) = tokio::join!(t.ask(&asking, "GET /v1/credentials?wait=3600"), sign_in);
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(t.status("corp").await.waiting_count, 0);
}

#[tokio::test]
async fn a_grant_ends_at_its_deadline_on_whichever_clock_shows_it_first() {
    let t = signed_in().await;
    let by_time = t.grant("time").await;
    t.clock.advance(mins(59));
    assert_eq!(t.outcome(&by_time).await, "credentials");
    t.clock.advance(mins(1));
    assert_eq!(t.outcome(&by_time).await, "not_granted");
    assert_eq!(t.end_of_grant("time").await, Some(GrantEndReason::Expired));

    let set_back = t.grant("set-back").await;
    t.clock.step_wall(t.clock.now().wall - hours(100));
    t.clock.advance(mins(60));
    assert_eq!(t.outcome(&set_back).await, "not_granted");

    let set_ahead = t.grant("set-ahead").await;
    t.clock.step_wall(t.clock.now().wall + mins(60));
    assert_eq!(t.outcome(&set_ahead).await, "not_granted");
}

#[tokio::test]
async fn a_grant_that_ended_says_so_for_an_hour_and_is_forgotten_with_its_socket() {
    let t = signed_in().await;
    let grant = t.grant("ci").await;
    let revocation: Revocation = t.request("DELETE /v1/grants/ci").await.json();
    assert_eq!(revocation.grants.len(), 1);
    let answer = t.ask(&grant, "GET /v1/credentials").await;
    assert!(answer.body.contains("was revoked"), "{answer:?}");
    assert_eq!(t.request("DELETE /v1/grants/ci").await.status, 200, "that is no error");
    assert_eq!(t.request("DELETE /v1/grants/other").await.code(), "unknown_grant");
    let again = t.grant("ci").await;
    assert_eq!(t.outcome(&again).await, "credentials", "the name can be used again at once");
    t.request("DELETE /v1/grants/ci").await;
    t.clock.advance(mins(61));
    until_so("the socket is gone", async || UnixStream::connect(&grant.socket).is_err()).await;
    until_so("the grant is forgotten", async || t.grants().await.is_empty()).await;
}

#[tokio::test]
async fn only_the_last_of_very_many_grants_that_have_ended_are_remembered() {
    let t = signed_in().await;
    for number in 0..40 {
        t.grant(&format!("g{number:02}")).await;
        t.request("DELETE /v1/grants").await;
        t.clock.advance(secs(1));
    }
    until_so("32 are left", async || t.grants().await.len() == 32).await;
    assert_eq!(t.grants().await[0].name, "g08");
    let left = || std::fs::read_dir(t.home.path().join("grants")).map(Iterator::count).unwrap_or_default();
    until_so("as many sockets are left", async || left() == 32).await;
}

#[tokio::test]
async fn revoking_says_until_when_credentials_live_that_were_given() {
    let t = signed_in().await;
    let (used, unused) = (t.grant("used").await, t.grant("unused").await);
    let credentials: RoleCredentials = t.ask(&used, "GET /v1/credentials").await.json();
    let revocation: Revocation = t.request("DELETE /v1/grants").await.json();
    let ends: Vec<_> = revocation.grants.iter().map(|grant| (grant.name.as_str(), grant.credentials_end_at)).collect();
    assert_eq!(ends, [("unused", None), ("used", Some(credentials.expires_at))]);
    assert_eq!(
        (t.outcome(&used).await, t.outcome(&unused).await),
        ("not_granted".to_owned(), "not_granted".to_owned())
    );
}

#[tokio::test]
async fn signing_out_ends_the_grants_of_the_session_and_its_expiry_does_not() {
    let t = signed_in().await;
    let (one, all) = (
        t.grant("one").await,
        t.make(json!({ "name": "all", "seconds": 7 * 86_400, "roles": [{ "profile": "dev" }] })).await,
    );
    let all: Grant = all.json();
    t.request("POST /v1/sessions/corp/logout").await;
    assert_eq!(t.outcome(&one).await, "not_granted");
    assert_eq!(t.end_of_grant("all").await, Some(GrantEndReason::SignedOut));
    t.sign_in("corp").await;
    assert_eq!(t.outcome(&all).await, "not_granted", "a new sign-in does not bring it back");
    let again = t.grant("again").await;
    t.request("POST /v1/logout").await;
    assert_eq!(t.outcome(&again).await, "not_granted");
}

#[tokio::test]
async fn a_restart_keeps_a_grant_with_its_deadline_and_its_uses() {
    let mut t = signed_in().await;
    let grant = t.grant("ci").await;
    let ended = t.grant("ended").await;
    assert_eq!(t.outcome(&grant).await, "credentials");
    t.request("DELETE /v1/grants/ended").await;
    t.restart(Store::File).await;
    for grant in [&grant, &ended] {
        until_so("its socket is back", async || UnixStream::connect(&grant.socket).is_ok()).await;
    }
    t.until_state(SessionState::SignedIn).await;
    assert_eq!(t.outcome(&grant).await, "credentials");
    assert_eq!(t.outcome(&ended).await, "not_granted");
    let kept = t.grants().await;
    assert_eq!((kept.len(), &kept[0].name, kept[0].expires_at), (2, &grant.name, grant.expires_at));
    assert!(kept[0].uses >= 2, "{kept:?}");
    t.stop().await;
    assert!(!Path::new(&grant.socket).exists(), "no socket is left behind");
    t.clock.advance(mins(60));
    t.start_again(Store::File);
    until_so("its socket is back", async || UnixStream::connect(&grant.socket).is_ok()).await;
    assert_eq!(t.outcome(&grant).await, "not_granted");
    assert_eq!(t.end_of_grant("ci").await, Some(GrantEndReason::Expired));
}

#[tokio::test]
async fn a_socket_that_somebody_removes_is_made_again() {
    let t = signed_in().await;
    let grant = t.grant("ci").await;
    std::fs::remove_dir_all(t.home.path().join("grants")).expect("it was there");
    let is_back = async || UnixStream::connect(&grant.socket).is_ok();
    until_so("it is back", is_back).await;
    assert_eq!(t.outcome(&grant).await, "credentials");
}

#[tokio::test]
async fn a_grant_that_needs_a_confirmation_gives_nothing_where_nobody_can_be_asked() {
    let t = signed_in().await;
    let grant: Grant = t.make(json!({ "name": "ci", "roles": [{ "profile": "dev" }], "confirm": true })).await.json();
    let answer = t.ask(&grant, "GET /v1/credentials").await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "not_confirmed"));
    assert!(answer.body.contains("there is no desktop"), "{answer:?}");
    let state: Grant = t.ask(&grant, "GET /v1/grant").await.json();
    assert_eq!(state.uses, 0);
    assert_eq!(t.ask(&grant, "GET /v1/assignment").await.status, 200, "no credentials, no question");
}

#[tokio::test]
async fn whoever_can_write_to_the_directory_of_a_socket_neither_stops_the_daemon_nor_has_it_touch_another_file() {
    let t = signed_in().await;
    let grant = t.grant("ci").await;
    let (socket, directory) = (Path::new(&grant.socket), t.home.path().join("grants/ci"));
    let precious = t.home.path().join("precious");
    std::fs::write(&precious, "mine").expect("a file");
    std::fs::set_permissions(&precious, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    for round in 0..3 {
        // A socket of its own whose queue is full, a link to a file, and a file.
        std::fs::remove_file(socket).expect("it was there");
        let own = match round {
            0 => {
                let own = std::os::unix::net::UnixListener::bind(socket).expect("a socket");
                rustix::net::listen(&own, 0).expect("a short queue");
                let client = UnixStream::connect(socket).expect("one fits");
                Some((own, client))
            }
            1 => std::os::unix::fs::symlink(&precious, socket).map(|()| None).expect("a link"),
            _ => std::fs::write(socket, "text").map(|()| None).expect("a file"),
        };
        std::os::unix::fs::symlink(&precious, directory.join(format!(".{:x}", std::process::id()))).ok();
        t.clock.advance(secs(2));
        let is_back = async || {
            t.clock.advance(secs(1));
            test_support::mode_of(socket) == 0o600
                && UnixStream::connect(socket).is_ok()
                && t.request("GET /v1/health").await.status == 200
        };
        until_so("the grant is served again", is_back).await;
        drop(own);
        until_so("by the daemon", async || {
            t.clock.advance(secs(1));
            matches!(exchange(socket, "GET /v1/grant", "", b"").await, Ok(Answer { status: 200, .. }))
        })
        .await;
    }
    assert_eq!(
        (std::fs::read(&precious).expect("a file"), test_support::mode_of(&precious)),
        (b"mine".to_vec(), 0o600)
    );
}

#[tokio::test]
async fn a_caller_that_waits_is_answered_when_its_grant_ends() {
    let t = Harness::start_with(settings(), Store::Memory, &session("corp", START_URL)).await;
    let roles = json!([{ "session": "corp", "account": "111122223333", "role": ROLE }]);
    let asking: Grant = t.make(json!({ "name": "asking", "roles": roles, "may_ask": true })).await.json();
    let revoke = async {
        t.until(|status| status.waiting_count == 1).await;
        t.request("DELETE /v1/grants/asking").await;
    };
    let (answer, ()) = tokio::join!(t.ask(&asking, "GET /v1/credentials?wait=3600"), revoke);
    assert_eq!(answer.code(), "not_granted");
    t.until(|status| status.waiting_count == 0).await;
}

#[tokio::test]
async fn an_end_that_was_not_saved_is_told_each_time_until_it_is() {
    let mut t = signed_in().await;
    let grant = t.grant("ci").await;
    let file = t.home.path().join("grants.json");
    let break_it = || {
        std::fs::remove_file(&file).expect("it was saved");
        std::fs::create_dir(&file).expect("a directory in its place");
    };
    break_it();
    let logout: ssoctl_protocol::body::Logout = t.request("POST /v1/sessions/corp/logout").await.json();
    assert!(logout.detail.is_some_and(|detail| detail.contains("a restarted daemon may serve the grants again")));
    for _ in 0..2 {
        let revocation: Revocation = t.request("DELETE /v1/grants/ci").await.json();
        assert!(revocation.unsaved.is_some());
    }
    std::fs::remove_dir(&file).expect("it was there");
    let revocation: Revocation = t.request("DELETE /v1/grants/ci").await.json();
    assert_eq!(revocation.unsaved, None);
    t.restart(Store::File).await;
    until_so("its socket is back", async || UnixStream::connect(&grant.socket).is_ok()).await;
    assert_eq!(t.outcome(&grant).await, "not_granted");
}

#[tokio::test]
async fn grants_that_cannot_be_saved_or_make_no_sense_are_not_made() {
    let t = signed_in().await;
    let dev = json!([{ "profile": "dev" }]);
    for (body, code) in [
        (json!({ "roles": [] }), "invalid_request"),
        (json!({ "roles": dev, "seconds": 0 }), "invalid_request"),
        (json!({ "roles": dev, "seconds": 7 * 86_400 + 1 }), "invalid_request"),
        (json!({ "roles": dev, "name": "../x" }), "invalid_request"),
        (json!({ "roles": [{ "profile": "dev", "session": "corp" }] }), "invalid_request"),
        (json!({ "roles": [{ "profile": "none" }] }), "unknown_session"),
        (json!({ "roles": [{ "session": "corp" }] }), "assignment_unnamed"),
        (json!({ "roles": "dev" }), "invalid_request"),
    ] {
        let answer = t.make(body.clone()).await;
        assert_eq!(answer.code(), code, "{body}");
    }
    t.grant("ci").await;
    assert_eq!(t.make(json!({ "name": "ci", "roles": dev })).await.code(), "grant_exists");
    let file = t.home.path().join("grants.json");
    std::fs::remove_file(&file).expect("it was saved");
    std::fs::create_dir(&file).expect("a directory in its place");
    let answer = t.make(json!({ "name": "unsaved", "roles": dev })).await;
    assert_eq!((answer.status, answer.code().as_str()), (500, "grant_unusable"), "{answer:?}");
    assert_eq!(t.grants().await.len(), 1);
    assert!(t.report().await.daemon.machine_problems.iter().any(|problem| problem.about == "grants"));
    let revocation: Revocation = t.request("DELETE /v1/grants").await.json();
    assert!(revocation.unsaved.is_some(), "{revocation:?}");
}

#[tokio::test]
async fn a_torn_file_of_grants_is_told_and_gives_no_grant() {
    let mut t = signed_in().await;
    t.grant("ci").await;
    t.stop().await;
    let file = t.home.path().join("grants.json");
    let text = std::fs::read_to_string(&file).expect("it was saved");
    std::fs::write(&file, &text[..text.len() / 2]).expect("a file");
    t.start_again(Store::File);
    assert_eq!(t.grants().await, []);
    let problems = t.report().await.daemon.machine_problems;
    assert!(
        problems.iter().any(|problem| problem.about == "grants" && problem.remedy.contains("remove")),
        "{problems:?}"
    );
}

#[tokio::test]
async fn a_grant_ends_with_its_process_also_while_no_daemon_runs() {
    let mut t = signed_in().await;
    let body = json!({ "name": "held", "roles": [{ "profile": "dev" }], "attended": true });
    // This process makes it, and lives.
    let grant: Grant = t.make(body).await.json();
    assert_eq!(grant.attended_by, Some(std::process::id()));
    t.restart(Store::File).await;
    until_so("its socket is back", async || UnixStream::connect(&grant.socket).is_ok()).await;
    assert_eq!(t.end_of_grant("held").await, None, "the process lives");
    // In the file, it is another process's now, which has ended.
    t.stop().await;
    let file = t.home.path().join("grants.json");
    let mut saved: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).expect("it was saved")).expect("JSON");
    saved[0]["terms"]["attending"]["started"] = json!(1);
    std::fs::write(&file, saved.to_string()).expect("a file");
    t.start_again(Store::File);
    until_so("the daemon answers", async || UnixStream::connect(t.socket()).is_ok()).await;
    assert_eq!(t.grants().await, []);
    assert!(UnixStream::connect(&grant.socket).is_err());
}
