//! The AWS shared configuration file: its `sso-session` sections, profiles and `services` sections.

use std::collections::HashMap;

use ssoctl_aws_files::{self as aws_files, Document, SectionKind, is_malformed, is_secret, nested};

use super::endpoints::{ProfileEndpoints, ServiceEndpoints};
use super::environment::is_true;
use super::located::{Entries, LineProblem, Located};

/// What the file says, in the order in which it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AwsFile {
    pub(super) sso_sessions: Sections,
    pub(super) profiles: Sections,
    services: Sections,
    pub(super) problems: Vec<LineProblem>,
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
    fn read(name: String, section: &aws_files::Section<'_>, document: &Document<'_>) -> Self {
        let entries = document.entries(section).map(|entry| {
            // Nobody needs secrets here, so they are not kept.
            let value = if is_secret(&entry.key) { "(not kept)" } else { &entry.value };
            (entry.key.clone().into_owned(), Located { value: value.to_owned(), line: entry.line })
        });
        Self { name, line: section.line, entries: entries.collect() }
    }

    /// A value that is there and not empty.
    pub(super) fn get(&self, key: &str) -> Option<&Located<String>> {
        self.entries.get(key).filter(|entry| !entry.value.is_empty())
    }

    fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(|entry| entry.value.clone())
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

impl AwsFile {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Self {
        let document = Document::read(text);
        let mut file = Self { problems: document.doubts.iter().map(LineProblem::from).collect(), ..Self::default() };
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
            if let Some(earlier) = sections.put(Section::read(name, section, &document)) {
                let (name, line) = (earlier.name, earlier.line);
                let message = format!("{name:?} has a section already, at line {line}; this one replaces it");
                file.problems.push(LineProblem::warning(section.line, message));
            }
        }
        file
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
        ProfileEndpoints {
            profile: profile.name.clone(),
            services: profile.get("services").and_then(|reference| self.services_named(reference, problems)),
            endpoint_url: profile.text("endpoint_url"),
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
        let endpoint_url = |service: &str| nested(&services.get(service)?.value, "endpoint_url").map(str::to_owned);
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
        let file = AwsFile::parse(concat!(
            "[default]\nregion = eu-west-1\n",
            "[sso-session corp]\nsso_region = eu-west-1\n",
            "[profile dev]\nsso_session = corp\n",
            "[plugins]\ncli_legacy_plugin_path = x\n",
            "[profile two words]\nregion = x\n",
        ));
        let names =
            |sections: &Sections| -> Vec<String> { sections.iter().map(|section| section.name.clone()).collect() };
        assert_eq!(names(&file.sso_sessions), ["corp"]);
        assert_eq!(names(&file.profiles), ["default", "dev"]);
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].line, 9);
    }

    #[test]
    fn of_two_spellings_of_a_profile_the_later_replaces_the_earlier() {
        let file = AwsFile::parse("[profile default]\na = 1\nb = 1\n[default]\na = 2\n");
        let profile = file.profile("default").expect("the default profile");
        assert_eq!(profile.text("a").as_deref(), Some("2"));
        assert_eq!(profile.text("b"), None);
        assert_eq!(file.problems.len(), 1);
        assert_eq!(file.problems[0].line, 4);
    }

    #[test]
    fn a_profile_points_at_the_services_section_with_its_endpoints() {
        let file = AwsFile::parse(concat!(
            "[default]\nservices = local\nuse_fips_endpoint = True\n",
            "[services local]\n",
            "sso_oidc =\n  endpoint_url = http://127.0.0.1:1\n",
            "sso =\n  other = 1\n  endpoint_url = http://127.0.0.1:2\n",
            "s3 =\n  endpoint_url = http://127.0.0.1:3\n",
        ));
        let mut problems = Vec::new();
        let endpoints = file.endpoints_of("default", &mut problems);
        assert_eq!(problems, []);
        assert_eq!(endpoints.use_fips_endpoint, Some(true));
        assert_eq!(
            endpoints.services,
            Some(ServiceEndpoints {
                section: "local".to_owned(),
                sso_oidc: Some("http://127.0.0.1:1".to_owned()),
                sso: Some("http://127.0.0.1:2".to_owned()),
            })
        );
    }

    #[test]
    fn a_missing_services_section_is_a_problem_at_the_line_that_names_it() {
        let file = AwsFile::parse("[default]\nregion = x\nservices = nowhere\n");
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
