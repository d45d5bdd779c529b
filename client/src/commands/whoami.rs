//! `ssoctl whoami`: the selected role, the source of the selection, and whether AWS tools in this shell would use another one.

use std::process::Termination;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
use serde_json::json;
use ssoctl_protocol::{Assignment, ProfileKey, Route, Selector};

use super::Verb;
use super::selection::{RoleArguments, profile_of_environment, variable};
use crate::connection::{Daemon, Starting, VersionWarning};
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render;
use crate::role_environment::{REGIONS, overriding};

/// Show which role is meant, and what decided that
///
/// Session, account, role and region, each with the argument, the variable, or the file and line that named it. Warns if variables
/// of this shell make AWS tools use other credentials. The service is not asked.
#[derive(Args, Debug)]
pub(crate) struct Whoami {
    #[command(flatten)]
    role: RoleArguments,
    /// Print a JSON object: profile, session, start_url, sso_region, account, role, region, decided_by, overridden_by
    #[arg(long)]
    json: bool,
}

/// The source of one part of the answer.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Decision {
    Argument { argument: &'static str },
    Variable { variable: &'static str },
    Key(ProfileKey),
}

/// A part of the answer.
struct Part {
    name: &'static str,
    value: Option<String>,
    decided_by: Option<Decision>,
    /// The text for people if there is no source.
    otherwise: &'static str,
}

const DEFAULT_PROFILE: &str = "default";

impl Verb for Whoami {
    fn run(self, starting: Starting) -> Result<impl Termination, Failure> {
        let RoleArguments { profile, session, account, role } = &self.role;
        let arguments = [("--profile", profile), ("--session", session), ("--account", account), ("--role", role)];
        let by_arguments =
            arguments.map(|(argument, value)| value.is_some().then_some(Decision::Argument { argument }));
        let query = self.role.query(Duration::ZERO)?;
        let daemon = Daemon::find(starting, VersionWarning::unless(self.json))?;
        let assignment: Assignment = daemon.fetch(&Route::Assignment, &query)?;
        let overridden_by = overriding(&environment::variable);
        let (start_url, sso_region) = (assignment.start_url.clone(), assignment.sso_region.clone());
        let parts = explain(assignment, by_arguments, query.selector)?;
        if self.json {
            let mut document =
                json!({ "start_url": start_url, "sso_region": sso_region, "overridden_by": overridden_by });
            for Part { name, value, decided_by, .. } in &parts {
                document[name] = json!(value);
                document["decided_by"][name] = json!(decided_by);
            }
            return output::json(document.to_string().as_bytes());
        }
        output::write(text(&parts, &overridden_by, profile_of_environment()?.as_deref()).as_bytes())
    }
}

/// Combines the daemon's knowledge of the files with the arguments and variables of this process.
fn explain(
    assignment: Assignment,
    [profile_argument, session_argument, account_argument, role_argument]: [Option<Decision>; 4],
    selector: Selector,
) -> Result<[Part; 5], Failure> {
    let keys = assignment.decided_by;
    let by_variable = |name| Some(Decision::Variable { variable: name });
    let (profile, profile_variable, session_variable) = match selector {
        Selector::Profile(name) => {
            let variable = if variable("AWS_PROFILE")?.is_some() { "AWS_PROFILE" } else { "AWS_DEFAULT_PROFILE" };
            (Some(name), by_variable(variable), None)
        }
        Selector::Session(_) => (None, None, by_variable("SSOCTL_SESSION")),
        _ => {
            let is_used = [&keys.session, &keys.account, &keys.role, &keys.region].iter().any(|key| key.is_some());
            (is_used.then(|| DEFAULT_PROFILE.to_owned()), None, None)
        }
    };
    let region_variable = REGIONS.into_iter().find(|name| environment::variable(name).is_some());
    let region = region_variable.map(variable).transpose()?.flatten().or(assignment.region);
    let otherwise = if profile.is_some() { "no other is named" } else { "" };
    let part = |name, value, decided_by, otherwise| Part { name, value, decided_by, otherwise };
    let key = |key: Option<ProfileKey>| key.map(Decision::Key);
    let by_session = session_argument.or(session_variable).or(key(keys.session));
    let by_region = region_variable.and_then(by_variable).or(key(keys.region));
    Ok([
        part("profile", profile, profile_argument.or(profile_variable), otherwise),
        part("session", Some(assignment.session), by_session, "it is the only one"),
        part("account", Some(assignment.account), account_argument.or(key(keys.account)), ""),
        part("role", Some(assignment.role), role_argument.or(key(keys.role)), ""),
        part("region", region, by_region, "neither a variable nor the profile names one"),
    ])
}

fn text(parts: &[Part; 5], overridden_by: &[&str], profile_of_environment: Option<&str>) -> String {
    let rows = parts.iter().map(|Part { name, value, decided_by, otherwise }| {
        let by = decided_by.as_ref().map_or_else(|| (*otherwise).to_owned(), in_words);
        [(*name).to_owned(), render::or_dash(value.clone()), render::or_dash(Some(by))]
    });
    let mut text = render::table(["", "", "DECIDED BY"], rows);
    for name in overridden_by {
        text.push_str(&format!(
            "\nwarning: {name} is set in this shell, so AWS tools use those credentials instead; unset it, or run them with: \
             ssoctl exec\n"
        ));
    }
    let used = profile_of_environment.unwrap_or(DEFAULT_PROFILE);
    if overridden_by.is_empty() && parts[0].value.as_deref() != Some(used) {
        text.push_str(&format!(
            "\nAWS tools use profile {used:?} in this shell; to run one with this role: ssoctl exec\n"
        ));
    }
    text
}

fn in_words(decision: &Decision) -> String {
    match decision {
        Decision::Argument { argument } => (*argument).to_owned(),
        Decision::Variable { variable } => (*variable).to_owned(),
        Decision::Key(ProfileKey { profile, key, file, line }) => {
            format!("{key} of profile {profile:?} ({file}:{line})")
        }
    }
}
