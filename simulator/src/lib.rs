//! AWS IAM Identity Center on loopback, for testing tools that sign in through it.
//!
//! A [`Simulator`] serves the OIDC service's three operations, the portal's four, the approval page of the device flow
//! and the authorization page of the authorization code flow on one port of 127.0.0.1. It follows a clock that a test can own, fails on demand, and records each call and
//! each thing that a well-behaved client does not do.
//!
//! ```
//! use identity_center_simulator::{Approval, Operation, Settings, Simulator};
//! use std::time::Duration;
//!
//! # fn main() -> std::io::Result<()> {
//! let simulator = Simulator::start(Settings {
//!     token_lifetime: Duration::from_secs(900),
//!     approval: Approval::Manual,
//!     ..Settings::default()
//! })?;
//! // Point the client under test at simulator.url(), for both APIs; let it sign in; then:
//! //   let pending = simulator.wait_for_pending();
//! //   simulator.approve(&pending.user_code)?;
//! assert_eq!(simulator.calls(Operation::CreateToken), 0);
//! assert!(simulator.violations().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! The README describes the command and its control API over HTTP. Its section "What is assumed" lists every rule that
//! no model of the service states.

#![warn(missing_docs)]

mod answer;
mod clock;
mod control;
mod errors;
mod exchange;
mod faults;
mod http;
mod identity_center;
mod offline;
mod oidc;
mod operation;
mod page;
mod pkce;
mod portal;
mod random;
mod settings;
mod simulator;
mod state;
mod vanity;

pub use clock::{Clock, TimeSource};
pub use faults::{Fault, Times};
pub use identity_center::IdentityCenter;
pub use offline::{Arrival, Delivery, Offline, Response, Visit};
pub use operation::{CallRecord, Grant, Operation};
pub use settings::{Account, Approval, Consent, ErrorStatuses, RefreshTokens, Settings, UnsetMembers, VanityUrl};
pub use simulator::Simulator;
pub use state::{PendingAuthorization, PendingRequest, UnknownRequest, UnknownUserCode};
