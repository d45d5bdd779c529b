//! The query parameters of a request. Values are percent-encoded UTF-8 (RFC 3986), in which `+` stands for itself.
//! Durations are whole seconds.

use super::Row;
use crate::grant::WantedRole;
use crate::{LoginKind, Topic, percent};

/// The request's way to select a session. The daemon resolves it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Selector {
    /// The only session there is.
    #[default]
    Only,
    /// `session=`: a session's name or one of its aliases.
    Session(String),
    /// `profile=`: a profile of the AWS configuration that leads to a session.
    Profile(String),
    /// `start_url=`: compared without a trailing `/`, `#` or `#/`.
    StartUrl(String),
}

/// The parameters of a request. A route has those that its row names; others are ignored. None may be given twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// `session=`, `profile=` or `start_url=`.
    pub selector: Selector,
    /// `config=`: the absolute path of the AWS configuration file in which names are looked up; where absent, the daemon's
    /// default one and its own configuration.
    pub config: Option<String>,
    /// `credentials=`: the same for the AWS credentials file.
    pub credentials: Option<String>,
    /// `account=`: the id of the account whose role is meant; where absent, the profile's.
    pub account: Option<String>,
    /// `role=`: the name of the role that is meant; where absent, the profile's.
    pub role: Option<String>,
    /// `format=credential_process`: credentials in the form that AWS SDKs expect of a `credential_process`.
    pub for_credential_process: bool,
    /// `since=`: seconds; of the audit, what is older is left out; everything is listed where absent.
    pub since: u64,
    /// `grant=`: of the audit, the records of this grant alone.
    pub grant: Option<String>,
    /// `min_valid=`: seconds that the token or the credentials must still live; 0 where absent: any that have not expired. For
    /// `login` it counts together with `if_needed`.
    pub min_valid: u64,
    /// `wait=`: seconds that the caller is willing to wait for a person; 0 where absent.
    pub wait: u64,
    /// `if_needed=true`: `login` asks the person only if there is no token that lives for `min_valid`, and none can be had silently.
    pub if_needed: bool,
    /// `fresh=true`: `login` ends the session at the portal first, so that the new one gets its whole length.
    pub fresh: bool,
    /// `kind=`: the way in which the person signs in, `browser` or `device`; absent: as the configuration says.
    pub kind: Option<LoginKind>,
    /// `at_this_browser=true`: the caller can open pages in a browser on the daemon's machine, where the person sits.
    pub at_this_browser: bool,
    /// `callback_port=`: the port of the daemon's machine to which the browser comes back; the system chooses one where absent.
    pub callback_port: Option<u16>,
    /// `forget=true`: `logout` drops the registration, too.
    pub forget: bool,
    /// `kind=` of events: the topics that are wanted, with commas between them; all of them where absent.
    pub topics: Vec<Topic>,
    /// `heartbeat=`: seconds after which events that bring nothing new say so; never where absent.
    pub heartbeat: Option<u64>,
    /// `flow=`: the [`PendingLogin::flow`](crate::PendingLogin) whose end is awaited.
    pub flow: Option<u64>,
}

impl Query {
    /// The query about this role, and otherwise as it was. A profile counts before a session.
    #[must_use]
    pub fn of_role(self, role: WantedRole) -> Self {
        let WantedRole { profile, session, account, role } = role;
        let selector = profile.map(Selector::Profile).or(session.map(Selector::Session)).unwrap_or_default();
        Self { selector, account, role, ..self }
    }

    /// The role that it is about. A role has no start URL, so that is left out.
    pub fn into_role(self) -> WantedRole {
        let (profile, session) = match self.selector {
            Selector::Profile(profile) => (Some(profile), None),
            Selector::Session(session) => (None, Some(session)),
            Selector::Only | Selector::StartUrl(_) => (None, None),
        };
        WantedRole { profile, session, account: self.account, role: self.role }
    }

    /// Reads the text after `?`. Parameters that the row does not have are ignored.
    ///
    /// # Errors
    /// A parameter is malformed or given twice, or two selectors are given. The text says which.
    pub(super) fn parse(text: &str, row: &Row) -> Result<Self, String> {
        let mut query = Self::default();
        let mut seen = Vec::new();
        for pair in text.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !row.takes(key) {
                continue;
            }
            let value = percent::decode(value).ok_or_else(|| format!("{key} is not percent-encoded UTF-8"))?;
            let seconds = |value: String| value.parse().map_err(|_| format!("{key} takes a whole number of seconds"));
            let switch = |value: String| match value.as_str() {
                "true" | "" => Ok(true),
                "false" => Ok(false),
                _ => Err(format!("{key} takes true or false")),
            };
            match key {
                "session" => query.select(Selector::Session(value))?,
                "profile" => query.select(Selector::Profile(value))?,
                "start_url" => query.select(Selector::StartUrl(value))?,
                "config" => query.config = Some(absolute(key, value)?),
                "credentials" => query.credentials = Some(absolute(key, value)?),
                "account" => query.account = Some(value),
                "role" => query.role = Some(value),
                "format" if value == "credential_process" => query.for_credential_process = true,
                "format" => return Err("format takes credential_process".to_owned()),
                "since" => query.since = seconds(value)?,
                "grant" => query.grant = Some(value),
                "min_valid" => query.min_valid = seconds(value)?,
                "wait" => query.wait = seconds(value)?,
                "flow" => query.flow = Some(value.parse().map_err(|_| "flow takes the number of a flow".to_owned())?),
                "kind" if row.parameters.contains(&"topics") => query.topics = topics(&value)?,
                "heartbeat" => {
                    let seconds = Some(value).and_then(|value| value.parse().ok()).filter(|seconds| *seconds > 0);
                    query.heartbeat = Some(seconds.ok_or("heartbeat takes a whole number of seconds, 1 at least")?);
                }
                "kind" => {
                    query.kind = Some(match value.as_str() {
                        "browser" => LoginKind::Browser,
                        "device" => LoginKind::Device,
                        _ => return Err("kind takes browser or device".to_owned()),
                    });
                }
                "at_this_browser" => query.at_this_browser = switch(value)?,
                "callback_port" => query.callback_port = Some(port(&value)?),
                "if_needed" => query.if_needed = switch(value)?,
                "fresh" => query.fresh = switch(value)?,
                "forget" => query.forget = switch(value)?,
                _ => {}
            }
            if seen.contains(&key) {
                return Err(format!("{key} is given twice"));
            }
            seen.push(key);
        }
        Ok(query)
    }

    fn select(&mut self, selector: Selector) -> Result<(), String> {
        if self.selector != Selector::Only {
            return Err("only one of session, profile and start_url can be given".to_owned());
        }
        self.selector = selector;
        Ok(())
    }

    /// The text of those parameters that the row has and that are not at their defaults, with a `?` before it if there are any.
    pub(super) fn written(&self, row: &Row) -> String {
        let (selector, selected) = match &self.selector {
            Selector::Only => ("", None),
            Selector::Session(name) => ("session", Some(name.clone())),
            Selector::Profile(name) => ("profile", Some(name.clone())),
            Selector::StartUrl(url) => ("start_url", Some(url.clone())),
        };
        let seconds = |seconds: u64| (seconds > 0).then(|| seconds.to_string());
        let switch = |is_on: bool| is_on.then(|| "true".to_owned());
        let parameters = [
            (selector, selected),
            ("config", self.config.clone()),
            ("credentials", self.credentials.clone()),
            ("account", self.account.clone()),
            ("role", self.role.clone()),
            ("format", self.for_credential_process.then(|| "credential_process".to_owned())),
            ("since", seconds(self.since)),
            ("grant", self.grant.clone()),
            ("min_valid", seconds(self.min_valid)),
            ("wait", seconds(self.wait)),
            ("if_needed", switch(self.if_needed)),
            ("fresh", switch(self.fresh)),
            ("kind", self.kind.map(|kind| if kind == LoginKind::Browser { "browser" } else { "device" }.to_owned())),
            ("at_this_browser", switch(self.at_this_browser)),
            ("callback_port", self.callback_port.map(|port| port.to_string())),
            ("forget", switch(self.forget)),
            (
                "kind",
                Some(self.topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>().join(","))
                    .filter(|topics| !topics.is_empty()),
            ),
            ("heartbeat", self.heartbeat.map(|seconds| seconds.to_string())),
            ("flow", self.flow.map(|flow| flow.to_string())),
        ];
        let given = parameters
            .into_iter()
            .filter(|(key, _)| row.takes(key))
            .filter_map(|(key, value)| Some(format!("{key}={}", percent::encode(&value?))));
        let pairs: Vec<String> = given.collect();
        if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
    }
}

fn topics(text: &str) -> Result<Vec<Topic>, String> {
    let topic = |name: &str| Topic::ALL.into_iter().find(|topic| topic.as_str() == name);
    let topics: Option<Vec<Topic>> = text.split(',').map(topic).collect();
    topics.ok_or_else(|| "kind takes daemon, session and grant, with commas between them".to_owned())
}

fn port(text: &str) -> Result<u16, String> {
    let port = text.parse().ok().filter(|port| *port > 0);
    port.ok_or_else(|| "callback_port takes a number from 1 to 65535".to_owned())
}

/// Relative paths mean nothing to the daemon, which has another working directory than the caller.
fn absolute(key: &str, path: String) -> Result<String, String> {
    if path.starts_with('/') && !path.contains('\0') { Ok(path) } else { Err(format!("{key} takes an absolute path")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row that has every parameter.
    const EVERY: &Row = &Row {
        method: "GET",
        paths: &["/"],
        parameters: &[
            "selector",
            "files",
            "account",
            "role",
            "format",
            "since",
            "grant",
            "min_valid",
            "wait",
            "if_needed",
            "fresh",
            "kind",
            "at_this_browser",
            "callback_port",
            "forget",
            "flow",
        ],
        body: None,
        answer: "Answer",
        route: |_| crate::Route::Health,
    };

    /// A row in which `kind` means topics.
    const EVENTS: &Row = &Row { parameters: &["selector", "topics", "heartbeat"], ..*EVERY };

    #[test]
    fn topics_of_events_are_listed_with_commas() {
        for (text, topics, heartbeat) in [
            ("", vec![], None),
            ("kind=session", vec![Topic::Session], None),
            ("kind=daemon%2Cgrant&heartbeat=60", vec![Topic::Daemon, Topic::Grant], Some(60)),
        ] {
            let query = Query { topics, heartbeat, ..Query::default() };
            assert_eq!(query.written(EVENTS).trim_start_matches('?'), text);
            assert_eq!(Query::parse(text, EVENTS), Ok(query));
        }
        for text in ["kind=", "kind=weather", "kind=session,", "kind=session, daemon"] {
            let complaint = "kind takes daemon, session and grant, with commas between them";
            assert_eq!(Query::parse(text, EVENTS), Err(complaint.to_owned()), "{text}");
        }
        for text in ["heartbeat=0", "heartbeat=", "heartbeat=-1", "heartbeat=soon"] {
            let complaint = "heartbeat takes a whole number of seconds, 1 at least";
            assert_eq!(Query::parse(text, EVENTS), Err(complaint.to_owned()), "{text}");
        }
    }

    fn parse(text: &str) -> Result<Query, String> {
        Query::parse(text, EVERY)
    }

    #[test]
    fn a_query_survives_the_round_trip() {
        for query in [
            Query::default(),
            Query { selector: Selector::Session("my corp&x".into()), min_valid: 300, wait: 60, ..Query::default() },
            Query { selector: Selector::StartUrl("https://corp.awsapps.com/start#/".into()), ..Query::default() },
            Query { fresh: true, ..Query::default() },
            Query { forget: true, ..Query::default() },
            Query { for_credential_process: true, ..Query::default() },
            Query { since: 3600, grant: Some("ci".into()), ..Query::default() },
            Query { kind: Some(LoginKind::Browser), callback_port: Some(8400), ..Query::default() },
            Query { kind: Some(LoginKind::Device), at_this_browser: true, ..Query::default() },
            Query {
                selector: Selector::Profile("dev".into()),
                config: Some("/home/ada/client a&b/config=1".into()),
                credentials: Some("/home/ada/keys".into()),
                ..Query::default()
            },
            Query {
                account: Some("111122223333".into()),
                role: Some("Power User+=,.@-".into()),
                min_valid: 900,
                ..Query::default()
            },
            Query { selector: Selector::Profile("a+b".into()), if_needed: true, flow: Some(7), ..Query::default() },
        ] {
            let text = query.written(EVERY);
            assert_eq!(parse(text.strip_prefix('?').unwrap_or(&text)), Ok(query));
        }
    }

    #[test]
    fn a_role_survives_being_a_query() {
        let own = |text: &str| Some(text.to_owned());
        for role in [
            WantedRole::default(),
            WantedRole { profile: own("dev"), role: own("Admin"), ..WantedRole::default() },
            WantedRole { session: own("corp"), account: own("111122223333"), role: own("Admin"), profile: None },
        ] {
            let query = Query { wait: 60, ..Query::default() }.of_role(role.clone());
            assert_eq!((query.wait, query.into_role()), (60, role));
        }
        let both = WantedRole { profile: own("dev"), session: own("corp"), ..WantedRole::default() };
        assert_eq!(Query::default().of_role(both).selector, Selector::Profile("dev".into()));
    }

    #[test]
    fn unknown_parameters_are_ignored_and_malformed_ones_are_named() {
        assert_eq!(parse("colour=red&wait=5&x=%zz"), Ok(Query { wait: 5, ..Query::default() }));
        for (text, complaint) in [
            ("wait=soon", "wait takes a whole number of seconds"),
            ("wait=-1", "wait takes a whole number of seconds"),
            ("wait=1&wait=2", "wait is given twice"),
            ("role=a&role=b", "role is given twice"),
            ("session=a&profile=b", "only one of session, profile and start_url can be given"),
            ("session=%zz", "session is not percent-encoded UTF-8"),
            ("if_needed=maybe", "if_needed takes true or false"),
            ("fresh=2", "fresh takes true or false"),
            ("forget=all", "forget takes true or false"),
            ("config=aws/config", "config takes an absolute path"),
            ("config=", "config takes an absolute path"),
            ("config=/a&config=/b", "config is given twice"),
            ("credentials=~/keys", "credentials takes an absolute path"),
            ("credentials=/a%00", "credentials takes an absolute path"),
            ("format=xml", "format takes credential_process"),
            ("kind=phone", "kind takes browser or device"),
            ("callback_port=0", "callback_port takes a number from 1 to 65535"),
            ("callback_port=65536", "callback_port takes a number from 1 to 65535"),
            ("flow=x", "flow takes the number of a flow"),
        ] {
            assert_eq!(parse(text), Err(complaint.to_owned()), "{text}");
        }
    }
}
