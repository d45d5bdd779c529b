//! The routes of the API in one table, from which client and daemon get methods, paths and parameters. The tests hold the OpenAPI
//! document to it. CONTRIBUTING.md shows how to add a route.

mod query;

use crate::percent;
use crate::problem::ErrorCode;

pub use query::{Query, Selector};

/// A row of the table.
#[derive(Debug)]
pub struct Row {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'static str,
    /// The paths, with `{name}`, `{id}` and `{grant}` for percent-encoded UTF-8 (RFC 3986). The second one, if there is one, names the
    /// session in the path instead of in the query.
    pub paths: &'static [&'static str],
    /// The query parameters, all of them optional. `selector` stands for `session`, `profile` and `start_url`, of which one
    /// may be given, `files` for `config` and `credentials`, and `topics` for `kind` where it means topics of events.
    pub parameters: &'static [&'static str],
    /// The type of the request's body.
    pub body: Option<&'static str>,
    /// The type of a successful answer.
    pub answer: &'static str,
    /// Makes the route of the names in its path.
    route: fn(&mut dyn Iterator<Item = String>) -> Route,
}

impl Row {
    /// Whether the route has this query parameter.
    pub fn takes(&self, parameter: &str) -> bool {
        let group = match parameter {
            "session" | "profile" | "start_url" => "selector",
            "config" | "credentials" => "files",
            "kind" if self.parameters.contains(&"topics") => "topics",
            other => other,
        };
        self.parameters.contains(&group)
    }
}

macro_rules! routes {
    ($(
        $(#[doc = $doc:literal])+
        $route:ident $(($($name:ident: $type:ty),+))? = $method:ident $path:literal $(or $named_path:literal)?
            ? $($parameter:ident)* $(, with $body:ident)? => $answer:ident;
    )+) => {
        /// The route of a request. `session` and `account` are the names in its path.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub enum Route {
            $(
                $(#[doc = $doc])+
                #[doc = concat!("\n\n`", stringify!($method), " ", $path, "` answers with `", stringify!($answer), "`.")]
                $route $(($($type),+))?,
            )+
        }

        struct Rows;

        #[expect(non_upper_case_globals, reason = "each row has the name of its route")]
        impl Rows {
            $(
                const $route: Row = Row {
                    method: stringify!($method),
                    paths: &[$path $(, $named_path)?],
                    parameters: &[$(stringify!($parameter)),*],
                    // The row's body if it has one, else `None`.
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

            /// The schemas of all bodies and answers, and of the types in them.
            #[cfg(test)]
            pub(crate) fn schemas() -> serde_json::Map<String, serde_json::Value> {
                let mut generator = schemars::SchemaGenerator::default();
                $(
                    generator.subschema_for::<types::$answer>();
                    $(generator.subschema_for::<types::$body>();)?
                )+
                generator.take_definitions(false)
            }

            /// Checks the OpenAPI document's example of each body and answer.
            #[cfg(test)]
            pub(crate) fn check_examples() {
                use crate::golden_tests::example_agrees;
                $(
                    example_agrees::<types::$answer>(stringify!($answer));
                    $(example_agrees::<types::$body>(stringify!($body));)?
                )+
            }

            /// The names in its path.
            fn names(&self) -> Vec<&str> {
                match self {
                    $(Self::$route $(($($name),+))? => vec![$($($name),+)?],)+
                }
            }
        }
    };
}

// Each row: Route(names in the path) = METHOD "path" or "path that names the session" ? parameters, with body => answer;
routes! {
    /// The state of the daemon itself.
    Health = GET "/v1/health" ? => DaemonStatus;
    /// This API as an OpenAPI 3.1 document: [`openapi::DOCUMENT`](crate::openapi::DOCUMENT).
    OpenApi = GET "/v1/openapi.json" ? => Document;
    /// The daemon and every session.
    Sessions = GET "/v1/sessions" ? files => StatusReport;
    /// The daemon, every session and every grant, and whatever changes, line by line. It ends with the daemon.
    Events = GET "/v1/events" ? selector topics heartbeat files => Event;
    /// Saves a session in the daemon's configuration file.
    AddSession = POST "/v1/sessions" ?, with NewSession => SessionStatus;
    /// One session.
    Session = GET "/v1/session" or "/v1/sessions/{name}" ? selector files => SessionStatus;
    /// A live access token.
    Token = GET "/v1/token" or "/v1/sessions/{name}/token" ? selector min_valid wait files => Token;
    /// Starts or joins the session's sign-in.
    StartLogin(session: String) = POST "/v1/sessions/{name}/login"
        ? if_needed min_valid fresh kind at_this_browser callback_port files => Login;
    /// Waits for the end of a sign-in, or until `wait` has passed.
    AwaitLogin(session: String) = GET "/v1/sessions/{name}/login" ? flow wait files => Login;
    /// Cancels the pending sign-in.
    CancelLogin(session: String) = DELETE "/v1/sessions/{name}/login" ? files => SessionStatus;
    /// Signs out of a session.
    Logout(session: String) = POST "/v1/sessions/{name}/logout" ? forget files => Logout;
    /// Signs out of every session, and ends the records that belong to none.
    LogoutAll = POST "/v1/logout" ? forget => LogoutAll;
    /// Who got what, when.
    Audit = GET "/v1/audit" ? since grant => Audit;
    /// Every grant.
    Grants = GET "/v1/grants" ? => Grants;
    /// Makes a grant.
    AddGrant = POST "/v1/grants" ? files, with NewGrant => Grant;
    /// Revokes every grant.
    RevokeGrants = DELETE "/v1/grants" ? => Revocation;
    /// Revokes a grant.
    RevokeGrant(grant: String) = DELETE "/v1/grants/{grant}" ? => Revocation;
    /// The grant whose socket this is.
    Grant = GET "/v1/grant" ? => Grant;
    /// What a person can choose from, as far as the daemon knows it. The service is not asked.
    Choices = GET "/v1/choices" ? files => Choices;
    /// Notes that a person has picked this role from the choices.
    NotePick = POST "/v1/choices" ?, with WantedRole => WantedRole;
    /// Takes sign-ins over from the token files of the AWS CLI and SDKs.
    Import = POST "/v1/import" ? files => Import;
    /// Credentials of a role. Parameters count before the profile, and where nothing is named, the profile `default` is meant
    /// if it leads to a session.
    Credentials = GET "/v1/credentials" or "/v1/sessions/{name}/credentials"
        ? selector account role min_valid wait files format => RoleCredentials;
    /// The role and account that a request selects, with the rules of [`Credentials`](Self::Credentials).
    Assignment = GET "/v1/assignment" ? selector account role files => Assignment;
    /// The accounts in which the person has a role.
    Accounts(session: String) = GET "/v1/sessions/{name}/accounts" ? wait files => Accounts;
    /// The roles that the person has in an account.
    Roles(session: String, account: String) = GET "/v1/sessions/{name}/accounts/{id}/roles" ? wait files => Roles;
}

#[cfg(test)]
mod types {
    pub(super) use crate::{audit::*, body::*, choices::*, event::*, grant::*, import::*, role::*};
    pub(super) type Document = serde_json::Value;
}

/// The reason why a request has no route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRequest {
    /// The code of the problem.
    pub code: ErrorCode,
    /// What is wrong with the request, in a sentence.
    pub detail: String,
    /// The methods that its path takes, if it has another one.
    pub allowed: Vec<&'static str>,
}

impl Route {
    /// The target of a request: the path, and those parameters of the query that the route has.
    pub fn target(&self, query: &Query) -> String {
        let mut names = self.names().into_iter();
        let segment = |part: &str| match part.starts_with('{') {
            true => names.next().map(percent::encode).unwrap_or_default(),
            false => part.to_owned(),
        };
        let path: Vec<String> = self.row().paths[0].split('/').map(segment).collect();
        path.join("/") + &query.written(self.row())
    }

    /// Finds the route of a request and reads its query, the text after `?`. A session that the path names is the query's selector.
    ///
    /// # Errors
    /// Nothing is at this path, or the path does not take this method, or a name or a parameter is malformed.
    pub fn parse(method: &str, path: &str, query: &str) -> Result<(Self, Query), BadRequest> {
        let bad = |code, detail| BadRequest { code, detail, allowed: Vec::new() };
        let mut allowed = Vec::new();
        for row in Self::TABLE {
            let found = row.paths.iter().find_map(|template| Some((*template, names_in(template, path)?)));
            let Some((template, names)) = found else { continue };
            if row.method != method {
                allowed.push(row.method);
                continue;
            }
            let names: Option<Vec<String>> = names.into_iter().map(percent::decode).collect();
            let names = names.ok_or_else(|| {
                bad(ErrorCode::InvalidRequest, "a name in the path is not percent-encoded UTF-8".to_owned())
            })?;
            let mut query = Query::parse(query, row).map_err(|why| bad(ErrorCode::InvalidRequest, why))?;
            if let Some(session) = names.first().filter(|_| template.contains("{name}")) {
                query.selector = Selector::Session(session.clone());
            }
            return Ok(((row.route)(&mut names.into_iter()), query));
        }
        if allowed.is_empty() {
            return Err(bad(ErrorCode::NotFound, format!("there is nothing at {path}")));
        }
        Err(BadRequest { allowed, ..bad(ErrorCode::MethodNotAllowed, format!("{path} does not take {method}")) })
    }
}

/// The texts of a path for the names in a template, still encoded; `None` if the path is not of this form.
fn names_in<'a>(template: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let (mut parts, mut segments) = (template.split('/'), path.split('/'));
    let mut names = Vec::new();
    loop {
        match (parts.next(), segments.next()) {
            (None, None) => return Some(names),
            (Some(part), Some(segment)) if part.starts_with('{') && !segment.is_empty() => names.push(segment),
            (Some(part), Some(segment)) if part == segment => {}
            _ => return None,
        }
    }
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
            let names_session = route.row().paths[0].contains("{name}");
            let selector = match route.names().first().filter(|_| names_session) {
                Some(name) => Selector::Session((*name).to_owned()),
                None => Selector::Only,
            };
            let query = Query { selector, ..Query::default() };
            assert_eq!(Route::parse(route.row().method, &target, ""), Ok((route, query)), "{target}");
        }
    }

    #[test]
    fn names_are_encoded_in_the_path() {
        let route = Route::Roles("my corp/ü?".to_owned(), "111122223333".to_owned());
        let target = "/v1/sessions/my%20corp%2F%C3%BC%3F/accounts/111122223333/roles";
        assert_eq!(route.target(&Query::default()), target);
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
            ("PUT", "/v1/sessions", vec!["GET", "POST"]),
            ("PUT", "/v1/sessions/corp/login", vec!["POST", "GET", "DELETE"]),
            ("POST", "/v1/token", vec!["GET"]),
            ("GET", "/v1/sessions/corp/logout", vec!["POST"]),
            ("get", "/v1/health", vec!["GET"]),
            ("POST", "/v1/sessions/corp/accounts/111122223333/roles", vec!["GET"]),
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
