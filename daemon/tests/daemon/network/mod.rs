//! The service and the way to it as enemies: TLS that is wrong in every way, every fault of the simulator alone and in
//! pairs, a real proxy, a network that is cut in the middle of a call; and AWS's own host names, with the AWS CLI 2, and behind a start
//! URL of one's own. Each test prints its outcomes (`--nocapture`).
#![allow(clippy::print_stdout, reason = "the tables of outcomes are worth reading")]

mod aws_cli;
mod bundles;
mod cut;
mod front;
mod own_start_url;
mod pairs;
mod proxies;
mod singles;
mod tls;
