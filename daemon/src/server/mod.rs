//! The local API: HTTP/1.1 over the Unix socket. The only place that uses hyper.
//!
//! | module | what it does |
//! |---|---|
//! | [`socket`] | makes the listening socket, so that only its owner reaches it |
//! | `connection` | accepts, checks the peer, bounds what a connection may cost |
//! | `calls` | how often the calls may come that make work |
//! | [`descriptors`] | how many connections there may be |
//! | `freed_memory` | gives memory back after many connections have ended |
//! | `silent` | how many connections may be open on which nothing is asked |
//! | `web_page` | what gives a request away that a web page has made |
//! | `unread` | breaks connections whose other end does not read |
//! | `handlers`, `new_session`, `roles` | route requests to sessions |
//! | `reply` | answers as HTTP |
//! | `translate` | pure: between sessions and the contract |

mod calls;
mod connection;
pub mod descriptors;
mod foreign;
mod freed_memory;
mod handlers;
mod logout;
mod new_session;
mod reply;
mod roles;
mod silent;
pub mod socket;
mod translate;
mod unread;
mod web_page;

pub use calls::Calls;
pub use connection::serve;
pub use handlers::{Api, Named, Saved};
