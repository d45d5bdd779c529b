//! The binary `ssoctl`; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    ssoctl::run(std::env::args_os())
}
