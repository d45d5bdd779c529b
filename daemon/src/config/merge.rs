//! Both files become one list of sessions: one for each name of a section, and one for the legacy profiles at one portal.

use std::path::Path;
use std::time::Duration;

use super::aws::{AwsFile, AwsPart, Section, split_scopes};
use super::endpoints::{self, Endpoints, ProfileEndpoints};
use super::environment::Environment;
use super::identity::{Identity, IdentityError};
use super::located::{LineProblem, Located};
use super::own::{OwnFile, OwnSession};
use super::profiles::{self, Legacy};
use super::{BrowserCommand, Config, DEFAULT_SCOPE, Origin, OriginKind, Problem, SdkCache, SessionConfig, Severity};

/// The profile whose endpoint settings apply to sessions that have no profile of their own. `AWS_PROFILE` has no say:
/// it belongs to one shell, and the daemon serves them all.
const DEFAULT_PROFILE: &str = "default";

/// A file that was read, and where it stands.
#[derive(Debug)]
pub(super) struct Source<'a, T> {
    pub(super) path: &'a Path,
    pub(super) file: &'a T,
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
    let mut own_problems = own.file.problems.clone();
    let mut aws_problems = aws.file.problems.clone();

    let endpoints = aws.file.endpoints_of(DEFAULT_PROFILE, &mut aws_problems);
    let mut drafts = Vec::new();
    for section in &aws.file.sso_sessions {
        let own_session = own.file.sessions.iter().find(|session| session.name == section.name);
        let sections = Sections { own: own_session, aws: Some(section) };
        match sections.draft(own.path, aws.path, &endpoints) {
            Ok(draft) => drafts.push(draft),
            Err(Blame::Own(problem)) => own_problems.push(problem),
            Err(Blame::Aws(problem)) => aws_problems.push(problem),
            Err(Blame::Reported) => {}
        }
    }
    for session in &own.file.sessions {
        if aws.file.sso_session(&session.name).is_some() {
            continue;
        }
        let sections = Sections { own: Some(session), aws: None };
        match sections.draft(own.path, aws.path, &endpoints) {
            Ok(draft) => drafts.push(draft),
            Err(Blame::Own(problem) | Blame::Aws(problem)) => own_problems.push(problem),
            Err(Blame::Reported) => {}
        }
    }

    let own_names: Vec<&str> = own.file.sessions.iter().map(|session| session.name.as_str()).collect();
    let resolved = profiles::resolve(&aws, credentials, &own_names, &mut drafts, &mut aws_problems);
    for origin in
        drafts.iter_mut().map(|draft| &mut draft.origin).filter(|origin| origin.kind == OriginKind::LegacyProfile)
    {
        let (part, line) = aws.file.place(origin.line);
        origin.line = line;
        if part == AwsPart::Credentials {
            origin.file = credentials.to_owned();
        }
    }
    let sessions: Vec<SessionConfig> =
        drafts.into_iter().map(|draft| draft.finish(own.path, aws.path, environment)).collect();

    let mut problems = in_file(own.path, own_problems);
    for problem in aws_problems {
        let (part, line) = aws.file.place(problem.line);
        let path = if part == AwsPart::Credentials { credentials } else { aws.path };
        problems.extend(in_file(path, vec![LineProblem { line, ..problem }]));
    }
    problems.extend(sessions.iter().filter_map(endpoint_problem));
    problems.sort_by(|a, b| {
        let is_own = |problem: &Problem| problem.file == own.path;
        (is_own(b), &a.file, a.line).cmp(&(is_own(a), &b.file, b.line))
    });

    Config {
        sessions,
        profiles: resolved.profiles,
        lost_profiles: resolved.lost,
        secret_store: own.file.secret_store,
        notifications: own.file.notifications,
        aws_config_files: own
            .file
            .aws_config_files
            .iter()
            .map(|path| environment.expand_home(Path::new(path)))
            .collect(),
        quiet_hours: own.file.quiet_hours,
        ca_bundle: environment.ca_bundle.clone().or_else(|| {
            let bundle = aws.file.profile(DEFAULT_PROFILE)?.get("ca_bundle")?;
            Some(environment.expand_home(Path::new(&bundle.value)))
        }),
        problems,
    }
}

/// A session before its endpoints are resolved.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) identity: Identity,
    pub(super) cache_keys: Vec<String>,
    scopes: Vec<String>,
    origin: Origin,
    own_oidc: Option<Located<String>>,
    own_portal: Option<Located<String>>,
    endpoints: ProfileEndpoints,
    browser: Option<BrowserCommand>,
    verification_hosts: Vec<String>,
    refresh_before: Option<Duration>,
    notify_before: Option<Duration>,
    sdk_cache: Option<SdkCache>,
    /// Whether a profile of the AWS configuration signs in with it by its start URL.
    pub(super) is_legacy: bool,
}

impl Draft {
    /// A session that legacy profiles alone make: no scopes, no settings, and the first profile's endpoints.
    pub(super) fn of_legacy_profiles(
        name: String,
        legacy: &Legacy<'_>,
        aws: &Source<'_, AwsFile>,
        endpoints: ProfileEndpoints,
    ) -> Self {
        Self {
            name,
            aliases: Vec::new(),
            identity: legacy.identity.clone(),
            cache_keys: Vec::new(),
            scopes: Vec::new(),
            origin: Origin { kind: OriginKind::LegacyProfile, file: aws.path.to_owned(), line: legacy.line },
            own_oidc: None,
            own_portal: None,
            endpoints,
            browser: None,
            verification_hosts: Vec::new(),
            refresh_before: None,
            notify_before: None,
            sdk_cache: None,
            is_legacy: true,
        }
    }

    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    fn finish(self, own_path: &Path, aws_path: &Path, environment: &Environment) -> SessionConfig {
        let inputs = endpoints::Inputs {
            start_url: &self.identity.start_url,
            region: &self.identity.region,
            own_path,
            own_oidc: self.own_oidc.as_ref(),
            own_portal: self.own_portal.as_ref(),
            environment,
            aws_path,
            profile: &self.endpoints,
        };
        let (issuer, endpoints) = endpoints::resolve(inputs);
        let by_file_alone =
            endpoints::Inputs { own_oidc: None, own_portal: None, environment: &Environment::default(), ..inputs };
        let token_files_issuer = match endpoints::resolve(by_file_alone) {
            (issuer, Ok(_)) => Some(issuer),
            (_, Err(_)) => None,
        };
        // SDKs do not know sessions that only config.toml defines.
        let is_known_to_sdks = self.origin.kind != OriginKind::Own || self.is_legacy;
        // The SDKs do not have the daemon's environment: they would take its token elsewhere.
        let is_moved = endpoints.as_ref().is_ok_and(Endpoints::are_moved_by_a_variable)
            && token_files_issuer.as_ref() != Some(&issuer);
        let usual = if is_known_to_sdks && !is_moved { SdkCache::On } else { SdkCache::Off };
        SessionConfig {
            name: self.name,
            aliases: self.aliases,
            identity: self.identity.issued_by(issuer),
            scopes: self.scopes,
            endpoints,
            cache_keys: self.cache_keys,
            token_files_issuer,
            origin: self.origin,
            browser: self.browser,
            verification_hosts: self.verification_hosts,
            refresh_before: self.refresh_before,
            notify_before: self.notify_before,
            sdk_cache: self.sdk_cache.unwrap_or(usual),
        }
    }
}

/// The sections of one name, at least one of them: `[session.NAME]` overrides `[sso-session NAME]` member by member.
#[derive(Clone, Copy)]
struct Sections<'a> {
    own: Option<&'a OwnSession>,
    aws: Option<&'a Section>,
}

/// Which file is to blame for a session that is left out.
enum Blame {
    Own(LineProblem),
    Aws(LineProblem),
    Reported,
}

impl<'a> Sections<'a> {
    fn draft(self, own_path: &Path, aws_path: &Path, endpoints: &ProfileEndpoints) -> Result<Draft, Blame> {
        if self.own.is_some_and(|own| own.unusable) {
            return Err(Blame::Reported);
        }
        let start_url = self.member(self.own.and_then(|own| own.start_url.as_ref()), "start_url", "sso_start_url")?;
        let region = self.member(self.own.and_then(|own| own.region.as_ref()), "region", "sso_region")?;
        let scopes = self.scopes();
        let name = self.aws.map(|section| &section.name).or(self.own.map(|own| &own.name));
        let identity = Identity::new(name.map(String::as_str), start_url.text, region.text, &scopes);
        let identity = identity.map_err(|error| match error {
            IdentityError::StartUrl(_) => start_url.blame(error),
            IdentityError::Region(_) => region.blame(error),
        })?;
        let own = self.own.cloned().unwrap_or_default();
        let (name, origin) = match self.aws {
            Some(section) => (
                section.name.clone(),
                Origin { kind: OriginKind::SsoSession, file: aws_path.to_owned(), line: section.line },
            ),
            None => (own.name, Origin { kind: OriginKind::Own, file: own_path.to_owned(), line: own.line }),
        };
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

    fn member(self, own: Option<&'a Located<String>>, own_key: &str, aws_key: &str) -> Result<Member<'a>, Blame> {
        if let Some(entry) = own {
            return Ok(Member::new(entry, Blame::Own));
        }
        match (self.aws.map(|section| (section, section.get(aws_key))), self.own) {
            (Some((_, Some(entry))), _) => Ok(Member::new(entry, Blame::Aws)),
            (Some((section, None)), _) => Err(Blame::Aws(LineProblem::error(
                section.line,
                format!("sso-session {:?} has no {aws_key}; it is left out", section.name),
            ))),
            (None, Some(own)) => Err(Blame::Own(LineProblem::error(
                own.line,
                format!(
                    "session {:?} has no {own_key}, and the AWS configuration has no [sso-session {}] to take it from; it is left out",
                    own.name, own.name
                ),
            ))),
            (None, None) => Err(Blame::Reported),
        }
    }

    /// The scopes as written. Where none are given, the AWS CLI registers the one that makes tokens refreshable;
    /// an empty list counts as none there, and in the own file as a wish for a token without it.
    fn scopes(self) -> Vec<String> {
        if let Some(scopes) = self.own.and_then(|own| own.scopes.as_ref()) {
            return scopes.clone();
        }
        self.aws
            .and_then(|section| section.get("sso_registration_scopes"))
            .map(|list| split_scopes(&list.value))
            .filter(|scopes| !scopes.is_empty())
            .unwrap_or_else(|| vec![DEFAULT_SCOPE.to_owned()])
    }
}

/// A member of a session, and the file that it came from.
struct Member<'a> {
    text: &'a str,
    line: usize,
    file: fn(LineProblem) -> Blame,
}

impl<'a> Member<'a> {
    fn new(entry: &'a Located<String>, file: fn(LineProblem) -> Blame) -> Self {
        Self { text: &entry.value, line: entry.line, file }
    }

    fn blame(&self, error: IdentityError) -> Blame {
        (self.file)(LineProblem::error(self.line, error.to_string()))
    }
}

fn in_file(path: &Path, problems: Vec<LineProblem>) -> Vec<Problem> {
    problems
        .into_iter()
        .map(|problem| Problem {
            severity: problem.severity,
            file: path.to_owned(),
            line: Some(problem.line),
            message: problem.message,
        })
        .collect()
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
