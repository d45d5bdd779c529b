//! The local API: HTTP/1.1 over the Unix socket. The only place that uses hyper.

mod connection;
pub mod descriptors;
mod foreign;
mod freed_memory;
mod granted;
mod grants;
mod handlers;
mod logout;
mod new_session;
mod problem;
mod reply;
mod roles;
mod silent;
pub mod socket;
mod status;
mod unread;
mod web_page;

pub use connection::{Remaining, Service, serve};
pub use descriptors::connections;
pub use granted::GrantApi;
pub use handlers::{Api, CallLimit, Named, OpenGrant, Saved};
