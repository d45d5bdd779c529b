//! Whether an AWS SDK would get credentials of its own before it asks an endpoint.
//!
//! In every SDK the profile comes before the container endpoint, and without `AWS_PROFILE` it is the one named `default`. If
//! that one has credentials, a command would silently work with another role than the one it was given.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ssoctl_aws_files::{Document, Section, expanded, shell_words};

use crate::environment;
use crate::failure::Failure;

/// Members of a profile from which the SDKs make credentials.
const MAKE_CREDENTIALS: [&str; 8] = [
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// Where profiles are, and the names of the sections that are the default one.
const FILES: [(&str, &str, &[&str]); 2] = [
    ("AWS_CONFIG_FILE", ".aws/config", &["default", "profile default"]),
    ("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", &["default"]),
];

/// Refuses where the default profile would win over the endpoint.
pub(super) fn check() -> Result<(), Failure> {
    for (variable, below_home, sections) in FILES {
        let Some(path) = place(variable, below_home) else { continue };
        // What cannot be read here cannot be read by the command either.
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        if let Some(member) = decides(&text, sections) {
            return Err(Failure::Usage(refusal(&path, member)));
        }
    }
    Ok(())
}

fn refusal(path: &Path, member: &str) -> String {
    format!(
        "the default profile in {} has {member}, and AWS SDKs would use its credentials instead of those of --refreshable; \
         leave --refreshable out, give that profile a name, or let AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE name \
         files without it",
        path.display()
    )
}

fn place(variable: &str, below_home: &str) -> Option<PathBuf> {
    let home = environment::home_directory();
    let text = |name: &str| environment::variable(name)?.into_string().ok();
    match environment::variable(variable).map(OsString::into_string) {
        Some(Ok(path)) => Some(expanded(&path, home.as_deref(), text)),
        Some(Err(path)) => Some(PathBuf::from(path)),
        None => Some(home?.join(below_home)),
    }
}

/// The first member of the default profile that makes credentials. Sub-members, which are indented, make none.
///
/// Of `[ default ]` botocore makes nothing, and other SDKs the default profile: here blanks at the brackets do not count.
fn decides(text: &str, sections: &[&str]) -> Option<&'static str> {
    let document = Document::read(text);
    let is_default = |section: &&Section<'_>| {
        let words = shell_words(section.header).unwrap_or_default();
        sections.contains(&words.join(" ").as_str())
    };
    let mut defaults = document.sections.iter().filter(is_default);
    defaults.find_map(|section| {
        let mut entries = document.entries(section).filter(|entry| !entry.value.is_empty());
        entries.find_map(|entry| MAKE_CREDENTIALS.into_iter().find(|member| *member == entry.key))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_profile_with_credentials_is_found() {
        for (text, member) in [
            ("[default]\naws_access_key_id = AKIA\n", Some("aws_access_key_id")),
            ("[ default ]\r\nregion = x\r\nSSO_Session: corp\r\n", Some("sso_session")),
            ("[profile default]\ncredential_process = x\n", Some("credential_process")),
            ("[profile \"default\"]\nrole_arn=x\n", Some("role_arn")),
            ("[default] # mine\nsso_start_url = https://x\n", Some("sso_start_url")),
            ("[default]\n  role_arn = x\n", Some("role_arn")),
            ("[default]\nregion =\n[DEFAULT]\nrole_arn = x\n", Some("role_arn")),
            ("[default]\nregion = x\noutput = json\n[profile dev]\nsso_session = corp\n", None),
            ("[profile dev]\nrole_arn = x\n[default]\n", None),
            ("[default]\n# role_arn = x\nrole_arn =\ns3 =\n  role_arn = x\n", None),
            ("role_arn = x\n", None),
            ("", None),
        ] {
            assert_eq!(decides(text, FILES[0].2), member, "{text:?}");
        }
        assert_eq!(decides("[profile default]\nrole_arn = x\n", FILES[1].2), None);
    }
}
