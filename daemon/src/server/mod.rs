//! The local API: HTTP/1.1 over the Unix socket. The only place that uses hyper.

mod choices;
mod connection;
pub mod descriptors;
pub mod events;
mod foreign;
mod freed_memory;
mod granted;
mod grants;
mod handlers;
mod logout;
mod new_session;
mod place;
mod problem;
mod reply;
mod roles;
mod shown;
mod silent;
pub mod socket;
pub mod status;
mod unread;
mod web_page;

pub use choices::Listed;
pub use connection::{Remaining, Service, serve};
pub use descriptors::connections;
pub use events::Events;
pub use granted::GrantApi;
pub use handlers::{Api, CallLimit, OpenGrant, Opened};
pub use problem::stopping;
pub use shown::Shown;
