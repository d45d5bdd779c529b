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
use super::picker::PickerSettings;
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
                    let confirm = self.list(key, item, expected, PickerSettings::pattern);
                    self.file.picker.confirm =
                        confirm.unwrap_or_else(|| PickerSettings::pattern("*").into_iter().collect());
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
#[path = "own_tests.rs"]
mod tests;
