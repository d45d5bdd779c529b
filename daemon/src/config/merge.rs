//! Both files become one list of sessions: one for each name of a section, and one for the legacy profiles at one portal.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::add::{AddError, is_scope_token};
use super::aws::{AwsFile, AwsPart, Section, split_scopes};
use super::draft::{Draft, Drafts};
use super::endpoints::ProfileEndpoints;
use super::environment::Environment;
use super::identity::{Identity, IdentityError};
use super::located::{LineProblem, Located};
use super::own::{OwnFile, OwnSession};
use super::{Config, DEFAULT_SCOPE, Origin, OriginKind, Problem, SessionConfig, Severity, profiles};

/// The profile whose endpoint settings apply to sessions that have no profile of their own. `AWS_PROFILE` has no say:
/// it belongs to one shell, and the daemon serves them all.
const DEFAULT_PROFILE: &str = "default";

/// A file that was read, and where it stands.
#[derive(Debug)]
pub(super) struct Source<'a, T> {
    pub(super) path: &'a Path,
    pub(super) file: &'a T,
}

/// Where everything stands that the configuration is made of.
pub(super) struct Files<'a> {
    own: &'a Path,
    /// Read from the configuration file at this path and the credentials file.
    pub(super) aws: Source<'a, AwsFile>,
    credentials: &'a Path,
}

impl Files<'_> {
    /// The file and line of a line of [`AwsFile`].
    pub(super) fn place(&self, line: usize) -> (&Path, usize) {
        match self.aws.file.place(line) {
            (AwsPart::Config, line) => (self.aws.path, line),
            (AwsPart::Credentials, line) => (self.credentials, line),
        }
    }

    pub(super) fn in_aws(&self, problem: LineProblem) -> Problem {
        let (file, line) = self.place(problem.line);
        problem.in_file(file, line)
    }

    fn in_own(&self, problem: LineProblem) -> Problem {
        let line = problem.line;
        problem.in_file(self.own, line)
    }
}

/// Makes the configuration out of both files.
///
/// `aws` stands at the path of the configuration file; `credentials` is the path of the other one that it was read from.
pub(super) fn merge(
    own: Source<'_, OwnFile>,
    aws: Source<'_, AwsFile>,
    credentials: &Path,
    environment: &Environment,
) -> Config {
    let files = Files { own: own.path, aws, credentials };
    let aws = files.aws.file;
    let mut aws_problems = aws.problems.clone();
    let mut problems: Vec<Problem> = own.file.problems.iter().map(|problem| files.in_own(problem.clone())).collect();
    let losses = own.file.losses.iter().map(|problem| files.in_own(problem.clone()));
    let losses = losses.chain(
        aws.problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| files.in_aws(problem.clone())),
    );
    let losses = losses.collect();

    let endpoints = aws.endpoints_of(DEFAULT_PROFILE, &mut aws_problems);
    let own_sessions: HashMap<&str, &OwnSession> =
        own.file.sessions.iter().map(|session| (session.name.as_str(), session)).collect();
    let of_aws = aws
        .sso_sessions
        .iter()
        .map(|section| Sections { own: own_sessions.get(section.name.as_str()).copied(), aws: Some(section) });
    let of_own = own.file.sessions.iter().filter(|session| aws.sso_session(&session.name).is_none());
    let mut drafts = Drafts::default();
    let mut unusable_sessions = BTreeMap::new();
    for sections in of_aws.chain(of_own.map(|session| Sections { own: Some(session), aws: None })) {
        match sections.draft(&files, &endpoints) {
            Ok(draft) => drop(drafts.push(draft)),
            Err(LeftOut { problem, is_reported }) => {
                if !is_reported {
                    problems.push(problem.clone());
                }
                unusable_sessions.insert(sections.name().to_owned(), problem);
            }
        }
    }

    let ca_bundle = environment.ca_bundle.clone().or_else(|| {
        let bundle = aws.profile(DEFAULT_PROFILE)?.get("ca_bundle")?;
        Some(environment.expand_home(Path::new(&bundle.value)))
    });
    let resolved = profiles::resolve(&files, &own_sessions, &unusable_sessions, &mut drafts, &mut aws_problems);
    aws_problems.extend(
        resolved
            .profiles
            .keys()
            .filter_map(|name| unused_ca_bundle(aws.profile(name)?, environment, ca_bundle.as_deref())),
    );
    let sessions: Vec<SessionConfig> =
        drafts.into_list().into_iter().map(|draft| draft.finish(files.own, files.aws.path, environment)).collect();

    problems.extend(aws_problems.into_iter().map(|problem| files.in_aws(problem)));
    problems.extend(sessions.iter().filter_map(endpoint_problem));
    problems.sort_by(|a, b| {
        let is_own = |problem: &Problem| problem.file == own.path;
        (is_own(b), &a.file, a.line).cmp(&(is_own(a), &b.file, b.line))
    });

    Config {
        sessions,
        profiles: resolved.profiles,
        unusable_sessions,
        unusable_profiles: resolved.unusable,
        losses,
        secret_store: own.file.secret_store,
        notifications: own.file.notifications,
        aws_config_files: own
            .file
            .aws_config_files
            .iter()
            .map(|path| environment.expand_home(Path::new(path)))
            .collect(),
        quiet_hours: own.file.quiet_hours,
        ca_bundle,
        problems,
    }
}

/// The sections of one name, at least one of them: `[session.NAME]` overrides `[sso-session NAME]` member by member.
#[derive(Clone, Copy)]
struct Sections<'a> {
    own: Option<&'a OwnSession>,
    aws: Option<&'a Section>,
}

/// Why a session is left out.
struct LeftOut {
    problem: Problem,
    /// Whether reading its file has reported that already.
    is_reported: bool,
}

impl From<Problem> for LeftOut {
    fn from(problem: Problem) -> Self {
        Self { problem, is_reported: false }
    }
}

impl<'a> Sections<'a> {
    /// The name that all of them have.
    fn name(self) -> &'a str {
        let name = self.aws.map(|section| &section.name).or(self.own.map(|own| &own.name));
        name.map(String::as_str).unwrap_or_default()
    }

    fn draft(self, files: &Files<'_>, endpoints: &ProfileEndpoints) -> Result<Draft, LeftOut> {
        if let Some(why) = self.own.and_then(|own| own.unusable.clone()) {
            return Err(LeftOut { problem: files.in_own(why), is_reported: true });
        }
        let start_url =
            self.member(files, self.own.and_then(|own| own.start_url.as_ref()), "start_url", "sso_start_url")?;
        let region = self.member(files, self.own.and_then(|own| own.region.as_ref()), "region", "sso_region")?;
        let scopes = self.scopes(files)?;
        let identity = Identity::new(Some(self.name()), &start_url.entry.value, &region.entry.value, &scopes).map_err(
            |error| match error {
                IdentityError::StartUrl(_) => start_url.blame(files, &error),
                IdentityError::Region(_) => region.blame(files, &error),
            },
        )?;
        let own = self.own.cloned().unwrap_or_default();
        let origin = match self.aws {
            Some(section) => {
                Origin { kind: OriginKind::SsoSession, file: files.aws.path.to_owned(), line: section.line }
            }
            None => Origin { kind: OriginKind::Own, file: files.own.to_owned(), line: own.line },
        };
        let name = self.name().to_owned();
        Ok(Draft {
            aliases: Vec::new(),
            identity,
            cache_keys: vec![name.clone()],
            name,
            scopes,
            origin,
            own_oidc: own.oidc_endpoint,
            own_portal: own.portal_endpoint,
            endpoints: endpoints.clone(),
            browser: own.browser,
            verification_hosts: own.verification_hosts,
            refresh_before: own.refresh_before,
            notify_before: own.notify_before,
            sdk_cache: own.sdk_cache,
            is_legacy: false,
        })
    }

    fn member(
        self,
        files: &Files<'_>,
        own: Option<&'a Located<String>>,
        own_key: &str,
        aws_key: &str,
    ) -> Result<Member<'a>, Problem> {
        if let Some(entry) = own {
            return Ok(Member { entry, of: Of::Own });
        }
        match self.aws {
            Some(section) => match section.get(aws_key) {
                Some(entry) => Ok(Member { entry, of: Of::Aws }),
                None => Err(files.in_aws(LineProblem::error(
                    section.line,
                    format!("sso-session {:?} has no {aws_key}; it is left out", section.name),
                ))),
            },
            None => Err(files.in_own(LineProblem::error(
                self.own.map_or(1, |own| own.line),
                format!(
                    "session {:?} has no {own_key}, and the AWS configuration has no [sso-session {}] to take it from; it is left out",
                    self.name(), self.name()
                ),
            ))),
        }
    }

    /// The scopes as written. Where none are given, the AWS CLI registers the one that makes tokens refreshable;
    /// an empty list counts as none there, and in the own file as a wish for a token without it. One that no service could
    /// take is refused here, where its line is known.
    fn scopes(self, files: &Files<'_>) -> Result<Vec<String>, Problem> {
        let refused =
            |scopes: &[String]| scopes.iter().find(|scope| !is_scope_token(scope)).map(|scope| not_a_scope(scope));
        if let Some(scopes) = self.own.and_then(|own| own.scopes.as_ref()) {
            return match refused(&scopes.value) {
                Some(message) => Err(files.in_own(LineProblem::error(scopes.line, message))),
                None => Ok(scopes.value.clone()),
            };
        }
        let Some(list) = self.aws.and_then(|section| section.get("sso_registration_scopes")) else {
            return Ok(vec![DEFAULT_SCOPE.to_owned()]);
        };
        let scopes = split_scopes(&list.value);
        match refused(&scopes) {
            Some(message) => Err(files.in_aws(LineProblem::error(list.line, list.explained(message)))),
            None if scopes.is_empty() => Ok(vec![DEFAULT_SCOPE.to_owned()]),
            None => Ok(scopes),
        }
    }
}

fn not_a_scope(scope: &str) -> String {
    AddError::Scope(scope.to_owned()).to_string()
}

/// A member of a session, and the file that it came from.
struct Member<'a> {
    entry: &'a Located<String>,
    of: Of,
}

/// Which file something is of.
#[derive(Clone, Copy)]
enum Of {
    Own,
    Aws,
}

impl Member<'_> {
    fn blame(&self, files: &Files<'_>, error: &IdentityError) -> Problem {
        match self.of {
            Of::Own => files.in_own(LineProblem::error(self.entry.line, error.to_string())),
            Of::Aws => files.in_aws(LineProblem::error(self.entry.line, self.entry.explained(error.to_string()))),
        }
    }
}

/// One daemon signs in for all profiles, and trusts the same certificates whoever asks.
fn unused_ca_bundle(profile: &Section, environment: &Environment, used: Option<&Path>) -> Option<LineProblem> {
    let bundle = profile.get("ca_bundle")?;
    let is_used = used == Some(&environment.expand_home(Path::new(&bundle.value)));
    (!is_used).then(|| {
        let message = format!(
            "ca_bundle of profile {:?} is not used for signing in; name it in [default], or in AWS_CA_BUNDLE where ssoctld is \
             started",
            profile.name
        );
        LineProblem::warning(bundle.line, message)
    })
}

fn endpoint_problem(session: &SessionConfig) -> Option<Problem> {
    let error = session.endpoints.as_ref().err()?;
    Some(Problem {
        severity: Severity::Error,
        file: session.origin.file.clone(),
        line: Some(session.origin.line),
        message: format!("session {:?} cannot be used: {error}", session.name),
    })
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
