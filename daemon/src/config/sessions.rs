//! Makes the sessions of sections: one for each name in either file. `[session.NAME]` of config.toml overrides `[sso-session NAME]`
//! member by member. `profiles` adds those of legacy profiles.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::aws::{AwsFiles, Section, split_scopes};
use super::endpoints::{EndpointRules, Endpoints, Overrides, ProfileEndpoints, SessionEndpoints};
use super::environment::Environment;
use super::identity::{Identity, IdentityError, check_scopes};
use super::model::{DEFAULT_SCOPE, Origin, OriginKind, SdkCache, SessionConfig, SignInSetting, TokenFilesIssuer};
use super::own::{OwnFile, OwnSession};
use super::problem::{FileLine, Located, Problem};

/// The profile whose endpoint settings apply to sessions without a profile of their own. `AWS_PROFILE` does not count: it belongs
/// to one shell, and the daemon serves all of them.
pub(super) const DEFAULT_PROFILE: &str = "default";

/// Everything that the configuration is made of.
#[derive(Clone, Copy)]
pub(super) struct RawConfig<'a> {
    pub(super) own: &'a OwnFile,
    pub(super) aws: &'a AwsFiles,
    pub(super) environment: &'a Environment,
}

/// All sessions, with indices: there can be ten thousands of profiles, and each looks for its session.
#[derive(Default)]
pub(super) struct Sessions {
    list: Vec<SessionConfig>,
    by_name: HashMap<String, usize>,
    by_portal: HashMap<Portal, Vec<usize>>,
    by_cache_key: HashMap<String, usize>,
    /// The sessions that cannot be used, and why.
    pub(super) unusable: BTreeMap<String, Problem>,
}

impl Sessions {
    pub(super) fn read(sources: RawConfig<'_>, problems: &mut Vec<Problem>) -> Self {
        let RawConfig { own, aws, .. } = sources;
        let endpoints = aws.endpoints_of(DEFAULT_PROFILE, problems);
        let mut sessions = Self::default();
        let only_own = own.sessions.keys().filter(|name| !aws.sso_sessions.contains_key(*name));
        for name in aws.sso_sessions.keys().chain(only_own) {
            let sections = NamedSections { name, own: own.sessions.get(name), aws: aws.sso_sessions.get(name) };
            // `own` has reported this problem.
            let reported = sections.own.and_then(|own| own.unusable.clone());
            let session = match reported {
                Some(problem) => Err(problem),
                None => sections.session(sources, &endpoints).inspect_err(|problem| problems.push(problem.clone())),
            };
            match session {
                Ok(session) => drop(sessions.push(session)),
                Err(problem) => drop(sessions.unusable.insert(name.clone(), problem)),
            }
        }
        sessions
    }

    /// Adds a session, whose name must be free, and returns its index.
    pub(super) fn push(&mut self, session: SessionConfig) -> usize {
        let index = self.list.len();
        self.by_name.insert(session.name.clone(), index);
        self.by_portal.entry(portal(&session.identity)).or_default().push(index);
        for key in &session.cache_keys {
            self.by_cache_key.entry(key.clone()).or_insert(index);
        }
        self.list.push(session);
        index
    }

    pub(super) fn get(&self, index: usize) -> &SessionConfig {
        &self.list[index]
    }

    /// The index of the session with this name or alias.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether a session has this name or alias, or would have it if it could be used.
    pub(super) fn has_name(&self, name: &str) -> bool {
        self.by_name.contains_key(name) || self.unusable.contains_key(name)
    }

    /// The indices of the sessions at this start URL in this region, if the identity has one.
    pub(super) fn at(&self, identity: &Identity) -> &[usize] {
        self.by_portal.get(&portal(identity)).map_or(&[], Vec::as_slice)
    }

    /// Gives a session a further name, unless another session has it. Returns the index of the session that has it.
    pub(super) fn add_alias(&mut self, index: usize, alias: &str) -> usize {
        claim(&mut self.by_name, index, alias, &mut self.list[index].aliases)
    }

    /// Gives a session a further key for its token, unless another session has it. Returns the index of the session that has it.
    pub(super) fn add_cache_key(&mut self, index: usize, key: &str) -> usize {
        claim(&mut self.by_cache_key, index, key, &mut self.list[index].cache_keys)
    }

    /// The finished sessions, with what config.toml says of them or of all.
    pub(super) fn finish(mut self, own: &OwnFile, environment: &Environment) -> Vec<SessionConfig> {
        for session in &mut self.list {
            let chosen = own.sessions.get(&session.name);
            session.sign_in = match chosen.and_then(|own| own.sign_in).unwrap_or(own.sign_in) {
                // The AWS CLI, too, signs in by a code to what has no scopes. And a browser of Windows does not come back.
                SignInSetting::Auto if session.scopes.is_empty() || environment.is_within_windows => {
                    SignInSetting::Device
                }
                setting => setting,
            };
            let sdk_cache = chosen.and_then(|own| own.sdk_cache);
            session.sdk_cache = sdk_cache.unwrap_or_else(|| usual_sdk_cache(session));
        }
        self.list
    }
}

/// A start URL and a region.
type Portal = (String, Option<String>);

fn portal(identity: &Identity) -> Portal {
    (identity.start_url.clone(), identity.region.clone())
}

fn claim(owners: &mut HashMap<String, usize>, index: usize, name: &str, names: &mut Vec<String>) -> usize {
    match owners.entry(name.to_owned()) {
        Entry::Occupied(owner) => *owner.get(),
        Entry::Vacant(free) => {
            names.push(name.to_owned());
            *free.insert(index)
        }
    }
}

fn usual_sdk_cache(session: &SessionConfig) -> SdkCache {
    // A session of config.toml alone is known to SDKs by the start URL of a legacy profile, if there is one.
    let is_known_to_sdks = session.origin.kind != OriginKind::Own || session.cache_keys.len() > 1;
    // The SDKs do not have the daemon's environment: they would take the token to another issuer.
    let is_moved = session.endpoints.configured().is_some_and(Endpoints::are_moved_by_a_variable)
        && session.token_files == TokenFilesIssuer::Other;
    if is_known_to_sdks && !is_moved { SdkCache::On } else { SdkCache::Off }
}

/// What sections say of a session.
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) identity: Identity,
    pub(super) region: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) origin: Origin,
    pub(super) own: OwnSession,
}

/// A session with its endpoints, but without names that others may have.
pub(super) fn session(definition: Definition, profile: &ProfileEndpoints, environment: &Environment) -> SessionConfig {
    let Definition { name, identity, region, scopes, origin, own } = definition;
    let of = |rules| SessionEndpoints::new(rules, &identity, region.as_deref());
    let (endpoints, issuer) = of(EndpointRules::new(&own.endpoints, environment, profile));
    let (of_aws_file, files_issuer) = of(EndpointRules::new(&Overrides::default(), &Environment::default(), profile));
    let token_files = if of_aws_file.error().is_none() && files_issuer == issuer {
        TokenFilesIssuer::Same
    } else {
        TokenFilesIssuer::Other
    };
    SessionConfig {
        name,
        aliases: Vec::new(),
        identity: identity.issued_by(issuer),
        region,
        scopes,
        endpoints,
        cache_keys: Vec::new(),
        token_files,
        origin,
        browser: own.browser,
        verification_hosts: own.verification_hosts,
        refresh_before: own.refresh_before,
        notify_before: own.notify_before,
        sdk_cache: SdkCache::default(),
        sign_in: SignInSetting::default(),
    }
}

/// The sections of one name, at least one of them.
#[derive(Clone, Copy)]
struct NamedSections<'a> {
    name: &'a str,
    own: Option<&'a OwnSession>,
    aws: Option<&'a Section>,
}

impl<'a> NamedSections<'a> {
    fn session(self, sources: RawConfig<'_>, endpoints: &ProfileEndpoints) -> Result<SessionConfig, Problem> {
        let own = self.own.cloned().unwrap_or_default();
        let (kind, place) = match self.aws {
            Some(section) => (OriginKind::SsoSession, section.place.clone()),
            None => (OriginKind::Own, FileLine::new(&sources.own.path, own.line)),
        };
        let start_url = self.member(&place, own.start_url.as_ref(), "start_url", "sso_start_url")?;
        let region = own.region.as_ref().or_else(|| self.aws?.get("sso_region"));
        let scopes = self.scopes(&own)?;
        let region_text = region.map(|region| region.value.clone());
        let identity = Identity::new(Some(self.name), &start_url.value, region_text.as_deref(), &scopes);
        let identity = identity.map_err(|error| {
            let (entry, is_own) = match (&error, region) {
                (IdentityError::NoRegion(_), _) => return self.missing(&place, "region", "sso_region"),
                (IdentityError::Region(_), Some(region)) => (region, own.region.is_some()),
                _ => (start_url, own.start_url.is_some()),
            };
            let message = error.to_string();
            if is_own { entry.place.error(message) } else { entry.aws_error(message) }
        })?;
        let (name, origin) = (self.name.to_owned(), Origin { kind, place });
        let definition = Definition { name, identity, region: region_text, scopes, origin, own };
        let mut session = session(definition, endpoints, sources.environment);
        session.cache_keys.push(session.name.clone());
        Ok(session)
    }

    fn member<'b>(
        self,
        place: &FileLine,
        own: Option<&'b Located<String>>,
        own_key: &str,
        aws_key: &str,
    ) -> Result<&'b Located<String>, Problem>
    where
        'a: 'b,
    {
        own.or_else(|| self.aws?.get(aws_key)).ok_or_else(|| self.missing(place, own_key, aws_key))
    }

    fn missing(self, place: &FileLine, own_key: &str, aws_key: &str) -> Problem {
        let name = self.name;
        match self.aws {
            Some(_) => place.error(format!("sso-session {name:?} has no {aws_key} and is ignored; add it")),
            None => place.error(format!(
                "session {name:?} has no {own_key}, and the AWS configuration has no [sso-session {name}] to take it from; it is \
                 ignored"
            )),
        }
    }

    /// The scopes as written. An empty list means the default scope to the AWS CLI; in config.toml it means a token that cannot
    /// be refreshed.
    fn scopes(self, own: &OwnSession) -> Result<Vec<String>, Problem> {
        if let Some(scopes) = &own.scopes {
            check_scopes(&scopes.value).map_err(|error| scopes.place.error(error.to_string()))?;
            return Ok(scopes.value.clone());
        }
        let list = self.aws.and_then(|section| section.get("sso_registration_scopes"));
        let scopes = list.map(|list| split_scopes(&list.value)).unwrap_or_default();
        if let (Some(list), Err(error)) = (list, check_scopes(&scopes)) {
            return Err(list.aws_error(error.to_string()));
        }
        Ok(if scopes.is_empty() { vec![DEFAULT_SCOPE.to_owned()] } else { scopes })
    }
}
