//! What becomes of the file, pure: its text and what is meant in, the changes and what is to be said about them out.
//!
//! Before anybody gets to see changes, what they make of the file is read again, and has to be what is meant: the profiles
//! that were written, and everything else as it was.

use std::collections::{BTreeMap, HashMap, HashSet};

use ssoctl_aws_files::{DEFAULTS, Doubt, Entry, SectionKind};

use super::changes::Changes;
use super::document::{Document, Member};
use super::listing::{Listed, ListedAccount};
use super::profile::{self, Binding, Form};
use crate::portal::Assignment;

/// What is meant.
pub(super) struct Intent<'a> {
    pub(super) session: &'a Session,
    /// The profiles, by names of which each is there once.
    pub(super) profiles: &'a [Wanted],
    pub(super) form: &'a Form,
    pub(super) region: Option<&'a str>,
    /// What the portal lists, to tell which profiles lead nowhere any more.
    pub(super) listed: &'a [ListedAccount],
    pub(super) stale: Stale,
}

/// A session, as an `sso-session` section says it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Session {
    pub(super) name: String,
    pub(super) start_url: String,
    pub(super) region: String,
    pub(super) scopes: Vec<String>,
}

/// A profile that is to be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) assignment: Assignment,
}

/// What becomes of our profiles whose role the portal does not list any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stale {
    /// They stay, and are named.
    Kept,
    /// They are removed.
    Removed,
}

/// What became of a section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Outcome {
    /// The name of the profile, or the header of another section.
    pub(super) name: String,
    pub(super) fate: Fate,
}

/// See [`Outcome`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Added,
    Changed,
    Unchanged,
    Removed,
    Left(Reason),
}

/// Why a section was left alone. The text fits after its name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum Reason {
    #[error("a profile of your own has this name; to have both, rename it or choose other names with --name")]
    NotOurs,
    #[error("written for session {0:?}; choose other names with --name, such as {{session}}-{{account_name}}-{{role}}")]
    OtherSession(String),
    #[error(
        "written by ssoctl configure and changed since so that its role cannot be told; remove it to have it again"
    )]
    Unrecognisable,
    #[error("the portal does not list its role any more; --prune removes it")]
    Gone,
    #[error("for the same role as {0}; remove it if nobody uses it")]
    SameRole(String),
}

/// Why nothing can be done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The file is not read the same way by everybody.
    #[error("line {line}: {message}; repair that first")]
    Doubtful {
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// An `sso-session` section would be another session.
    #[error(
        "session {0:?} has no [sso-session] section and no scopes, and such a section always has some; use --credential-process"
    )]
    NoScopes(String),
    /// What is written would have members that nobody sees there.
    #[error(
        "line {line}: [DEFAULT] gives {key} to every section, so what is written would mean something else; move it to where it is meant"
    )]
    Defaults {
        /// Counted from 1.
        line: usize,
        /// Which member.
        key: String,
    },
    /// What would come out is not what is meant.
    #[error("it is written in a way that cannot be added to without changing what it means")]
    Unfaithful,
}

impl From<Doubt> for Refusal {
    fn from(doubt: Doubt) -> Self {
        Self::Doubtful { line: doubt.line, message: doubt.kind.to_string() }
    }
}

/// What is to be done, and said. Not shown by `Debug`, as people keep keys in the file, too.
pub(super) struct Plan {
    /// The file's new text.
    pub(super) text: String,
    /// The difference to the old one; empty if there is none.
    pub(super) diff: String,
    pub(super) outcomes: Vec<Outcome>,
}

/// Makes the plan. `path` is how the diff calls the file.
pub(super) fn plan(text: &str, path: &str, intent: &Intent<'_>) -> Result<Plan, Refusal> {
    let document = Document::read(text)?;
    if let Some(entry) = document.defaults.iter().find(|entry| profile::decides(&entry.key)) {
        return Err(Refusal::Defaults { line: entry.line, key: entry.key.to_string() });
    }
    let meant = meaning(&document);
    let mut planner =
        Planner { document, intent, meant, changes: Changes::default(), new: Vec::new(), outcomes: Vec::new() };
    if *intent.form == Form::SsoSession && !intent.profiles.is_empty() {
        planner.session_section()?;
    }
    for wanted in intent.profiles {
        planner.profile(wanted);
    }
    planner.stale_profiles();
    planner.finish(path)
}

type Members = BTreeMap<String, String>;

/// What every section says, by its header.
fn meaning(document: &Document<'_>) -> BTreeMap<String, Members> {
    let members =
        |entries: &[Entry<'_>]| entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_string())).collect();
    let sections = document.sections.iter().map(|section| (section.header.to_owned(), members(&section.entries)));
    sections.chain([(DEFAULTS.to_owned(), members(&document.defaults))]).collect()
}

struct Planner<'a> {
    document: Document<'a>,
    intent: &'a Intent<'a>,
    /// What every section is to say in the end, by its header.
    meant: BTreeMap<String, Members>,
    changes: Changes,
    new: Vec<(String, Vec<Member>)>,
    outcomes: Vec<Outcome>,
}

impl Planner<'_> {
    /// The section that profiles of this form refer to. One that a person has written is good as it is.
    fn session_section(&mut self) -> Result<(), Refusal> {
        let Session { name, start_url, region, scopes } = self.intent.session;
        let header = profile::session_header(name);
        let found = self.document.find(SectionKind::SsoSession, name);
        let is_ours = |section: &usize| self.document.is_marked(*section);
        if !found.is_empty() && !found.iter().all(is_ours) {
            return Ok(());
        }
        if scopes.is_empty() {
            return Err(Refusal::NoScopes(name.clone()));
        }
        let members = vec![
            ("sso_start_url", start_url.clone()),
            ("sso_region", region.clone()),
            ("sso_registration_scopes", scopes.join(", ")),
        ];
        // Of `[sso-session corp]` and `[sso-session "corp"]`, the later one counts.
        match found.last() {
            None => self.add(header.clone(), header, members),
            Some(&section) => {
                if self.update(section, &members, &[]) == Fate::Changed {
                    self.outcomes.push(Outcome { name: header, fate: Fate::Changed });
                }
            }
        }
        Ok(())
    }

    fn profile(&mut self, wanted: &Wanted) {
        let session = &self.intent.session.name;
        let binding = Binding { session: session.clone(), assignment: wanted.assignment.clone() };
        let members = binding.members(self.intent.form, self.intent.region);
        let fate = match *self.document.find(SectionKind::Profile, &wanted.name) {
            [] => {
                return self.add(profile::header(&wanted.name), wanted.name.clone(), members);
            }
            [section] if self.document.is_marked(section) => match Binding::read(&self.document, section) {
                Some(found) if found.session == *session => {
                    self.update(section, &members, &profile::keys_of_other_form(&members))
                }
                Some(found) => Fate::Left(Reason::OtherSession(found.session)),
                None => Fate::Left(Reason::Unrecognisable),
            },
            _ => Fate::Left(Reason::NotOurs),
        };
        self.outcomes.push(Outcome { name: wanted.name.clone(), fate });
    }

    /// What becomes of our profiles of this session that are not among the wanted ones.
    fn stale_profiles(&mut self) {
        let profiles = self.intent.profiles;
        let names: HashSet<&str> = profiles.iter().map(|wanted| wanted.name.as_str()).collect();
        // Of several for one role, the first.
        let twins: HashMap<&Assignment, &Wanted> =
            profiles.iter().rev().map(|wanted| (&wanted.assignment, wanted)).collect();
        for section in 0..self.document.sections.len() {
            let Some(name) = self.document.profile_name(section) else { continue };
            if names.contains(name.as_str()) || !self.document.is_marked(section) {
                continue;
            }
            let Some(found) = Binding::read(&self.document, section) else { continue };
            if found.session != self.intent.session.name {
                continue;
            }
            let twin = twins.get(&found.assignment);
            let fate = match (is_gone(&found.assignment, self.intent.listed), self.intent.stale, twin) {
                (true, Stale::Removed, _) => {
                    self.document.remove(section, &mut self.changes);
                    self.meant.remove(self.document.sections[section].header);
                    Fate::Removed
                }
                (true, Stale::Kept, _) => Fate::Left(Reason::Gone),
                (false, _, Some(twin)) => Fate::Left(Reason::SameRole(twin.name.clone())),
                (false, _, None) => continue,
            };
            self.outcomes.push(Outcome { name, fate });
        }
    }

    fn add(&mut self, header: String, name: String, members: Vec<Member>) {
        let meant = members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.meant.insert(header.clone(), meant);
        self.new.push((header, members));
        self.outcomes.push(Outcome { name, fate: Fate::Added });
    }

    fn update(&mut self, section: usize, members: &[Member], without: &[&str]) -> Fate {
        let meant = self.meant.entry(self.document.sections[section].header.to_owned()).or_default();
        let before = meant.clone();
        meant.retain(|name, _| !without.contains(&name.as_str()));
        meant.extend(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        if *meant == before {
            return Fate::Unchanged;
        }
        self.document.update(section, members, without, &mut self.changes);
        Fate::Changed
    }

    fn finish(mut self, path: &str) -> Result<Plan, Refusal> {
        self.document.append(&self.new, &mut self.changes);
        self.changes.end_last_line(&self.document.lines, self.document.line_end);
        let text = self.changes.apply(&self.document.lines);
        if self.meant != meaning(&Document::read(&text)?) {
            return Err(Refusal::Unfaithful);
        }
        Ok(Plan { diff: self.changes.diff(&self.document.lines, path), text, outcomes: self.outcomes })
    }
}

/// Whether the portal would list this role, and does not. Of accounts that were not asked about nobody knows.
fn is_gone(assignment: &Assignment, listed: &[ListedAccount]) -> bool {
    match listed.iter().find(|account| account.id == assignment.account).map(|account| &account.roles) {
        None => true,
        Some(Listed::Roles(roles)) => !roles.contains(&assignment.role),
        Some(Listed::NotAsked) => false,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
