//! `ssoctl whoami`: which role is meant, what decided that, and whether the AWS tools in this shell would use another one.

use serde::Serialize;
use ssoctl_protocol::{Assignment, ProfileKey, Route, Selector};

use super::{profile, role, variable};
use crate::cli::{self, Validity};
use crate::connection::Daemon;
use crate::environment;
use crate::failure::Failure;
use crate::output;
use crate::render;
use crate::role_environment::{REGIONS, overriding};

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

pub(super) fn run(daemon: &Daemon, arguments: cli::Whoami) -> Result<(), Failure> {
    let which = &arguments.which;
    let argument = |name, is_given: bool| is_given.then_some(Decision::Argument { argument: name });
    let by_arguments = Decisions {
        profile: argument("--profile", which.profile.is_some()),
        session: argument("--session", which.session.is_some()),
        account: argument("--account", which.account.is_some()),
        role: argument("--role", which.role.is_some()),
        region: None,
    };
    let query = role::query(arguments.which, Validity::default())?;
    let selector = query.selector.clone();
    let assignment: Assignment = daemon.read(&daemon.ask(&Route::Assignment, &query)?)?;
    let output = explain(assignment, by_arguments, selector)?;
    if arguments.json {
        let text = serde_json::to_string(&output)
            .map_err(|error| Failure::Other(format!("the answer cannot be written as JSON: {error}")))?;
        return output::write(format!("{text}\n").as_bytes());
    }
    output::write(text(&output, profile()?.as_deref()).as_bytes())
}

/// Puts together what the daemon says of the files and what only this process sees: its arguments and variables.
fn explain(assignment: Assignment, by_arguments: Decisions, selector: Selector) -> Result<Output, Failure> {
    let keys = assignment.decided_by;
    let of_variable = |name| Some(Decision::Variable { variable: name });
    let (profile, profile_variable, session_variable) = match selector {
        Selector::Profile(name) => {
            let variable = if variable("AWS_PROFILE")?.is_some() { "AWS_PROFILE" } else { "AWS_DEFAULT_PROFILE" };
            (Some(name), of_variable(variable), None)
        }
        Selector::Session(_) => (None, None, of_variable("SSOCTL_SESSION")),
        _ => {
            let named = [&keys.session, &keys.account, &keys.role, &keys.region].into_iter().flatten().next();
            (named.map(|_| DEFAULT_PROFILE.to_owned()), None, None)
        }
    };
    let region_variable = REGIONS.into_iter().find(|name| environment::variable(name).is_some());
    let region = region_variable.map(variable).transpose()?.flatten().or(assignment.region);
    Ok(Output {
        decided_by: Decisions {
            profile: by_arguments.profile.or(profile_variable),
            session: by_arguments.session.or(session_variable).or(keys.session.map(Decision::Key)),
            account: by_arguments.account.or(keys.account.map(Decision::Key)),
            role: by_arguments.role.or(keys.role.map(Decision::Key)),
            region: region_variable.and_then(of_variable).or(keys.region.map(Decision::Key)),
        },
        profile,
        session: assignment.session,
        start_url: assignment.start_url,
        sso_region: assignment.sso_region,
        account: assignment.account,
        role: assignment.role,
        region,
        overridden_by: overriding(&|name| environment::variable(name)),
    })
}

const DEFAULT_PROFILE: &str = "default";

fn text(output: &Output, used_profile: Option<&str>) -> String {
    let Decisions { profile, session, account, role, region } = &output.decided_by;
    let row = |what: &str, value: Option<&String>, by: &Option<Decision>, otherwise: &str| {
        let by = by.as_ref().map_or_else(|| otherwise.to_owned(), spoken);
        [what.to_owned(), value.cloned().unwrap_or_default(), by]
    };
    let rows = [
        row(
            "profile",
            output.profile.as_ref(),
            profile,
            if output.profile.is_some() { "no other is named" } else { "" },
        ),
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
    let elsewhere = used_profile.unwrap_or(DEFAULT_PROFILE);
    if output.overridden_by.is_empty() && output.profile.as_deref() != Some(elsewhere) {
        text.push_str(&format!(
            "\nAWS tools use profile {elsewhere:?} in this shell; to run one with this role: ssoctl exec\n"
        ));
    }
    text
}

fn spoken(decision: &Decision) -> String {
    match decision {
        Decision::Argument { argument } => (*argument).to_owned(),
        Decision::Variable { variable } => (*variable).to_owned(),
        Decision::Key(ProfileKey { profile, key, file, line }) => {
            format!("{key} of profile {profile:?} ({file}:{line})")
        }
    }
}
