//! The routes of the API: one table, from which client and daemon get methods, paths and parameters, and to which the tests hold
//! the OpenAPI document. How a route is added is shown in CONTRIBUTING.md.

mod query;

use std::fmt;

use crate::percent;
use crate::problem::ErrorCode;

pub use query::{Query, Selector};

/// The methods that the API uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Reads. A request for a token may refresh or start a sign-in, but repeating it does no harm.
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

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// The method.
    pub method: Method,
    /// The paths, with `{name}` and `{id}` for percent-encoded UTF-8 (RFC 3986). A second path, which names the session, is
    /// another way to write the first one with `session=`.
    pub paths: &'static [&'static str],
    /// The query parameters, all of them optional. `selector` stands for `session`, `profile` and `start_url`, of which one
    /// may be given, and `files` for `config` and `credentials`.
    pub parameters: &'static [&'static str],
    /// The type of the request's body.
    pub body: Option<&'static str>,
    /// The type of a successful answer.
    pub answer: &'static str,
    /// Makes the route of the texts that stand for the names in its path.
    route: fn(&mut dyn Iterator<Item = String>) -> Route,
}

impl Row {
    /// Whether the route has this query parameter.
    pub fn takes(&self, parameter: &str) -> bool {
        let group = match parameter {
            "session" | "profile" | "start_url" => "selector",
            "config" | "credentials" => "files",
            other => other,
        };
        self.parameters.contains(&group)
    }
}

macro_rules! name_in_path {
    ($name:ident) => {
        String
    };
}

macro_rules! routes {
    ($(
        $(#[doc = $doc:literal])+
        $route:ident $(($($name:ident),+))? = $method:ident $path:literal $(or $named_path:literal)?
            ? $($parameter:ident)* $(, with $body:ident)? => $answer:ident;
    )+) => {
        /// What can be asked for.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Route {
            $(
                $(#[doc = $doc])+
                #[doc = concat!("\n\n`", $path, "` answers with `", stringify!($answer), "`.")]
                $route $(($(name_in_path!($name)),+))?,
            )+
        }

        struct Rows;

        #[expect(non_upper_case_globals, reason = "each has the name of its route")]
        impl Rows {
            $(
                const $route: Row = Row {
                    method: Method::$method,
                    paths: &[$path $(, $named_path)?],
                    parameters: &[$(stringify!($parameter)),*],
                    body: [$(Some(stringify!($body)),)? None][0],
                    answer: stringify!($answer),
                    // A path has as many names as its route.
                    route: |_names| Route::$route $(($({ let $name = _names.next(); $name.unwrap_or_default() }),+))?,
                };
            )+
        }

        impl Route {
            /// The whole table.
            pub const TABLE: &[&Row] = &[$(&Rows::$route),+];

            /// The row of this route.
            pub const fn row(&self) -> &'static Row {
                match self {
                    $(Self::$route { .. } => &Rows::$route,)+
                }
            }

            /// The texts that stand for the names in its path.
            fn names(&self) -> Vec<&str> {
                match self {
                    $(Self::$route $(($($name),+))? => vec![$($($name),+)?],)+
                }
            }
        }
    };
}

routes! {
    /// The daemon.
    Health = Get "/v1/health" ? => DaemonStatus;
    /// This API as an OpenAPI 3.1 document: [`openapi::DOCUMENT`](crate::openapi::DOCUMENT).
    OpenApi = Get "/v1/openapi.json" ? => Document;
    /// The daemon and every session.
    Sessions = Get "/v1/sessions" ? files => StatusReport;
    /// Saves a session in the daemon's configuration file.
    AddSession = Post "/v1/sessions" ?, with NewSession => SessionStatus;
    /// One session.
    Session = Get "/v1/session" or "/v1/sessions/{name}" ? selector files => SessionStatus;
    /// A live access token.
    Token = Get "/v1/token" or "/v1/sessions/{name}/token" ? selector min_valid wait files => Token;
    /// Starts or joins the session's sign-in.
    StartLogin(session) = Post "/v1/sessions/{name}/login" ? if_needed min_valid fresh files => Login;
    /// Waits for the end of a sign-in, or until `wait` has passed.
    AwaitLogin(session) = Get "/v1/sessions/{name}/login" ? flow wait files => Login;
    /// Cancels the pending sign-in.
    CancelLogin(session) = Delete "/v1/sessions/{name}/login" ? files => SessionStatus;
    /// Signs out of a session.
    Logout(session) = Post "/v1/sessions/{name}/logout" ? forget files => Logout;
    /// Signs out of every session, and ends the records that belong to none.
    LogoutAll = Post "/v1/logout" ? forget => LogoutAll;
    /// Takes sign-ins over from the token files of the AWS CLI and SDKs.
    Import = Post "/v1/import" ? files => Import;
    /// Credentials of a role. Parameters count before the profile, and where nothing is named, the profile `default` is meant
    /// if it leads to a session.
    Credentials = Get "/v1/credentials" or "/v1/sessions/{name}/credentials"
        ? selector account role min_valid wait files => RoleCredentials;
    /// Which role in which account is meant, with the rules of [`Credentials`](Self::Credentials).
    Assignment = Get "/v1/assignment" ? selector account role files => Assignment;
    /// The accounts in which the person has a role.
    Accounts(session) = Get "/v1/sessions/{name}/accounts" ? wait files => Accounts;
    /// The roles that the person has in an account.
    Roles(session, account) = Get "/v1/sessions/{name}/accounts/{id}/roles" ? wait files => Roles;
}

/// Why a request never reaches its route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRequest {
    /// The code of the problem.
    pub code: ErrorCode,
    /// What is wrong with it.
    pub detail: String,
    /// The methods that its path takes, if it has another one.
    pub allowed: Vec<Method>,
}

impl BadRequest {
    fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), allowed: Vec::new() }
    }
}

impl Route {
    /// The method of this route.
    pub const fn method(&self) -> Method {
        self.row().method
    }

    /// The target of a request: the path, and those parameters of the query that the route has.
    pub fn target(&self, query: &Query) -> String {
        let mut target = String::with_capacity(64);
        let mut names = self.names().into_iter().peekable();
        for (index, part) in self.row().paths[0].split(['{', '}']).enumerate() {
            let is_name = index % 2 == 1;
            match names.next_if(|_| is_name) {
                Some(name) => target.push_str(&percent::encode(name)),
                None => target.push_str(part),
            }
        }
        query.write(&mut target, self.row());
        target
    }

    /// Finds the route of a request and reads its query, the text after `?`. A session that the path names is the query's selector.
    ///
    /// # Errors
    /// [`BadRequest`] if nothing is at this path, or the path does not take this method, or a name or a parameter is malformed.
    pub fn parse(method: &str, path: &str, query: &str) -> Result<(Self, Query), BadRequest> {
        let mut allowed = Vec::new();
        for row in Self::TABLE {
            for template in row.paths {
                let Some(names) = names_in(template, path) else { continue };
                if row.method.as_str() != method {
                    allowed.push(row.method);
                    continue;
                }
                let names: Option<Vec<String>> = names.into_iter().map(percent::decode).collect();
                let names = names.ok_or_else(|| {
                    BadRequest::new(ErrorCode::InvalidRequest, "a name in the path is not percent-encoded UTF-8")
                })?;
                let mut query = Query::parse(query, row)
                    .map_err(|malformed| BadRequest::new(ErrorCode::InvalidRequest, malformed))?;
                if let Some(session) = names.first() {
                    query.selector = Selector::Session(session.clone());
                }
                return Ok(((row.route)(&mut names.into_iter()), query));
            }
        }
        Err(if allowed.is_empty() {
            BadRequest::new(ErrorCode::NotFound, format!("there is nothing at {path}"))
        } else {
            let detail = format!("{path} does not take {method}");
            BadRequest { allowed, ..BadRequest::new(ErrorCode::MethodNotAllowed, detail) }
        })
    }
}

/// What stands in a path for the names in a template, still encoded; `None` if the path is not of this form.
fn names_in<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut names = Vec::new();
    let mut segments = path.split('/');
    for part in template.split('/') {
        let segment = segments.next()?;
        match part.starts_with('{') {
            true if !segment.is_empty() => names.push(segment),
            false if segment == part => {}
            _ => return None,
        }
    }
    segments.next().is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each route, with names that have to be encoded.
    fn every_route() -> Vec<Route> {
        let names = || ["my corp/ü?", "111122223333"].map(str::to_owned).into_iter();
        Route::TABLE.iter().map(|row| (row.route)(&mut names())).collect()
    }

    #[test]
    fn every_route_is_found_by_its_own_method_and_path() {
        for route in every_route() {
            let target = route.target(&Query::default());
            let selector = match route.names().first() {
                Some(name) => Selector::Session((*name).to_owned()),
                None => Selector::Only,
            };
            let query = Query { selector, ..Query::default() };
            assert_eq!(Route::parse(route.method().as_str(), &target, ""), Ok((route, query)), "{target}");
        }
    }

    #[test]
    fn the_paths_are_those_that_are_documented() {
        let paths: Vec<String> = every_route()
            .iter()
            .map(|route| format!("{} {}", route.method(), route.target(&Query::default())))
            .collect();
        assert_eq!(
            paths,
            [
                "GET /v1/health",
                "GET /v1/openapi.json",
                "GET /v1/sessions",
                "POST /v1/sessions",
                "GET /v1/session",
                "GET /v1/token",
                "POST /v1/sessions/my%20corp%2F%C3%BC%3F/login",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/login",
                "DELETE /v1/sessions/my%20corp%2F%C3%BC%3F/login",
                "POST /v1/sessions/my%20corp%2F%C3%BC%3F/logout",
                "POST /v1/logout",
                "POST /v1/import",
                "GET /v1/credentials",
                "GET /v1/assignment",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/accounts",
                "GET /v1/sessions/my%20corp%2F%C3%BC%3F/accounts/111122223333/roles",
            ]
        );
    }

    #[test]
    fn a_session_can_be_named_in_the_path_or_in_the_query() {
        for (path, route) in [
            ("/v1/sessions/my%20corp%2F%C3%BC%3F", Route::Session),
            ("/v1/sessions/my%20corp%2F%C3%BC%3F/token", Route::Token),
            ("/v1/sessions/my%20corp%2F%C3%BC%3F/credentials", Route::Credentials),
        ] {
            let query = Query { selector: Selector::Session("my corp/ü?".to_owned()), ..Query::default() };
            let target = route.target(&query);
            let (first_path, written) = target.split_once('?').unwrap();
            assert_eq!(Route::parse("GET", first_path, written), Ok((route.clone(), query.clone())));
            assert_eq!(Route::parse("GET", path, ""), Ok((route.clone(), query.clone())));
            assert_eq!(Route::parse("GET", path, "profile=x"), Ok((route, query)), "the path counts");
        }
    }

    #[test]
    fn a_route_has_the_parameters_of_its_row_and_no_others() {
        let query = Query { selector: Selector::Profile("dev".into()), wait: 5, forget: true, ..Query::default() };
        assert_eq!(Route::Health.target(&query), "/v1/health");
        assert_eq!(Route::LogoutAll.target(&query), "/v1/logout?forget=true");
        assert_eq!(Route::Token.target(&query), "/v1/token?profile=dev&wait=5");
        let parsed = Route::parse("POST", "/v1/logout", "forget=true&profile=dev&wait=soon");
        assert_eq!(parsed, Ok((Route::LogoutAll, Query { forget: true, ..Query::default() })));
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        for (method, path, allowed) in [
            ("PUT", "/v1/sessions", vec![Method::Get, Method::Post]),
            ("PUT", "/v1/sessions/corp/login", vec![Method::Post, Method::Get, Method::Delete]),
            ("POST", "/v1/token", vec![Method::Get]),
            ("GET", "/v1/sessions/corp/logout", vec![Method::Post]),
            ("get", "/v1/health", vec![Method::Get]),
            ("POST", "/v1/sessions/corp/accounts/111122223333/roles", vec![Method::Get]),
        ] {
            let bad = Route::parse(method, path, "").expect_err(path);
            assert_eq!((bad.code, bad.allowed), (ErrorCode::MethodNotAllowed, allowed), "{method} {path}");
        }
    }

    #[test]
    fn an_unknown_path_is_not_found() {
        let code = |path| Route::parse("GET", path, "").map_err(|bad| bad.code);
        for path in ["", "/", "/v1", "/v1/", "/v2/health", "/v1/health/", "/v1/sessions/", "/v1/sessions//token"] {
            assert_eq!(code(path), Err(ErrorCode::NotFound), "{path}");
        }
        for path in ["/v1/sessions/corp/accounts/", "/v1/sessions/corp/accounts//roles", "/v1/sessions/corp/accounts/1"]
        {
            assert_eq!(code(path), Err(ErrorCode::NotFound), "{path}");
        }
        assert_eq!(code("/v1/sessions/%ff"), Err(ErrorCode::InvalidRequest));
    }
}
