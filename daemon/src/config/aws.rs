//! The AWS configuration and credentials files: their `sso-session` sections, profiles and `services` sections, merged as botocore
//! merges them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;
use ssoctl_aws_files::{self as aws_files, Document, SectionKind, is_malformed, is_secret, nested, section_name};

use super::endpoints::{Override, Overrides, ProfileEndpoints};
use super::environment::is_true;
use super::problem::{FileLine, Located, Problem};
use crate::issuer::Setting;

/// Sections of one kind by their names, in the order of the files.
type Sections = IndexMap<String, Section>;

pub(super) struct AwsFiles {
    config: Arc<Path>,
    credentials: Arc<Path>,
    pub(super) sso_sessions: Sections,
    pub(super) profiles: Sections,
    services: Sections,
    pub(super) problems: Vec<Problem>,
    endpoint_settings: EndpointSettings,
}

/// Whether a file may decide on endpoints. Whoever can move an endpoint gets the secrets that are sent there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointSettings {
    Count,
    Ignored,
}

pub(super) struct Section {
    pub(super) name: String,
    /// The place of its header.
    pub(super) place: FileLine,
    /// The keys are in lower case.
    pub(super) entries: BTreeMap<String, Located<String>>,
}

impl Section {
    fn read(name: &str, section: &aws_files::Section<'_>, document: &Document<'_>, file: &Arc<Path>) -> Self {
        let entries = document.entries(section).map(|entry| {
            // The daemon does not need these secrets, so it does not keep them.
            let value = if is_secret(&entry.key) { "(not kept)" } else { &entry.value };
            (entry.key.to_string(), Located { value: value.to_owned(), place: FileLine::new(file, entry.line) })
        });
        Self { name: name.to_owned(), place: FileLine::new(file, section.line), entries: entries.collect() }
    }

    /// The entry of this key, unless it is empty.
    pub(super) fn get(&self, key: &str) -> Option<&Located<String>> {
        self.entries.get(key).filter(|entry| !entry.value.is_empty())
    }

    fn switch(&self, key: &str) -> Option<bool> {
        self.get(key).map(|entry| is_true(&entry.value))
    }
}

/// The keys of a profile that decide on endpoints.
const ENDPOINT_KEYS: [&str; 4] =
    ["services", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint"];

/// All keys with this beginning that the AWS tools know in profiles and `sso-session` sections.
const SSO_KEYS: [&str; 6] =
    ["sso_session", "sso_account_id", "sso_role_name", "sso_start_url", "sso_region", "sso_registration_scopes"];

impl AwsFiles {
    pub(super) fn read(
        (config, config_text): (&Path, &str),
        (credentials, credentials_text): (&Path, &str),
        endpoint_settings: EndpointSettings,
    ) -> Self {
        let mut files = Self {
            config: config.into(),
            credentials: credentials.into(),
            sso_sessions: Sections::new(),
            profiles: Sections::new(),
            services: Sections::new(),
            problems: Vec::new(),
            endpoint_settings,
        };
        files.add_config(&Document::read(config_text));
        files.add_credentials(&Document::read(credentials_text));
        files
    }

    fn add_config(&mut self, document: &Document<'_>) {
        self.add_doubts(document, &Arc::clone(&self.config));
        for section in &document.sections {
            let (header, place) = (section.header, FileLine::new(&self.config, section.line));
            let Some((kind, name)) = section_name(header) else {
                if is_malformed(header) {
                    self.problems.push(place.error(malformed(header)));
                } else if section.entries.iter().any(|entry| SSO_KEYS.contains(&&*entry.key)) {
                    let message = format!("[{header}] is not a profile to the AWS CLI; write [profile {header}]");
                    self.problems.push(place.warning(message));
                }
                continue;
            };
            let sections = match kind {
                SectionKind::Profile => &mut self.profiles,
                SectionKind::SsoSession => &mut self.sso_sessions,
                SectionKind::Services => &mut self.services,
            };
            let read = Section::read(&name, section, document, &self.config);
            if kind != SectionKind::Services {
                self.problems.extend(unknown_keys(&read));
            }
            // Two spellings of one name, such as [default] and [profile default]: botocore uses only the later section.
            if let Some(earlier) = sections.insert(name, read) {
                let (name, line) = (earlier.name, earlier.place.line);
                let message = format!("{name:?} has a section already, at line {line}; this one replaces it");
                self.problems.push(place.warning(message));
            }
        }
    }

    /// Adds the credentials file, where the whole header is a profile's name. An entry there has precedence over the same entry
    /// of the configuration.
    fn add_credentials(&mut self, document: &Document<'_>) {
        let file = Arc::clone(&self.credentials);
        self.add_doubts(document, &file);
        for section in &document.sections {
            let header = section.header;
            if let Some((_, name)) = section_name(header).filter(|_| header != "default") {
                let message = format!(
                    "[{header}] is in the credentials file, where headers are names of profiles: to the AWS CLI this is profile \
                     {header:?} and not {name:?}; write [{name}], or move it to the configuration file"
                );
                self.problems.push(FileLine::new(&file, section.line).warning(message));
            }
            let read = Section::read(header, section, document, &file);
            match self.profiles.get_mut(header) {
                Some(known) => known.entries.extend(read.entries),
                None => drop(self.profiles.insert(header.to_owned(), read)),
            }
        }
    }

    fn add_doubts(&mut self, document: &Document<'_>, file: &Arc<Path>) {
        self.problems.extend(document.doubts.iter().map(|doubt| {
            let place = FileLine::new(file, doubt.line);
            if doubt.is_ignored { place.error(&doubt.message) } else { place.warning(&doubt.message) }
        }));
    }

    /// Whether an entry is in the credentials file.
    pub(super) fn is_in_credentials(&self, entry: &Located<String>) -> bool {
        // Both variables may name one file.
        Arc::ptr_eq(&entry.place.file, &self.credentials)
    }

    /// The endpoint settings of a profile; none if it does not exist.
    pub(super) fn endpoints_of(&self, profile: &str, problems: &mut Vec<Problem>) -> ProfileEndpoints {
        let Some(profile) = self.profiles.get(profile) else {
            return ProfileEndpoints::default();
        };
        if self.endpoint_settings == EndpointSettings::Ignored {
            problems.extend(ENDPOINT_KEYS.iter().filter_map(|key| {
                let message =
                    format!("{key} is ignored, as this file is not listed in aws_config_files of config.toml");
                Some(profile.get(key)?.place.warning(message))
            }));
            return ProfileEndpoints::default();
        }
        let mut overrides = Overrides::default();
        if let Some(reference) = profile.get("services") {
            match self.services.get(&reference.value) {
                Some(services) => overrides = services_overrides(services),
                None => {
                    problems.push(reference.place.error(format!("there is no [services {}] section", reference.value)))
                }
            }
        }
        ProfileEndpoints {
            overrides,
            ignore_configured_endpoint_urls: profile.switch("ignore_configured_endpoint_urls"),
            use_fips_endpoint: profile.switch("use_fips_endpoint"),
            use_dualstack_endpoint: profile.switch("use_dualstack_endpoint"),
        }
    }
}

fn services_overrides(services: &Section) -> Overrides {
    let endpoint_url = |service: &str| {
        let members = services.get(service)?;
        let url = nested(&members.value, "endpoint_url").filter(|url| !url.is_empty())?.to_owned();
        let key = format!("endpoint_url of {service} in [services {}], {}", services.name, members.place);
        Some(Override { set_by: Setting::File(key), url })
    };
    Overrides { oidc: endpoint_url("sso_oidc"), portal: endpoint_url("sso") }
}

/// Keys that look like those for signing in, but that no AWS tool knows: misspelt ones.
pub(super) fn unknown_keys(section: &Section) -> impl Iterator<Item = Problem> {
    let unknown =
        section.entries.iter().filter(|(key, _)| key.starts_with("sso_") && !SSO_KEYS.contains(&key.as_str()));
    unknown.map(|(key, entry)| {
        entry.place.warning(format!("the AWS tools do not know the key {key}; they know {}", SSO_KEYS.join(", ")))
    })
}

/// The problem of a header that [`is_malformed`].
fn malformed(header: &str) -> String {
    if header.starts_with(char::is_whitespace) || header.trim_end() == "default" {
        format!(
            "[{header}] has blanks at the brackets, so the AWS CLI does not know it, and it is ignored; remove them"
        )
    } else {
        format!("[{header}] does not have exactly one name and is ignored; put quotes around a name with blanks")
    }
}

pub(super) fn split_scopes(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(config: &str, credentials: &str) -> AwsFiles {
        AwsFiles::read((Path::new("config"), config), (Path::new("keys"), credentials), EndpointSettings::Count)
    }

    /// The places of the problems.
    fn places(files: &AwsFiles) -> Vec<String> {
        let place = |problem: &Problem| format!("{}:{}", problem.file.display(), problem.line.expect("a line"));
        files.problems.iter().map(place).collect()
    }

    #[test]
    fn sections_are_sorted_by_kind_and_other_kinds_are_ignored() {
        let files = read(
            "[default]\nregion = eu-west-1\n[sso-session corp]\nsso_region = eu-west-1\n[profile dev]\nsso_session = corp\n\
             [plugins]\ncli_legacy_plugin_path = x\n[profile two words]\nregion = x\n",
            "",
        );
        assert_eq!(files.sso_sessions.keys().collect::<Vec<_>>(), ["corp"]);
        assert_eq!(files.profiles.keys().collect::<Vec<_>>(), ["default", "dev"]);
        assert_eq!(places(&files), ["config:9"]);
    }

    #[test]
    fn of_two_spellings_of_a_profile_the_later_replaces_the_earlier() {
        let files = read("[profile default]\na = 1\nb = 1\n[default]\na = 2\n", "");
        let profile = &files.profiles["default"];
        assert_eq!(profile.get("a").map(|entry| entry.value.as_str()), Some("2"));
        assert_eq!(profile.get("b"), None);
        assert_eq!(places(&files), ["config:4"]);
    }

    #[test]
    fn the_credentials_file_adds_to_profiles_and_has_precedence() {
        let files = read(
            "[profile dev]\na = 1\nb = 1\n",
            "[dev]\nb = 2\naws_secret_access_key = x\n[other]\na = 3\n[profile y]\n",
        );
        let dev = &files.profiles["dev"];
        let text = |key: &str| dev.get(key).map(|entry| entry.value.as_str());
        assert_eq!((text("a"), text("b")), (Some("1"), Some("2")));
        assert_eq!(text("aws_secret_access_key"), Some("(not kept)"));
        let shown = [&dev.place, &dev.entries["b"].place, &files.profiles["other"].place].map(ToString::to_string);
        assert_eq!(shown, ["config:1", "keys:2", "keys:4"]);
        assert!(files.is_in_credentials(&dev.entries["b"]) && !files.is_in_credentials(&dev.entries["a"]));
        assert_eq!(places(&files), ["keys:6"]);
        assert!(files.profiles.contains_key("profile y"));
    }

    #[test]
    fn a_missing_services_section_is_a_problem_at_the_line_that_names_it() {
        let mut problems = Vec::new();
        let endpoints = read("[default]\nregion = x\nservices = nowhere\n", "").endpoints_of("default", &mut problems);
        assert_eq!(endpoints, ProfileEndpoints::default());
        assert_eq!(problems[0].to_string(), "config:3: there is no [services nowhere] section");
    }

    #[test]
    fn a_misspelt_key_or_header_is_reported() {
        let files = read("[profile dev]\nsso_sesion = corp\n[dev5]\nsso_session = corp\n[dev6]\nregion = x\n", "");
        assert_eq!(places(&files), ["config:2", "config:3"]);
        assert!(
            files.problems[0]
                .message
                .starts_with("the AWS tools do not know the key sso_sesion; they know sso_session,")
        );
        assert_eq!(files.problems[1].message, "[dev5] is not a profile to the AWS CLI; write [profile dev5]");
    }

    #[test]
    fn scopes_are_separated_by_commas_and_blank_ones_are_ignored() {
        assert_eq!(split_scopes(" a , b,,c "), ["a", "b", "c"]);
        assert_eq!(split_scopes(" , "), Vec::<String>::new());
    }
}
