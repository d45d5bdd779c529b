//! The profiles of the AWS configuration: which session each leads to, and the sessions that legacy profiles make.

use std::collections::{BTreeMap, HashMap};
use std::error::Error;

use super::aws::{AwsFile, AwsPart, Section};
use super::credential_command::{CredentialCommand, Named};
use super::draft::{Draft, Drafts};
use super::identity::{Identity, IdentityError};
use super::located::{LineProblem, Located};
use super::merge::Files;
use super::own::OwnSession;
use super::session_name::{derive_name, unique_name};
use super::{NoAssignment, Problem, ProfileConfig};
use crate::portal::{AccountId, Assignment, RoleName};
use ssoctl_protocol::{DecidedBy, ProfileKey};

/// Nobody needs more profiles between one and the one that signs in; following them costs time and stack.
const MOST_STEPS: usize = 50;

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
    pub(super) unusable: BTreeMap<String, Problem>,
}

/// Why a profile leads to no session although its `credential_process` is ours. The text fits after the profile's name.
#[derive(Debug, thiserror::Error)]
enum LostProfile {
    /// It leads back to itself, perhaps by way of others.
    #[error("refers to itself; let its credential_process name --session, --account and --role")]
    Circle,
    /// Too many others stand between it and one that signs in.
    #[error(
        "refers to a session by way of more than {MOST_STEPS} other profiles; let its credential_process name --session"
    )]
    TooFar,
    /// The session that is named there does not exist.
    #[error("refers to session {0:?}, which does not exist")]
    NoSuchSession(String),
    /// The profile that is named there leads to none.
    #[error("refers to profile {0:?}, which leads to no session")]
    Nowhere(String),
}

/// How a profile signs in.
enum SignIn<'a> {
    Session(&'a str),
    Legacy(Legacy<'a>),
}

/// Joins legacy profiles to the sessions at their portals, or makes sessions of them, and tells where each profile
/// leads. `own_sessions` are those of the own file, which profiles may refer to as well; `left_out` are sessions that cannot
/// be used.
pub(super) fn resolve(
    files: &Files<'_>,
    own_sessions: &HashMap<&str, &OwnSession>,
    left_out: &BTreeMap<String, Problem>,
    drafts: &mut Drafts,
    problems: &mut Vec<LineProblem>,
) -> Resolved {
    let aws = files.aws.file;
    let mut direct = Direct::new();
    let mut unusable = BTreeMap::new();
    let mut portals: Vec<Vec<Legacy<'_>>> = Vec::new();
    let mut places: HashMap<Identity, usize> = HashMap::new();
    for profile in &aws.profiles {
        match sign_in(profile, aws, own_sessions) {
            Ok(None) => {}
            Ok(Some(SignIn::Session(name))) => match (drafts.named(name), left_out.get(name)) {
                (Some(place), _) => drop(direct.insert(profile.name.clone(), drafts.get(place).name.clone())),
                // It has been reported where it stands.
                (None, Some(why)) => drop(unusable.insert(profile.name.clone(), why.clone())),
                (None, None) => {}
            },
            Ok(Some(SignIn::Legacy(legacy))) => {
                let place = *places.entry(legacy.identity.clone()).or_insert(portals.len());
                match portals.get_mut(place) {
                    Some(portal) => portal.push(legacy),
                    None => portals.push(vec![legacy]),
                }
            }
            Err(problem) => {
                unusable.insert(profile.name.clone(), files.in_aws(problem.clone()));
                problems.push(problem);
            }
        }
    }

    for portal in portals {
        let place = session_at(&portal[0], drafts, problems).unwrap_or_else(|| {
            let name = name_of(&portal, drafts, left_out);
            let endpoints = aws.endpoints_of(&portal[0].profile.name, problems);
            drafts.push(Draft::of_legacy_profiles(name, &portal[0], files, endpoints))
        });
        for legacy in &portal {
            let profile = &legacy.profile.name;
            direct.insert(profile.clone(), drafts.get(place).name.clone());
            problems.extend(add_legacy_profile(drafts, place, legacy));
            // A session that is left out keeps its name.
            if left_out.contains_key(profile) {
                continue;
            }
            let namesake = drafts.add_alias(place, profile);
            if namesake != place {
                problems.push(LineProblem::warning(
                    legacy.line,
                    format!(
                        "profile {profile:?} signs in as session {:?}, but as a session's name {profile:?} means another one ({}); use --profile for the profile",
                        drafts.get(place).name, drafts.get(namesake).identity.start_url
                    ),
                ));
            }
        }
    }

    let mut resolved = Resolved::default();
    let ways = Ways { files, direct: &direct, unusable: &unusable, left_out, drafts };
    for profile in &aws.profiles {
        match ways.follow(profile, &mut Vec::new(), problems) {
            Ok(Lead { session, assignment, decided_by }) => {
                let region = profile.get("region").map(|region| region.value.clone());
                let decided_by = DecidedBy { region: ways.key(profile, "region"), ..decided_by };
                resolved
                    .profiles
                    .insert(profile.name.clone(), ProfileConfig { session, assignment, region, decided_by });
            }
            Err(Astray::Elsewhere) => {}
            Err(Astray::Unusable(why)) => drop(resolved.unusable.insert(profile.name.clone(), why)),
            Err(Astray::Lost(why)) => {
                let problem = lost(profile, &why);
                resolved.unusable.insert(profile.name.clone(), files.in_aws(problem.clone()));
                problems.push(problem);
            }
        }
    }
    resolved
}

fn lost(profile: &Section, why: &LostProfile) -> LineProblem {
    let line = profile.get(CREDENTIAL_PROCESS).map_or(profile.line, |command| command.line);
    LineProblem::error(line, format!("profile {:?} {why}", profile.name))
}

const ACCOUNT: &str = "sso_account_id";
const ROLE: &str = "sso_role_name";
const CREDENTIAL_PROCESS: &str = "credential_process";

/// What a profile says itself about role and account. Members that cannot be used are reported where they stand.
fn assignment(
    profile: &Section,
    files: &Files<'_>,
    problems: &mut Vec<LineProblem>,
) -> Result<Assignment, NoAssignment> {
    let mut incomplete = |missing: &'static str, line: usize| {
        let message = format!("profile {:?} has no {missing}, so it is for signing in alone", profile.name);
        problems.push(LineProblem::error(line, message));
        let (file, line) = files.place(line);
        Err(NoAssignment::Incomplete { missing, file: file.to_owned(), line })
    };
    let (account, role) = match (profile.get(ACCOUNT), profile.get(ROLE)) {
        (Some(account), Some(role)) => (account, role),
        (None, None) => return Err(NoAssignment::Neither),
        (Some(there), None) => return incomplete(ROLE, there.line),
        (None, Some(there)) => return incomplete(ACCOUNT, there.line),
    };
    let mut malformed = |key: &str, entry: &Located<String>, error: String| {
        let message = format!("{key} of profile {:?} cannot be used: {}", profile.name, entry.explained(error));
        problems.push(LineProblem::error(entry.line, message.clone()));
        NoAssignment::Malformed(files.in_aws(LineProblem::error(entry.line, message)))
    };
    Ok(Assignment {
        account: AccountId::new(&account.value).map_err(|error| malformed(ACCOUNT, account, error.to_string()))?,
        role: RoleName::new(&role.value).map_err(|error| malformed(ROLE, role, error.to_string()))?,
    })
}

/// How a profile says that it signs in, by botocore's rules: with `sso_session`, members that the profile repeats
/// must agree with the section's.
fn sign_in<'a>(
    profile: &'a Section,
    aws: &AwsFile,
    own_sessions: &HashMap<&str, &OwnSession>,
) -> Result<Option<SignIn<'a>>, LineProblem> {
    let name = &profile.name;
    if let Some(reference) = profile.get("sso_session") {
        let Some(section) = aws.sso_session(&reference.value) else {
            return if own_sessions.contains_key(reference.value.as_str()) {
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
                    let entry = match error {
                        IdentityError::StartUrl(_) => start_url,
                        IdentityError::Region(_) => region,
                    };
                    Err(LineProblem::error(entry.line, entry.explained(error.to_string())))
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
fn session_at(legacy: &Legacy<'_>, drafts: &Drafts, problems: &mut Vec<LineProblem>) -> Option<usize> {
    match drafts.at(&legacy.identity) {
        [] => None,
        [only] => Some(*only),
        several => {
            let several: Vec<String> = several.iter().map(|&place| format!("{:?}", drafts.get(place).name)).collect();
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

/// A legacy profile signs in with the session at `place`.
fn add_legacy_profile(drafts: &mut Drafts, place: usize, legacy: &Legacy<'_>) -> Option<LineProblem> {
    let holder = drafts.add_legacy_start_url(place, legacy.start_url);
    (holder != place).then(|| {
        LineProblem::warning(
            legacy.line,
            format!(
                "the token file of profile {:?} is that of session {:?}, because the AWS CLI names it after the start URL \
                 alone; write the URL with a \"/\" at its end to have one for {}",
                legacy.profile.name,
                drafts.get(holder).name,
                legacy.identity.region
            ),
        )
    })
}

/// The first profile's name that no session has yet; where all are taken, one from the start URL.
fn name_of(portal: &[Legacy<'_>], drafts: &Drafts, left_out: &BTreeMap<String, Problem>) -> String {
    let is_taken = |name: &str| drafts.named(name).is_some() || left_out.contains_key(name);
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
    /// It is meant to, and something else is to blame, which is reported where it stands.
    Unusable(Problem),
    /// It is meant to, and what it says is to blame.
    Lost(LostProfile),
}

/// What profiles are followed by.
struct Ways<'a> {
    files: &'a Files<'a>,
    direct: &'a Direct,
    unusable: &'a BTreeMap<String, Problem>,
    left_out: &'a BTreeMap<String, Problem>,
    drafts: &'a Drafts,
}

impl<'a> Ways<'a> {
    /// Where a key of a profile stands, if the profile has it.
    fn key(&self, profile: &Section, key: &'static str) -> Option<ProfileKey> {
        let (file, line) = self.files.place(profile.get(key)?.line);
        Some(ProfileKey {
            profile: profile.name.clone(),
            key: key.to_owned(),
            file: file.display().to_string(),
            line: line as u64,
        })
    }

    /// What is to be said of a profile that leads to this one, which is lost. That a way has no end is to be said of each on it.
    fn blames(&self, lost: &Section, why: LostProfile) -> Astray {
        match why {
            LostProfile::Circle | LostProfile::TooFar => Astray::Lost(why),
            why => Astray::Unusable(self.files.in_aws(self::lost(lost, &why))),
        }
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
        if visited.len() > MOST_STEPS {
            return Err(Astray::Lost(LostProfile::TooFar));
        }
        visited.push(&profile.name);
        let source = profile.get("role_arn").and_then(|_| profile.get("source_profile"));
        let source = source.and_then(|source| self.files.aws.file.profile(&source.value));
        // What is wrong with another profile is reported where that one is followed.
        let unheard = &mut Vec::new();
        let mut elsewhere = Astray::Elsewhere;
        if let Some(source) = source {
            match self.follow(source, &mut visited.clone(), unheard) {
                Ok(lead) => return Ok(Lead { assignment: Err(NoAssignment::OnTopOf(source.name.clone())), ..lead }),
                Err(Astray::Lost(why)) => elsewhere = self.blames(source, why),
                Err(why) => elsewhere = why,
            }
        }
        if let Some(session) = self.direct.get(&profile.name) {
            let decided_by = DecidedBy {
                session: self.key(profile, "sso_session").or_else(|| self.key(profile, "sso_start_url")),
                account: self.key(profile, ACCOUNT),
                role: self.key(profile, ROLE),
                region: None,
            };
            return Ok(Lead {
                session: session.clone(),
                assignment: assignment(profile, self.files, problems),
                decided_by,
            });
        }
        // The SDKs do not go on to a command if signing in cannot be what it is meant to be.
        if let Some(why) = self.unusable.get(&profile.name) {
            return Err(Astray::Unusable(why.clone()));
        }
        // Keys in the credentials file come before a command, wherever that stands.
        let keys = profile.entries.get("aws_access_key_id").map(|key| self.files.aws.file.place(key.line).0);
        if keys == Some(AwsPart::Credentials) {
            return Err(elsewhere);
        }
        let Some(command) = profile.get(CREDENTIAL_PROCESS) else { return Err(elsewhere) };
        let Some(ours) = CredentialCommand::read(&command.value).filter(CredentialCommand::is_ssoctl) else {
            return Err(elsewhere);
        };
        let lead = match &ours.named {
            Named::Session(name) => {
                let session = self.drafts.named(name).map(|place| self.drafts.get(place));
                let session = session.ok_or_else(|| match self.left_out.get(name) {
                    Some(why) => Astray::Unusable(why.clone()),
                    None => Astray::Lost(LostProfile::NoSuchSession(name.clone())),
                })?;
                let decided_by = DecidedBy { session: self.key(profile, CREDENTIAL_PROCESS), ..Default::default() };
                Lead { session: session.name.clone(), assignment: Err(NoAssignment::Neither), decided_by }
            }
            Named::Profile(name) => {
                let nowhere = || Astray::Lost(LostProfile::Nowhere(name.clone()));
                let asked = self.files.aws.file.profile(name).ok_or_else(nowhere)?;
                self.follow(asked, visited, unheard).map_err(|why| match why {
                    Astray::Elsewhere => nowhere(),
                    Astray::Unusable(_) => why,
                    Astray::Lost(why) => self.blames(asked, why),
                })?
            }
        };
        let assignment = chosen(&ours, lead.assignment, |error| {
            let message = format!("{CREDENTIAL_PROCESS} of profile {:?} cannot be used: {error}", profile.name);
            let problem = LineProblem::error(command.line, message);
            problems.push(problem.clone());
            NoAssignment::Malformed(self.files.in_aws(problem))
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

/// The role that a command means, which `malformed` reports where it cannot be used. What it names itself comes before what the profile says that it names.
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
