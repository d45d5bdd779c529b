//! The profiles of the AWS configuration: which session each leads to, and the sessions that legacy profiles make.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::aws::{AwsFile, AwsPart, Section};
use super::credential_command::{CredentialCommand, Named};
use super::identity::{Identity, IdentityError};
use super::located::LineProblem;
use super::merge::{Draft, Source};
use super::session_name::{derive_name, unique_name};
use super::{LostProfile, NoAssignment, ProfileConfig};
use crate::portal::{AccountId, Assignment, RoleName};
use ssoctl_protocol::{DecidedBy, ProfileKey};

/// The sessions' names by the profiles that sign in by themselves.
type Direct = BTreeMap<String, String>;

/// A profile with its own start URL and region, as all were before `sso-session` sections existed.
#[derive(Clone, Debug)]
pub(super) struct Legacy<'a> {
    profile: &'a Section,
    /// Without scopes: the AWS CLI registers none for such profiles.
    pub(super) identity: Identity,
    /// As written.
    pub(super) start_url: &'a str,
    /// The line of the profile's header.
    pub(super) line: usize,
}

/// Where the profiles lead.
#[derive(Default)]
pub(super) struct Resolved {
    pub(super) profiles: BTreeMap<String, ProfileConfig>,
    pub(super) lost: BTreeMap<String, LostProfile>,
}

/// How a profile signs in.
enum SignIn<'a> {
    Session(&'a str),
    Legacy(Legacy<'a>),
}

/// Joins legacy profiles to the sessions at their portals, or makes sessions of them, and tells where each profile
/// leads. `own_names` are the sessions of the own file, which profiles may refer to as well.
pub(super) fn resolve(
    aws: &Source<'_, AwsFile>,
    credentials: &Path,
    own_names: &[&str],
    drafts: &mut Vec<Draft>,
    problems: &mut Vec<LineProblem>,
) -> Resolved {
    let mut direct = Direct::new();
    let mut portals: Vec<Vec<Legacy<'_>>> = Vec::new();
    for profile in &aws.file.profiles {
        match sign_in(profile, aws.file, own_names) {
            Ok(None) => {}
            Ok(Some(SignIn::Session(name))) => {
                // A session that was left out has been reported where it stands.
                if let Some(draft) = drafts.iter().find(|draft| draft.is_named(name)) {
                    direct.insert(profile.name.clone(), draft.name.clone());
                }
            }
            Ok(Some(SignIn::Legacy(legacy))) => {
                match portals.iter_mut().find(|portal| portal[0].identity == legacy.identity) {
                    Some(portal) => portal.push(legacy),
                    None => portals.push(vec![legacy]),
                }
            }
            Err(problem) => problems.push(problem),
        }
    }

    for portal in portals {
        let index = session_at(&portal[0], drafts, problems).unwrap_or_else(|| {
            let name = name_of(&portal, drafts);
            let endpoints = aws.file.endpoints_of(&portal[0].profile.name, problems);
            drafts.push(Draft::of_legacy_profiles(name, &portal[0], aws, endpoints));
            drafts.len() - 1
        });
        // Looked up once for all: there can be ten thousands of profiles at one portal.
        let mut names: HashMap<String, usize> = HashMap::new();
        for (place, draft) in drafts.iter().enumerate() {
            for name in draft.aliases.iter().chain([&draft.name]) {
                names.entry(name.clone()).or_insert(place);
            }
        }
        for legacy in &portal {
            let profile = &legacy.profile.name;
            direct.insert(profile.clone(), drafts[index].name.clone());
            problems.extend(add_legacy_profile(drafts, index, legacy));
            match names.get(profile).copied() {
                None => {
                    drafts[index].aliases.push(profile.clone());
                    names.insert(profile.clone(), index);
                }
                Some(namesake) if namesake == index => {}
                Some(namesake) => problems.push(LineProblem::warning(
                    legacy.line,
                    format!(
                        "profile {profile:?} signs in as session {:?}, but as a session's name {profile:?} means another one ({}); use --profile for the profile",
                        drafts[index].name, drafts[namesake].identity.start_url
                    ),
                )),
            }
        }
    }

    let mut resolved = Resolved::default();
    let ways = Ways { aws: aws.file, path: aws.path, credentials, direct: &direct, drafts };
    for profile in &aws.file.profiles {
        match ways.follow(profile, &mut Vec::new(), problems) {
            Ok(Lead { session, assignment, decided_by }) => {
                let region = profile.get("region").map(|region| region.value.clone());
                let decided_by = DecidedBy { region: ways.key(profile, "region"), ..decided_by };
                resolved
                    .profiles
                    .insert(profile.name.clone(), ProfileConfig { session, assignment, region, decided_by });
            }
            Err(Astray::Elsewhere) => {}
            Err(Astray::Lost(why)) => {
                let line = profile.get(CREDENTIAL_PROCESS).map_or(profile.line, |command| command.line);
                problems.push(LineProblem::error(line, format!("profile {:?} {why}", profile.name)));
                resolved.lost.insert(profile.name.clone(), why);
            }
        }
    }
    resolved
}

const ACCOUNT: &str = "sso_account_id";
const ROLE: &str = "sso_role_name";
const CREDENTIAL_PROCESS: &str = "credential_process";

/// What a profile says itself about role and account. Members that cannot be used are reported where they stand.
fn assignment(profile: &Section, problems: &mut Vec<LineProblem>) -> Result<Assignment, NoAssignment> {
    let (account, role) = match (profile.get(ACCOUNT), profile.get(ROLE)) {
        (Some(account), Some(role)) => (account, role),
        (None, None) => return Err(NoAssignment::Neither),
        (Some(there), None) => return Err(incomplete(profile, there.line, ROLE, problems)),
        (None, Some(there)) => return Err(incomplete(profile, there.line, ACCOUNT, problems)),
    };
    let mut malformed = |key: &str, line: usize, error: String| {
        problems.push(LineProblem::error(line, format!("{key} of profile {:?} cannot be used: {error}", profile.name)));
        NoAssignment::Malformed(error)
    };
    Ok(Assignment {
        account: AccountId::new(&account.value).map_err(|error| malformed(ACCOUNT, account.line, error.to_string()))?,
        role: RoleName::new(&role.value).map_err(|error| malformed(ROLE, role.line, error.to_string()))?,
    })
}

fn incomplete(profile: &Section, line: usize, missing: &'static str, problems: &mut Vec<LineProblem>) -> NoAssignment {
    let message = format!("profile {:?} has no {missing}, so it is for signing in alone", profile.name);
    problems.push(LineProblem::error(line, message));
    NoAssignment::Incomplete(missing)
}

/// How a profile says that it signs in, by botocore's rules: with `sso_session`, members that the profile repeats
/// must agree with the section's.
fn sign_in<'a>(profile: &'a Section, aws: &AwsFile, own_names: &[&str]) -> Result<Option<SignIn<'a>>, LineProblem> {
    let name = &profile.name;
    if let Some(reference) = profile.get("sso_session") {
        let Some(section) = aws.sso_session(&reference.value) else {
            return if own_names.contains(&reference.value.as_str()) {
                Ok(Some(SignIn::Session(&reference.value)))
            } else {
                Err(LineProblem::error(
                    reference.line,
                    format!("profile {name:?} refers to an sso-session {:?} that does not exist", reference.value),
                ))
            };
        };
        for (key, inherited) in &section.entries {
            if let Some(repeated) = profile.entries.get(key)
                && repeated.value != inherited.value
            {
                return Err(LineProblem::error(
                    repeated.line,
                    format!(
                        "{key} of profile {name:?} disagrees with its sso-session {:?} (line {}); remove it here",
                        reference.value, inherited.line
                    ),
                ));
            }
        }
        return Ok(Some(SignIn::Session(&reference.value)));
    }

    let missing = |what: &str| {
        Err(LineProblem::error(profile.line, format!("profile {name:?} is meant to sign in, but has no {what}")))
    };
    match (profile.get("sso_start_url"), profile.get("sso_region")) {
        (Some(start_url), Some(region)) => {
            let identity = Identity::new(None, &start_url.value, &region.value, &[]);
            match identity {
                Ok(identity) => Ok(Some(SignIn::Legacy(Legacy {
                    profile,
                    identity,
                    start_url: &start_url.value,
                    line: profile.line,
                }))),
                Err(error) => {
                    let line = match error {
                        IdentityError::StartUrl(_) => start_url.line,
                        IdentityError::Region(_) => region.line,
                    };
                    Err(LineProblem::error(line, error.to_string()))
                }
            }
        }
        (Some(_), None) => missing("sso_region"),
        (None, Some(_)) => missing("sso_start_url"),
        (None, None) => {
            if profile.get("sso_account_id").is_some() || profile.get("sso_role_name").is_some() {
                missing("sso_session")
            } else {
                Ok(None)
            }
        }
    }
}

/// The session that legacy profiles at a portal join: the only one there, whatever its scopes. Where there are several,
/// nobody can tell whose sign-in is meant, and the profiles have one of their own.
fn session_at(legacy: &Legacy<'_>, drafts: &[Draft], problems: &mut Vec<LineProblem>) -> Option<usize> {
    let (url, region) = (&legacy.identity.start_url, &legacy.identity.region);
    let is_there = |index: &usize| {
        let identity = &drafts[*index].identity;
        (&identity.start_url, &identity.region) == (url, region)
    };
    let there: Vec<usize> = (0..drafts.len()).filter(is_there).collect();
    match there.as_slice() {
        [] => None,
        [only] => Some(*only),
        several => {
            let several: Vec<String> = several.iter().map(|&index| format!("{:?}", drafts[index].name)).collect();
            problems.push(LineProblem::warning(
                legacy.line,
                format!(
                    "profile {:?} could use several sessions at its portal ({}), so it has a sign-in of its own; give it an \
                     sso_session to choose one",
                    legacy.profile.name,
                    several.join(", ")
                ),
            ));
            None
        }
    }
}

/// A legacy profile signs in with this session: readers look for its token under the profile's start URL as it is written.
/// That name is one session's alone.
fn add_legacy_profile(drafts: &mut [Draft], index: usize, legacy: &Legacy<'_>) -> Option<LineProblem> {
    drafts[index].is_legacy = true;
    let holder = drafts.iter().position(|draft| draft.cache_keys.iter().any(|key| key == legacy.start_url));
    match holder {
        None => drafts[index].cache_keys.push(legacy.start_url.to_owned()),
        Some(holder) if holder == index => {}
        Some(holder) => {
            return Some(LineProblem::warning(
                legacy.line,
                format!(
                    "the token file of profile {:?} is that of session {:?}, because the AWS CLI names it after the start URL \
                     alone; write the URL with a \"/\" at its end to have one for {}",
                    legacy.profile.name, drafts[holder].name, legacy.identity.region
                ),
            ));
        }
    }
    None
}

/// The first profile's name that no session has yet; where all are taken, one from the start URL.
fn name_of(portal: &[Legacy<'_>], drafts: &[Draft]) -> String {
    let is_taken = |name: &str| drafts.iter().any(|draft| draft.is_named(name));
    portal
        .iter()
        .map(|legacy| &legacy.profile.name)
        .find(|name| !is_taken(name))
        .cloned()
        .unwrap_or_else(|| unique_name(&derive_name(portal[0].start_url), is_taken))
}

/// Where a profile leads.
struct Lead {
    session: String,
    assignment: Result<Assignment, NoAssignment>,
    decided_by: DecidedBy,
}

/// Why a profile leads to no session.
enum Astray {
    /// It has its credentials from elsewhere.
    Elsewhere,
    /// It is meant to.
    Lost(LostProfile),
}

/// What profiles are followed by.
struct Ways<'a> {
    aws: &'a AwsFile,
    path: &'a Path,
    credentials: &'a Path,
    direct: &'a Direct,
    drafts: &'a [Draft],
}

impl<'a> Ways<'a> {
    /// Where a key of a profile stands, if the profile has it.
    fn key(&self, profile: &Section, key: &'static str) -> Option<ProfileKey> {
        let (part, line) = self.aws.place(profile.get(key)?.line);
        let file = if part == AwsPart::Credentials { self.credentials } else { self.path };
        Some(ProfileKey {
            profile: profile.name.clone(),
            key: key.to_owned(),
            file: file.display().to_string(),
            line: line as u64,
        })
    }

    /// Follows a profile by its `source_profile` where that leads somewhere, as botocore assumes roles before it looks at SSO
    /// members, else by its own members, and then by a `credential_process` of ours. `visited` are those on the way to it.
    fn follow(
        &self,
        profile: &'a Section,
        visited: &mut Vec<&'a str>,
        problems: &mut Vec<LineProblem>,
    ) -> Result<Lead, Astray> {
        if visited.contains(&profile.name.as_str()) {
            return Err(Astray::Lost(LostProfile::Circle));
        }
        visited.push(&profile.name);
        let source = profile.get("role_arn").and_then(|_| profile.get("source_profile"));
        let source = source.and_then(|source| self.aws.profile(&source.value));
        // What is wrong with another profile is reported where that one is followed.
        let unheard = &mut Vec::new();
        if let Some(source) = source
            && let Ok(lead) = self.follow(source, &mut visited.clone(), unheard)
        {
            return Ok(Lead { assignment: Err(NoAssignment::OnTopOf(source.name.clone())), ..lead });
        }
        if let Some(session) = self.direct.get(&profile.name) {
            let decided_by = DecidedBy {
                session: self.key(profile, "sso_session").or_else(|| self.key(profile, "sso_start_url")),
                account: self.key(profile, ACCOUNT),
                role: self.key(profile, ROLE),
                region: None,
            };
            return Ok(Lead { session: session.clone(), assignment: assignment(profile, problems), decided_by });
        }
        // Keys in the credentials file come before a command, wherever that stands.
        let keys = profile.entries.get("aws_access_key_id").map(|key| self.aws.place(key.line).0);
        if keys == Some(AwsPart::Credentials) {
            return Err(Astray::Elsewhere);
        }
        let Some(command) = profile.get(CREDENTIAL_PROCESS) else { return Err(Astray::Elsewhere) };
        let Some(ours) = CredentialCommand::read(&command.value).filter(CredentialCommand::is_ssoctl) else {
            return Err(Astray::Elsewhere);
        };
        let lead = match &ours.named {
            Named::Session(name) => {
                let session = self.drafts.iter().find(|draft| draft.is_named(name));
                let session = session.ok_or_else(|| Astray::Lost(LostProfile::NoSuchSession(name.clone())))?;
                let decided_by = DecidedBy { session: self.key(profile, CREDENTIAL_PROCESS), ..Default::default() };
                Lead { session: session.name.clone(), assignment: Err(NoAssignment::Neither), decided_by }
            }
            Named::Profile(name) => {
                let nowhere = || Astray::Lost(LostProfile::Nowhere(name.clone()));
                let asked = self.aws.profile(name).ok_or_else(nowhere)?;
                self.follow(asked, visited, unheard).map_err(|why| match why {
                    Astray::Lost(LostProfile::Circle) => why,
                    _ => nowhere(),
                })?
            }
        };
        let assignment = chosen(&ours, lead.assignment).inspect_err(|why| {
            if let NoAssignment::Malformed(error) = why {
                let message = format!("{CREDENTIAL_PROCESS} of profile {:?} cannot be used: {error}", profile.name);
                problems.push(LineProblem::error(command.line, message));
            }
        });
        let mut decided_by = lead.decided_by;
        if ours.account.is_some() {
            decided_by.account = self.key(profile, CREDENTIAL_PROCESS);
        }
        if ours.role.is_some() {
            decided_by.role = self.key(profile, CREDENTIAL_PROCESS);
        }
        Ok(Lead { session: lead.session, assignment, decided_by })
    }
}

/// The role that a command means. What it names itself comes before what the profile says that it names.
fn chosen(
    command: &CredentialCommand,
    of_profile: Result<Assignment, NoAssignment>,
) -> Result<Assignment, NoAssignment> {
    let malformed = |error: &dyn std::error::Error| NoAssignment::Malformed(error.to_string());
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
