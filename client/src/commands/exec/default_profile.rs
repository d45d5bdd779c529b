//! Whether an AWS SDK would get credentials of its own before it asks an endpoint.
//!
//! In every SDK the profile comes before the container endpoint, and without `AWS_PROFILE` it is the one named `default`. If
//! that one has credentials, a command would silently work with another role than the one it was given.

use std::path::{Path, PathBuf};

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
    match environment::variable(variable).map(PathBuf::from) {
        Some(path) => match path.strip_prefix("~") {
            Ok(rest) => Some(environment::home_directory()?.join(rest)),
            Err(_) => Some(path),
        },
        None => Some(environment::home_directory()?.join(below_home)),
    }
}

/// The first member of the default profile that makes credentials. Sub-members, which are indented, make none.
fn decides(text: &str, sections: &[&str]) -> Option<&'static str> {
    let mut within = false;
    for line in text.lines() {
        if let Some(header) = line.trim_start().strip_prefix('[') {
            let name = header.split(']').next().unwrap_or_default();
            let words: Vec<&str> = name.split_whitespace().map(|word| word.trim_matches(['"', '\''])).collect();
            within = sections.contains(&words.join(" ").as_str());
        } else if within && let Some((name, value)) = line.split_once(['=', ':']) {
            let name = name.trim_end().to_ascii_lowercase();
            let found = MAKE_CREDENTIALS.into_iter().find(|member| *member == name);
            if found.is_some() && !value.trim().is_empty() {
                return found;
            }
        }
    }
    None
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
