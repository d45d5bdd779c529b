//! Reads the daemon's own configuration file, `config.toml`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use toml_edit::{Document, Item, Key, TableLike, Value};
use url::Host;

use super::browser_command::BrowserCommand;
use super::endpoints::{Override, Overrides};
use super::model::{Notifications, SdkCache, SignInSetting, StoreSetting};
use super::picker::{NamePattern, PickerSettings};
use super::problem::{FileLine, Located, Problem};
use super::quiet_hours::{NotQuietHours, QuietHours};
use crate::issuer::Setting;

pub(super) struct OwnFile {
    pub(super) path: Arc<Path>,
    pub(super) secret_store: StoreSetting,
    pub(super) notifications: Notifications,
    pub(super) sign_in: SignInSetting,
    pub(super) quiet_hours: Option<QuietHours>,
    pub(super) picker: PickerSettings,
    /// Paths as written, with a leading `~`.
    pub(super) aws_config_files: Vec<String>,
    /// The tables `[session.NAME]` by their names, in the order of the file.
    pub(super) sessions: IndexMap<String, OwnSession>,
    pub(super) problems: Vec<Problem>,
    /// The problems with which sessions of unknown names are lost.
    pub(super) losses: Vec<Problem>,
}

/// A `[session.NAME]` table. The `sso-session` section of its name may have the members that are missing here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnSession {
    /// The line of its header, counted from 1.
    pub(super) line: usize,
    pub(super) start_url: Option<Located<String>>,
    pub(super) region: Option<Located<String>>,
    pub(super) scopes: Option<Located<Vec<String>>>,
    pub(super) endpoints: Overrides,
    pub(super) browser: Option<BrowserCommand>,
    pub(super) verification_hosts: Vec<String>,
    pub(super) refresh_before: Option<Duration>,
    pub(super) notify_before: Option<Duration>,
    pub(super) sdk_cache: Option<SdkCache>,
    pub(super) sign_in: Option<SignInSetting>,
    /// The problem of a member that decides on identity or endpoints. Without that member, the sign-in could be another person's, or
    /// go to another place.
    pub(super) unusable: Option<Problem>,
}

/// The members without which a session would be another one.
const DECISIVE: [&str; 6] = ["start_url", "region", "scopes", "label", "oidc_endpoint", "portal_endpoint"];

const SIGN_IN: [(&str, SignInSetting); 3] =
    [("auto", SignInSetting::Auto), ("browser", SignInSetting::Browser), ("device", SignInSetting::Device)];

impl OwnFile {
    /// A file that says nothing.
    pub(super) fn empty(path: &Path) -> Self {
        Self {
            path: path.into(),
            secret_store: StoreSetting::default(),
            notifications: Notifications::default(),
            sign_in: SignInSetting::default(),
            quiet_hours: None,
            picker: PickerSettings::default(),
            aws_config_files: Vec::new(),
            sessions: IndexMap::new(),
            problems: Vec::new(),
            losses: Vec::new(),
        }
    }

    /// Reads the file's text. After a syntax error nothing counts, since what follows it may mean something else.
    pub(super) fn read(path: &Path, text: &str) -> Self {
        let mut reader = Reader { line_ends: line_ends(text), file: Self::empty(path) };
        match Document::parse(text) {
            Ok(document) => reader.top_level(document.as_table()),
            Err(error) => {
                let what = error.message().replace('\n', ", ");
                let problem =
                    reader.at(error.span()).error(format!("the whole file is ignored, it is not TOML: {what}"));
                reader.file.problems.push(problem.clone());
                reader.file.losses.push(problem);
            }
        }
        reader.file
    }
}

struct Reader {
    /// The indices of the line feeds.
    line_ends: Vec<usize>,
    file: OwnFile,
}

impl Reader {
    fn top_level(&mut self, table: &dyn TableLike) {
        for (key, item) in keys_of(table) {
            match key.get() {
                "secret_store" => {
                    let known = [
                        ("auto", StoreSetting::Auto),
                        ("keyring", StoreSetting::Keyring),
                        ("file", StoreSetting::File),
                        ("memory", StoreSetting::Memory),
                    ];
                    self.file.secret_store = self.word(key, item, &known).unwrap_or_default();
                }
                "notifications" => {
                    let known = [("on", Notifications::On), ("off", Notifications::Off)];
                    self.file.notifications = self.word(key, item, &known).unwrap_or_default();
                }
                "sign_in" => self.file.sign_in = self.word(key, item, &SIGN_IN).unwrap_or_default(),
                "quiet_hours" => {
                    let hours = |text: &str| text.parse().ok();
                    self.file.quiet_hours = self.value(key, item, &NotQuietHours.to_string(), hours);
                }
                "aws_config_files" => {
                    let path = |path: &str| (path.starts_with('/') || path.starts_with("~/")).then(|| path.to_owned());
                    let paths = self.list(key, item, "a list of paths that begin with / or ~/", path);
                    self.file.aws_config_files = paths.unwrap_or_default();
                }
                "picker" => match item.as_table_like() {
                    Some(members) => self.picker(members),
                    None => self.wrong(key, item, "the table [picker]"),
                },
                "session" => match item.as_table_like() {
                    Some(sessions) => self.sessions(sessions),
                    None => {
                        self.wrong(key, item, "tables such as [session.work]");
                        self.file.losses.extend(self.file.problems.last().cloned());
                    }
                },
                _ => self.unknown(
                    key,
                    "secret_store, notifications, sign_in, quiet_hours, aws_config_files, [picker] and [session.NAME]",
                ),
            }
        }
    }

    fn picker(&mut self, table: &dyn TableLike) {
        for (key, item) in keys_of(table) {
            match key.get() {
                "history" => {
                    let history = self.word(key, item, &[("on", true), ("off", false)]);
                    // Who has written this key does not want to be remembered by a slip of the pen.
                    self.file.picker.keeps_history = history.unwrap_or(false);
                }
                "confirm" => {
                    let expected = "an array of names, such as [\"prod-*\"]";
                    // All of them, rather than none because of a wrong one.
                    let confirm = self.list(key, item, expected, NamePattern::new);
                    self.file.picker.confirm = confirm.unwrap_or_else(|| NamePattern::new("*").into_iter().collect());
                }
                _ => self.unknown(key, "history and confirm"),
            }
        }
    }

    fn sessions(&mut self, table: &dyn TableLike) {
        for (key, item) in keys_of(table) {
            let name = key.get();
            if name.is_empty() || name.chars().any(char::is_control) {
                self.error(key, item, "a session's name must have a character and no control characters");
                continue;
            }
            match item.as_table_like() {
                Some(members) => {
                    let session = self.session(name, self.place(key, item).line, members);
                    self.file.sessions.insert(name.to_owned(), session);
                }
                None => self.wrong(key, item, "a table"),
            }
        }
    }

    fn session(&mut self, name: &str, line: usize, table: &dyn TableLike) -> OwnSession {
        let mut session = OwnSession { line, ..OwnSession::default() };
        for (key, item) in keys_of(table) {
            let before = self.file.problems.len();
            match key.get() {
                "start_url" => session.start_url = self.string(key, item),
                "region" => session.region = self.string(key, item),
                "scopes" => {
                    let expected = "an array of strings, such as [\"sso:account:access\"]";
                    let scopes = self.list(key, item, expected, |scope| Some(scope.to_owned()));
                    session.scopes = scopes.map(|value| Located { value, place: self.place(key, item) });
                }
                "label" => self.label(key, item, name, table),
                "oidc_endpoint" => session.endpoints.oidc = self.endpoint(key, item),
                "portal_endpoint" => session.endpoints.portal = self.endpoint(key, item),
                "browser" => {
                    let command = BrowserCommand::configured(item.as_str().unwrap_or_default(), name);
                    session.browser = command.map_err(|wrong| self.wrong(key, item, &wrong.to_string())).ok();
                }
                "verification_hosts" => {
                    let expected = "an array of host names, such as [\"login.example.com\"]";
                    session.verification_hosts = self.list(key, item, expected, host).unwrap_or_default();
                }
                "refresh_before" => session.refresh_before = self.duration(key, item),
                "notify_before" => session.notify_before = self.duration(key, item),
                "sdk_cache" => {
                    session.sdk_cache = self.word(key, item, &[("on", SdkCache::On), ("off", SdkCache::Off)]);
                }
                "sign_in" => session.sign_in = self.word(key, item, &SIGN_IN),
                _ => self.unknown(
                    key,
                    "start_url, region, scopes, oidc_endpoint, portal_endpoint, browser, verification_hosts, refresh_before, notify_before, sdk_cache and sign_in",
                ),
            }
            if DECISIVE.contains(&key.get()) && session.unusable.is_none() {
                session.unusable = self.file.problems[before..].first().cloned();
            }
        }
        session
    }

    /// Reports a key of earlier versions, with what to write instead.
    fn label(&mut self, key: &Key, item: &Item, name: &str, table: &dyn TableLike) {
        let name = Key::new(item.as_str().filter(|label| !label.trim().is_empty()).unwrap_or(name)).to_string();
        let member = |key: &str, placeholder: &str| {
            let text = table.get(key).and_then(Item::as_str).unwrap_or(placeholder);
            format!("{key} = {}", Value::from(text))
        };
        let message = format!(
            "\"label\" is not known any more, because names distinguish sessions; for this sign-in write [session.{name}] with \
             {} and {}",
            member("start_url", "https://example.awsapps.com/start"),
            member("region", "eu-west-1")
        );
        self.error(key, item, message);
    }

    fn string(&mut self, key: &Key, item: &Item) -> Option<Located<String>> {
        let not_empty = |text: &str| (!text.trim().is_empty()).then(|| text.to_owned());
        let value = self.value(key, item, "a string in quotes that is not empty", not_empty)?;
        Some(Located { value, place: self.place(key, item) })
    }

    fn endpoint(&mut self, key: &Key, item: &Item) -> Option<Override> {
        let Located { value: url, place } = self.string(key, item)?;
        Some(Override { set_by: Setting::File(format!("{}, {place}", key.get())), url })
    }

    fn duration(&mut self, key: &Key, item: &Item) -> Option<Duration> {
        self.value(key, item, "a duration, such as \"20m\" or \"1h 30m\"", |text| humantime::parse_duration(text).ok())
    }

    fn word<T: Copy>(&mut self, key: &Key, item: &Item, known: &[(&str, T)]) -> Option<T> {
        let words: Vec<String> = known.iter().map(|(word, _)| format!("{word:?}")).collect();
        let find = |text: &str| known.iter().find(|(word, _)| *word == text).map(|&(_, value)| value);
        self.value(key, item, &words.join(" or "), find)
    }

    /// A value that is a string; reports anything else.
    fn value<T>(&mut self, key: &Key, item: &Item, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = item.as_str().and_then(read);
        if value.is_none() {
            self.wrong(key, item, expected);
        }
        value
    }

    /// A value that is an array of strings; reports anything else.
    fn list<T>(&mut self, key: &Key, item: &Item, expected: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let list = item.as_array().and_then(|array| array.iter().map(|value| read(value.as_str()?)).collect());
        if list.is_none() {
            self.wrong(key, item, expected);
        }
        list
    }

    fn wrong(&mut self, key: &Key, item: &Item, expected: &str) {
        self.error(key, item, format!("{} must be {expected}", key.get()));
    }

    fn unknown(&mut self, key: &Key, known: &str) {
        let message = format!("{:?} is not a key here and is ignored; the keys are {known}", key.get());
        self.file.problems.push(self.at(key.span()).warning(message));
    }

    fn error(&mut self, key: &Key, item: &Item, message: impl Into<String>) {
        self.file.problems.push(self.place(key, item).error(message));
    }

    /// The place of an entry's key, or of the item if other entries share the key (`[session.a]`).
    fn place(&self, key: &Key, item: &Item) -> FileLine {
        self.at(key.span().or_else(|| item.span()))
    }

    /// The place of a span's first byte, or of the first line if there is no span.
    fn at(&self, span: Option<Range<usize>>) -> FileLine {
        let start = span.map_or(0, |span| span.start);
        FileLine::new(&self.file.path, 1 + self.line_ends.partition_point(|&end| end < start))
    }
}

/// A host as the URL standard writes it. Only hosts are compared, so a port or a pattern would promise too much.
fn host(text: &str) -> Option<String> {
    Host::parse(text).ok().filter(|_| !text.contains('*')).map(|host| host.to_string())
}

/// The entries of a table with their keys, which have the spans.
fn keys_of(table: &dyn TableLike) -> impl Iterator<Item = (&Key, &Item)> {
    table.iter().filter_map(|(name, _)| table.get_key_value(name))
}

fn line_ends(text: &str) -> Vec<usize> {
    text.match_indices('\n').map(|(end, _)| end).collect()
}

#[cfg(test)]
mod tests {
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
        let names: Vec<(&str, usize)> =
            file.sessions.iter().map(|(name, session)| (name.as_str(), session.line)).collect();
        assert_eq!(names, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn a_session_that_is_not_a_table_is_an_error() {
        let file = read("[session]\nwork = \"https://corp\"\n\"\" = {}\n");
        assert_eq!(lines(&file), [2, 3]);
        assert_eq!(read("session = 1\n").problems.len(), 1);
    }
}
