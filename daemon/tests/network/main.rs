//! The service and the way to it as enemies: TLS that is wrong in every way, every fault of the simulator alone and in
//! pairs, real proxies, and a network that is cut in the middle of a call. Each test prints its table of outcomes.

#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../daemon/harness/mod.rs"]
mod harness;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "what is skipped is said; what is waited for is real"
)]
#[path = "../desktop/stage.rs"]
mod stage;

mod cut;
mod front;
mod pairs;
mod proxies;
mod singles;
mod tls;
