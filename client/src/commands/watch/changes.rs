//! What differs between two states.

use std::collections::BTreeMap;

use ssoctl_protocol::event::{Subject, Watched};

/// The subjects whose state has changed, and those that are new or gone.
pub(super) fn between(before: &Watched, after: &Watched) -> Vec<Subject> {
    let daemon = (before.daemon != after.daemon).then_some(Subject::Daemon);
    let sessions = names(&before.sessions, &after.sessions).map(Subject::Session);
    let grants = names(&before.grants, &after.grants).map(Subject::Grant);
    daemon.into_iter().chain(sessions).chain(grants).collect()
}

/// Copies the state of one thing.
pub(super) fn copy(subject: &Subject, from: &Watched, to: &mut Watched) {
    match subject {
        Subject::Daemon => to.daemon.clone_from(&from.daemon),
        Subject::Session(name) => copy_one(name, &from.sessions, &mut to.sessions),
        Subject::Grant(name) => copy_one(name, &from.grants, &mut to.grants),
    }
}

fn copy_one<T: Clone>(name: &str, from: &BTreeMap<String, T>, to: &mut BTreeMap<String, T>) {
    match from.get(name) {
        Some(state) => drop(to.insert(name.to_owned(), state.clone())),
        None => drop(to.remove(name)),
    }
}

fn names<'a, T: PartialEq>(
    before: &'a BTreeMap<String, T>,
    after: &'a BTreeMap<String, T>,
) -> impl Iterator<Item = String> + 'a {
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    let changed = after.iter().filter(|(name, state)| before.get(*name) != Some(state)).map(|(name, _)| name);
    gone.chain(changed).cloned()
}
