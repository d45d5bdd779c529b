//! Functions of the process that no safe code offers. No other crate of ours has unsafe code.

#[allow(unsafe_code, reason = "no safe code runs before Rust's runtime has changed what the process inherited")]
mod inherited;
#[allow(unsafe_code, reason = "no crate offers malloc_trim(3) as safe code")]
mod memory;

pub use inherited::{keep_ignoring_broken_pipes, standard_output};
pub use memory::give_memory_back;
