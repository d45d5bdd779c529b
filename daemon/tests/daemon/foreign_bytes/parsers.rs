//! Every parser that meets foreign bytes, with what has to hold whatever they are. The fuzzer drives the same functions.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ssoctl_protocol::{NewSession, Problem, Route, Secret, Timestamp};
use ssoctld::callback::request::{self, Asked};
use ssoctld::clock::{BootTime, Now};
use ssoctld::config::{self, Config, Environment, Identity, Paths, normalise_start_url};
use ssoctld::config::{Notifications, SignInSetting};
use ssoctld::issuer::Issuer;
use ssoctld::oidc::wire;
use ssoctld::portal;
use ssoctld::secrets::record;
use ssoctld::session::Terms;
use ssoctld::session::event::Event;
use ssoctld::session::found::{Found, Proof};
use ssoctld::session::state::State;
use ssoctld::token_files::file::{Content, Holding, Publication};
use ssoctld::transport::HttpResponse;

/// A parser under test, by its name.
pub(crate) type Parser = (&'static str, fn(&[u8]));

/// All of them. The names are those of the directories in `fuzz/corpus` and of the fuzzer's targets.
pub(crate) const ALL: &[Parser] = &[
    ("local_request", local_request),
    ("local_body", local_body),
    ("oidc_answer", oidc_answer),
    ("portal_answer", portal_answer),
    ("aws_config", aws_config),
    ("own_config", own_config),
    ("stored_record", stored_record),
    ("token_file", token_file),
    ("callback_request", callback_request),
];

fn now() -> Now {
    let hour = Duration::from_secs(3600);
    Now { boot: BootTime::from_boot(50 * hour), wall: UNIX_EPOCH + Duration::from_secs(1_800_000_000) }
}

/// The target of a request: a path, and a query after `?`.
pub(crate) fn local_request(bytes: &[u8]) {
    let Ok(target) = std::str::from_utf8(bytes) else { return };
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    for method in ["GET", "POST", "DELETE", "PUT"] {
        if let Ok((route, query)) = Route::parse(method, path, query) {
            let target = route.target(&query);
            let (path, text) = target.split_once('?').unwrap_or((&target, ""));
            assert_eq!(Route::parse(method, path, text), Ok((route, query)), "{target}");
        }
    }
}

/// A request to the address that a browser comes back to.
pub(crate) fn callback_request(bytes: &[u8]) {
    if let Ok(Asked::Callback(callback)) = request::read(bytes, 8400) {
        match callback.outcome {
            Ok(code) => assert!(!code.expose().is_empty()),
            Err(error) => shown(&error),
        }
    }
}

/// The body of a request, and of an answer that a client reads.
pub(crate) fn local_body(bytes: &[u8]) {
    if let Ok(session) = serde_json::from_slice::<NewSession>(bytes) {
        // Refused or not, it is looked at before anything else.
        let _ = Identity::new(
            None,
            &session.start_url,
            session.region.as_deref(),
            session.scopes.as_deref().unwrap_or_default(),
        );
    }
    if let Ok(problem) = serde_json::from_slice::<Problem>(bytes) {
        assert!(serde_json::to_string(&problem).is_ok());
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(time) = text.parse::<Timestamp>() {
        assert_eq!(time.to_string().parse(), Ok(time));
    }
}

/// An answer of the OIDC service, success or not.
pub(crate) fn oidc_answer(bytes: &[u8]) {
    let wall = now().wall;
    if let Ok(registration) = wire::registration(bytes, wall, &Issuer::aws("eu-west-1")) {
        assert!(!registration.client_id.is_empty());
    }
    if let Ok(authorization) = wire::device_authorization(bytes) {
        assert!(authorization.interval >= Duration::from_secs(1) && !authorization.expires_in.is_zero());
    }
    if let Ok(issued) = wire::issued(bytes) {
        assert!(!issued.access_token.expose().is_empty() && !issued.expires_in.is_zero());
    }
    for reply in refusals(bytes) {
        shown(&wire::error(&reply));
    }
}

/// An answer of the portal, success or not.
pub(crate) fn portal_answer(bytes: &[u8]) {
    if let Ok(credentials) = portal::wire::role_credentials(bytes) {
        assert!(!credentials.keys.access_key_id.is_empty());
    }
    if let Ok(accounts) = portal::wire::accounts(bytes) {
        assert!(accounts.items.iter().all(|account| account.id.as_str().len() == 12));
    }
    if let Ok(roles) = portal::wire::roles(bytes) {
        assert!(roles.items.iter().all(|role| !role.is_empty()));
    }
    for reply in refusals(bytes) {
        shown(&portal::wire::error(&reply));
    }
}

fn refusals(bytes: &[u8]) -> impl Iterator<Item = HttpResponse> {
    [400, 401, 403, 429, 500].into_iter().map(|status| HttpResponse {
        status,
        error_type: std::str::from_utf8(bytes).ok().map(str::to_owned),
        retry_after: None,
        body: Secret::new(bytes.to_vec()),
    })
}

fn shown(error: &dyn std::error::Error) {
    let said = error.to_string();
    assert!(!said.chars().any(char::is_control), "it is shown to people: {said:?}");
}

fn configured(own: &str, aws: &str) -> Config {
    let paths = Paths {
        own: PathBuf::from("/config.toml"),
        aws: PathBuf::from("/aws"),
        aws_credentials: PathBuf::from("/credentials"),
    };
    let config = config::parse(&paths, own, aws, aws, &Environment::from_vars(|_| None));
    for session in &config.sessions {
        assert_eq!(normalise_start_url(session.start_url()).as_deref(), Ok(session.start_url()));
        assert_eq!(config.session(&session.name), Some(session), "names are unique");
        for alias in &session.aliases {
            assert_eq!(config.session(alias), Some(session), "and so are aliases");
        }
        assert!(session.identity.key().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)));
    }
    for profile in config.profiles.values() {
        assert!(config.session(&profile.session).is_some(), "a profile leads to a session");
    }
    config
}

/// The AWS shared configuration.
pub(crate) fn aws_config(bytes: &[u8]) {
    configured("", &String::from_utf8_lossy(bytes));
}

/// Our own configuration, and adding a session to it.
pub(crate) fn own_config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let before = configured(&text, "");
    let session = NewSession {
        name: None,
        start_url: "https://added.awsapps.com/start".to_owned(),
        region: Some("eu-west-1".to_owned()),
        scopes: None,
    };
    if let Ok(added) = config::add_session(&text, &session, |name| before.session(name).is_some()) {
        let after = configured(&added.text, "");
        for known in &before.sessions {
            let still = after.session(&known.name).map(|session| &session.identity);
            assert_eq!(still, Some(&known.identity), "whoever was there is still there");
        }
        assert!(after.sessions_at(&session.start_url).next().is_some(), "{:?} is not in {:?}", added.name, added.text);
    }
}

/// A record of the store, and a session that starts with what it says.
pub(crate) fn stored_record(bytes: &[u8]) {
    let _ = record::written_at(bytes);
    let Ok(kept) = record::decode(bytes, now()) else { return };
    let identity = Identity::new(None, "https://corp.awsapps.com/start", Some("eu-west-1"), &[]).expect("an identity");
    let owner = record::Owner { identity, portal: None };
    let again = record::encode(&owner, &kept, now());
    assert!(record::decode(again.expose(), now()).is_ok(), "what was read can be written");
    let mut state = State::new(terms(), 1);
    state.on(Event::Tick, now());
    state.on(Event::Loaded(Ok(Some(kept))), now());
    live_on(state);
}

fn terms() -> Terms {
    Terms {
        name: "corp".into(),
        target: None,
        refresh_before: None,
        notify_before: None,
        notifications: Notifications::On,
        sign_in: SignInSetting::Auto,
    }
}

/// Whatever a session was given, it goes on.
fn live_on(mut state: State) {
    let mut now = now();
    for _ in 0..4 {
        let _ = state.snapshot(now);
        let Some((next, _)) = state.wake_at(now) else { break };
        assert!(next > now.boot, "nothing that is due is left undone");
        now = Now { boot: next, wall: now.wall_at(next) };
        state.on(Event::Tick, now);
    }
    assert!(SystemTime::from(Timestamp::from(now.wall)) <= now.wall);
}

/// A token file of another program: what is found in it, and the file that is written in its place.
pub(crate) fn token_file(bytes: &[u8]) {
    let Content::Members(members) = Content::parse(Some(bytes)) else { return };
    if let Holding::Foreign(found) = members.holding(&Issuer::aws("eu-west-1"), Path::new("/cache/a.json")) {
        let mut state = State::new(terms(), 1);
        state.on(Event::Tick, now());
        state.on(Event::Loaded(Ok(None)), now());
        let (reply, _reception) = tokio::sync::oneshot::channel();
        state.on(Event::Found(Found { proof: Proof::Given, ..found }, reply.into()), now());
        live_on(state);
    }
    let token = Secret::from("published");
    let publication = Publication {
        start_url: "https://corp.awsapps.com/start",
        region: "eu-west-1",
        access_token: &token,
        expires_at: Timestamp::from_unix(1_800_003_600),
    };
    let text = members.publish(&publication);
    let Content::Members(again) = Content::parse(Some(text.expose())) else { panic!("what was written can be read") };
    assert!(again.says(&publication) && !again.has_secrets());
    assert_eq!(again.holding(&Issuer::aws("eu-west-1"), Path::new("/cache/a.json")), Holding::Published);
}
