//! Decides what happens to each section of the file: its text and an [`Intent`] in, the new text and [`SectionOutcome`]s out.
//!
//! Before the new text is used it is read again. It has to say exactly what is intended: the profiles that were written, and
//! everything else as before.

use std::collections::{BTreeMap, HashMap, HashSet};

use ssoctl_aws_files::{DEFAULTS, Doubt, Entry, SectionKind};
use ssoctl_protocol::SessionStatus;

use super::choice::{ListedAccount, WantedProfile};
use super::document::{Document, Member};
use super::profile::{self, Binding, Form};
use super::request::{Request, Stale};
use crate::assignment::Assignment;

pub(super) struct Intent<'a> {
    pub(super) request: &'a Request,
    pub(super) session: &'a SessionStatus,
    /// Their names are unique.
    pub(super) profiles: &'a [WantedProfile],
    /// The accounts that the portal lists, to find profiles whose role is not listed any more.
    pub(super) accounts: &'a [ListedAccount],
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SectionOutcome {
    /// The name of the profile, or the header of another section.
    pub(super) name: String,
    pub(super) fate: Fate,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Added,
    Changed,
    Unchanged,
    Removed,
    Left(Reason),
}

/// The reason why a section was not changed. The text fits after the section's name.
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
    NotListed,
    #[error("for the same role as {0}; remove it if no program uses it")]
    SameRole(String),
}

/// The reason why the file cannot be changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unchangeable {
    /// Not all AWS tools read the file in the same way.
    #[error("line {}: {}; repair that first", .0.line, .0.message)]
    Doubtful(Doubt),
    /// With an `sso-session` section it would be another session.
    #[error(
        "session {0:?} has no [sso-session] section and no scopes, and such a section always has some; use --credential-process"
    )]
    NoScopes(String),
    /// The written sections would inherit these members.
    #[error(
        "line {line}: [DEFAULT] gives {key} to every section, so new profiles would mean something else; move it to the sections that need it"
    )]
    Defaults { line: usize, key: String },
    /// The new text would not have the intended meaning.
    #[error("nothing can be added to it without changing what it means")]
    MeaningChanged,
}

pub(super) struct Plan {
    pub(super) text: String,
    pub(super) outcomes: Vec<SectionOutcome>,
}

pub(super) fn plan(text: &str, intent: &Intent<'_>) -> Result<Plan, Unchangeable> {
    let document = Document::read(text).map_err(Unchangeable::Doubtful)?;
    if let Some(entry) = document.defaults.iter().find(|entry| profile::decides(&entry.key)) {
        return Err(Unchangeable::Defaults { line: entry.line, key: entry.key.to_string() });
    }
    let meaning = meaning(&document);
    let mut planner = Planner { document, intent, meaning, outcomes: Vec::new() };
    if intent.request.form == Form::SsoSession && !intent.profiles.is_empty() {
        planner.session_section()?;
    }
    for profile in intent.profiles {
        planner.profile(profile);
    }
    planner.stale_profiles();
    planner.finish()
}

type SectionMembers = BTreeMap<String, String>;

/// The members of every section, by its header.
fn meaning(document: &Document<'_>) -> BTreeMap<String, SectionMembers> {
    let members =
        |entries: &[Entry<'_>]| entries.iter().map(|entry| (entry.key.to_string(), entry.value.to_string())).collect();
    let sections = document.sections.iter().map(|section| (section.header.to_owned(), members(&section.entries)));
    sections.chain([(DEFAULTS.to_owned(), members(&document.defaults))]).collect()
}

struct Planner<'a> {
    document: Document<'a>,
    intent: &'a Intent<'a>,
    /// The intended members of every section, by its header.
    meaning: BTreeMap<String, SectionMembers>,
    outcomes: Vec<SectionOutcome>,
}

impl Planner<'_> {
    /// Writes the section that profiles of the SSO form refer to. If a person has written one, it stays as it is.
    fn session_section(&mut self) -> Result<(), Unchangeable> {
        let SessionStatus { name, start_url, region, scopes, .. } = self.intent.session;
        let header = profile::session_header(name);
        let found = self.document.find(SectionKind::SsoSession, name);
        if !found.iter().all(|&section| self.document.is_marked(section)) {
            return Ok(());
        }
        if scopes.is_empty() {
            return Err(Unchangeable::NoScopes(name.clone()));
        }
        let mut members = vec![("sso_start_url", start_url.clone())];
        // Before the first sign-in at a start URL that is not AWS's own, it is not known.
        if !region.is_empty() {
            members.push(("sso_region", region.clone()));
        }
        members.push(("sso_registration_scopes", scopes.join(", ")));
        // Of `[sso-session corp]` and `[sso-session "corp"]`, the later one counts.
        match found.last() {
            None => self.add(&header, header.clone(), &members),
            Some(&section) => {
                if self.update(section, &members, &[]) == Fate::Changed {
                    self.outcomes.push(SectionOutcome { name: header, fate: Fate::Changed });
                }
            }
        }
        Ok(())
    }

    fn profile(&mut self, wanted: &WantedProfile) {
        let (Request { form, region, .. }, session) = (self.intent.request, &self.intent.session.name);
        let binding = Binding { session: session.clone(), assignment: wanted.assignment.clone() };
        let members = binding.members(form, region.as_deref());
        let name = wanted.name.clone();
        let fate = match *self.document.find(SectionKind::Profile, &name) {
            [] => return self.add(&profile::profile_header(&name), name, &members),
            [section] if self.document.is_marked(section) => match Binding::read(&self.document, section) {
                Some(found) if found.session == *session => {
                    self.update(section, &members, &profile::keys_of_other_form(&members))
                }
                Some(found) => Fate::Left(Reason::OtherSession(found.session)),
                None => Fate::Left(Reason::Unrecognisable),
            },
            _ => Fate::Left(Reason::NotOurs),
        };
        self.outcomes.push(SectionOutcome { name, fate });
    }

    /// Decides about earlier written profiles of this session that are not wanted now.
    fn stale_profiles(&mut self) {
        let profiles = self.intent.profiles;
        let names: HashSet<&str> = profiles.iter().map(|wanted| wanted.name.as_str()).collect();
        // The first of several for one role.
        let same_role: HashMap<&Assignment, &WantedProfile> =
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
            let fate = if is_listed(&found.assignment, self.intent.accounts) {
                let Some(other) = same_role.get(&found.assignment) else { continue };
                Fate::Left(Reason::SameRole(other.name.clone()))
            } else if self.intent.request.stale == Stale::Removed {
                self.document.remove(section);
                self.meaning.remove(self.document.sections[section].header);
                Fate::Removed
            } else {
                Fate::Left(Reason::NotListed)
            };
            self.outcomes.push(SectionOutcome { name, fate });
        }
    }

    fn add(&mut self, header: &str, name: String, members: &[Member]) {
        self.meaning.insert(header.to_owned(), owned(members).collect());
        self.document.append(header, members);
        self.outcomes.push(SectionOutcome { name, fate: Fate::Added });
    }

    fn update(&mut self, section: usize, members: &[Member], without: &[&str]) -> Fate {
        let meaning = self.meaning.entry(self.document.sections[section].header.to_owned()).or_default();
        let before = meaning.clone();
        meaning.retain(|name, _| !without.contains(&name.as_str()));
        meaning.extend(owned(members));
        if *meaning == before {
            return Fate::Unchanged;
        }
        self.document.update(section, members, without);
        Fate::Changed
    }

    fn finish(self) -> Result<Plan, Unchangeable> {
        let text = self.document.text();
        if self.meaning != meaning(&Document::read(&text).map_err(Unchangeable::Doubtful)?) {
            return Err(Unchangeable::MeaningChanged);
        }
        Ok(Plan { text, outcomes: self.outcomes })
    }
}

fn owned(members: &[Member]) -> impl Iterator<Item = (String, String)> {
    members.iter().map(|(name, value)| ((*name).to_owned(), value.clone()))
}

/// Whether the portal lists this role, or was not asked about its account.
fn is_listed(assignment: &Assignment, accounts: &[ListedAccount]) -> bool {
    let account = accounts.iter().find(|account| account.id == assignment.account);
    account.is_some_and(|account| account.roles.as_ref().is_none_or(|roles| roles.contains(&assignment.role)))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
