//! The configuration: sessions, profiles and settings of the AWS files and of config.toml.
//!
//! Parsing is pure: texts and environment in, values and [`Problem`]s out. Only `files` (reading and writing), `watch` (noticing
//! changes) and [`Environment::from_process`] touch the outside. A broken entry does not make reading fail: it becomes a
//! [`Problem`] with file and line, and the entries beside it stay.
//!
//! | module | what it does |
//! |---|---|
//! | `own`, `aws` | read config.toml and the two AWS files |
//! | `sessions` | makes the sessions of their sections |
//! | `sign_in` | how a profile signs in itself, and the sessions of legacy profiles |
//! | `profiles` | finds the session and the role of each profile |
//! | `endpoints` | decides which hosts a session calls |
//! | `load` | does all that for the default files, and for files that a caller names |
//! | `add` | saves a new session in config.toml |

mod add;
mod aws;
mod browser_command;
mod credential_command;
mod endpoints;
mod environment;
mod files;
mod identity;
mod load;
mod model;
mod own;
mod picker;
mod problem;
mod profiles;
mod quiet_hours;
mod session_name;
mod sessions;
mod sign_in;
mod watch;

pub use add::{AddError, SaveError, add_session, save_session};
pub use aws::EndpointSettings;
pub use browser_command::{BrowserCommand, NotACommand, RoleNames};
pub(crate) use credential_command::{CredentialCommand, SignInOf};
pub(crate) use endpoints::portal_of;
pub use endpoints::{EndpointError, Endpoints, SessionEndpoints};
pub use environment::Environment;
pub use files::{FilePair, NoHome, NotUsable, Paths, ReadError, Stamps};
pub(crate) use files::{is_null_device, read_text};
pub(crate) use identity::region_of_start_url;
pub use identity::{Identity, IdentityError, normalise_start_url};
pub use load::{load, load_named, parse};
pub use model::*;
pub use picker::PickerSettings;
pub use problem::{FileLine, Problem, Severity};
pub use quiet_hours::QuietHours;
pub use session_name::NameError;
pub use watch::FileWatch;
