//! The token files of the AWS CLI and SDKs: what is published there, and what is taken over from there.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;

use identity_center_simulator::{Fault, Grant, Operation, RefreshTokens, Settings, Times};
use serde_json::{Value, json};
use ssoctl_protocol::import::{Import, ImportOutcome};
use ssoctl_protocol::{SessionState, Timestamp};
use ssoctld::clock::Clock;
use ssoctld::issuer::{Endpoint, Setting};
use ssoctld::notice::FlowKind;
use ssoctld::oidc::{self, IdentityCenter};
use ssoctld::token_files::file;
use ssoctld::transport::{Patience, Transport};
use test_support::visit::visit;

use crate::harness::{Harness, START_URL, Store, hours, mins, noon, session};

/// The configuration of `corp`, whose token is shared.
pub(crate) fn shared() -> String {
    format!("{}sdk_cache = \"on\"\n", session("corp", START_URL))
}

/// The lines of the AWS configuration file by which the AWS CLI and the daemon find the simulated service.
pub(crate) const SERVICES: &str = "\
[default]
services = here

[services here]
sso_oidc =
  endpoint_url = {simulator}
sso =
  endpoint_url = {simulator}

";

impl Harness {
    pub(crate) async fn sharing(settings: Settings) -> Self {
        Self::sharing_as(settings, &shared()).await
    }

    pub(crate) async fn sharing_signed_out() -> Self {
        let t = Self::sharing(Settings::default()).await;
        t.until_state(SessionState::SignedOut).await;
        t
    }

    /// The same with a sign-in whose token, which is returned too, is published.
    pub(crate) async fn published() -> (Self, String) {
        let t = Self::sharing(Settings::default()).await;
        t.sign_in("corp").await;
        let token = t.access_token().await;
        t.until_published("corp", &token).await;
        (t, token)
    }

    pub(crate) async fn sharing_as(settings: Settings, configuration: &str) -> Self {
        Self::start_at(noon(), settings, Store::File, configuration, SERVICES).await
    }

    pub(crate) fn token_file(&self, key: &str) -> PathBuf {
        self.home.path().join(".aws/sso/cache").join(file::name(key))
    }

    pub(crate) fn content(&self, key: &str) -> Option<Value> {
        serde_json::from_slice(&std::fs::read(self.token_file(key)).ok()?).ok()
    }

    /// Waits until the token file is like this. The watch on it goes by the machine's own time.
    pub(crate) async fn until_file(&self, key: &str, is_it: impl Fn(Option<&Value>) -> bool) -> Option<Value> {
        self.while_time_stands(async || {
            self.request("GET /v1/health").await;
            !is_it(self.content(key).as_ref())
        })
        .await;
        self.content(key)
    }

    pub(crate) async fn until_published(&self, key: &str, token: &str) -> Value {
        let content = self
            .until_file(key, |content| {
                content.is_some_and(|content| content["accessToken"] == token && content.get("refreshToken").is_none())
            })
            .await;
        content.expect("a file")
    }

    /// Puts text there as many programs do: in place.
    pub(crate) fn put(&self, key: &str, text: &str) {
        let path = self.token_file(key);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    /// The result of `aws sso login`: a sign-in of another client at the same portal.
    pub(crate) async fn sign_in_of_the_aws_cli(&self) -> Value {
        self.sign_in_of_the_aws_cli_by(FlowKind::Device).await
    }

    async fn sign_in_of_the_aws_cli_by(&self, kind: FlowKind) -> Value {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let service = Transport::new(None, Patience::default(), clock);
        let url = self.simulator.url().parse().expect("a URL");
        let url = Endpoint::configured(url, Setting::Variable("AWS_ENDPOINT_URL_SSO_OIDC"));
        let client =
            oidc::Client { kind, scopes: vec!["sso:account:access".to_owned()], start_url: START_URL.to_owned() };
        let registration = service.register(&url, &client).await.expect("a registration");
        let grant = match kind {
            FlowKind::Device => {
                let authorization = service.authorize_device(&url, &registration, START_URL).await.expect("a code");
                self.simulator.approve(&authorization.user_code).expect("a pending code");
                oidc::Grant::DeviceCode(authorization.device_code)
            }
            FlowKind::Browser => {
                let redirect_uri = "http://127.0.0.1:1/oauth/callback".to_owned();
                let request = oidc::AuthorizationRequest::new(redirect_uri).expect("randomness");
                let page = request.page(&url, &registration, &client.scopes).expect("it is the issuer's");
                let asked = visit(&page).expect("the service has a page").request();
                let location = self.simulator.allow_request(&asked).expect("it is pending");
                let parameter = |part: &str| part.strip_prefix("code=").map(str::to_owned);
                let code = location.split(['?', '&']).find_map(parameter).expect("a code");
                request.grant(code.into())
            }
        };
        let issued = service.create_token(&url, &registration, &grant).await.expect("a token");
        json!({
            "startUrl": START_URL,
            "region": "eu-west-1",
            "accessToken": issued.access_token.expose(),
            "expiresAt": Timestamp::from(self.clock.now().wall + issued.expires_in),
            "refreshToken": issued.refresh_token.expect("a refresh token").expose(),
            "clientId": registration.client_id,
            "clientSecret": registration.client_secret.expose(),
            "registrationExpiresAt": Timestamp::from(registration.expires_at.expect("an end")),
        })
    }
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[tokio::test]
async fn each_renewal_is_published_without_anything_that_could_renew_it() {
    let (t, token) = Harness::published().await;
    let first = t.content("corp").expect("a file");
    let status = t.status("corp").await;
    assert_eq!(first["expiresAt"], status.expires_at.unwrap().to_string());
    assert_eq!((text(&first["startUrl"]), text(&first["region"])), (START_URL, "eu-west-1"));
    let path = t.token_file("corp");
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    t.until(|status| status.token_files.as_ref().is_some_and(|files| files.published == [path.display().to_string()]))
        .await;

    t.clock.advance(mins(45));
    let later = t.until_file("corp", |content| content.is_some_and(|content| content["accessToken"] != token)).await;
    assert_eq!(later.unwrap()["accessToken"], t.access_token().await);
    let everything = std::fs::read_to_string(&path).unwrap();
    let secrets = t.simulator.issued_refresh_tokens();
    assert!(secrets.iter().all(|secret| !everything.contains(secret)));
    assert!(!everything.contains("client"), "neither clientId nor clientSecret");
}

#[tokio::test]
async fn every_key_that_readers_use_gets_its_file_with_members_of_others_kept() {
    let t = Harness::sharing_as(Settings::default(), "[session.corp]\nsdk_cache = \"on\"\n").await;
    t.put("https://corp.awsapps.com/start#/", r#"{"colour": "blue"}"#);
    let configuration = "[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
        [profile old]\nsso_start_url = https://corp.awsapps.com/start#/\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = r\n";
    std::fs::write(t.home.path().join("aws-config"), configuration).unwrap();
    t.reload().await;
    t.while_time_stands(async || t.report().await.sessions.is_empty()).await;
    t.sign_in("corp").await;
    let token = t.access_token().await;
    assert_eq!(t.until_published("corp", &token).await["startUrl"], START_URL);
    let legacy = t.until_published("https://corp.awsapps.com/start#/", &token).await;
    assert_eq!((text(&legacy["startUrl"]), text(&legacy["colour"])), ("https://corp.awsapps.com/start#/", "blue"));
}

#[tokio::test]
async fn a_session_of_the_own_file_shares_nothing_unasked() {
    let t = Harness::start_with(Settings::default(), Store::File, &session("corp", START_URL)).await;
    t.sign_in("corp").await;
    assert_eq!(t.status("corp").await.token_files, None);
    t.reconfigure(&shared()).await;
    t.until_published("corp", &t.access_token().await).await;
}

#[tokio::test]
async fn the_times_are_the_services_with_any_clock_of_the_machine() {
    let (t, _) = Harness::published().await;
    let before = t.content("corp").expect("a file");
    let hour = hours(1);
    // The simulator follows the daemon's clock, so a step moves both, and only what was published knows better.
    t.clock.step_wall(t.clock.now().wall + 5 * hour);
    t.put("corp", "{}");
    let after = t.until_published("corp", &t.access_token().await).await;
    assert_eq!(before["expiresAt"], after["expiresAt"]);
}

#[tokio::test]
async fn a_sign_in_of_the_aws_cli_is_taken_over_and_its_file_loses_its_secrets() {
    let settings = Settings { refresh_tokens: RefreshTokens::Rotated, ..Settings::default() };
    let t = Harness::sharing(settings).await;
    t.until_state(SessionState::SignedOut).await;
    let login = t.open_flow("corp").await;
    let theirs = t.sign_in_of_the_aws_cli().await;
    t.put("corp", &theirs.to_string());
    t.until_state(SessionState::SignedIn).await;
    let end = t.end_of("corp", login.flow).await;
    assert_eq!(end.status, 200, "whoever waits for the pending sign-in is told: {end:?}");
    let status = t.status("corp").await;
    assert_eq!((status.refreshable, status.login), (true, None));
    assert_eq!(t.access_token().await, text(&theirs["accessToken"]));
    let published = t.until_published("corp", text(&theirs["accessToken"])).await;
    assert_eq!(published.get("clientSecret"), None);

    t.clock.advance(mins(45));
    t.until(|now| now.expires_at > status.expires_at).await;
    t.until_published("corp", &t.access_token().await).await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1, "renewed with the refresh token that was found");
}

#[tokio::test]
async fn a_sign_in_of_the_aws_cli_at_the_browser_is_renewed_with_its_own_registration_and_no_device_flow_uses_that() {
    let settings = Settings { refresh_tokens: RefreshTokens::Rotated, ..Settings::default() };
    let t = Harness::sharing(settings).await;
    t.until_state(SessionState::SignedOut).await;
    let theirs = t.sign_in_of_the_aws_cli_by(FlowKind::Browser).await;
    t.put("corp", &theirs.to_string());
    t.until_state(SessionState::SignedIn).await;
    let status = t.status("corp").await;
    assert_eq!((status.refreshable, t.access_token().await.as_str()), (true, text(&theirs["accessToken"])));

    t.clock.advance(mins(45));
    t.until(|now| now.expires_at > status.expires_at).await;
    let calls = |operation| t.simulator.calls(operation);
    assert_eq!((t.simulator.token_calls(Grant::RefreshToken), calls(Operation::RegisterClient)), (1, 1));
    // The service would refuse that registration a device code.
    t.sign_in("corp").await;
    assert_eq!(calls(Operation::RegisterClient), 2);
}

#[tokio::test]
async fn a_sign_in_without_a_refresh_token_never_replaces_one_with_it() {
    let (t, ours) = Harness::published().await;
    let expires = Timestamp::from(t.clock.now().wall + hours(8)).to_string();
    let theirs = json!({"startUrl": START_URL, "region": "eu-west-1", "accessToken": "theirs", "expiresAt": expires});
    t.put("corp", &theirs.to_string());
    t.until_published("corp", &ours).await;
    assert_eq!((t.access_token().await, t.status("corp").await.refreshable), (ours, true));
}

#[tokio::test]
async fn a_file_of_another_portal_is_not_taken_over() {
    let t = Harness::sharing(Settings::default()).await;
    let mut theirs = t.sign_in_of_the_aws_cli().await;
    theirs["region"] = json!("us-east-1");
    t.put("corp", &theirs.to_string());
    t.sign_in("corp").await;
    let ours = t.access_token().await;
    assert_ne!(ours, text(&theirs["accessToken"]));
    t.until_published("corp", &ours).await;
}

#[tokio::test]
async fn our_own_published_token_is_never_taken_over() {
    let (mut t, token) = Harness::published().await;
    t.restart(Store::Memory).await;
    // A later one at the same place is noticed, and so this one was looked at before.
    t.until_state(SessionState::SignedOut).await;
    t.put("corp", &t.sign_in_of_the_aws_cli().await.to_string());
    t.until_state(SessionState::SignedIn).await;
    assert_ne!(t.access_token().await, token);
}

#[tokio::test]
async fn the_file_keeps_its_secrets_while_our_record_cannot_be_written() {
    let t = Harness::sharing_signed_out().await;
    std::fs::write(t.home.path().join("records"), "").unwrap();
    let theirs = t.sign_in_of_the_aws_cli().await;
    t.put("corp", &theirs.to_string());
    t.until_state(SessionState::SignedIn).await;
    assert!(t.status("corp").await.unsaved);
    assert_eq!(t.content("corp").as_ref(), Some(&theirs));
    std::fs::remove_file(t.home.path().join("records")).unwrap();
    t.clock.advance(mins(1));
    t.until_published("corp", text(&theirs["accessToken"])).await;
    assert!(!t.status("corp").await.unsaved);
}

#[tokio::test]
async fn an_unreadable_file_is_reported_and_set_aside_for_a_good_sign_in() {
    let torn = |whole: &Value| whole.to_string()[..whole.to_string().len() / 2].to_owned();
    let timeless = |whole: &Value| {
        let mut file = whole.clone();
        file["expiresAt"] = json!("soon");
        file.to_string()
    };
    for spoil in [&torn as &dyn Fn(&Value) -> String, &timeless] {
        let t = Harness::sharing_signed_out().await;
        let unreadable = spoil(&t.sign_in_of_the_aws_cli().await);
        t.put("corp", &unreadable);
        let told = |status: &ssoctl_protocol::SessionStatus| {
            status
                .token_files
                .as_ref()
                .is_some_and(|files| files.error.as_ref().is_some_and(|error| error.contains("left alone")))
        };
        t.while_time_passes(t.until(told)).await;
        assert_eq!(std::fs::read_to_string(t.token_file("corp")).unwrap(), unreadable);
        t.sign_in("corp").await;
        t.while_time_passes(t.until_published("corp", &t.access_token().await)).await;
        let aside = t.token_file("corp").with_extension("damaged");
        assert_eq!(std::fs::read_to_string(&aside).unwrap(), unreadable, "it is not lost");
        assert_eq!(std::fs::metadata(&aside).unwrap().mode() & 0o777, 0o600);
        t.until(|status| !told(status)).await;
        assert_eq!(t.simulator.calls(Operation::ListAccounts), 0, "it was not missed");
    }
}

#[tokio::test]
async fn a_torn_file_that_becomes_whole_is_read_again() {
    let t = Harness::sharing_signed_out().await;
    let whole = t.sign_in_of_the_aws_cli().await;
    t.put("corp", &whole.to_string()[..20]);
    t.settle().await;
    t.put("corp", &whole.to_string());
    t.while_time_passes(t.until_published("corp", text(&whole["accessToken"]))).await;
}

#[tokio::test]
async fn an_obstacle_to_a_file_is_reported_and_delays_nothing() {
    let t = Harness::sharing(Settings::default()).await;
    std::fs::create_dir_all(t.token_file("corp")).unwrap();
    t.sign_in("corp").await;
    t.access_token().await;
    let told = t.until(|status| status.token_files.as_ref().is_some_and(|files| files.error.is_some())).await;
    assert!(told.token_files.unwrap().error.unwrap().contains("is not a regular file; move it away"));
    std::fs::remove_dir(t.token_file("corp")).unwrap();
    t.until_published("corp", &t.access_token().await).await;
    t.until(|status| status.token_files.as_ref().is_some_and(|files| files.error.is_none())).await;
}

#[tokio::test]
async fn a_file_that_vanishes_with_the_portal_session_is_a_sign_out() {
    let (t, _) = Harness::published().await;
    // Like `aws sso logout`.
    t.simulator.end_portal_sessions();
    std::fs::remove_file(t.token_file("corp")).unwrap();
    t.while_time_passes(t.until_state(SessionState::SignedOut)).await;
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 1);
    assert_eq!(t.content("corp"), None);
    assert!(t.simulator.pending().is_empty(), "whoever has signed out is not asked to sign in");
}

#[tokio::test]
async fn a_file_that_vanishes_for_any_other_reason_is_published_again() {
    let (t, token) = Harness::published().await;
    for fault in [None, Some(Fault::Status { status: 500 }), Some(Fault::Html)] {
        if let Some(fault) = fault {
            t.simulator.inject(Operation::ListAccounts, fault, Times::Next(1));
        }
        std::fs::remove_dir_all(t.home.path().join(".aws")).unwrap();
        t.while_time_passes(t.until_published("corp", &token)).await;
    }
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 3);
}

#[tokio::test]
async fn a_file_that_is_replaced_by_removing_it_first_is_not_missed() {
    let (t, _) = Harness::published().await;
    let mut theirs = t.sign_in_of_the_aws_cli().await;
    theirs["expiresAt"] = json!(Timestamp::from(t.clock.now().wall + hours(2)));
    std::fs::remove_file(t.token_file("corp")).unwrap();
    t.until(|status| status.token_files.as_ref().is_some_and(|files| files.published.is_empty())).await;
    t.put("corp", &theirs.to_string());
    t.until_published("corp", text(&theirs["accessToken"])).await;
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 1, "to prove it, and not because the file was missed");
}

#[tokio::test]
async fn a_sign_out_removes_what_was_published_and_what_was_taken_over() {
    let (t, _) = Harness::published().await;
    t.request("POST /v1/sessions/corp/logout").await;
    t.until_file("corp", |content| content.is_none()).await;
    t.until_state(SessionState::SignedOut).await;
    assert_eq!(t.simulator.calls(Operation::ListAccounts), 0);

    // With a record that cannot be written the file keeps the sign-in that was found there, until it is over.
    std::fs::remove_dir_all(t.home.path().join("records")).unwrap();
    std::fs::write(t.home.path().join("records"), "").unwrap();
    t.put("corp", &t.sign_in_of_the_aws_cli().await.to_string());
    t.until_state(SessionState::SignedIn).await;
    t.request("POST /v1/sessions/corp/logout").await;
    t.until_file("corp", |content| content.is_none()).await;
    t.until_state(SessionState::SignedOut).await;
}

#[tokio::test]
async fn an_import_takes_over_what_is_there_and_says_what_became_of_each_file() {
    let configuration = format!("{}{}", session("corp", START_URL), session("dev", "https://dev.awsapps.com/start"));
    let t = Harness::sharing_as(Settings::default(), &configuration).await;
    let theirs = t.sign_in_of_the_aws_cli().await;
    t.put("corp", &theirs.to_string());
    t.put("dev", &theirs.to_string());
    t.put("of nobody", &theirs.to_string());
    t.put("a client registration", r#"{"clientId": "id", "clientSecret": "cs", "expiresAt": "2027-02-21T10:16:00Z"}"#);
    let import: Import = t.request("POST /v1/import").await.json();
    assert_eq!(import.directory, t.home.path().join(".aws/sso/cache").display().to_string());
    let outcome = |import: &Import, key: &str| {
        let path = t.token_file(key).display().to_string();
        let file = import.files.iter().find(|file| file.file == path).expect("a file");
        (file.session.clone(), file.outcome)
    };
    assert_eq!(outcome(&import, "corp"), (Some("corp".to_owned()), ImportOutcome::TakenOver));
    assert_eq!(outcome(&import, "dev"), (Some("dev".to_owned()), ImportOutcome::OtherPortal));
    assert_eq!(outcome(&import, "of nobody"), (None, ImportOutcome::NoSession));
    assert_eq!(outcome(&import, "a client registration"), (None, ImportOutcome::NoToken));
    assert_eq!(t.access_token().await, text(&theirs["accessToken"]));
    assert_eq!(t.content("corp").as_ref(), Some(&theirs), "whoever shares nothing changes no file");

    t.put("dev", "{");
    let again: Import = t.request("POST /v1/import").await.json();
    assert_eq!(outcome(&again, "corp").1, ImportOutcome::Known);
    assert_eq!(outcome(&again, "dev").1, ImportOutcome::Unreadable);
}

#[tokio::test]
async fn an_import_where_there_is_nothing_takes_over_nothing() {
    let t = Harness::sharing(Settings::default()).await;
    let import: Import = t.request("POST /v1/import").await.json();
    assert_eq!(import.files, []);
}

#[tokio::test]
async fn a_file_from_before_the_start_is_compared_with_the_store() {
    let mut t = Harness::sharing(Settings::default()).await;
    let earlier = t.sign_in_of_the_aws_cli().await;
    t.stop().await;
    t.put("corp", &earlier.to_string());
    t.start_again(Store::File);
    t.until_state(SessionState::SignedIn).await;
    let ours = t.until_published("corp", text(&earlier["accessToken"])).await;
    assert_eq!(ours.get("refreshToken"), None);

    t.stop().await;
    let mut worse = t.sign_in_of_the_aws_cli().await;
    worse.as_object_mut().unwrap().remove("refreshToken");
    t.put("corp", &worse.to_string());
    t.start_again(Store::File);
    t.until_published("corp", text(&earlier["accessToken"])).await;
    assert_eq!(
        (t.access_token().await, t.status("corp").await.refreshable),
        (text(&earlier["accessToken"]).to_owned(), true)
    );
}

#[tokio::test]
async fn a_published_token_is_removed_when_the_session_shares_no_longer() {
    let (t, token) = Harness::published().await;
    t.reconfigure(&shared().replace("\"on\"", "\"off\"")).await;
    t.until_file("corp", |content| content.is_none()).await;
    t.until(|status| status.token_files.is_none()).await;
    assert_eq!(t.access_token().await, token, "nobody is signed out by that");

    t.reconfigure(&shared()).await;
    t.until_published("corp", &token).await;
}

#[tokio::test]
async fn tokens_of_an_earlier_run_are_removed_and_those_of_other_programs_stay() {
    let url = "https://corp.awsapps.com/start#/";
    let aws = format!(
        "[sso-session work]\nsso_start_url = {START_URL}\nsso_region = eu-west-1\n\
         [profile old]\nsso_start_url = {url}\nsso_region = eu-west-1\n"
    );
    let own = "[session.work]\nsdk_cache = \"on\"\n";
    let mut t = Harness::start_at(noon(), Settings::default(), Store::File, own, &aws).await;
    t.sign_in("work").await;
    t.until_file("work", |content| content.is_some()).await;
    t.until_file(url, |content| content.is_some()).await;
    t.stop().await;
    let theirs = r#"{"accessToken": "theirs", "expiresAt": "2099-01-01T00:00:00Z"}"#;
    t.put(url, theirs);
    t.configure("[session.work]\nsdk_cache = \"off\"\n");
    t.start_again(Store::File);
    // The other file's turn comes before this one's.
    t.until_file("work", |content| content.is_none()).await;
    assert_eq!(std::fs::read_to_string(t.token_file(url)).unwrap(), theirs);
}
