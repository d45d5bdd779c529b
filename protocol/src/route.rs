//! The route table: one place that both sides build their requests and answers from.
//!
//! | route | answer |
//! |---|---|
//! | `GET /v1/health` | [`DaemonStatus`](crate::DaemonStatus) |
//! | `GET /v1/openapi.json` | this API as an OpenAPI 3.1 document, [`openapi::DOCUMENT`](crate::openapi::DOCUMENT) |
//! | `GET /v1/sessions` | [`StatusReport`](crate::StatusReport) |
//! | `POST /v1/sessions` with [`NewSession`](crate::NewSession) | the saved (or already known) [`SessionStatus`](crate::SessionStatus) |
//! | `GET /v1/session?SELECTOR` | the one [`SessionStatus`](crate::SessionStatus) that the selector means |
//! | `GET /v1/sessions/{name}` | [`SessionStatus`](crate::SessionStatus) |
//! | `GET /v1/token?SELECTOR&min_valid=&wait=` | [`Token`](crate::Token) |
//! | `GET /v1/sessions/{name}/token?min_valid=&wait=` | [`Token`](crate::Token) |
//! | `POST /v1/sessions/{name}/login?if_needed=&min_valid=&fresh=` | [`Login`](crate::Login) |
//! | `GET /v1/sessions/{name}/login?flow=&wait=` | [`Login`](crate::Login), once the flow is over or `wait` has passed |
//! | `DELETE /v1/sessions/{name}/login` | [`SessionStatus`](crate::SessionStatus) |
//! | `POST /v1/sessions/{name}/logout` | [`Logout`](crate::body::Logout) |
//! | `POST /v1/import` | [`Import`](crate::import::Import) |
//! | `GET /v1/credentials?SELECTOR&account=&role=&min_valid=&wait=` | [`RoleCredentials`](crate::RoleCredentials) |
//! | `GET /v1/sessions/{name}/credentials?account=&role=&min_valid=&wait=` | [`RoleCredentials`](crate::RoleCredentials) |
//! | `GET /v1/assignment?SELECTOR&account=&role=` | [`Assignment`](crate::Assignment) |
//! | `GET /v1/sessions/{name}/accounts?wait=` | [`Accounts`](crate::Accounts) |
//! | `GET /v1/sessions/{name}/accounts/{id}/roles?wait=` | [`Roles`](crate::Roles) |
//!
//! `SELECTOR` is one of `session=`, `profile=`, `start_url=`, or nothing for the only session. `account=` and `role=` may be
//! left out where `profile=` names a profile with `sso_account_id` and `sso_role_name`, and count before those. Where nothing
//! at all is named, `credentials` and `assignment` mean the profile `default`, if that one leads to a session. `{name}`,
//! `{id}` and query values are percent-encoded UTF-8 (RFC 3986); in queries `+` stands for itself. Durations are whole
//! seconds.

use std::fmt::{self, Write};

use crate::percent;

/// The methods that the API uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Reads; a token request may refresh or start a flow, but asking twice does no harm.
    Get,
    /// Starts something.
    Post,
    /// Ends something.
    Delete,
}

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One row of the route table, with the session's name where the path has one.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Route {
    /// `GET /v1/health`
    Health,
    /// `GET /v1/openapi.json`
    OpenApi,
    /// `GET /v1/sessions`
    Sessions,
    /// `POST /v1/sessions`
    AddSession,
    /// `GET /v1/session`
    Resolve,
    /// `GET /v1/sessions/{name}`
    Session(String),
    /// `GET /v1/token`
    Token,
    /// `GET /v1/sessions/{name}/token`
    SessionToken(String),
    /// `POST /v1/sessions/{name}/login`
    StartLogin(String),
    /// `GET /v1/sessions/{name}/login`
    AwaitLogin(String),
    /// `DELETE /v1/sessions/{name}/login`
    CancelLogin(String),
    /// `POST /v1/sessions/{name}/logout`
    Logout(String),
    /// `POST /v1/import`
    Import,
    /// `GET /v1/credentials`
    Credentials,
    /// `GET /v1/sessions/{name}/credentials`
    SessionCredentials(String),
    /// `GET /v1/assignment`
    Assignment,
    /// `GET /v1/sessions/{name}/accounts`
    Accounts(String),
    /// `GET /v1/sessions/{name}/accounts/{id}/roles`
    Roles {
        /// The session's name.
        session: String,
        /// The account's id.
        account: String,
    },
}

/// Why a request has no route.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoRoute {
    /// Nothing is at this path.
    NotFound,
    /// The path exists, for these methods.
    MethodNotAllowed(&'static [Method]),
    /// A name in the path is not percent-encoded UTF-8.
    BadEncoding,
}

impl Route {
    /// The method of this route.
    pub const fn method(&self) -> Method {
        match self {
            Self::Health
            | Self::OpenApi
            | Self::Sessions
            | Self::Resolve
            | Self::Session(_)
            | Self::Token
            | Self::SessionToken(_)
            | Self::AwaitLogin(_)
            | Self::Credentials
            | Self::SessionCredentials(_)
            | Self::Assignment
            | Self::Accounts(_)
            | Self::Roles { .. } => Method::Get,
            Self::AddSession | Self::StartLogin(_) | Self::Logout(_) | Self::Import => Method::Post,
            Self::CancelLogin(_) => Method::Delete,
        }
    }

    /// The path of this route, encoded.
    pub fn path(&self) -> String {
        let of = |name: &str, rest: &str| format!("/v1/sessions/{}{rest}", percent::encode(name));
        match self {
            Self::Health => "/v1/health".to_owned(),
            Self::OpenApi => "/v1/openapi.json".to_owned(),
            Self::Sessions | Self::AddSession => "/v1/sessions".to_owned(),
            Self::Resolve => "/v1/session".to_owned(),
            Self::Token => "/v1/token".to_owned(),
            Self::Session(name) => of(name, ""),
            Self::SessionToken(name) => of(name, "/token"),
            Self::StartLogin(name) | Self::AwaitLogin(name) | Self::CancelLogin(name) => of(name, "/login"),
            Self::Logout(name) => of(name, "/logout"),
            Self::Import => "/v1/import".to_owned(),
            Self::Credentials => "/v1/credentials".to_owned(),
            Self::SessionCredentials(name) => of(name, "/credentials"),
            Self::Assignment => "/v1/assignment".to_owned(),
            Self::Accounts(name) => of(name, "/accounts"),
            Self::Roles { session, account } => of(session, &format!("/accounts/{}/roles", percent::encode(account))),
        }
    }

    /// Finds the route of a request. `path` is what stands before `?`.
    ///
    /// # Errors
    /// [`NoRoute`] says whether path, method or encoding is at fault.
    pub fn parse(method: &str, path: &str) -> Result<Self, NoRoute> {
        let segments: Vec<&str> = path.strip_prefix("/v1/").ok_or(NoRoute::NotFound)?.split('/').collect();
        let name = |encoded: &str| match percent::decode(encoded) {
            Some(name) if !name.is_empty() => Ok(name),
            Some(_) => Err(NoRoute::NotFound),
            None => Err(NoRoute::BadEncoding),
        };
        let candidates: Vec<Self> = match segments.as_slice() {
            ["health"] => vec![Self::Health],
            ["openapi.json"] => vec![Self::OpenApi],
            ["sessions"] => vec![Self::Sessions, Self::AddSession],
            ["session"] => vec![Self::Resolve],
            ["token"] => vec![Self::Token],
            ["sessions", of] => vec![Self::Session(name(of)?)],
            ["sessions", of, "token"] => vec![Self::SessionToken(name(of)?)],
            ["sessions", of, "login"] => {
                let name = name(of)?;
                vec![Self::StartLogin(name.clone()), Self::AwaitLogin(name.clone()), Self::CancelLogin(name)]
            }
            ["sessions", of, "logout"] => vec![Self::Logout(name(of)?)],
            ["import"] => vec![Self::Import],
            ["credentials"] => vec![Self::Credentials],
            ["sessions", of, "credentials"] => vec![Self::SessionCredentials(name(of)?)],
            ["assignment"] => vec![Self::Assignment],
            ["sessions", of, "accounts"] => vec![Self::Accounts(name(of)?)],
            ["sessions", of, "accounts", id, "roles"] => vec![Self::Roles { session: name(of)?, account: name(id)? }],
            _ => return Err(NoRoute::NotFound),
        };
        let allowed: &'static [Method] = match candidates.as_slice() {
            [Self::Sessions, ..] => &[Method::Get, Method::Post],
            [Self::StartLogin(_), ..] => &[Method::Get, Method::Post, Method::Delete],
            [Self::Logout(_) | Self::Import] => &[Method::Post],
            _ => &[Method::Get],
        };
        candidates.into_iter().find(|route| route.method().as_str() == method).ok_or(NoRoute::MethodNotAllowed(allowed))
    }
}

/// Which session is meant, where the caller may not know its name. The daemon resolves it.
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

/// The parameters of a request's query. Unknown ones are ignored, and none may be given twice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// `session=`, `profile=` or `start_url=`.
    pub selector: Selector,
    /// `account=`: the id of the account whose role is meant; where absent, the profile's.
    pub account: Option<String>,
    /// `role=`: the name of the role that is meant; where absent, the profile's.
    pub role: Option<String>,
    /// `min_valid=`: seconds that the token or the credentials must still live; 0 where absent: any that have not expired. For
    /// `login` it counts together with `if_needed`.
    pub min_valid: u64,
    /// `wait=`: seconds that the caller is willing to wait for a person; 0 where absent.
    pub wait: u64,
    /// `if_needed=true`: `login` asks nobody if there is a token that lives for `min_valid`, or one can be had silently.
    pub if_needed: bool,
    /// `fresh=true`: `login` ends the session at the portal first, so that the new one gets its whole length.
    pub fresh: bool,
    /// `flow=`: the [`PendingLogin::flow`](crate::PendingLogin) whose end is awaited.
    pub flow: Option<u64>,
}

/// Why a query could not be read. The text names the parameter and says what it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadQuery(String);

impl fmt::Display for BadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for BadQuery {}

impl Query {
    /// Reads what stands after `?`; the empty text is an empty query.
    ///
    /// # Errors
    /// [`BadQuery`] for a parameter that is malformed or given twice, and for two selectors.
    pub fn parse(text: &str) -> Result<Self, BadQuery> {
        let mut query = Self::default();
        let mut seen = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value =
                percent::decode(value).ok_or_else(|| BadQuery(format!("{key} is not percent-encoded UTF-8")))?;
            let seconds = |value: &str| {
                value.parse::<u64>().map_err(|_| BadQuery(format!("{key} takes a whole number of seconds")))
            };
            let switch = |value: &str| match value {
                "true" | "" => Ok(true),
                "false" => Ok(false),
                _ => Err(BadQuery(format!("{key} takes true or false"))),
            };
            match key {
                "session" => query.select(Selector::Session(value))?,
                "profile" => query.select(Selector::Profile(value))?,
                "start_url" => query.select(Selector::StartUrl(value))?,
                "account" => query.account = Some(value),
                "role" => query.role = Some(value),
                "min_valid" => query.min_valid = seconds(&value)?,
                "wait" => query.wait = seconds(&value)?,
                "flow" => {
                    query.flow =
                        Some(value.parse().map_err(|_| BadQuery("flow takes the number of a flow".to_owned()))?);
                }
                "if_needed" => query.if_needed = switch(&value)?,
                "fresh" => query.fresh = switch(&value)?,
                _ => continue,
            }
            if seen.contains(&key) {
                return Err(BadQuery(format!("{key} is given twice")));
            }
            seen.push(key);
        }
        Ok(query)
    }

    fn select(&mut self, selector: Selector) -> Result<(), BadQuery> {
        if self.selector != Selector::Only {
            return Err(BadQuery("only one of session, profile and start_url can be given".to_owned()));
        }
        self.selector = selector;
        Ok(())
    }
}

/// Writes the query with its leading `?`, or nothing if every parameter is at its default.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = '?';
        let mut parameter = |key: &str, value: &str| {
            f.write_char(std::mem::replace(&mut separator, '&'))?;
            write!(f, "{key}={}", percent::encode(value))
        };
        match &self.selector {
            Selector::Only => {}
            Selector::Session(name) => parameter("session", name)?,
            Selector::Profile(name) => parameter("profile", name)?,
            Selector::StartUrl(url) => parameter("start_url", url)?,
        }
        if let Some(account) = &self.account {
            parameter("account", account)?;
        }
        if let Some(role) = &self.role {
            parameter("role", role)?;
        }
        if self.min_valid > 0 {
            parameter("min_valid", &self.min_valid.to_string())?;
        }
        if self.wait > 0 {
            parameter("wait", &self.wait.to_string())?;
        }
        if self.if_needed {
            parameter("if_needed", "true")?;
        }
        if self.fresh {
            parameter("fresh", "true")?;
        }
        if let Some(flow) = self.flow {
            parameter("flow", &flow.to_string())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_route() -> Vec<Route> {
        let name = || "my corp/ü?".to_owned();
        vec![
            Route::Health,
            Route::OpenApi,
            Route::Sessions,
            Route::AddSession,
            Route::Resolve,
            Route::Session(name()),
            Route::Token,
            Route::SessionToken(name()),
            Route::StartLogin(name()),
            Route::AwaitLogin(name()),
            Route::CancelLogin(name()),
            Route::Logout(name()),
            Route::Import,
            Route::Credentials,
            Route::SessionCredentials(name()),
            Route::Assignment,
            Route::Accounts(name()),
            Route::Roles { session: name(), account: "111122223333".to_owned() },
        ]
    }

    #[test]
    fn every_route_is_found_by_its_own_method_and_path() {
        for route in every_route() {
            assert_eq!(Route::parse(route.method().as_str(), &route.path()), Ok(route));
        }
    }

    #[test]
    fn the_paths_are_those_that_are_documented() {
        let paths: Vec<String> =
            every_route().iter().map(|route| format!("{} {}", route.method(), route.path())).collect();
        assert_eq!(
            paths,
            [
                "GET /v1/health",
                "GET /v1/openapi.json",
                "GET /v1/sessions",
                "POST /v1/sessions",
                "GET /v1/session",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F",
                "GET /v1/token",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/token",
                "POST /v1/sessions/my%20corp%2F%C3%BC%3F/login",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/login",
                "DELETE /v1/sessions/my%20corp%2F%C3%BC%3F/login",
                "POST /v1/sessions/my%20corp%2F%C3%BC%3F/logout",
                "POST /v1/import",
                "GET /v1/credentials",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/credentials",
                "GET /v1/assignment",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/accounts",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/accounts/111122223333/roles",
            ]
        );
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        for (method, path, allowed) in [
            ("PUT", "/v1/sessions", &[Method::Get, Method::Post][..]),
            ("POST", "/v1/token", &[Method::Get]),
            ("GET", "/v1/sessions/corp/logout", &[Method::Post]),
            ("get", "/v1/health", &[Method::Get]),
            ("POST", "/v1/sessions/corp/accounts/111122223333/roles", &[Method::Get]),
        ] {
            assert_eq!(Route::parse(method, path), Err(NoRoute::MethodNotAllowed(allowed)), "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_path_is_not_found() {
        for path in ["", "/", "/v1", "/v1/", "/v2/health", "/v1/health/", "/v1/sessions/", "/v1/sessions//token"] {
            assert_eq!(Route::parse("GET", path), Err(NoRoute::NotFound), "{path}");
        }
        for path in ["/v1/sessions/corp/accounts/", "/v1/sessions/corp/accounts//roles", "/v1/sessions/corp/accounts/1"]
        {
            assert_eq!(Route::parse("GET", path), Err(NoRoute::NotFound), "{path}");
        }
        assert_eq!(Route::parse("GET", "/v1/sessions/%ff"), Err(NoRoute::BadEncoding));
    }

    #[test]
    fn a_query_survives_the_round_trip() {
        for query in [
            Query::default(),
            Query { selector: Selector::Session("my corp&x".into()), min_valid: 300, wait: 60, ..Query::default() },
            Query { selector: Selector::StartUrl("https://corp.awsapps.com/start#/".into()), ..Query::default() },
            Query { fresh: true, ..Query::default() },
            Query {
                account: Some("111122223333".into()),
                role: Some("Power User+=,.@-".into()),
                min_valid: 900,
                ..Query::default()
            },
            Query { selector: Selector::Profile("a+b".into()), if_needed: true, flow: Some(7), ..Query::default() },
        ] {
            let text = query.to_string();
            assert_eq!(Query::parse(text.strip_prefix('?').unwrap_or(&text)), Ok(query));
        }
    }

    #[test]
    fn unknown_parameters_are_ignored_and_malformed_ones_are_named() {
        assert_eq!(Query::parse("colour=red&wait=5&"), Ok(Query { wait: 5, ..Query::default() }));
        for (text, complaint) in [
            ("wait=soon", "wait takes a whole number of seconds"),
            ("wait=-1", "wait takes a whole number of seconds"),
            ("wait=1&wait=2", "wait is given twice"),
            ("role=a&role=b", "role is given twice"),
            ("session=a&profile=b", "only one of session, profile and start_url can be given"),
            ("session=%zz", "session is not percent-encoded UTF-8"),
            ("if_needed=maybe", "if_needed takes true or false"),
            ("fresh=2", "fresh takes true or false"),
            ("flow=x", "flow takes the number of a flow"),
        ] {
            assert_eq!(Query::parse(text).map_err(|bad| bad.to_string()), Err(complaint.to_owned()), "{text}");
        }
    }
}
