//! What differs between two states.

use std::collections::BTreeMap;

use ssoctl_protocol::event::Watched;

/// A thing whose state is watched.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum About {
    Daemon,
    /// A session by its name.
    Session(String),
    /// A grant by its name.
    Grant(String),
}

/// The things whose state has changed, and those that are new or gone.
pub(super) fn between(before: &Watched, after: &Watched) -> Vec<About> {
    let daemon = (before.daemon != after.daemon).then_some(About::Daemon);
    let sessions = names(&before.sessions, &after.sessions).map(About::Session);
    let grants = names(&before.grants, &after.grants).map(About::Grant);
    daemon.into_iter().chain(sessions).chain(grants).collect()
}

/// Copies the state of one thing.
pub(super) fn copy(about: &About, from: &Watched, to: &mut Watched) {
    match about {
        About::Daemon => to.daemon.clone_from(&from.daemon),
        About::Session(name) => copy_one(name, &from.sessions, &mut to.sessions),
        About::Grant(name) => copy_one(name, &from.grants, &mut to.grants),
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
