//! The contract of ssoctld's local API.
//!
//! `ssoctld` answers HTTP/1.1 with JSON bodies over a Unix socket; every HTTP client is a client of it:
//!
//! ```text
//! $ curl --unix-socket "$XDG_RUNTIME_DIR/ssoctl/ssoctld.sock" 'http://localhost/v1/sessions/corp/token?min_valid=300'
//! {"access_token":"aoaAAAA…","token_type":"Bearer","expires_at":"2026-11-23T11:16:00Z","session":"corp",…}
//! ```
//!
//! This crate holds the contract of both sides, and the code that both need to read and show it, and what both have to know of AWS
//! (`partition`). It does no I/O. Its only libraries are serde, and humantime for dates.
//!
//! # Compatibility
//!
//! Paths start with `/v1`. Within `/v1` members, enum values, error codes and routes are only added. Both sides ignore
//! members that they do not know, and read unknown states as `Unknown` and unknown error codes as `Other`, so that a
//! client and a daemon of different versions understand each other. Each side sends its version in the
//! [`VERSION_HEADER`]; a difference causes a warning, never an error.

#![warn(missing_docs)]

pub mod audit;
pub mod body;
pub mod choices;
pub mod display;
pub mod event;
#[cfg(test)]
mod golden_tests;
pub mod grant;
pub mod http;
pub mod import;
pub mod openapi;
pub mod partition;
pub mod percent;
pub mod problem;
pub mod remedy;
pub mod role;
pub mod route;
pub mod secret;
pub mod settings;
pub mod shell;
pub mod socket;
pub mod text;
pub mod timestamp;
pub mod verb;

pub use audit::Audit;
pub use body::{
    DaemonStatus, LastError, Login, LoginKind, NewSession, NextStep, PendingLogin, SessionState, SessionStatus,
    StatusReport, StoreStatus, Token,
};
pub use choices::Choices;
pub use event::{Event, EventKind, Topic};
pub use grant::{Grant, Grants, NewGrant};
pub use problem::{ErrorCode, ExitCode, Problem};
pub use role::{Account, Accounts, Assignment, DecidedBy, ProfileKey, Role, RoleCredentials, Roles};
pub use route::{Query, Route, Selector};
pub use secret::Secret;
pub use socket::{SocketOwner, SocketPath};
pub use timestamp::Timestamp;

/// The version of this side, as sent in [`VERSION_HEADER`].
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The header in which client and daemon tell each other their version (`ssoctl-version: 0.1.0`).
pub const VERSION_HEADER: &str = "ssoctl-version";

/// The media type of successful answers.
pub const JSON: &str = "application/json";

/// The media type of credentials in the form that AWS SDKs expect of a `credential_process`.
pub const CREDENTIAL_PROCESS_JSON: &str = "application/vnd.ssoctl.credential-process+json";

/// The media type of JSON line by line. No media type of that is registered; OpenAPI 3.2 and most tools know it by this name, and one
/// with `x-` would never be registered (RFC 6648).
pub const JSON_LINES: &str = "application/jsonl";

/// The media type of errors (RFC 9457, section 3).
pub const PROBLEM_JSON: &str = "application/problem+json";
