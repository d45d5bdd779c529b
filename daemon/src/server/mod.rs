//! The local API: HTTP/1.1 over the Unix socket. The only place that uses hyper.
//!
//! | module | what it does |
//! |---|---|
//! | [`socket`] | makes the listening socket, so that only its owner reaches it |
//! | `connection` | accepts, checks the peer, bounds what a connection may cost |
//! | `handlers` | routes requests to sessions |
//! | `translate` | pure: between sessions and the contract |

mod connection;
mod handlers;
mod roles;
pub mod socket;
mod translate;

pub use connection::serve;
pub use handlers::{Api, Saved};
