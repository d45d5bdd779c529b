//! The command line of `ssoctld configure`.

use super::names::Template;
use super::profile::Form;
use crate::pattern::Pattern;

#[derive(Clone, Debug)]
pub struct Request {
    /// The accounts, by id or name; without patterns, all.
    pub accounts: Vec<Pattern>,
    /// The roles; without patterns, all.
    pub roles: Vec<Pattern>,
    pub template: Template,
    /// The region of the profiles. `None` leaves their region as it is.
    pub region: Option<String>,
    pub form: Form,
    pub stale: Stale,
    pub writing: Writing,
}

/// The treatment of profiles that were written earlier, if the portal does not list their role any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stale {
    /// They stay, and the report names them.
    Kept,
    Removed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writing {
    Done,
    /// The changes are shown instead.
    Shown,
}
