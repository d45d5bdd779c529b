//! The route table: one place that both sides build their requests and answers from.
//!
//! `{name}` is a session's name and `{id}` an account's id, percent-encoded UTF-8 (RFC 3986). The parameters behind `?` are
//! those of [`Query`], and all of them may be left out.
//!
//! `SELECTOR` is one of `session=`, `profile=`, `start_url=`, or nothing for the only session. `account=` and `role=` may be
//! left out where `profile=` names a profile with `sso_account_id` and `sso_role_name`, and count before those. Where nothing
//! at all is named, `credentials` and `assignment` mean the profile `default`, if that one leads to a session.
//! `FILES` stands for `config=` and `credentials=`, the AWS files that the caller means.

mod query;

use std::fmt;

use crate::percent;

pub use query::{BadQuery, Query, Selector};

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

/// What can be asked for, and the answer.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Route {
    /// `GET /v1/health`: [`DaemonStatus`](crate::DaemonStatus)
    Health,
    /// `GET /v1/openapi.json`: this API as an OpenAPI 3.1 document, [`openapi::DOCUMENT`](crate::openapi::DOCUMENT)
    OpenApi,
    /// `GET /v1/sessions?FILES`: [`StatusReport`](crate::StatusReport)
    Sessions,
    /// `POST /v1/sessions` with [`NewSession`](crate::NewSession): the saved (or already known)
    /// [`SessionStatus`](crate::SessionStatus)
    AddSession,
    /// `GET /v1/session?SELECTOR&FILES`: the one [`SessionStatus`](crate::SessionStatus) that the selector means
    Resolve,
    /// `GET /v1/sessions/{name}?FILES`: [`SessionStatus`](crate::SessionStatus)
    Session(String),
    /// `GET /v1/token?SELECTOR&min_valid=&wait=&FILES`: [`Token`](crate::Token)
    Token,
    /// `GET /v1/sessions/{name}/token?min_valid=&wait=&FILES`: [`Token`](crate::Token)
    SessionToken(String),
    /// `POST /v1/sessions/{name}/login?if_needed=&min_valid=&fresh=&FILES`: [`Login`](crate::Login)
    StartLogin(String),
    /// `GET /v1/sessions/{name}/login?flow=&wait=&FILES`: [`Login`](crate::Login), once the flow is over or `wait` has passed
    AwaitLogin(String),
    /// `DELETE /v1/sessions/{name}/login?FILES`: [`SessionStatus`](crate::SessionStatus)
    CancelLogin(String),
    /// `POST /v1/sessions/{name}/logout?forget=&FILES`: [`Logout`](crate::body::Logout)
    Logout(String),
    /// `POST /v1/logout?forget=`: [`LogoutAll`](crate::body::LogoutAll)
    LogoutAll,
    /// `POST /v1/import?FILES`: [`Import`](crate::import::Import)
    Import,
    /// `GET /v1/credentials?SELECTOR&account=&role=&min_valid=&wait=&FILES`: [`RoleCredentials`](crate::RoleCredentials)
    Credentials,
    /// `GET /v1/sessions/{name}/credentials?account=&role=&min_valid=&wait=&FILES`:
    /// [`RoleCredentials`](crate::RoleCredentials)
    SessionCredentials(String),
    /// `GET /v1/assignment?SELECTOR&account=&role=&FILES`: [`Assignment`](crate::Assignment)
    Assignment,
    /// `GET /v1/sessions/{name}/accounts?wait=&FILES`: [`Accounts`](crate::Accounts)
    Accounts(String),
    /// `GET /v1/sessions/{name}/accounts/{id}/roles?wait=&FILES`: [`Roles`](crate::Roles)
    Roles {
        /// The session's name.
        session: String,
        /// The account's id.
        account: String,
    },
}

/// Why a request has no route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoRoute {
    /// Nothing is at this path.
    NotFound,
    /// The path exists, for these methods.
    MethodNotAllowed(Vec<Method>),
    /// A name in the path is not percent-encoded UTF-8.
    BadEncoding,
}

impl Route {
    /// The method of this route.
    pub const fn method(&self) -> Method {
        match self {
            Self::AddSession | Self::StartLogin(_) | Self::Logout(_) | Self::LogoutAll | Self::Import => Method::Post,
            Self::CancelLogin(_) => Method::Delete,
            _ => Method::Get,
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
            Self::LogoutAll => "/v1/logout".to_owned(),
            Self::Import => "/v1/import".to_owned(),
            Self::Credentials => "/v1/credentials".to_owned(),
            Self::Assignment => "/v1/assignment".to_owned(),
            Self::Session(name) => of(name, ""),
            Self::SessionToken(name) => of(name, "/token"),
            Self::StartLogin(name) | Self::AwaitLogin(name) | Self::CancelLogin(name) => of(name, "/login"),
            Self::Logout(name) => of(name, "/logout"),
            Self::SessionCredentials(name) => of(name, "/credentials"),
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
        let mut routes = match segments.as_slice() {
            ["health"] => vec![Self::Health],
            ["openapi.json"] => vec![Self::OpenApi],
            ["sessions"] => vec![Self::Sessions, Self::AddSession],
            ["session"] => vec![Self::Resolve],
            ["token"] => vec![Self::Token],
            ["logout"] => vec![Self::LogoutAll],
            ["import"] => vec![Self::Import],
            ["credentials"] => vec![Self::Credentials],
            ["assignment"] => vec![Self::Assignment],
            ["sessions", of] => vec![Self::Session(name(of)?)],
            ["sessions", of, "token"] => vec![Self::SessionToken(name(of)?)],
            ["sessions", of, "login"] => {
                let name = name(of)?;
                vec![Self::AwaitLogin(name.clone()), Self::StartLogin(name.clone()), Self::CancelLogin(name)]
            }
            ["sessions", of, "logout"] => vec![Self::Logout(name(of)?)],
            ["sessions", of, "credentials"] => vec![Self::SessionCredentials(name(of)?)],
            ["sessions", of, "accounts"] => vec![Self::Accounts(name(of)?)],
            ["sessions", of, "accounts", id, "roles"] => vec![Self::Roles { session: name(of)?, account: name(id)? }],
            _ => return Err(NoRoute::NotFound),
        };
        match routes.iter().position(|route| route.method().as_str() == method) {
            Some(index) => Ok(routes.swap_remove(index)),
            None => Err(NoRoute::MethodNotAllowed(routes.iter().map(Self::method).collect())),
        }
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
            Route::LogoutAll,
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
                "POST /v1/logout",
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
            ("PUT", "/v1/sessions", vec![Method::Get, Method::Post]),
            ("PUT", "/v1/sessions/corp/login", vec![Method::Get, Method::Post, Method::Delete]),
            ("POST", "/v1/token", vec![Method::Get]),
            ("GET", "/v1/sessions/corp/logout", vec![Method::Post]),
            ("get", "/v1/health", vec![Method::Get]),
            ("POST", "/v1/sessions/corp/accounts/111122223333/roles", vec![Method::Get]),
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
}
