//! `ssoctl whoami`: which role is meant, what decided that, and whether AWS tools in this shell would use another one.

use std::process::Termination;
use std::time::Duration;

use clap::Args;
use serde::Serialize;
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

/// What `--json` prints.
#[derive(Serialize)]
struct Output {
    profile: Option<String>,
    session: String,
    start_url: String,
    sso_region: String,
    account: String,
    role: String,
    region: Option<String>,
    decided_by: Decisions,
    /// The variables of this shell with which AWS tools get other credentials.
    overridden_by: Vec<&'static str>,
}

#[derive(Serialize)]
struct Decisions {
    profile: Option<Decision>,
    session: Option<Decision>,
    account: Option<Decision>,
    role: Option<Decision>,
    region: Option<Decision>,
}

/// What decided on one part of the answer.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Decision {
    Argument { argument: &'static str },
    Variable { variable: &'static str },
    Key(ProfileKey),
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
        let output = explain(assignment, by_arguments, query.selector)?;
        if self.json {
            return output::json(&output::to_json(&output)?);
        }
        output::write(text(&output, profile_of_environment()?.as_deref()).as_bytes())
    }
}

/// Puts together what the daemon says about the files and what only this process sees: its arguments and variables.
fn explain(
    assignment: Assignment,
    [profile_argument, session_argument, account_argument, role_argument]: [Option<Decision>; 4],
    selector: Selector,
) -> Result<Output, Failure> {
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
    Ok(Output {
        decided_by: Decisions {
            profile: profile_argument.or(profile_variable),
            session: session_argument.or(session_variable).or(keys.session.map(Decision::Key)),
            account: account_argument.or(keys.account.map(Decision::Key)),
            role: role_argument.or(keys.role.map(Decision::Key)),
            region: region_variable.and_then(by_variable).or(keys.region.map(Decision::Key)),
        },
        profile,
        session: assignment.session,
        start_url: assignment.start_url,
        sso_region: assignment.sso_region,
        account: assignment.account,
        role: assignment.role,
        region,
        overridden_by: overriding(&environment::variable),
    })
}

fn text(output: &Output, profile_of_environment: Option<&str>) -> String {
    let Decisions { profile, session, account, role, region } = &output.decided_by;
    let row = |what: &str, value: Option<&String>, by: &Option<Decision>, otherwise: &str| {
        let by = by.as_ref().map_or_else(|| otherwise.to_owned(), in_words);
        [what.to_owned(), render::or_dash(value.cloned()), render::or_dash(Some(by))]
    };
    let no_other = if output.profile.is_some() { "no other is named" } else { "" };
    let rows = [
        row("profile", output.profile.as_ref(), profile, no_other),
        row("session", Some(&output.session), session, "it is the only one"),
        row("account", Some(&output.account), account, ""),
        row("role", Some(&output.role), role, ""),
        row("region", output.region.as_ref(), region, "neither a variable nor the profile names one"),
    ];
    let mut text = render::table(["", "", "DECIDED BY"], rows.into_iter());
    for name in &output.overridden_by {
        text.push_str(&format!(
            "\nwarning: {name} is set in this shell, so AWS tools use those credentials instead; unset it, or run them with: \
             ssoctl exec\n"
        ));
    }
    let used = profile_of_environment.unwrap_or(DEFAULT_PROFILE);
    if output.overridden_by.is_empty() && output.profile.as_deref() != Some(used) {
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
