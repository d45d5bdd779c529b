//! Errors: their JSON, their stable codes, and the exit codes of the client.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::body::PendingLogin;
use crate::timestamp::Timestamp;

/// The exit codes of `ssoctl`, a contract for scripts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ExitCode {
    /// It worked.
    Success = 0,
    /// A problem without its own exit code.
    Other = 1,
    /// The command line is wrong, or leaves open which session or role is meant.
    Usage = 2,
    /// A person has to sign in.
    SignInRequired = 3,
    /// The daemon cannot be reached.
    DaemonUnreachable = 4,
    /// No person signed in within the time given by `--wait`.
    WaitTimeout = 5,
    /// There is no such session.
    UnknownSession = 6,
    /// The service or the person refused, the person does not have the role, or the service gives nothing that lives that
    /// long.
    Refused = 7,
    /// `exec` has not started its command, for any of the reasons above. As with `env` and `docker run`, the three codes of
    /// `exec` are ones that commands seldom use.
    CommandNotStarted = 125,
    /// `exec` has found its command and cannot execute it.
    CommandNotExecutable = 126,
    /// `exec` has not found its command.
    CommandNotFound = 127,
    /// The person was asked on the terminal and has picked nothing: as after Ctrl-C.
    Interrupted = 130,
}

macro_rules! error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $status:literal, $exit:ident;)+) => {
        /// The stable `code` of a [`Problem`].
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $variant,)+
            /// A code that this version does not know.
            Other(String),
        }

        impl ErrorCode {
            /// Every code that this version knows.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $code,)+
                    Self::Other(code) => code,
                }
            }

            /// The HTTP status that it is sent with.
            pub const fn status(&self) -> u16 {
                match self {
                    $(Self::$variant => $status,)+
                    Self::Other(_) => 500,
                }
            }

            /// The exit code of a client that fails with it.
            pub const fn exit_code(&self) -> ExitCode {
                match self {
                    $(Self::$variant => ExitCode::$exit,)+
                    Self::Other(_) => ExitCode::Other,
                }
            }
        }

        impl From<String> for ErrorCode {
            fn from(code: String) -> Self {
                match code.as_str() {
                    $($code => Self::$variant,)+
                    _ => Self::Other(code),
                }
            }
        }
    };
}

error_codes! {
    /// There is no token, and none can be obtained without a person. `login` holds the flow that waits for one, if any.
    SignInRequired = "sign_in_required", 401, SignInRequired;
    /// No person signed in while the caller waited, or the code expired.
    WaitTimeout = "wait_timeout", 504, WaitTimeout;
    /// The service gives no token, or no role credentials, that live as long as `min_valid`. `expires_at` is the best there
    /// is.
    ValidityUnattainable = "validity_unattainable", 409, Refused;
    /// No session has this name, profile or start URL. `sessions` lists the names there are.
    UnknownSession = "unknown_session", 404, UnknownSession;
    /// Several sessions match. `sessions` lists their names.
    AmbiguousSession = "ambiguous_session", 409, Usage;
    /// A session of that name, but with another start URL, region or scopes, exists already.
    SessionExists = "session_exists", 409, Usage;
    /// The person does not have this role in this account. Said twice in a row, it is remembered for a minute, or
    /// until the next sign-in.
    NotAssigned = "not_assigned", 403, Refused;
    /// Neither the request nor the profile says which role in which account is meant.
    AssignmentUnnamed = "assignment_unnamed", 409, Usage;
    /// The person denied the sign-in.
    AccessDenied = "access_denied", 403, Refused;
    /// The sign-in was cancelled by `DELETE …/login`, `logout`, or the end of the daemon.
    LoginCancelled = "login_cancelled", 409, Refused;
    /// The flow that is awaited is not known: it ended long ago, or the daemon was restarted since.
    UnknownFlow = "unknown_flow", 404, Other;
    /// This is the socket of a grant, and the grant does not include what was asked for, or has ended.
    NotGranted = "not_granted", 403, Refused;
    /// The grant needs a confirmation on the desktop each time, and there was none: the person said no or did not answer, the screen is
    /// locked, or there is no desktop.
    NotConfirmed = "not_confirmed", 403, Refused;
    /// There is no grant of this name.
    UnknownGrant = "unknown_grant", 404, UnknownSession;
    /// There is a grant of this name already.
    GrantExists = "grant_exists", 409, Usage;
    /// The grant cannot be saved, or its socket cannot be made.
    GrantUnusable = "grant_unusable", 500, Other;
    /// The service refused the request. Trying again does not help until something is changed.
    ServiceRefused = "service_refused", 502, Refused;
    /// The service cannot be reached or does not give a usable answer. Trying again may help.
    ServiceUnavailable = "service_unavailable", 503, Other;
    /// The store has not answered yet, so it is unknown whether there is a token.
    StoreUnavailable = "store_unavailable", 503, Other;
    /// The configuration of this session allows no request to the service.
    InvalidConfiguration = "invalid_configuration", 500, Other;
    /// The configuration file cannot be changed.
    ConfigurationUnwritable = "configuration_unwritable", 500, Other;
    /// The AWS file that `config` or `credentials` names cannot be used; no other file is used instead.
    AwsConfigUnusable = "aws_config_unusable", 409, Other;
    /// The request is malformed.
    InvalidRequest = "invalid_request", 400, Usage;
    /// The request comes from a web page (its `Host`, `Origin` or `Sec-Fetch-Site` says so), or from another user.
    Forbidden = "forbidden", 403, Other;
    /// There is nothing at this path.
    NotFound = "not_found", 404, Other;
    /// The path does not take this method; `Allow` lists those it takes.
    MethodNotAllowed = "method_not_allowed", 405, Other;
    /// The request's body is larger than any that the API takes.
    BodyTooLarge = "body_too_large", 413, Other;
    /// The daemon serves as many connections as it can at once.
    TooManyConnections = "too_many_connections", 503, Other;
    /// Calls of this kind, or sign-ins to this session, are too frequent.
    TooManyRequests = "too_many_requests", 429, Other;
    /// The body of the request did not arrive in time.
    RequestTimeout = "request_timeout", 408, Other;
    /// The daemon is stopping; the request can be repeated once it runs again.
    ShuttingDown = "shutting_down", 503, Other;
    /// A fault of the daemon.
    Internal = "internal", 500, Other;
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<ErrorCode> for String {
    fn from(code: ErrorCode) -> Self {
        code.to_string()
    }
}

/// The body of every error: problem details (RFC 9457). There is no `type` member, which means `about:blank`; the kind of problem
/// is [`code`](Self::code).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: ErrorCode,
    /// The problem, for a person: a fragment that fits after `ssoctl: `.
    pub detail: String,
    /// The name of the session that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The names to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<String>,
    /// The flow that waits for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<PendingLogin>,
    /// The expiry of the best token, or of the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Problem {
    /// A problem with nothing but its code and its text.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let (status, detail) = (code.status(), detail.into());
        Self { status, code, detail, session: None, sessions: Vec::new(), login: None, expires_at: None }
    }

    /// Sets the session that it is about.
    #[must_use]
    pub fn of_session(self, name: &str) -> Self {
        Self { session: Some(name.to_owned()), ..self }
    }

    /// Sets the names to choose from.
    #[must_use]
    pub fn with_choices(self, sessions: Vec<String>) -> Self {
        Self { sessions, ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
