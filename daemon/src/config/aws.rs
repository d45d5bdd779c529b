//! The AWS shared configuration and credentials files: their `sso-session` sections, profiles and `services` sections, as
//! botocore merges them.

use std::collections::HashMap;

use ssoctl_aws_files::{self as aws_files, Document, SectionKind, is_malformed, is_secret, nested};

use super::endpoints::{ProfileEndpoints, ServiceEndpoints};
use super::environment::is_true;
use super::located::{Entries, LineProblem, Located};

/// What the two files say, in the order in which they say it.
///
/// Lines are counted through both, as if the credentials stood behind the configuration: [`AwsFile::place`] says in which file a
/// line is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AwsFile {
    /// How many lines the configuration file has.
    config_lines: usize,
    pub(super) sso_sessions: Sections,
    pub(super) profiles: Sections,
    services: Sections,
    pub(super) problems: Vec<LineProblem>,
    endpoint_settings: EndpointSettings,
}

/// Whether what a file says about endpoints counts. Whoever can move an endpoint gets the secrets that are sent there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndpointSettings {
    /// It does.
    #[default]
    Count,
    /// It does not.
    Ignored,
}

/// One of the two files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AwsPart {
    Config,
    Credentials,
}

/// A section of one kind, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    /// The line of its header, counted from 1.
    pub(super) line: usize,
    pub(super) entries: Entries,
}

impl Section {
    /// `before` is how many lines stand before the document.
    fn read(name: String, section: &aws_files::Section<'_>, document: &Document<'_>, before: usize) -> Self {
        let entries = document.entries(section).map(|entry| {
            // Nobody needs secrets here, so they are not kept.
            let value = if is_secret(&entry.key) { "(not kept)" } else { &entry.value };
            (entry.key.clone().into_owned(), Located { value: value.to_owned(), line: before + entry.line })
        });
        Self { name, line: before + section.line, entries: entries.collect() }
    }

    /// A value that is there and not empty.
    pub(super) fn get(&self, key: &str) -> Option<&Located<String>> {
        self.entries.get(key).filter(|entry| !entry.value.is_empty())
    }

    fn switch(&self, key: &str) -> Option<bool> {
        self.get(key).map(|entry| is_true(&entry.value))
    }
}

/// The sections of one kind, in the order of the file. Their names are unique.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sections {
    list: Vec<Section>,
    places: HashMap<String, usize>,
}

impl Sections {
    pub(super) fn get(&self, name: &str) -> Option<&Section> {
        self.places.get(name).map(|&place| &self.list[place])
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, Section> {
        self.list.iter()
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Section> {
        self.places.get(name).map(|&place| &mut self.list[place])
    }

    /// Adds a section, in place of one of its name, which is returned.
    fn put(&mut self, section: Section) -> Option<Section> {
        if let Some(&place) = self.places.get(&section.name) {
            return Some(std::mem::replace(&mut self.list[place], section));
        }
        self.places.insert(section.name.clone(), self.list.len());
        self.list.push(section);
        None
    }
}

impl<'a> IntoIterator for &'a Sections {
    type Item = &'a Section;
    type IntoIter = std::slice::Iter<'a, Section>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// What a profile can say about endpoints.
const ENDPOINT_KEYS: [&str; 4] =
    ["services", "ignore_configured_endpoint_urls", "use_fips_endpoint", "use_dualstack_endpoint"];

impl AwsFile {
    /// The same with these rules for its endpoint settings.
    pub(super) fn with_endpoint_settings(self, endpoint_settings: EndpointSettings) -> Self {
        Self { endpoint_settings, ..self }
    }

    /// Reads the texts of the two files.
    pub(super) fn parse(config: &str, credentials: &str) -> Self {
        let mut file = Self::default();
        file.add_config(&Document::read(config));
        file.add_credentials(&Document::read(credentials));
        file
    }

    /// In which of the files a line is, and which line of that file it is.
    pub(super) fn place(&self, line: usize) -> (AwsPart, usize) {
        match line.checked_sub(self.config_lines) {
            Some(line @ 1..) => (AwsPart::Credentials, line),
            Some(0) | None => (AwsPart::Config, line),
        }
    }

    fn add_config(&mut self, document: &Document<'_>) {
        let file = self;
        file.config_lines = document.lines.len();
        file.problems.extend(document.doubts.iter().map(LineProblem::from));
        for section in &document.sections {
            let Some((kind, name)) = aws_files::section_name(section.header) else {
                if is_malformed(section.header) {
                    file.problems.push(LineProblem::error(section.line, malformed(section.header)));
                }
                continue;
            };
            let sections = match kind {
                SectionKind::Profile => &mut file.profiles,
                SectionKind::SsoSession => &mut file.sso_sessions,
                SectionKind::Services => &mut file.services,
            };
            // Differently spelled headers of one name, such as [default] and [profile default]: botocore takes the
            // later one whole.
            if let Some(earlier) = sections.put(Section::read(name, section, document, 0)) {
                let (name, line) = (earlier.name, earlier.line);
                let message = format!("{name:?} has a section already, at line {line}; this one replaces it");
                file.problems.push(LineProblem::warning(section.line, message));
            }
        }
    }

    /// Adds the credentials file, where each header is a profile's name as it is. What a profile says there comes before what it
    /// says in the configuration.
    fn add_credentials(&mut self, document: &Document<'_>) {
        let before = self.config_lines;
        let doubts = document.doubts.iter().map(LineProblem::from);
        self.problems.extend(doubts.map(|doubt| LineProblem { line: before + doubt.line, ..doubt }));
        for section in &document.sections {
            if let Some((_, name)) = aws_files::section_name(section.header).filter(|_| section.header != "default") {
                let header = section.header;
                let message = format!(
                    "[{header}] is in the credentials file, where headers are names of profiles: to the AWS CLI this is profile \
                     {header:?} and not {name:?}; write [{name}], or move it to the configuration file"
                );
                self.problems.push(LineProblem::warning(before + section.line, message));
            }
            let section = Section::read(section.header.to_owned(), section, document, before);
            match self.profiles.get_mut(&section.name) {
                Some(known) => known.entries.extend(section.entries),
                None => drop(self.profiles.put(section)),
            }
        }
    }

    /// The profile of this name.
    pub(super) fn profile(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }

    /// The `sso-session` section of this name.
    pub(super) fn sso_session(&self, name: &str) -> Option<&Section> {
        self.sso_sessions.get(name)
    }

    /// What a profile says about endpoints; nothing for a profile that the file does not have.
    pub(super) fn endpoints_of(&self, profile: &str, problems: &mut Vec<LineProblem>) -> ProfileEndpoints {
        let Some(profile) = self.profile(profile) else {
            return ProfileEndpoints::default();
        };
        if self.endpoint_settings == EndpointSettings::Ignored {
            problems.extend(ENDPOINT_KEYS.iter().filter_map(|key| profile.get(key).map(|entry| (key, entry))).map(
                |(key, entry)| {
                    let message =
                        format!("{key} is ignored, as this file is not listed in aws_config_files of config.toml");
                    LineProblem::warning(entry.line, message)
                },
            ));
            return ProfileEndpoints::default();
        }
        ProfileEndpoints {
            services: profile.get("services").and_then(|reference| self.services_named(reference, problems)),
            ignore_configured_endpoint_urls: profile.switch("ignore_configured_endpoint_urls"),
            use_fips_endpoint: profile.switch("use_fips_endpoint"),
            use_dualstack_endpoint: profile.switch("use_dualstack_endpoint"),
        }
    }

    fn services_named(&self, reference: &Located<String>, problems: &mut Vec<LineProblem>) -> Option<ServiceEndpoints> {
        let Some(services) = self.services.get(&reference.value) else {
            problems.push(LineProblem::error(
                reference.line,
                format!("there is no [services {}] section", reference.value),
            ));
            return None;
        };
        let endpoint_url = |service: &str| {
            let members = services.get(service)?;
            let url = nested(&members.value, "endpoint_url")?;
            Some(Located { value: url.to_owned(), line: self.place(members.line).1 })
        };
        Some(ServiceEndpoints {
            section: services.name.clone(),
            sso_oidc: endpoint_url("sso_oidc"),
            sso: endpoint_url("sso"),
        })
    }
}

/// What is wrong with a header that [`is_malformed`].
fn malformed(header: &str) -> String {
    if header.starts_with(char::is_whitespace) || header.trim_end() == "default" {
        format!(
            "[{header}] has blanks at the brackets, with which the AWS CLI does not know it, and is left out; remove them"
        )
    } else {
        format!("[{header}] does not have exactly one name and is left out; put quotes around a name with blanks")
    }
}

/// The members of `sso_registration_scopes`: separated by commas, blank ones left out.
pub(super) fn split_scopes(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_sorted_by_kind_and_others_are_left_alone() {
        let file = AwsFile::parse(
            concat!(
                "[default]\nregion = eu-west-1\n",
                "[sso-session corp]\nsso_region = eu-west-1\n",
                "[profile dev]\nsso_session = corp\n",
                "[plugins]\ncli_legacy_plugin_path = x\n",
                "[profile two words]\nregion = x\n",
            ),
            "",
        );
        let names =
            |sections: &Sections| -> Vec<String> { sections.iter().map(|section| section.name.clone()).collect() };
        assert_eq!(names(&file.sso_sessions), ["corp"]);
        assert_eq!(names(&file.profiles), ["default", "dev"]);
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].line, 9);
    }

    #[test]
    fn of_two_spellings_of_a_profile_the_later_replaces_the_earlier() {
        let file = AwsFile::parse("[profile default]\na = 1\nb = 1\n[default]\na = 2\n", "");
        let profile = file.profile("default").expect("the default profile");
        assert_eq!(profile.get("a").map(|entry| entry.value.as_str()), Some("2"));
        assert_eq!(profile.get("b"), None);
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].line, 4);
    }

    #[test]
    fn the_credentials_file_adds_to_profiles_and_comes_first() {
        let file = AwsFile::parse(
            "[profile dev]\na = 1\nb = 1\n",
            "[dev]\nb = 2\naws_secret_access_key = x\n[other]\na = 3\n[profile y]\n",
        );
        let dev = file.profile("dev").expect("a profile of both");
        let text = |key: &str| dev.get(key).map(|entry| entry.value.as_str());
        assert_eq!((text("a"), text("b")), (Some("1"), Some("2")));
        assert_eq!(text("aws_secret_access_key"), Some("(not kept)"));
        let places = [dev.line, dev.entries["b"].line, file.profile("other").expect("a profile").line];
        let expected = [(AwsPart::Config, 1), (AwsPart::Credentials, 2), (AwsPart::Credentials, 4)];
        assert_eq!(places.map(|line| file.place(line)), expected);
        assert_eq!(file.place(file.problems[0].line), (AwsPart::Credentials, 6));
        assert!(file.profile("profile y").is_some());
    }

    #[test]
    fn a_profile_points_at_the_services_section_with_its_endpoints() {
        let file = AwsFile::parse(
            concat!(
                "[default]\nservices = local\nuse_fips_endpoint = True\n",
                "[services local]\n",
                "sso_oidc =\n  endpoint_url = http://127.0.0.1:1\n",
                "sso =\n  other = 1\n  endpoint_url = http://127.0.0.1:2\n",
                "s3 =\n  endpoint_url = http://127.0.0.1:3\n",
            ),
            "",
        );
        let mut problems = Vec::new();
        let endpoints = file.endpoints_of("default", &mut problems);
        assert_eq!(problems, []);
        assert_eq!(endpoints.use_fips_endpoint, Some(true));
        assert_eq!(
            endpoints.services,
            Some(ServiceEndpoints {
                section: "local".to_owned(),
                sso_oidc: Some(Located { value: "http://127.0.0.1:1".to_owned(), line: 5 }),
                sso: Some(Located { value: "http://127.0.0.1:2".to_owned(), line: 7 }),
            })
        );
    }

    #[test]
    fn a_missing_services_section_is_a_problem_at_the_line_that_names_it() {
        let file = AwsFile::parse("[default]\nregion = x\nservices = nowhere\n", "");
        let mut problems = Vec::new();
        assert_eq!(file.endpoints_of("default", &mut problems).services, None);
        assert_eq!(problems[0].line, 3);
        assert!(problems[0].message.contains("[services nowhere]"));
    }

    #[test]
    fn scopes_are_separated_by_commas_and_blank_ones_left_out() {
        assert_eq!(split_scopes(" a , b,,c "), ["a", "b", "c"]);
        assert_eq!(split_scopes(" , "), Vec::<String>::new());
    }
}
