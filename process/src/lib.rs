//! Functions of the process that no safe code offers, and what it says of long work. No other crate of ours has unsafe code.

#[allow(unsafe_code, reason = "no safe code runs before Rust's runtime has changed what the process inherited")]
mod inherited;
#[allow(unsafe_code, reason = "no crate offers malloc_trim(3) as safe code")]
mod memory;
mod progress;
#[cfg(target_os = "linux")]
#[allow(unsafe_code, reason = "no crate that we have offers Landlock as safe code")]
mod scope;

pub use inherited::{close_inherited_descriptors, is_ignored, keep_ignoring_broken_pipes, standard_output};
pub use memory::give_memory_back;
pub use progress::Progress;
#[cfg(target_os = "linux")]
pub use scope::{leave_abstract_sockets, scopes_are_known};
