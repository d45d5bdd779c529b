use super::*;
use crate::config::Severity;

fn read(text: &str) -> OwnFile {
    OwnFile::read(Path::new("config.toml"), text)
}

fn place(line: usize) -> FileLine {
    FileLine { file: Path::new("config.toml").into(), line }
}

/// The lines of the problems.
fn lines(file: &OwnFile) -> Vec<usize> {
    file.problems.iter().filter_map(|problem| problem.line).collect()
}

#[test]
fn a_full_file_is_read() {
    let file = read(
        r#"secret_store = "memory"
notifications = "off"
quiet_hours = "20:00-08:00"
sign_in = "browser"

[session.work]
start_url = "https://corp.awsapps.com/start"
region = "eu-west-1"
scopes = ["sso:account:access", "codewhisperer:completions"]
oidc_endpoint = "http://127.0.0.1:8080"
portal_endpoint = "http://127.0.0.1:8081"
browser = "firefox -P work {url}"
verification_hosts = ["Login.corp.example", "192.0.2.1"]
refresh_before = "20m"
notify_before = "1h 30m"
sdk_cache = "off"
sign_in = "device"

[session."two words"]
sdk_cache = "on"

[picker]
history = "off"
confirm = ["prod-*"]
"#,
    );
    assert_eq!(file.problems, []);
    assert_eq!(file.secret_store, StoreSetting::Memory);
    assert_eq!(file.notifications, Notifications::Off);
    assert_eq!(file.sign_in, SignInSetting::Browser);
    assert!(!file.picker.keeps_history && file.picker.has_to_confirm(["Prod-x"]));
    assert_eq!(file.quiet_hours.map(|hours| hours.to_string()).as_deref(), Some("20:00-08:00"));
    let text = |value: &str, line| Some(Located { value: value.to_owned(), place: place(line) });
    let endpoint = |key: &str, url: &str, line| {
        Some(Override { set_by: Setting::File(format!("{key}, config.toml:{line}")), url: url.to_owned() })
    };
    let work = OwnSession {
        line: 6,
        start_url: text("https://corp.awsapps.com/start", 7),
        region: text("eu-west-1", 8),
        scopes: Some(Located {
            value: vec!["sso:account:access".to_owned(), "codewhisperer:completions".to_owned()],
            place: place(9),
        }),
        endpoints: Overrides {
            oidc: endpoint("oidc_endpoint", "http://127.0.0.1:8080", 10),
            portal: endpoint("portal_endpoint", "http://127.0.0.1:8081", 11),
        },
        browser: Some(BrowserCommand::configured("firefox -P work {url}", "work").unwrap()),
        verification_hosts: vec!["login.corp.example".to_owned(), "192.0.2.1".to_owned()],
        refresh_before: Some(Duration::from_secs(20 * 60)),
        notify_before: Some(Duration::from_secs(90 * 60)),
        sdk_cache: Some(SdkCache::Off),
        sign_in: Some(SignInSetting::Device),
        unusable: None,
    };
    let two_words = OwnSession { line: 19, sdk_cache: Some(SdkCache::On), ..OwnSession::default() };
    let expected = [("work".to_owned(), work), ("two words".to_owned(), two_words)];
    assert_eq!(file.sessions, IndexMap::from(expected));
}

#[test]
fn an_unknown_key_is_a_warning_with_its_line_and_changes_nothing_else() {
    let file = read("notifcations = \"off\"\n[session.work]\nregion = \"x\"\nscope = \"y\"\n[sessions.other]\n");
    assert!(file.problems.iter().all(|problem| problem.severity == Severity::Warning));
    assert_eq!(lines(&file), [1, 4, 5]);
    assert!(file.sessions[0].unusable.is_none());
    assert!(file.sessions[0].region.is_some());
}

#[test]
fn a_wrong_type_is_an_error_with_its_line_for_that_entry_alone() {
    for (entry, unusable) in [
        ("start_url = 5", true),
        ("region = \"\"", true),
        ("scopes = \"sso:account:access\"", true),
        ("scopes = [1]", true),
        ("label = true", true),
        ("label = \"alice\"", true),
        ("oidc_endpoint = []", true),
        ("portal_endpoint = {}", true),
        ("browser = \"firefox\"", false),
        ("browser = \"sh -c 'firefox {url}'\"", false),
        ("verification_hosts = \"login.corp.example\"", false),
        ("verification_hosts = [\"https://login.corp.example\"]", false),
        ("verification_hosts = [\"login.corp.example:443\"]", false),
        ("verification_hosts = [\"*.corp.example\"]", false),
        ("verification_hosts = [\"\"]", false),
        ("refresh_before = 20", false),
        ("notify_before = \"soon\"", false),
        ("sdk_cache = true", false),
        ("sign_in = \"phone\"", false),
    ] {
        let file = read(&format!("[session.bad]\n# comment\n{entry}\n[session.good]\nregion = \"x\"\n"));
        assert_eq!(lines(&file), [3], "{entry}");
        assert_eq!(file.problems[0].severity, Severity::Error, "{entry}");
        assert_eq!(file.sessions[0].unusable.is_some(), unusable, "{entry}");
        assert!(file.sessions[1].region.is_some(), "{entry}");
        assert!(file.sessions[1].unusable.is_none(), "{entry}");
    }
}

#[test]
fn an_unknown_word_is_an_error_that_lists_the_known_ones() {
    let known = [StoreSetting::Auto, StoreSetting::Keyring, StoreSetting::File, StoreSetting::Memory];
    for (word, store) in ["auto", "keyring", "file", "memory"].into_iter().zip(known) {
        assert_eq!(read(&format!("secret_store = \"{word}\"\n")).secret_store, store);
    }
    let file = read("secret_store = \"cloud\"\nnotifications = true\n");
    assert_eq!(file.secret_store, StoreSetting::Auto);
    assert_eq!(file.notifications, Notifications::On);
    assert_eq!(
        file.problems,
        [
            place(1).error("secret_store must be \"auto\" or \"keyring\" or \"file\" or \"memory\""),
            place(2).error("notifications must be \"on\" or \"off\""),
        ]
    );
}

#[test]
fn wrong_quiet_hours_are_an_error_with_their_line_and_the_rest_counts() {
    for wrong in ["\"20-8\"", "\"20:00-20:00\"", "20", "true"] {
        let file = read(&format!("notifications = \"off\"\nquiet_hours = {wrong}\n"));
        assert_eq!((file.quiet_hours, file.notifications), (None, Notifications::Off));
        let message = "quiet_hours must be two different times of the day, such as \"20:00-08:00\"";
        assert_eq!(file.problems, [place(2).error(message)], "{wrong}");
    }
}

#[test]
fn a_syntax_error_is_one_problem_with_its_line_and_nothing_is_used() {
    let file = read("secret_store = \"memory\"\n[session.work]\nstart_url = \"https://corp\nregion = 1\n");
    assert_eq!(lines(&file), [3]);
    assert_eq!(file.problems[0].severity, Severity::Error);
    assert!(!file.problems[0].message.contains('\n'));
    assert!(file.sessions.is_empty());
    assert_eq!(file.secret_store, StoreSetting::Auto);
}

#[test]
fn dotted_and_inline_tables_are_sessions_too() {
    let file = read("session.a.region = \"x\"\n[session]\n");
    assert_eq!(file.problems.len(), 1);
    let file = read("session.a.region = \"x\"\nsession.b = { region = \"y\" }\n");
    assert_eq!(file.problems, []);
    let names: Vec<(&str, usize)> = file.sessions.iter().map(|(name, session)| (name.as_str(), session.line)).collect();
    assert_eq!(names, [("a", 1), ("b", 2)]);
}

#[test]
fn a_session_that_is_not_a_table_is_an_error() {
    let file = read("[session]\nwork = \"https://corp\"\n\"\" = {}\n");
    assert_eq!(lines(&file), [2, 3]);
    assert_eq!(read("session = 1\n").problems.len(), 1);
}
