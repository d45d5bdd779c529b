//! The configuration and the shared token cache, judged.

use std::path::{Path, PathBuf};

use super::finding::Finding;
use super::place::{Kind, Place};
use crate::config::{Config, DEFAULT_SCOPE, OriginKind, Paths, SessionConfig, Severity, is_known_region};

const CONFIGURATION: &str = "configuration";
const CACHE: &str = "AWS token cache";

/// Judges what the files say: one finding for each thing that is wrong or doubtful.
pub(super) fn judge(config: &Config, paths: &Paths) -> Vec<Finding> {
    let mut findings: Vec<Finding> = config.problems.iter().map(in_file).collect();
    findings.extend(config.sessions.iter().filter_map(region));
    findings.extend(config.sessions.iter().filter_map(scopes));
    let foreign = config.sessions.iter().filter_map(foreign);
    if !findings.is_empty() {
        findings.extend(foreign);
        return findings;
    }
    if config.sessions.is_empty() {
        return vec![Finding::warning(
            CONFIGURATION,
            format!("there is no session in {} or {}", paths.own.display(), paths.aws.display()),
            "add one: ssoctl login --start-url URL --region REGION",
        )];
    }
    let names: Vec<&str> = config.sessions.iter().map(|session| session.name.as_str()).collect();
    let all = Finding::ok(CONFIGURATION, format!("{} (profiles: {})", names.join(", "), config.profiles.len()));
    std::iter::once(all).chain(foreign).collect()
}

fn in_file(problem: &crate::config::Problem) -> Finding {
    let place = match problem.line {
        Some(line) => format!("edit line {line} of {}", problem.file.display()),
        None => format!("put {} right", problem.file.display()),
    };
    match problem.severity {
        Severity::Error => Finding::problem(CONFIGURATION, problem.message.clone(), place),
        Severity::Warning => Finding::warning(CONFIGURATION, problem.message.clone(), place),
    }
}

fn at(session: &SessionConfig) -> String {
    format!("line {} of {}", session.origin.line, session.origin.file.display())
}

fn region(session: &SessionConfig) -> Option<Finding> {
    (!is_known_region(session.region())).then(|| {
        Finding::warning(
            CONFIGURATION,
            format!("session {:?} is in {:?}, which looks like no region of AWS", session.name, session.region()),
            format!("check the region of the session, {}", at(session)),
        )
    })
}

fn scopes(session: &SessionConfig) -> Option<Finding> {
    if session.scopes.iter().any(|scope| scope == DEFAULT_SCOPE) {
        return None;
    }
    let name = &session.name;
    let (message, remedy) = match session.origin.kind {
        OriginKind::LegacyProfile => (
            format!("session {name:?} comes from a legacy profile, whose sign-in cannot be renewed silently"),
            format!("move sso_start_url and sso_region from the profile, {}, to an [sso-session] section", at(session)),
        ),
        OriginKind::SsoSession => (
            format!("session {name:?} does not register {DEFAULT_SCOPE}, so it cannot be renewed silently"),
            format!("add {DEFAULT_SCOPE} to sso_registration_scopes, section at {}", at(session)),
        ),
        OriginKind::Own => (
            format!("session {name:?} does not register {DEFAULT_SCOPE}, so it cannot be renewed silently"),
            format!("add \"{DEFAULT_SCOPE}\" to its scopes, section at {}", at(session)),
        ),
    };
    Some(Finding::warning(CONFIGURATION, message, remedy))
}

/// A session whose services are not AWS's own in its region, whether that is meant or not.
fn foreign(session: &SessionConfig) -> Option<Finding> {
    let notice = session.endpoints.as_ref().ok()?.notice()?;
    let (name, region) = (&session.name, session.region());
    let message = format!("session {name:?} signs in at {notice}, which is not AWS in {region}");
    Some(Finding::warning(CONFIGURATION, message, "if that is not meant, remove the setting that says so"))
}

/// What is known of the directory in which the AWS CLI and SDKs keep tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cache {
    pub(super) path: PathBuf,
    pub(super) directory: Place,
    /// Token files that others can read or that belong to others.
    pub(super) open_files: Vec<PathBuf>,
}

/// Judges the cache directory: whoever can write to it decides whom the AWS CLI signs in as.
pub(super) fn judge_cache(cache: &Cache, us: u32) -> Finding {
    let path = cache.path.display();
    match &cache.directory {
        Place::Missing => Finding::skipped(CACHE, format!("{path} is not there")),
        Place::Unknown(why) => Finding::problem(
            CACHE,
            format!("{path} cannot be looked at: {why}"),
            "check the owner and the mode of the directories above it",
        ),
        Place::There { kind, .. } if *kind != Kind::Directory => {
            Finding::problem(CACHE, format!("{path} is not a directory"), "move it away; the AWS CLI makes it anew")
        }
        Place::There { uid, .. } if *uid != us => Finding::problem(
            CACHE,
            format!("{path} belongs to user {uid}"),
            format!("somebody ran the AWS CLI with sudo, perhaps; run: sudo chown -R \"$USER\" {path}"),
        ),
        Place::There { mode, .. } if mode & 0o700 != 0o700 => Finding::problem(
            CACHE,
            format!("{path} has mode {mode:04o}, so you cannot write to it"),
            format!("run: chmod 700 {path}"),
        ),
        Place::There { mode, .. } if mode & 0o022 != 0 => Finding::problem(
            CACHE,
            format!("{path} can be written to by others (mode {mode:04o})"),
            format!("run: chmod 700 {path}"),
        ),
        Place::There { .. } => match cache.open_files.as_slice() {
            [] => Finding::ok(CACHE, path.to_string()),
            [file, rest @ ..] => {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                let file = file.file_name().map(Path::new).unwrap_or(file).display();
                Finding::warning(
                    CACHE,
                    format!("tokens in {path} can be read by others or belong to others: {file}{more}"),
                    format!("run: chmod 600 {path}/*.json, and chown them if they are not yours"),
                )
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, load};
    use crate::doctor::finding::Verdict;

    const US: u32 = 1000;

    /// What is found in these two files.
    fn found(own: &str, aws: &str) -> Vec<Finding> {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths {
            own: home.path().join("config.toml"),
            aws: home.path().join("config"),
            aws_credentials: home.path().join("credentials"),
        };
        std::fs::write(&paths.own, own).unwrap();
        std::fs::write(&paths.aws, aws).unwrap();
        judge(&load(&paths, &Environment::default()), &paths)
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
            (good.replace("sso_region", "sso_regoin"), Verdict::Problem, "no sso_region"),
            (section("corp", CORP, "eu-wset", DEFAULT_SCOPE), Verdict::Warning, "no region of AWS"),
            (section("corp", CORP, "eu-west-1", "codewhisperer:completions"), Verdict::Warning, "renewed silently"),
            (
                format!("[profile old]\nsso_start_url = {CORP}\nsso_region = eu-west-1\n"),
                Verdict::Warning,
                "legacy profile",
            ),
        ] {
            let findings = found("", &aws);
            let [finding] = &findings[..] else { panic!("{findings:?} for {aws}") };
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
            assert_eq!(finding.remedy.is_some(), result != Verdict::Ok, "{finding:?}");
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

    #[test]
    fn a_cache_that_others_can_write_to_is_a_problem_and_readable_tokens_a_warning() {
        let there = |uid, mode| Place::There { kind: Kind::Directory, uid, mode };
        for (directory, open_files, result, words) in [
            (there(US, 0o755), vec![], Verdict::Ok, "/cache"),
            (
                there(US, 0o700),
                vec!["/cache/a.json".into(), "/cache/b.json".into()],
                Verdict::Warning,
                "a.json and 1 more",
            ),
            (there(US, 0o777), vec![], Verdict::Problem, "by others (mode 0777)"),
            (there(US, 0o500), vec![], Verdict::Problem, "cannot write"),
            (there(0, 0o700), vec![], Verdict::Problem, "user 0"),
            (Place::There { kind: Kind::File, uid: US, mode: 0o600 }, vec![], Verdict::Problem, "not a directory"),
            (Place::Unknown("denied".to_owned()), vec![], Verdict::Problem, "denied"),
            (Place::Missing, vec![], Verdict::Skipped, "not there"),
        ] {
            let finding = judge_cache(&Cache { path: "/cache".into(), directory, open_files }, US);
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }
}
