//! Finds the session of a profile of the AWS configuration from the profile's own members, and the sessions of legacy profiles.

use super::aws::Section;
use super::identity::{Identity, IdentityError};
use super::model::{Origin, OriginKind};
use super::own::OwnSession;
use super::problem::{Located, Problem};
use super::session_name::{derive_name, unique_name};
use super::sessions::{Definition, RawConfig, Sessions, session};

/// A profile with its own start URL, and mostly its own region. All profiles were like that before there were `sso-session` sections.
pub(super) struct Legacy<'a> {
    pub(super) profile: &'a Section,
    /// The start URL as the file spells it.
    start_url: &'a str,
    region: Option<&'a str>,
}

pub(super) enum ProfileSignIn<'a> {
    /// With the session of this name.
    Session(&'a str),
    /// The identity has no scopes, because the AWS CLI registers none for such profiles.
    Legacy(Identity, Legacy<'a>),
}

/// Follows botocore's rules: with `sso_session`, members that the profile repeats must agree with the section's.
pub(super) fn sign_in<'a>(profile: &'a Section, sources: RawConfig<'_>) -> Result<Option<ProfileSignIn<'a>>, Problem> {
    let name = &profile.name;
    if let Some(reference) = profile.get("sso_session") {
        let session = &reference.value;
        let Some(section) = sources.aws.sso_sessions.get(session) else {
            return if sources.own.sessions.contains_key(session) {
                Ok(Some(ProfileSignIn::Session(session)))
            } else {
                let message = format!("profile {name:?} refers to an sso-session {session:?} that does not exist");
                Err(reference.place.error(message))
            };
        };
        let contradicts = |(key, inherited): &(&String, &Located<String>)| {
            profile.entries.get(*key).is_some_and(|repeated| repeated.value != inherited.value)
        };
        return match section.entries.iter().find(contradicts) {
            None => Ok(Some(ProfileSignIn::Session(session))),
            Some((key, inherited)) => Err(profile.entries[key].place.error(format!(
                "{key} of profile {name:?} disagrees with its sso-session {session:?} (line {}); remove it here",
                inherited.place.line
            ))),
        };
    }

    let missing =
        |key: &str| Err(profile.place.error(format!("profile {name:?} is meant to sign in, but has no {key}; add it")));
    match (profile.get("sso_start_url"), profile.get("sso_region")) {
        (Some(start_url), region) => {
            let region_text = region.map(|region| region.value.as_str());
            let identity = match Identity::new(None, &start_url.value, region_text, &[]) {
                Ok(identity) => identity,
                Err(IdentityError::NoRegion(_)) => return missing("sso_region"),
                Err(error) => {
                    let is_of_region = matches!(error, IdentityError::Region(_));
                    let entry = region.filter(|_| is_of_region).unwrap_or(start_url);
                    return Err(entry.aws_error(error.to_string()));
                }
            };
            Ok(Some(ProfileSignIn::Legacy(
                identity,
                Legacy { profile, start_url: &start_url.value, region: region_text },
            )))
        }
        (None, Some(_)) => missing("sso_start_url"),
        (None, None) if profile.get("sso_account_id").or(profile.get("sso_role_name")).is_some() => {
            missing("sso_session")
        }
        (None, None) => Ok(None),
    }
}

/// Adds the legacy profiles at one portal to the only session there, with any scopes. If there are several, the choice is
/// ambiguous, and the profiles become a separate session. Returns the session's index.
pub(super) fn add_legacy_profiles(
    identity: &Identity,
    profiles: &[Legacy<'_>],
    sources: RawConfig<'_>,
    sessions: &mut Sessions,
    problems: &mut Vec<Problem>,
) -> usize {
    let Legacy { profile: first, region, .. } = profiles[0];
    let index = match sessions.at(identity) {
        [only] => *only,
        others => {
            if !others.is_empty() {
                let names: Vec<String> = others.iter().map(|&it| format!("{:?}", sessions.get(it).name)).collect();
                problems.push(first.place.warning(format!(
                    "profile {:?} could use several sessions at its portal ({}), so it has a sign-in of its own; give it an \
                     sso_session to choose one",
                    first.name,
                    names.join(", ")
                )));
            }
            let name = name_of(profiles, sessions);
            let origin = Origin { kind: OriginKind::LegacyProfile, place: first.place.clone() };
            let endpoints = sources.aws.endpoints_of(&first.name, problems);
            let (identity, region) = (identity.clone(), region.map(str::to_owned));
            let (scopes, own) = (Vec::new(), OwnSession::default());
            let definition = Definition { name, identity, region, scopes, origin, own };
            sessions.push(session(definition, &endpoints, sources.environment))
        }
    };
    for Legacy { profile, start_url, .. } in profiles {
        let name = &profile.name;
        let owner = sessions.add_cache_key(index, start_url);
        if owner != index {
            problems.push(profile.place.warning(format!(
                "the token file of profile {name:?} is that of session {:?}, because the AWS CLI names it after the start URL \
                 only; write the URL with a \"/\" at its end to have one for {}",
                sessions.get(owner).name,
                identity.region.as_deref().unwrap_or("this one")
            )));
        }
        // A session that cannot be used keeps its name.
        if sessions.unusable.contains_key(name) {
            continue;
        }
        let owner = sessions.add_alias(index, name);
        if owner != index {
            problems.push(profile.place.warning(format!(
                "profile {name:?} signs in as session {:?}, but the session {name:?} is another one ({}); use --profile for the \
                 profile",
                sessions.get(index).name,
                sessions.get(owner).identity.start_url
            )));
        }
    }
    index
}

/// The first profile's name that no session has yet, or else a name from the start URL.
fn name_of(profiles: &[Legacy<'_>], sessions: &Sessions) -> String {
    let free = profiles.iter().map(|legacy| &legacy.profile.name).find(|name| !sessions.has_name(name));
    let derived = || unique_name(&derive_name(profiles[0].start_url), |name| sessions.has_name(name));
    free.cloned().unwrap_or_else(derived)
}
