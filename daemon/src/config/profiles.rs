//! Finds the session and the role that each profile of the AWS configuration leads to: by its own members, through other profiles,
//! or by a `credential_process` that calls ssoctl.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use indexmap::IndexMap;
use ssoctl_protocol::{DecidedBy, ProfileKey};

use super::aws::{Section, unknown_keys};
use super::credential_command::{CredentialCommand, SignInOf};
use super::identity::Identity;
use super::model::{NoAssignment, ProfileConfig};
use super::problem::{Located, Problem};
use super::sessions::{RawConfig, Sessions};
use super::sign_in::{Legacy, ProfileSignIn, add_legacy_profiles, sign_in};
use crate::assignment::{AccountId, Assignment, RoleName};

/// The longest chain of profiles from one to the one that signs in. Following them costs time and stack.
const MOST_STEPS: usize = 50;

const ACCOUNT: &str = "sso_account_id";
const ROLE: &str = "sso_role_name";
const CREDENTIAL_PROCESS: &str = "credential_process";

#[derive(Default)]
pub(super) struct Profiles {
    pub(super) usable: BTreeMap<String, ProfileConfig>,
    /// The profiles that should lead to a session and do not, and why.
    pub(super) unusable: BTreeMap<String, Problem>,
    /// The profiles that lead to no session and need not, and the misspelt key of each.
    pub(super) other: BTreeMap<String, Option<Problem>>,
}

/// Finds the session and the role of each profile. Legacy profiles join the session at their portal, or become a session.
pub(super) fn resolve<'a>(sources: RawConfig<'a>, sessions: &mut Sessions, problems: &mut Vec<Problem>) -> Profiles {
    let mut direct: HashMap<&str, usize> = HashMap::new();
    let mut unusable = BTreeMap::new();
    let mut portals: IndexMap<Identity, Vec<Legacy<'_>>> = IndexMap::new();
    for profile in sources.aws.profiles.values() {
        match sign_in(profile, sources) {
            Ok(None) => {}
            Ok(Some(ProfileSignIn::Session(name))) => {
                if let Some(index) = sessions.named(name) {
                    direct.insert(&profile.name, index);
                } else if let Some(why) = sessions.unusable.get(name) {
                    unusable.insert(profile.name.clone(), why.clone());
                }
            }
            Ok(Some(ProfileSignIn::Legacy(identity, legacy))) => portals.entry(identity).or_default().push(legacy),
            Err(problem) => {
                unusable.insert(profile.name.clone(), problem.clone());
                problems.push(problem);
            }
        }
    }
    for (identity, legacy) in &portals {
        let index = add_legacy_profiles(identity, legacy, sources, sessions, problems);
        direct.extend(legacy.iter().map(|legacy| (legacy.profile.name.as_str(), index)));
    }

    let search = Search { sources, sessions, direct: &direct, unusable: &unusable };
    let mut profiles = Profiles::default();
    for profile in sources.aws.profiles.values() {
        let name = profile.name.clone();
        match search.follow(profile, &mut Vec::new(), problems) {
            Ok(mut found) => {
                found.region = profile.get("region").map(|region| region.value.clone());
                found.decided_by.region = key(profile, "region");
                profiles.usable.insert(name, found);
            }
            Err(NoSession::OtherCredentials) => drop(profiles.other.insert(name, unknown_keys(profile).next())),
            Err(NoSession::Unusable(why)) => drop(profiles.unusable.insert(name, why)),
            Err(NoSession::Endless(why)) => {
                let problem = command_problem(profile, &why);
                profiles.unusable.insert(name, problem.clone());
                problems.push(problem);
            }
        }
    }
    profiles
}

/// The account and role of a profile's own members. Reports members that cannot be used.
fn assignment(profile: &Section, problems: &mut Vec<Problem>) -> Result<Assignment, NoAssignment> {
    let mut incomplete = |missing: &'static str, found: &Located<String>| {
        let message = format!("profile {:?} has no {missing}, so it is for signing in only", profile.name);
        problems.push(found.place.error(message));
        Err(NoAssignment::Incomplete { missing, place: found.place.clone() })
    };
    let (account, role) = match (profile.get(ACCOUNT), profile.get(ROLE)) {
        (Some(account), Some(role)) => (account, role),
        (None, None) => return Err(NoAssignment::Neither),
        (Some(account), None) => return incomplete(ROLE, account),
        (None, Some(role)) => return incomplete(ACCOUNT, role),
    };
    let mut malformed = |key: &str, entry: &Located<String>, error: &dyn Error| {
        let problem = entry.aws_error(format!("{key} of profile {:?} cannot be used: {error}", profile.name));
        problems.push(problem.clone());
        NoAssignment::Malformed(problem)
    };
    Ok(Assignment {
        account: AccountId::new(&account.value).map_err(|error| malformed(ACCOUNT, account, &error))?,
        role: RoleName::new(&role.value).map_err(|error| malformed(ROLE, role, &error))?,
    })
}

enum NoSession {
    /// It is not for SSO.
    OtherCredentials,
    /// A profile of the chain cannot be used. The problem is reported for that profile.
    Unusable(Problem),
    /// The way has no end. The text fits after the name of each profile on it.
    Endless(String),
}

fn command_problem(profile: &Section, what: &str) -> Problem {
    let place = profile.get(CREDENTIAL_PROCESS).map_or(&profile.place, |command| &command.place);
    place.error(format!("profile {:?} {what}", profile.name))
}

/// The place of a profile's key, if the profile has it.
fn key(profile: &Section, key: &str) -> Option<ProfileKey> {
    let place = &profile.get(key)?.place;
    Some(ProfileKey {
        profile: profile.name.clone(),
        key: key.to_owned(),
        file: place.file.display().to_string(),
        line: place.line as u64,
    })
}

/// The search for the session that a profile leads to.
struct Search<'a> {
    sources: RawConfig<'a>,
    sessions: &'a Sessions,
    /// The sessions of the profiles that sign in themselves.
    direct: &'a HashMap<&'a str, usize>,
    /// The profiles that should sign in themselves and cannot.
    unusable: &'a BTreeMap<String, Problem>,
}

impl<'a> Search<'a> {
    /// Follows a profile's `source_profile`, if that leads to a session: botocore assumes roles before it looks at SSO members.
    /// Else the profile's own members count, and then a `credential_process` that calls ssoctl. `visited` are the profiles on the
    /// way to this one. The region is not set.
    fn follow(
        &self,
        profile: &'a Section,
        visited: &mut Vec<&'a str>,
        problems: &mut Vec<Problem>,
    ) -> Result<ProfileConfig, NoSession> {
        if visited.contains(&profile.name.as_str()) {
            let remedy = "let its credential_process name --session, --account and --role";
            return Err(NoSession::Endless(format!("refers to itself; {remedy}")));
        }
        if visited.len() > MOST_STEPS {
            return Err(NoSession::Endless(format!(
                "refers to a session through more than {MOST_STEPS} other profiles; let its credential_process name --session"
            )));
        }
        visited.push(&profile.name);
        let without_source = match self.follow_source(profile, visited) {
            Ok(found) => return Ok(found),
            Err(why) => why,
        };
        if let Some(found) = self.own_members(profile, problems) {
            return Ok(found);
        }
        // The SDKs do not try a command if a profile is meant to sign in and cannot.
        if let Some(why) = self.unusable.get(&profile.name) {
            return Err(NoSession::Unusable(why.clone()));
        }
        match self.command_of_ssoctl(profile) {
            Some((text, command)) => self.follow_command(profile, text, &command, visited, problems),
            None => Err(without_source),
        }
    }

    /// Follows the `source_profile` of a profile that assumes a role.
    fn follow_source(&self, profile: &Section, visited: &[&'a str]) -> Result<ProfileConfig, NoSession> {
        let source = profile.get("role_arn").and_then(|_| profile.get("source_profile"));
        let source = source.and_then(|source| self.sources.aws.profiles.get(&source.value));
        let source = source.ok_or(NoSession::OtherCredentials)?;
        let found = self.follow(source, &mut visited.to_vec(), &mut reported_elsewhere())?;
        Ok(ProfileConfig { assignment: Err(NoAssignment::OnTopOf(source.name.clone())), ..found })
    }

    /// The session and role of a profile that signs in itself.
    fn own_members(&self, profile: &Section, problems: &mut Vec<Problem>) -> Option<ProfileConfig> {
        let session = *self.direct.get(profile.name.as_str())?;
        Some(ProfileConfig {
            session: self.sessions.get(session).name.clone(),
            assignment: assignment(profile, problems),
            region: None,
            decided_by: DecidedBy {
                session: key(profile, "sso_session").or_else(|| key(profile, "sso_start_url")),
                account: key(profile, ACCOUNT),
                role: key(profile, ROLE),
                region: None,
            },
        })
    }

    /// The profile's `credential_process`, if it calls ssoctl and the SDKs use it: keys in the credentials file have precedence over a
    /// command in either file.
    fn command_of_ssoctl<'p>(&self, profile: &'p Section) -> Option<(&'p Located<String>, CredentialCommand)> {
        let keys = profile.entries.get("aws_access_key_id");
        let text = profile.get(CREDENTIAL_PROCESS)?;
        let command = CredentialCommand::read(&text.value).filter(CredentialCommand::is_ssoctl)?;
        keys.is_none_or(|keys| !self.sources.aws.is_in_credentials(keys)).then_some((text, command))
    }

    /// Follows a profile's command to the session or the profile that it names.
    fn follow_command(
        &self,
        profile: &'a Section,
        text: &Located<String>,
        command: &CredentialCommand,
        visited: &mut Vec<&'a str>,
        problems: &mut Vec<Problem>,
    ) -> Result<ProfileConfig, NoSession> {
        let by_command = key(profile, CREDENTIAL_PROCESS);
        let mut unusable = |what: String| {
            let problem = command_problem(profile, &what);
            problems.push(problem.clone());
            NoSession::Unusable(problem)
        };
        let mut found = match &command.sign_in {
            SignInOf::Session(name) => {
                let session = self.sessions.named(name).ok_or_else(|| match self.sessions.unusable.get(name) {
                    Some(why) => NoSession::Unusable(why.clone()),
                    None => unusable(format!("refers to session {name:?}, which does not exist")),
                })?;
                let decided_by = DecidedBy { session: by_command.clone(), ..Default::default() };
                let session = self.sessions.get(session).name.clone();
                ProfileConfig { session, assignment: Err(NoAssignment::Neither), region: None, decided_by }
            }
            SignInOf::Profile(name) => {
                let other = self.sources.aws.profiles.get(name);
                let other =
                    other.ok_or_else(|| unusable(format!("refers to profile {name:?}, which does not exist")))?;
                self.follow(other, visited, &mut reported_elsewhere()).map_err(|why| match why {
                    NoSession::OtherCredentials => {
                        unusable(format!("refers to profile {name:?}, which leads to no session"))
                    }
                    why => why,
                })?
            }
        };
        found.assignment = chosen(command, found.assignment, |error| {
            let message = format!("{CREDENTIAL_PROCESS} of profile {:?} cannot be used: {error}", profile.name);
            let problem = text.place.error(message);
            problems.push(problem.clone());
            NoAssignment::Malformed(problem)
        });
        if command.account.is_some() {
            found.decided_by.account = by_command.clone();
        }
        if command.role.is_some() {
            found.decided_by.role = by_command;
        }
        Ok(found)
    }
}

/// A list for the problems of another profile. They are reported when that profile is followed itself.
const fn reported_elsewhere() -> Vec<Problem> {
    Vec::new()
}

/// The role of a command. The command's own account and role have precedence over those of its profile. `malformed` reports a
/// name that cannot be used.
fn chosen(
    command: &CredentialCommand,
    of_profile: Result<Assignment, NoAssignment>,
    mut malformed: impl FnMut(&dyn Error) -> NoAssignment,
) -> Result<Assignment, NoAssignment> {
    let account = command.account.as_deref().map(AccountId::new).transpose().map_err(|error| malformed(&error))?;
    let role = command.role.as_deref().map(RoleName::new).transpose().map_err(|error| malformed(&error))?;
    match (account, role) {
        (Some(account), Some(role)) => Ok(Assignment { account, role }),
        (account, role) => of_profile.map(|of_profile| Assignment {
            account: account.unwrap_or(of_profile.account),
            role: role.unwrap_or(of_profile.role),
        }),
    }
}
