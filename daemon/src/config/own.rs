//! The daemon's own configuration file, `config.toml`.

use std::ops::Range;
use std::time::Duration;

use toml_edit::{Document, Item, Key, TableLike, Value};
use url::Host;

use super::located::{LineProblem, Located};
use super::quiet_hours::NotQuietHours;
use super::{BrowserCommand, Notifications, QuietHours, SdkCache, SecretStore};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnFile {
    pub(super) secret_store: SecretStore,
    pub(super) notifications: Notifications,
    pub(super) quiet_hours: Option<QuietHours>,
    /// Paths as written, a leading `~` not yet replaced.
    pub(super) aws_config_files: Vec<String>,
    pub(super) sessions: Vec<OwnSession>,
    pub(super) problems: Vec<LineProblem>,
    /// Those of them by which sessions are lost whose names nobody knows.
    pub(super) losses: Vec<LineProblem>,
}

/// A `[session.NAME]` table. Every member may be missing: an `sso-session` section of its name may have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnSession {
    pub(super) name: String,
    /// The line of its header, counted from 1.
    pub(super) line: usize,
    pub(super) start_url: Option<Located<String>>,
    pub(super) region: Option<Located<String>>,
    pub(super) scopes: Option<Located<Vec<String>>>,
    pub(super) oidc_endpoint: Option<Located<String>>,
    pub(super) portal_endpoint: Option<Located<String>>,
    pub(super) browser: Option<BrowserCommand>,
    pub(super) verification_hosts: Vec<String>,
    pub(super) refresh_before: Option<Duration>,
    pub(super) notify_before: Option<Duration>,
    pub(super) sdk_cache: Option<SdkCache>,
    /// What is wrong with a member that decides on identity or endpoints, if one has a wrong type, so that using the rest
    /// would sign somebody in who was not meant, or elsewhere.
    pub(super) unusable: Option<LineProblem>,
}

impl OwnFile {
    /// Reads the file's text. A syntax error leaves everything out, since what follows it may mean something else.
    pub(super) fn parse(text: &str) -> Self {
        let document = match Document::parse(text) {
            Ok(document) => document,
            Err(error) => {
                let problem = LineProblem::error(
                    Lines::of(text).at(error.span()),
                    format!("the whole file is left out, it is not TOML: {}", error.message().replace('\n', ", ")),
                );
                return Self { problems: vec![problem.clone()], losses: vec![problem], ..Self::default() };
            }
        };
        let mut reader = Reader { lines: Lines::of(text), file: Self::default() };
        reader.top_level(document.as_table());
        reader.file
    }
}

struct Reader {
    lines: Lines,
    file: OwnFile,
}

impl Reader {
    fn top_level(&mut self, table: &dyn TableLike) {
        for (key, item) in keys_of(table) {
            match key.get() {
                "secret_store" => {
                    let known = [
                        ("auto", SecretStore::Auto),
                        ("keyring", SecretStore::Keyring),
                        ("file", SecretStore::File),
                        ("memory", SecretStore::Memory),
                    ];
                    if let Some(store) = self.word(key, item, &known) {
                        self.file.secret_store = store;
                    }
                }
                "notifications" => {
                    let known = [("on", Notifications::On), ("off", Notifications::Off)];
                    if let Some(notifications) = self.word(key, item, &known) {
                        self.file.notifications = notifications;
                    }
                }
                "quiet_hours" => self.file.quiet_hours = self.quiet_hours(key, item),
                "aws_config_files" => self.file.aws_config_files = self.aws_config_files(key, item),
                "session" => match item.as_table_like() {
                    Some(sessions) => self.sessions(sessions),
                    None => {
                        self.wrong(key, item, "tables such as [session.work]");
                        self.file.losses.extend(self.file.problems.last().cloned());
                    }
                },
                _ => self.unknown(key, "secret_store, notifications, quiet_hours, aws_config_files and [session.NAME]"),
            }
        }
    }

    fn sessions(&mut self, table: &dyn TableLike) {
        for (key, item) in keys_of(table) {
            let name = key.get();
            if name.is_empty() || name.chars().any(char::is_control) {
                let line = self.line(key, item);
                self.error(line, "a session's name must have a character and no control characters");
                continue;
            }
            match item.as_table_like() {
                Some(members) => {
                    let session = self.session(name, self.line(key, item), members);
                    self.file.sessions.push(session);
                }
                None => self.wrong(key, item, "a table"),
            }
        }
    }

    fn session(&mut self, name: &str, line: usize, table: &dyn TableLike) -> OwnSession {
        let before = self.file.problems.len();
        let mut session = OwnSession { name: name.to_owned(), line, ..OwnSession::default() };
        for (key, item) in keys_of(table) {
            let line = self.line(key, item);
            let located = |value| Located { value, line };
            match key.get() {
                "start_url" => session.start_url = self.string(key, item).map(located),
                "region" => session.region = self.string(key, item).map(located),
                "scopes" => session.scopes = self.strings(key, item).map(|value| Located { value, line }),
                "label" => self.label(key, item, name, table),
                "oidc_endpoint" => session.oidc_endpoint = self.string(key, item).map(located),
                "portal_endpoint" => session.portal_endpoint = self.string(key, item).map(located),
                "browser" => session.browser = self.browser(key, item),
                "verification_hosts" => session.verification_hosts = self.hosts(key, item).unwrap_or_default(),
                "refresh_before" => session.refresh_before = self.duration(key, item),
                "notify_before" => session.notify_before = self.duration(key, item),
                "sdk_cache" => {
                    session.sdk_cache = self.word(key, item, &[("on", SdkCache::On), ("off", SdkCache::Off)]);
                }
                _ => self.unknown(
                    key,
                    "start_url, region, scopes, oidc_endpoint, portal_endpoint, browser, verification_hosts, refresh_before, notify_before and sdk_cache",
                ),
            }
        }
        let decisive = [
            ("start_url", session.start_url.is_some()),
            ("region", session.region.is_some()),
            ("scopes", session.scopes.is_some()),
            ("label", false),
            ("oidc_endpoint", session.oidc_endpoint.is_some()),
            ("portal_endpoint", session.portal_endpoint.is_some()),
        ];
        session.unusable = decisive.into_iter().filter(|&(_, is_read)| !is_read).find_map(|(key, _)| {
            let (key, item) = table.get_key_value(key)?;
            let line = self.line(key, item);
            self.file.problems[before..].iter().find(|problem| problem.line == line).cloned()
        });
        session
    }

    /// What kept two people at one portal apart before names did, with what to write instead.
    fn label(&mut self, key: &Key, item: &Item, name: &str, table: &dyn TableLike) {
        let name = Key::new(item.as_str().filter(|label| !label.trim().is_empty()).unwrap_or(name)).to_string();
        let member = |key: &str, placeholder: &str| {
            let text = table.get(key).and_then(Item::as_str).unwrap_or(placeholder);
            format!("{key} = {}", Value::from(text))
        };
        let line = self.line(key, item);
        self.error(
            line,
            format!(
                "\"label\" is not known any more, sessions are told apart by their names; for this sign-in write [session.{name}] \
                 with {} and {}",
                member("start_url", "https://example.awsapps.com/start"),
                member("region", "eu-west-1")
            ),
        );
    }

    /// A string that says something: an empty one is as wrong as a number.
    fn string(&mut self, key: &Key, item: &Item) -> Option<String> {
        let value = item.as_str().filter(|value| !value.trim().is_empty());
        if value.is_none() {
            self.wrong(key, item, "a string in quotes that is not empty");
        }
        value.map(str::to_owned)
    }

    fn strings(&mut self, key: &Key, item: &Item) -> Option<Vec<String>> {
        let strings =
            item.as_array().and_then(|array| array.iter().map(|value| value.as_str().map(str::to_owned)).collect());
        if strings.is_none() {
            self.wrong(key, item, "an array of strings, such as [\"sso:account:access\"]");
        }
        strings
    }

    /// Hosts as the URL standard writes them. A port or a pattern would promise what is not compared.
    fn hosts(&mut self, key: &Key, item: &Item) -> Option<Vec<String>> {
        let host = |text: &str| Host::parse(text).ok().filter(|_| !text.contains('*')).map(|host| host.to_string());
        let hosts = item.as_array().and_then(|array| array.iter().map(|value| host(value.as_str()?)).collect());
        if hosts.is_none() {
            self.wrong(key, item, "an array of host names, such as [\"login.example.com\"]");
        }
        hosts
    }

    fn browser(&mut self, key: &Key, item: &Item) -> Option<BrowserCommand> {
        let command = BrowserCommand::configured(item.as_str().unwrap_or_default());
        command.map_err(|wrong| self.wrong(key, item, &wrong.to_string())).ok()
    }

    fn duration(&mut self, key: &Key, item: &Item) -> Option<Duration> {
        let duration = item.as_str().and_then(|text| humantime::parse_duration(text).ok());
        if duration.is_none() {
            self.wrong(key, item, "a duration, such as \"20m\" or \"1h 30m\"");
        }
        duration
    }

    fn aws_config_files(&mut self, key: &Key, item: &Item) -> Vec<String> {
        let is_path = |path: &str| path.starts_with('/') || path.starts_with("~/");
        let paths = item.as_array().map(|array| {
            array.iter().map(|value| value.as_str().filter(|path| is_path(path)).map(str::to_owned)).collect()
        });
        let paths: Option<Option<Vec<String>>> = paths;
        paths.flatten().unwrap_or_else(|| {
            self.wrong(key, item, "a list of paths that begin with / or ~/");
            Vec::new()
        })
    }

    fn quiet_hours(&mut self, key: &Key, item: &Item) -> Option<QuietHours> {
        let hours = item.as_str().unwrap_or_default().parse();
        hours.map_err(|error: NotQuietHours| self.wrong(key, item, &error.to_string())).ok()
    }

    fn word<T: Copy>(&mut self, key: &Key, item: &Item, known: &[(&str, T)]) -> Option<T> {
        let value =
            item.as_str().and_then(|value| known.iter().find(|(word, _)| *word == value)).map(|&(_, value)| value);
        if value.is_none() {
            let words: Vec<String> = known.iter().map(|(word, _)| format!("{word:?}")).collect();
            self.wrong(key, item, &words.join(" or "));
        }
        value
    }

    fn wrong(&mut self, key: &Key, item: &Item, expected: &str) {
        let line = self.line(key, item);
        self.error(line, format!("{} must be {expected}", key.get()));
    }

    fn unknown(&mut self, key: &Key, known: &str) {
        let line = self.lines.at(key.span());
        self.file.problems.push(LineProblem::warning(
            line,
            format!("{:?} is not known here and is left out; known are {known}", key.get()),
        ));
    }

    fn error(&mut self, line: usize, message: impl Into<String>) {
        self.file.problems.push(LineProblem::error(line, message));
    }

    /// Where an entry stands: its key, or where that is shared with other entries (`[session.a]`), the item.
    fn line(&self, key: &Key, item: &Item) -> usize {
        self.lines.at(key.span().or_else(|| item.span()))
    }
}

/// The entries of a table with their keys, which know where they stand.
fn keys_of(table: &dyn TableLike) -> impl Iterator<Item = (&Key, &Item)> {
    table.iter().filter_map(|(name, _)| table.get_key_value(name))
}

/// Where the lines of a text end.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        Self(text.match_indices('\n').map(|(end, _)| end).collect())
    }

    /// The line of the first byte of a span, counted from 1; the first line where there is no span.
    fn at(&self, span: Option<Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start);
        1 + self.0.partition_point(|&end| end < start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Severity;

    #[test]
    fn a_full_file_is_read() {
        let file = OwnFile::parse(
            r#"secret_store = "memory"
notifications = "off"
quiet_hours = "20:00-08:00"

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

[session."two words"]
sdk_cache = "on"
"#,
        );
        assert_eq!(file.problems, []);
        assert_eq!(file.secret_store, SecretStore::Memory);
        assert_eq!(file.notifications, Notifications::Off);
        assert_eq!(file.quiet_hours.map(|hours| hours.to_string()).as_deref(), Some("20:00-08:00"));
        let work = OwnSession {
            name: "work".to_owned(),
            line: 5,
            start_url: Some(Located { value: "https://corp.awsapps.com/start".to_owned(), line: 6 }),
            region: Some(Located { value: "eu-west-1".to_owned(), line: 7 }),
            scopes: Some(Located {
                value: vec!["sso:account:access".to_owned(), "codewhisperer:completions".to_owned()],
                line: 8,
            }),
            oidc_endpoint: Some(Located { value: "http://127.0.0.1:8080".to_owned(), line: 9 }),
            portal_endpoint: Some(Located { value: "http://127.0.0.1:8081".to_owned(), line: 10 }),
            browser: Some(BrowserCommand::configured("firefox -P work {url}").unwrap()),
            verification_hosts: vec!["login.corp.example".to_owned(), "192.0.2.1".to_owned()],
            refresh_before: Some(Duration::from_secs(20 * 60)),
            notify_before: Some(Duration::from_secs(90 * 60)),
            sdk_cache: Some(SdkCache::Off),
            unusable: None,
        };
        let two_words = OwnSession {
            name: "two words".to_owned(),
            line: 17,
            sdk_cache: Some(SdkCache::On),
            ..OwnSession::default()
        };
        assert_eq!(file.sessions, [work, two_words]);
    }

    #[test]
    fn an_unknown_key_is_a_warning_with_its_line_and_changes_nothing_else() {
        let file =
            OwnFile::parse("notifcations = \"off\"\n[session.work]\nregion = \"x\"\nscope = \"y\"\n[sessions.other]\n");
        let found: Vec<(Severity, usize)> =
            file.problems.iter().map(|problem| (problem.severity, problem.line)).collect();
        assert_eq!(found, [(Severity::Warning, 1), (Severity::Warning, 4), (Severity::Warning, 5)]);
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
        ] {
            let file = OwnFile::parse(&format!("[session.bad]\n# comment\n{entry}\n[session.good]\nregion = \"x\"\n"));
            assert_eq!(file.problems.len(), 1, "{entry}");
            assert_eq!(file.problems[0].severity, Severity::Error, "{entry}");
            assert_eq!(file.problems[0].line, 3, "{entry}");
            assert_eq!(file.sessions[0].unusable.is_some(), unusable, "{entry}");
            assert!(file.sessions[1].region.is_some(), "{entry}");
            assert!(file.sessions[1].unusable.is_none(), "{entry}");
        }
    }

    #[test]
    fn an_unknown_word_is_an_error_that_lists_the_known_ones() {
        let file = OwnFile::parse("secret_store = \"cloud\"\nnotifications = true\n");
        assert_eq!(file.secret_store, SecretStore::Auto);
        assert_eq!(file.notifications, Notifications::On);
        assert_eq!(
            file.problems,
            [
                LineProblem::error(1, "secret_store must be \"auto\" or \"keyring\" or \"file\" or \"memory\""),
                LineProblem::error(2, "notifications must be \"on\" or \"off\""),
            ]
        );
    }

    #[test]
    fn quiet_hours_that_are_none_are_an_error_with_their_line_and_leave_the_rest() {
        for wrong in ["\"20-8\"", "\"20:00-20:00\"", "20", "true"] {
            let file = OwnFile::parse(&format!("notifications = \"off\"\nquiet_hours = {wrong}\n"));
            assert_eq!((file.quiet_hours, file.notifications), (None, Notifications::Off));
            let message = "quiet_hours must be two different times of the day, such as \"20:00-08:00\"";
            assert_eq!(file.problems, [LineProblem::error(2, message)], "{wrong}");
        }
    }

    #[test]
    fn every_store_can_be_named() {
        for (word, store) in [
            ("auto", SecretStore::Auto),
            ("keyring", SecretStore::Keyring),
            ("file", SecretStore::File),
            ("memory", SecretStore::Memory),
        ] {
            let file = OwnFile::parse(&format!("secret_store = \"{word}\"\n"));
            assert_eq!((file.secret_store, file.problems), (store, vec![]));
        }
    }

    #[test]
    fn a_syntax_error_is_one_problem_with_its_line_and_nothing_is_used() {
        let file =
            OwnFile::parse("secret_store = \"memory\"\n[session.work]\nstart_url = \"https://corp\nregion = 1\n");
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].line, 3);
        assert_eq!(file.problems[0].severity, Severity::Error);
        assert!(!file.problems[0].message.contains('\n'));
        assert_eq!(file.sessions, []);
        assert_eq!(file.secret_store, SecretStore::Auto);
    }

    #[test]
    fn dotted_and_inline_tables_are_sessions_too() {
        let file = OwnFile::parse("session.a.region = \"x\"\n[session]\n");
        assert_eq!(file.problems.len(), 1);
        let file = OwnFile::parse("session.a.region = \"x\"\nsession.b = { region = \"y\" }\n");
        assert_eq!(file.problems, []);
        let names: Vec<(&str, usize)> =
            file.sessions.iter().map(|session| (session.name.as_str(), session.line)).collect();
        assert_eq!(names, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn something_else_in_place_of_a_session_is_an_error() {
        let file = OwnFile::parse("[session]\nwork = \"https://corp\"\n\"\" = {}\n");
        let lines: Vec<usize> = file.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [2, 3]);
        assert_eq!(OwnFile::parse("session = 1\n").problems.len(), 1);
    }
}
