#![no_main]

#[allow(dead_code, reason = "each target drives one of them")]
#[path = "../../tests/daemon/foreign_bytes/parsers.rs"]
mod parsers;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| parsers::callback_request(bytes));
