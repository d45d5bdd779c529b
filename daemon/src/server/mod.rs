//! The local API: HTTP/1.1 over the Unix socket. The only place that uses hyper.
//!
//! | module | what it does |
//! |---|---|
//! | [`socket`] | makes the listening socket, so that only its owner reaches it |
//! | `connection` | accepts connections and bounds what each may cost |
//! | `foreign` | refuses connections of other users |
//! | [`descriptors`] | how many connections there may be |
//! | `silent` | closes connections on which nothing is requested, if there are too many |
//! | `unread` | breaks connections whose client does not read |
//! | `freed_memory` | gives memory back after many connections have ended |
//! | `web_page` | refuses requests of web pages |
//! | `handlers`, `logout`, `new_session`, `roles` | what each route does |
//! | `call_limit` | limits calls that cost more than reading memory |
//! | `reply` | answers as HTTP |
//! | `status`, `problem` | pure: sessions and refusals in the words of the contract |

mod call_limit;
mod connection;
pub mod descriptors;
mod foreign;
mod freed_memory;
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

pub use call_limit::CallLimit;
pub use connection::serve;
pub use handlers::{Api, Named, Saved};
