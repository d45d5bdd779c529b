//! The configuration files that count for the shell: those of the daemon, or those that the shell's variables name.

use std::sync::Arc;

use ssoctl_protocol::partition::is_known_region;

use super::report::{Check, Finding};
use super::shell::is_same;
use super::time_limit::TimeLimit;
use crate::chain::chain;
use crate::config::{
    self, Config, DEFAULT_SCOPE, EndpointSettings, Environment, FilePair, NotUsable, Notifications, OriginKind, Paths,
    SessionConfig, Severity, load_named,
};

const CONFIGURATION: Check = Check("configuration");

#[derive(Default)]
pub(super) struct ConfigurationFacts {
    /// The configuration in force; empty if its files cannot be read.
    pub(super) config: Arc<Config>,
    /// The setting of the daemon's own files, also where the shell names others.
    pub(super) notifications: Notifications,
    pub(super) findings: Vec<Finding>,
}

/// Reads the configuration as the daemon does for a shell that names these files.
pub(super) async fn examine(
    paths: Paths,
    environment: Environment,
    named: Option<FilePair>,
    limit: &TimeLimit,
) -> ConfigurationFacts {
    let of_shell = named.as_ref().map_or_else(String::new, |files| format!(" and {files},"));
    let late = format!("reading {}, {}{of_shell} takes too long", paths.own.display(), paths.aws.display());
    let read = limit.run(move || {
        let own = config::load(&paths, &environment);
        let notifications = own.notifications;
        let named = named.map(|files| (read_named(&paths, &files, &environment, &own), files));
        let (config, findings) = match named {
            None => {
                let findings = judge(&own, &paths);
                (own, findings)
            }
            Some((Ok(config), files)) => {
                let aws = files.config.unwrap_or_else(|| paths.aws.clone());
                let findings = judge(&config, &Paths { aws, ..paths });
                (config, findings)
            }
            Some((Err(why), files)) => {
                let remedy = "mend that, or unset the variable; nothing is answered from another file";
                (own, vec![CONFIGURATION.problem(format!("{files}: {}", chain(&why)), remedy)])
            }
        };
        ConfigurationFacts { config: Arc::new(config), notifications, findings }
    });
    read.await.unwrap_or_else(|| {
        let finding = CONFIGURATION.problem(late, "check the file systems that these files are on");
        ConfigurationFacts { findings: vec![finding], ..ConfigurationFacts::default() }
    })
}

fn read_named(paths: &Paths, files: &FilePair, environment: &Environment, own: &Config) -> Result<Config, NotUsable> {
    let is_listed = |file| own.aws_config_files.iter().any(|listed| is_same(listed, file));
    let settings = match &files.config {
        Some(file) if is_listed(file) => EndpointSettings::Count,
        _ => EndpointSettings::Ignored,
    };
    load_named(paths, files, settings, environment)
}

/// Returns one finding for each thing that is wrong or doubtful, or one that all is well.
fn judge(config: &Config, paths: &Paths) -> Vec<Finding> {
    let sessions = &config.sessions;
    let mut findings: Vec<Finding> = config.problems.iter().map(judge_problem).collect();
    findings.extend(sessions.iter().filter_map(judge_region));
    findings.extend(sessions.iter().filter_map(judge_scopes));
    if findings.is_empty() && sessions.is_empty() {
        findings.push(CONFIGURATION.warning(
            format!("there is no session in {} or {}", paths.own.display(), paths.aws.display()),
            "add one: ssoctl login --start-url URL --region REGION",
        ));
    } else if findings.is_empty() {
        let names: Vec<&str> = sessions.iter().map(|session| session.name.as_str()).collect();
        findings.push(CONFIGURATION.ok(format!("{} (profiles: {})", names.join(", "), config.profiles.len())));
    }
    findings.extend(sessions.iter().filter_map(judge_issuer));
    findings
}

fn judge_problem(problem: &config::Problem) -> Finding {
    let remedy = match problem.line {
        Some(line) => format!("edit line {line} of {}", problem.file.display()),
        None => format!("mend {}", problem.file.display()),
    };
    match problem.severity {
        Severity::Error => CONFIGURATION.problem(problem.message.clone(), remedy),
        Severity::Warning => CONFIGURATION.warning(problem.message.clone(), remedy),
    }
}

fn place(session: &SessionConfig) -> String {
    format!("line {} of {}", session.origin.place.line, session.origin.place.file.display())
}

fn judge_region(session: &SessionConfig) -> Option<Finding> {
    session.region().filter(|region| !is_known_region(region)).map(|region| {
        CONFIGURATION.warning(
            format!("session {:?} is in {region:?}, which looks like no region of AWS", session.name),
            format!("check the region of the session, {}", place(session)),
        )
    })
}

fn judge_scopes(session: &SessionConfig) -> Option<Finding> {
    if session.scopes.iter().any(|scope| scope == DEFAULT_SCOPE) {
        return None;
    }
    let (why, remedy) = match session.origin.kind {
        OriginKind::LegacyProfile => (
            "comes from a legacy profile".to_owned(),
            "move sso_start_url and sso_region from the profile to an [sso-session] section".to_owned(),
        ),
        OriginKind::SsoSession => (
            format!("does not register {DEFAULT_SCOPE}"),
            format!("add {DEFAULT_SCOPE} to sso_registration_scopes of its section"),
        ),
        OriginKind::Own => (
            format!("does not register {DEFAULT_SCOPE}"),
            format!("add \"{DEFAULT_SCOPE}\" to the scopes of its section"),
        ),
    };
    let message = format!("session {:?} {why}, so its sign-in cannot be renewed silently", session.name);
    Some(CONFIGURATION.warning(message, format!("{remedy} ({})", place(session))))
}

/// Names a session whose services are not AWS's own in its region, whether that is meant or not.
fn judge_issuer(session: &SessionConfig) -> Option<Finding> {
    let notice = session.endpoints.configured()?.description_if_foreign()?;
    let place = session.region().map(|region| format!(" in {region}")).unwrap_or_default();
    let message = format!("session {:?} signs in at {notice}, which is not AWS{place}", session.name);
    Some(CONFIGURATION.warning(message, "if you do not want that, remove the setting that says so"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;
    use crate::doctor::report::Verdict;

    /// The findings for these two files.
    fn found(own: &str, aws: &str) -> Vec<Finding> {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths {
            own: home.path().join("config.toml"),
            aws: home.path().join("config"),
            aws_credentials: home.path().join("credentials"),
        };
        std::fs::write(&paths.own, own).unwrap();
        std::fs::write(&paths.aws, aws).unwrap();
        judge(&config::load(&paths, &Environment::default()), &paths)
    }

    fn section(name: &str, start_url: &str, region: &str, scopes: &str) -> String {
        format!(
            "[sso-session {name}]\nsso_start_url = {start_url}\nsso_region = {region}\nsso_registration_scopes = {scopes}\n"
        )
    }

    const CORP: &str = "https://corp.awsapps.com/start";

    #[test]
    fn everything_doubtful_in_the_files_is_found_with_a_remedy() {
        let good = section("corp", CORP, "eu-west-1", DEFAULT_SCOPE);
        for (aws, result, words) in [
            (good.clone(), Verdict::Ok, "corp (profiles: 0)"),
            (String::new(), Verdict::Warning, "no session"),
            (format!("{good}nonsense\n"), Verdict::Problem, "the AWS CLI refuses the whole file"),
            (good.replace("sso_region", "region"), Verdict::Problem, "no sso_region"),
            (section("corp", CORP, "eu-wset", DEFAULT_SCOPE), Verdict::Warning, "no region of AWS"),
            (section("corp", CORP, "eu-west-1", "codewhisperer:completions"), Verdict::Warning, "renewed silently"),
            (
                format!("[profile old]\nsso_start_url = {CORP}\nsso_region = eu-west-1\n"),
                Verdict::Warning,
                "legacy profile",
            ),
            (
                format!("{good}[profile dev]\nsso_session = corp\nca_bundle = /own.pem\n"),
                Verdict::Warning,
                "ca_bundle of profile \"dev\" is not used",
            ),
        ] {
            let findings = found("", &aws);
            let [finding] = &findings[..] else { panic!("{findings:?} for {aws}") };
            finding.says(result, words);
        }
    }

    #[test]
    fn two_people_at_one_portal_are_meant() {
        let section = |name: &str, region: &str| section(name, CORP, region, DEFAULT_SCOPE);
        let findings = found("", &(section("ada", "eu-west-1") + &section("grace", "eu-west-1")));
        assert_eq!(findings[0].result, Verdict::Ok, "{findings:?}");
    }

    #[test]
    fn an_endpoint_that_is_not_of_aws_is_named_with_its_origin() {
        let here = "oidc_endpoint = \"http://127.0.0.1:1\"\nportal_endpoint = \"http://127.0.0.1:1\"\n";
        let aws = section("corp", CORP, "eu-west-1", DEFAULT_SCOPE);
        let findings = found(&format!("[session.corp]\n{here}"), &aws);
        let message = &findings.last().unwrap().message;
        assert!(
            message.contains("http://127.0.0.1:1 (oidc_endpoint, ") && message.contains("config.toml:2)"),
            "{message}"
        );
    }
}
