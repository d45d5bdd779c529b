//! To botocore, the profiles that `configure` writes have the intended meaning, and everything else has the same meaning as before.
//! Files and accounts are generated. One Python answers for all files at once.
//!
//! Needs a Python with botocore: `SSOCTL_TEST_PYTHON`, else `python3`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use fastrand::Rng;
use serde_json::{Map, Value, json};
use ssoctl_aws_files::{Document, SectionKind, section_name};
use ssoctl_process::Progress;
use ssoctl_protocol::{Account, Accounts, SocketOwner, SocketPath};
use ssoctld::clock::SystemClock;
use ssoctld::config::ReadError;
use ssoctld::configure::{self, Failure, FileError, Form, Request, Stale, Summary, Unchangeable, Writing};

#[path = "oracle/generated.rs"]
mod generated;
mod oracle;
use generated::{HEADERS, file, pick};

const ORACLE: &str = include_str!("configure_oracle.py");

/// The number of generated files.
const FILES: usize = 600;

const MARK: &str = "# written by ssoctl configure";

/// Names of accounts: with odd letters, equal in a profile's name, like an id, and none.
const ACCOUNTS: &[Option<&str>] = &[
    Some("Dev"),
    Some("Ops"),
    Some("a/b"),
    Some("B ro"),
    Some("Büro"),
    Some("Dev-Ops"),
    Some("dev"),
    Some("B#ro"),
    Some("[a] = b ; c # d"),
    Some("\u{202e}x\ny"),
    Some("'"),
    Some("---"),
    Some("default"),
    Some("222233334444"),
    Some(""),
    None,
];

const IDS: &[&str] = &["111122223333", "222233334444", "333344445555", "444455556666"];

const ROLES: &[&str] = &["Admin", "Read", "Ops-Admin", "Power+User=1", "a.b@c", "X_Y"];

/// A role whose profile would have the name of another one's, even with the account's id.
const ALIKE: &str = "Power+User,1";

const SESSIONS: &[&str] = &["corp", "corp", "corp", "corp", "corp", "corp", "my corp", "it's \"ü\"\\", "-x"];

const SSOCTL: &str = "/opt/it's mine/ssoctl";

const REGION: &str = "eu-central-1";

/// A file, and what the portal lists for a session.
struct Case {
    text: Vec<u8>,
    path: PathBuf,
    listing: Listing,
    form: Form,
    region: Option<&'static str>,
}

#[derive(Clone, Default)]
struct Listing {
    session: &'static str,
    accounts: Vec<(&'static str, Option<&'static str>, Vec<&'static str>)>,
}

impl Listing {
    fn generated(random: &mut Rng) -> Self {
        let mut ids = IDS.to_vec();
        random.shuffle(&mut ids);
        ids.truncate(random.usize(1..=IDS.len()));
        let account = |id| {
            let mut roles: Vec<&str> = ROLES.to_vec();
            random.shuffle(&mut roles);
            roles.truncate(random.usize(0..5));
            if roles.contains(&"Power+User=1") && random.u8(..8) == 0 {
                roles.push(ALIKE);
            }
            let names = if random.bool() { ACCOUNTS } else { &ACCOUNTS[..4] };
            (id, names[random.usize(..names.len())], roles)
        };
        let accounts = ids.into_iter().map(account).collect();
        Self { session: SESSIONS[random.usize(..SESSIONS.len())], accounts }
    }

    /// The names of the profiles with account and role, or `None` if two would have one name.
    fn names(&self) -> Option<BTreeMap<String, (&'static str, &'static str)>> {
        let name = |account: Option<&str>| account.map(plain).unwrap_or_default();
        let is_unique = |wanted: &str| self.accounts.iter().filter(|account| name(account.1) == wanted).count() == 1;
        let roles =
            self.accounts.iter().flat_map(|(id, account, roles)| roles.iter().map(move |role| (*id, account, *role)));
        let by_name = |(id, account, role): (&'static str, &Option<&str>, &'static str)| {
            let account = Some(name(*account)).filter(|name| !name.is_empty() && is_unique(name));
            (format!("{}-{}", account.as_deref().unwrap_or(id), plain(role)), (id, role))
        };
        let named: Vec<_> = roles.map(by_name).collect();
        let is_shared = |name: &str| named.iter().filter(|(other, _)| other == name).count() > 1;
        let named: Vec<_> = named
            .iter()
            .map(|(name, (id, role))| {
                let name = if is_shared(name) { format!("{id}-{}", plain(role)) } else { name.clone() };
                (name, (*id, *role))
            })
            .collect();
        let names: BTreeMap<_, _> = named.iter().cloned().collect();
        (names.len() == named.len()).then_some(names)
    }

    fn accounts(&self) -> Accounts {
        let account = |(id, name, _): &(&str, Option<&str>, _)| Account {
            id: (*id).to_owned(),
            name: name.map(str::to_owned),
            email: None,
        };
        Accounts { session: self.session.to_owned(), accounts: self.accounts.iter().map(account).collect() }
    }

    fn answer(&self, path: &str) -> Value {
        match path.strip_prefix("/v1/").expect("a route").split('/').collect::<Vec<_>>()[..] {
            ["session"] => json!({
                "name": self.session, "start_url": "https://corp.awsapps.com/start", "region": "eu-west-1",
                "scopes": ["sso:account:access", "x:y"], "state": "signed_in", "expires_at": null,
                "refreshable": true, "oidc_endpoint": null, "login": null, "last_error": null,
            }),
            ["sessions", _, "accounts", id, "roles"] => {
                let (_, _, roles) = self.accounts.iter().find(|account| account.0 == id).expect("a listed account");
                let roles: Vec<Value> = roles.iter().map(|name| json!({"name": name})).collect();
                json!({"session": self.session, "account": id, "roles": roles})
            }
            _ => panic!("an unexpected request: {path}"),
        }
    }
}

/// The name as every AWS tool reads it without quotes.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./%@:+".contains(c);
    let mut plain = String::new();
    for c in name.chars().map(|c| if is_plain(c) { Ok(c) } else { Err(()) }) {
        match c {
            Ok(c) => plain.push(c),
            Err(()) if plain.ends_with('-') => {}
            Err(()) => plain.push('-'),
        }
    }
    plain.trim_matches('-').to_owned()
}

/// Files that a simpler editor would break.
const EXAMPLES: &[&str] = &[
    "",
    "[default]\nregion = x",
    "; comment\r\n[sso-session corp]\r\nsso_start_url = https://corp.awsapps.com/start\r\nsso_region = eu-west-1\r\n",
    "[default]\ns3 =\n  max_concurrent_requests = 20\n\n  # comment\n  max_queue_size = 1\n\n",
    "[profile hand]\ncredential_process = /bin/x 'a b'\n[profile 'two words']\nregion:y\n  # indented",
    "# written by ssoctl configure\n[profile Dev-Read]\n  sso_session = corp\n  sso_account_id = 444455556666\n  sso_role_name = Old\n\
     \n  output = json\n[services s]\nsso =\n  endpoint_url = http://127.0.0.1:1\n",
    "# written by ssoctl configure\n[sso-session corp]\nsso_start_url = https://old.awsapps.com/start\nsso_region = x\nmine = 1\n",
];

fn generated_text(random: &mut Rng, listing: &Listing) -> Vec<u8> {
    if random.u8(..20) == 0 {
        return pick(random, EXAMPLES).as_bytes().to_vec();
    }
    // Two of three files have wanted profiles already, which a person or an earlier run has written.
    let wanted = listing.names().unwrap_or_default();
    let wanted = wanted.keys().enumerate().map(|(place, name)| match place % 4 {
        0 => format!("[profile '{name}'] # mine"),
        1 => format!("[profiles {name}]"),
        _ => format!("[profile {name}]"),
    });
    let wanted: Vec<String> = wanted.collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let headers = match random.u8(..3) {
        0 => HEADERS.to_vec(),
        1 => [HEADERS, &wanted].concat(),
        _ => [&["[default]", "[DEFAULT]", "[sso-session corp]"], &wanted[..]].concat(),
    };
    let text = file(random, &headers);
    // Some sections were written by an earlier run.
    let end = if text.contains("\r\n") {
        "\r\n"
    } else if text.contains('\r') {
        "\r"
    } else {
        "\n"
    };
    let lines = text.split(end).map(|line| {
        let is_marked = line.starts_with('[') && random.u8(..4) > 0;
        if is_marked { format!("{MARK}{end}{line}") } else { line.to_owned() }
    });
    let mut text = lines.collect::<Vec<_>>().join(end).into_bytes();
    if random.u8(..40) == 0 {
        text.extend(b"# \xff\n");
    }
    text
}

fn cases(directory: &Path) -> Vec<Case> {
    let mut random = Rng::with_seed(14);
    let case = |number| {
        let listing = Listing::generated(&mut random);
        Case {
            text: generated_text(&mut random, &listing),
            path: directory.join(format!("{number}")).join("config"),
            listing,
            form: if random.bool() { Form::SsoSession } else { process() },
            region: random.bool().then_some(REGION),
        }
    };
    (0..FILES).map(case).collect()
}

fn process() -> Form {
    Form::CredentialProcess { ssoctl: SSOCTL.to_owned() }
}

impl Case {
    fn request(&self, form: Form) -> Request {
        Request {
            accounts: Vec::new(),
            roles: Vec::new(),
            template: "{account_name}-{role}".parse().expect("a template"),
            region: self.region.map(str::to_owned),
            form,
            stale: Stale::Kept,
            writing: Writing::Done,
        }
    }

    fn backup(&self) -> PathBuf {
        self.path.with_file_name("config.ssoctl-backup")
    }

    fn profile(&self, form: &Form, account: &str, role: &str) -> Map<String, Value> {
        let session = self.listing.session;
        let members = match form {
            Form::SsoSession => json!({"sso_session": session, "sso_account_id": account, "sso_role_name": role}),
            Form::CredentialProcess { ssoctl } => {
                let session = if session.starts_with('-') {
                    vec![format!("--session={session}")]
                } else {
                    vec!["--session".to_owned(), session.to_owned()]
                };
                let head = vec![ssoctl.clone(), "credential-process".to_owned()];
                let role = ["--account", account, "--role", role].map(str::to_owned).to_vec();
                let words = [head, session, role].concat();
                json!({ "credential_process": words })
            }
        };
        let mut members = object(members);
        members.extend(self.region.map(|region| ("region".to_owned(), json!(region))));
        members
    }

    /// The configuration that botocore should read after these profiles are written, and the names of the written ones.
    fn expected(
        &self,
        before: &Value,
        names: &BTreeMap<String, (&str, &str)>,
        form: &Form,
    ) -> (Value, BTreeSet<String>) {
        let text = str::from_utf8(&self.text).expect("what botocore reads is text");
        let document = Document::read(text);
        let headers = |kind, name: &str| -> Vec<usize> {
            let is_it = |header| section_name(header).is_some_and(|it| it == (kind, name.to_owned()));
            document.sections.iter().filter(|section| is_it(section.header)).map(|section| section.line).collect()
        };
        let is_marked = |line: usize| line > 1 && document.lines[line - 2].trim() == MARK;
        let defaults = || object(before["defaults"].clone());
        let (mut expected, mut written) = (before.clone(), BTreeSet::new());
        for (name, (account, role)) in names {
            let members = self.profile(form, account, role);
            let profile = &mut expected["loaded"]["profiles"][name];
            match headers(SectionKind::Profile, name)[..] {
                [] => *profile = Value::Object(defaults().into_iter().chain(members).collect()),
                [line] if is_marked(line) && self.is_ours(profile) => {
                    let profile = profile.as_object_mut().expect("a profile");
                    let decides = ["sso_session", "sso_account_id", "sso_role_name", "credential_process"];
                    profile.retain(|key, _| !decides.contains(&key.as_str()));
                    profile.extend(members);
                }
                _ => continue,
            }
            written.insert(name.clone());
        }
        let sections = headers(SectionKind::SsoSession, self.listing.session);
        if *form == Form::SsoSession && !names.is_empty() && sections.iter().all(|line| is_marked(*line)) {
            let session = &mut expected["loaded"]["sso_sessions"][self.listing.session];
            let mut members = session.as_object().cloned().unwrap_or_else(defaults);
            members.extend(object(json!({
                "sso_start_url": "https://corp.awsapps.com/start", "sso_region": "eu-west-1",
                "sso_registration_scopes": "sso:account:access, x:y",
            })));
            *session = Value::Object(members);
        }
        (expected, written)
    }

    /// Whether a marked profile names a role of this session in a form that `configure` writes.
    fn is_ours(&self, profile: &Value) -> bool {
        let member = |key: &str| Some(&profile[key]).filter(|value| !matches!(value.as_str(), None | Some("")));
        let is_set = |key: &str| !profile[key].is_null() && profile[key] != "" && profile[key] != json!([]);
        let is_role = |role: &str| role.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
        !is_set("credential_process")
            && profile["sso_session"] == self.listing.session
            && member("sso_account_id")
                .is_some_and(|id| id.as_str().is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit())))
            && member("sso_role_name").is_some_and(|role| role.as_str().is_some_and(is_role))
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} has no members"),
    }
}

/// A daemon that answers with the present listing.
struct Daemon {
    socket: PathBuf,
    listing: Arc<Mutex<Listing>>,
    clock: Arc<SystemClock>,
}

impl Daemon {
    fn start(home: &Path) -> Self {
        let (socket, listing) = (home.join("s"), Arc::new(Mutex::new(Listing::default())));
        let listener = UnixListener::bind(&socket).expect("a socket");
        let answers = Arc::clone(&listing);
        // The thread ends with the process.
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(&stream.expect("a question"), &answers.lock().expect("a listing"));
            }
        });
        Self { socket, listing, clock: Arc::new(SystemClock::start().expect("a clock")) }
    }

    async fn configure(&self, case: &Case, form: &Form) -> Result<Summary, Failure> {
        *self.listing.lock().expect("a listing") = case.listing.clone();
        let place = (SocketPath::Chosen(self.socket.clone()), SocketOwner::Own);
        let clock = Arc::clone(&self.clock);
        configure::run(
            &case.request(form.clone()),
            case.listing.accounts(),
            Some(&case.path),
            place,
            clock,
            &mut Progress::begin(None),
        )
        .await
    }
}

fn answer(mut stream: &UnixStream, listing: &Listing) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("a request") == 1 {
        request.push(byte[0]);
    }
    let request = String::from_utf8(request).expect("text");
    let target = request.split(' ').nth(1).expect("a target");
    let body = listing.answer(target.split('?').next().expect("a path"));
    write!(stream, "HTTP/1.0 200 OK\r\n\r\n{body}").expect("a written answer");
}

/// The result of `configure` for a file.
enum Done {
    /// Nothing, as botocore would refuse it, or two profiles would have one name, or its defaults would get into what is written.
    Refused,
    Written {
        names: BTreeMap<String, (&'static str, &'static str)>,
    },
}

#[tokio::test]
async fn botocore_finds_the_intended_profiles_and_all_others_as_they_were() {
    let Some(python) = test_support::speed::python_with_botocore() else { return };
    let home = tempfile::tempdir().expect("a directory");
    let daemon = Daemon::start(home.path());
    let cases = cases(home.path());
    for case in &cases {
        fs::create_dir(case.path.parent().expect("a directory")).expect("a directory");
        fs::write(&case.path, &case.text).expect("a file");
    }
    let paths: Vec<&Path> = cases.iter().map(|case| case.path.as_path()).collect();
    let ask = || match oracle::ask(&python, ORACLE, home.path(), &json!(paths)) {
        Value::Array(answers) => answers,
        other => panic!("{other}"),
    };

    let before = ask();
    let mut done = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, before) in cases.iter().zip(&before) {
        let is_refused_by_botocore = before.is_null();
        let result = daemon.configure(case, &case.form).await;
        let (what, fate) = match (result, case.listing.names()) {
            (Ok(_), Some(names)) if !is_refused_by_botocore => {
                done_twice(&daemon, case).await;
                ("written", Done::Written { names })
            }
            (Err(failure), names) => (refusal(case, &failure, names.is_some(), before), Done::Refused),
            (Ok(report), _) => panic!("{report:?} for {}", shown(case)),
        };
        *seen.entry(what).or_default() += 1;
        done.push(fate);
    }
    let after = ask();
    // Then each profile in the other form: written profiles are recognised.
    let mut expectations = Vec::new();
    for (((case, fate), before), after) in cases.iter().zip(&done).zip(&before).zip(&after) {
        let Done::Written { names } = fate else {
            assert_eq!(after, before, "{}", shown(case));
            continue;
        };
        let (expected, written) = case.expected(before, names, &case.form);
        assert_eq!(*after, expected, "{}", shown(case));
        let existing = before["loaded"]["profiles"].as_object().map_or(0, Map::len);
        let added = after["loaded"]["profiles"].as_object().map_or(0, Map::len) - existing;
        *seen.entry("added").or_default() += added;
        *seen.entry("changed").or_default() += written.len() - added;
        *seen.entry("left").or_default() += names.len() - written.len();
        *seen.entry("beside").or_default() += existing;
        expectations.push((case, after, written, names));
    }
    for (case, ..) in &expectations {
        let other = if case.form == Form::SsoSession { process() } else { Form::SsoSession };
        daemon.configure(case, &other).await.unwrap_or_else(|failure| panic!("{failure}: {}", shown(case)));
    }
    let switched: BTreeMap<&Path, Value> = paths.iter().copied().zip(ask()).collect();
    for (case, before, written, names) in expectations {
        let other = if case.form == Form::SsoSession { process() } else { Form::SsoSession };
        let switched = &switched[case.path.as_path()]["loaded"]["profiles"];
        for (name, profile) in before["loaded"]["profiles"].as_object().expect("profiles") {
            let mut expected = object(profile.clone());
            if written.contains(name) {
                let (account, role) = names[name];
                expected.retain(|key, _| !key.starts_with("sso_") && key != "credential_process");
                expected.extend(case.profile(&other, account, role));
            }
            assert_eq!(switched[name], Value::Object(expected), "{name} in {}", shown(case));
        }
        *seen.entry("switched").or_default() += 1;
    }
    // The batch is worth something only if everything happens often.
    let often = ["written", "added", "changed", "left", "beside", "switched", "doubtful", "defaults", "same name"];
    for what in often {
        assert!(seen.get(what).is_some_and(|&count| count >= 10), "{what}: {seen:?}");
    }
}

/// Nothing changes if the command is run again.
async fn done_twice(daemon: &Daemon, case: &Case) {
    let look = || (fs::read(&case.path).ok(), fs::read(case.backup()).ok());
    let first = look();
    // An unchanged file has no backup.
    let is_changed = first.0.as_ref() != Some(&case.text);
    assert_eq!(first.1.as_ref(), is_changed.then_some(&case.text), "{}", shown(case));
    let report = daemon.configure(case, &case.form).await.expect("it has worked before");
    assert_eq!(look(), first, "{}", shown(case));
    let is_told = |word: &str| report.output.lines().any(|line| line.starts_with(word));
    assert!(!["added", "changed", "removed"].into_iter().any(is_told), "{report:?}: {}", shown(case));
}

/// The kind of a refusal, which names the file and leaves it as it is.
fn refusal(case: &Case, failure: &Failure, is_nameable: bool, before: &Value) -> &'static str {
    assert_eq!(fs::read(&case.path).ok().as_ref(), Some(&case.text), "{}", shown(case));
    assert!(!case.backup().exists(), "{}", shown(case));
    if let Failure::SameName(_) = failure {
        assert!(!is_nameable, "{failure}");
        return "same name";
    }
    let said = failure.to_string();
    // Malformed defaults are refused with the first section that inherits them.
    let is_odd = |value: &Value| value.as_str().is_some_and(|value| value.starts_with('\n'));
    let has_odd_defaults = || before["defaults"].as_object().is_some_and(|defaults| defaults.values().any(is_odd));
    let names_line = said.starts_with(&format!("{}: line ", case.path.display()));
    match failure {
        Failure::Refused { why: Unchangeable::Doubtful(_), .. }
        | Failure::File { why: FileError::Unreadable(ReadError::NotUtf8(_)), .. } => {
            assert!((before.is_null() || has_odd_defaults()) && names_line, "{said}: {}", shown(case));
            "doubtful"
        }
        Failure::Refused { why: Unchangeable::Defaults { .. }, .. } => {
            assert!(!before.is_null() && names_line, "{said}: {}", shown(case));
            "defaults"
        }
        other => panic!("{other}: {}", shown(case)),
    }
}

fn shown(case: &Case) -> String {
    let after = fs::read(&case.path).unwrap_or_default();
    let texts = [&case.text, &after].map(|text| String::from_utf8_lossy(text).replace('\r', "\\r\n"));
    format!("{}\n---- after, with {:?} and {:?}\n{}", texts[0], case.listing.accounts, case.form, texts[1])
}
