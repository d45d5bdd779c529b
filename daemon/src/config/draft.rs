//! The sessions while the configuration is put together, and how they are found: by name, by portal and by token file.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::time::Duration;

use super::endpoints::{self, Endpoints, ProfileEndpoints};
use super::environment::Environment;
use super::identity::Identity;
use super::located::Located;
use super::merge::Files;
use super::profiles::Legacy;
use super::{BrowserCommand, Origin, OriginKind, SdkCache, SessionConfig};

/// A session before its endpoints are resolved.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) identity: Identity,
    pub(super) cache_keys: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) origin: Origin,
    pub(super) own_oidc: Option<Located<String>>,
    pub(super) own_portal: Option<Located<String>>,
    pub(super) endpoints: ProfileEndpoints,
    pub(super) browser: Option<BrowserCommand>,
    pub(super) verification_hosts: Vec<String>,
    pub(super) refresh_before: Option<Duration>,
    pub(super) notify_before: Option<Duration>,
    pub(super) sdk_cache: Option<SdkCache>,
    /// Whether a profile of the AWS configuration signs in with it by its start URL.
    pub(super) is_legacy: bool,
}

impl Draft {
    /// A session that legacy profiles alone make: no scopes, no settings, and the first profile's endpoints.
    pub(super) fn of_legacy_profiles(
        name: String,
        legacy: &Legacy<'_>,
        files: &Files<'_>,
        endpoints: ProfileEndpoints,
    ) -> Self {
        let (file, line) = files.place(legacy.line);
        Self {
            name,
            aliases: Vec::new(),
            identity: legacy.identity.clone(),
            cache_keys: Vec::new(),
            scopes: Vec::new(),
            origin: Origin { kind: OriginKind::LegacyProfile, file: file.to_owned(), line },
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

    pub(super) fn finish(self, own_path: &Path, aws_path: &Path, environment: &Environment) -> SessionConfig {
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

/// All of them, with indexes: there can be ten thousands of profiles, each of which has to find its own.
#[derive(Default)]
pub(super) struct Drafts {
    list: Vec<Draft>,
    by_name: HashMap<String, usize>,
    by_portal: HashMap<(String, String), Vec<usize>>,
    by_cache_key: HashMap<String, usize>,
}

impl Drafts {
    /// Adds one and returns its place. Its name must be free.
    pub(super) fn push(&mut self, draft: Draft) -> usize {
        let place = self.list.len();
        let portal = (draft.identity.start_url.clone(), draft.identity.region.clone());
        self.by_name.insert(draft.name.clone(), place);
        self.by_portal.entry(portal).or_default().push(place);
        for key in &draft.cache_keys {
            self.by_cache_key.entry(key.clone()).or_insert(place);
        }
        self.list.push(draft);
        place
    }

    pub(super) fn get(&self, place: usize) -> &Draft {
        &self.list[place]
    }

    /// The place of the one with this name or alias.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The places of those with this start URL and region.
    pub(super) fn at(&self, portal: &Identity) -> &[usize] {
        let key = (portal.start_url.clone(), portal.region.clone());
        self.by_portal.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Gives the one at `place` a further name, unless that is taken already. Returns whose it is.
    pub(super) fn add_alias(&mut self, place: usize, alias: &str) -> usize {
        match self.by_name.entry(alias.to_owned()) {
            Entry::Occupied(taken) => *taken.get(),
            Entry::Vacant(free) => {
                free.insert(place);
                self.list[place].aliases.push(alias.to_owned());
                place
            }
        }
    }

    /// A legacy profile signs in with the one at `place`: readers look for its token under the profile's start URL as it is
    /// written. That key is one session's alone; returns whose it is.
    pub(super) fn add_legacy_start_url(&mut self, place: usize, start_url: &str) -> usize {
        self.list[place].is_legacy = true;
        match self.by_cache_key.entry(start_url.to_owned()) {
            Entry::Occupied(taken) => *taken.get(),
            Entry::Vacant(free) => {
                free.insert(place);
                self.list[place].cache_keys.push(start_url.to_owned());
                place
            }
        }
    }

    pub(super) fn into_list(self) -> Vec<Draft> {
        self.list
    }
}
