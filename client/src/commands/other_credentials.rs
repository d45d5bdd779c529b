//! Refuses to start a command that would find another identity than the role that it is given.
//!
//! With `--refreshable` a command gets the address of an endpoint, and SDKs look for credentials in other places first.
//! `role_environment` removes the variables among these; files are read here, with the daemon's reader. The table of the places is
//! in ARCHITECTURE.md.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use ssoctl_aws_files::{Document, Section, expanded, shell_words};
use ssoctl_files::regular_file::{Link, NotRead, RegularFile};

use crate::environment;
use crate::failure::Failure;

/// Keys of a profile from which SDKs make credentials.
const MAKE_CREDENTIALS: &[&str] = &[
    "aws_access_key_id",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "sso_session",
    "sso_start_url",
    "web_identity_token_file",
];

/// The longest file that is read, in bytes. No real one is longer.
const LONGEST: u64 = 64 << 20;

/// A file that SDKs read before they ask an endpoint.
struct Source {
    /// The variable that names it.
    variable: &'static str,
    /// Its places if the variable is not set; a path that does not begin with `/` is below the home directory.
    default: &'static [&'static str],
    /// The sections that count if no profile is named, and the keys there that make credentials.
    sections: &'static [&'static str],
    members: &'static [&'static str],
    /// The SDKs that read it.
    readers: &'static str,
}

const SOURCES: [Source; 4] = [
    Source {
        variable: "AWS_CONFIG_FILE",
        default: &[".aws/config"],
        sections: &["default", "profile default"],
        members: MAKE_CREDENTIALS,
        readers: "AWS SDKs",
    },
    Source {
        variable: "AWS_SHARED_CREDENTIALS_FILE",
        default: &[".aws/credentials"],
        sections: &["default"],
        members: MAKE_CREDENTIALS,
        readers: "AWS SDKs",
    },
    Source {
        variable: "AWS_CREDENTIAL_PROFILES_FILE",
        default: &[],
        sections: &["default", "profile default"],
        members: MAKE_CREDENTIALS,
        readers: "the AWS SDK for Java 1",
    },
    Source {
        variable: "BOTO_CONFIG",
        default: &["/etc/boto.cfg", ".boto"],
        sections: &["Credentials"],
        members: &["aws_access_key_id"],
        readers: "botocore and the AWS CLI",
    },
];

/// Variables with arguments for Java. Its SDKs prefer properties that are set there to anything else.
const JAVA_OPTIONS: [&str; 3] = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"];
const JAVA_PROPERTIES: [&str; 8] = [
    "aws.accessKeyId",
    "aws.secretKey",
    "aws.secretAccessKey",
    "aws.sessionToken",
    "aws.profile",
    "aws.roleArn",
    "aws.webIdentityTokenFile",
    "aws.webIdentityTokenFilePath",
];

/// Refuses Java properties that would replace the role, with and without `--refreshable`.
pub(super) fn check_java_options() -> Result<(), Failure> {
    for name in JAVA_OPTIONS {
        let options = environment::variable(name).unwrap_or_default();
        if let Some(property) = java_property(&options.to_string_lossy()) {
            return Err(Failure::Usage(format!(
                "{name} sets {property}, which the AWS SDKs for Java prefer to the role of the command; remove it"
            )));
        }
    }
    Ok(())
}

fn java_property(options: &str) -> Option<&'static str> {
    JAVA_PROPERTIES.into_iter().find(|property| {
        let setting = |word: &str| {
            let word = word.trim_start_matches(['"', '\'']);
            word.strip_prefix("-D")?
                .strip_prefix(property)
                .map(|rest| rest.is_empty() || rest.starts_with(['=', '"', '\'']))
        };
        options.split_whitespace().any(|word| setting(word) == Some(true))
    })
}

/// Refuses files whose credentials SDKs would use instead of the endpoint.
pub(super) fn check_files() -> Result<(), Failure> {
    for source in &SOURCES {
        for path in places(source) {
            let read = RegularFile::open(&path, Link::Followed)
                .and_then(|file| file.map(|file| file.read(LONGEST)).transpose());
            let bytes = match read {
                Ok(Some(bytes)) => bytes,
                Err(NotRead::NotRegular | NotRead::TooLong(_)) if path != Path::new("/dev/null") => {
                    return Err(Failure::Usage(format!(
                        "{} is not a regular file, and {} may find credentials there and use them instead of those of \
                         --refreshable; set {} to a regular file",
                        path.display(),
                        source.readers,
                        source.variable
                    )));
                }
                // The command cannot read a file either that is missing or may not be read.
                _ => continue,
            };
            // Some SDKs read files that are not UTF-8.
            let text = String::from_utf8_lossy(bytes.expose());
            if let Some((line, member)) = credentials_in(&text, source) {
                return Err(Failure::Usage(refusal(source, &path, line, member)));
            }
        }
    }
    Ok(())
}

fn refusal(source: &Source, path: &Path, line: usize, member: &str) -> String {
    let Source { variable, sections, readers, .. } = source;
    format!(
        "[{}] in {}:{line} has {member}, and {readers} would use its credentials instead of those of --refreshable; leave \
         --refreshable out, rename that section, or set {variable} to a file without it",
        sections[0],
        path.display()
    )
}

fn places(source: &Source) -> Vec<PathBuf> {
    let home = environment::home_directory();
    let text = |name: &str| environment::variable(name)?.into_string().ok();
    match environment::variable(source.variable).map(OsString::into_string) {
        Some(Ok(path)) => vec![expanded(&path, home.as_deref(), text)],
        Some(Err(path)) => vec![PathBuf::from(path)],
        // Joining an absolute path gives that path.
        None => source.default.iter().map(|path| home.as_deref().unwrap_or(Path::new("/")).join(path)).collect(),
    }
}

/// The first key of the default section that makes credentials, and its line. Indented keys make none.
///
/// botocore ignores a section `[ default ]`, and other SDKs take it for the default profile. So blanks at the brackets do not
/// matter here.
fn credentials_in(text: &str, source: &Source) -> Option<(usize, &'static str)> {
    let document = Document::read(text);
    let is_meant = |section: &&Section<'_>| {
        let words = shell_words(section.header).unwrap_or_default();
        source.sections.contains(&words.join(" ").as_str())
    };
    let mut meant = document.sections.iter().filter(is_meant);
    meant.find_map(|section| {
        let mut entries = document.entries(section).filter(|entry| !entry.value.is_empty());
        entries.find_map(|entry| {
            let member = source.members.iter().copied().find(|member| *member == entry.key)?;
            Some((entry.line, member))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_profile_with_credentials_is_found() {
        let found = |text: &str, source: &Source| credentials_in(text, source).map(|(_, member)| member);
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
            assert_eq!(found(text, &SOURCES[0]), member, "{text:?}");
        }
        assert_eq!(found("[profile default]\nrole_arn = x\n", &SOURCES[1]), None);
        assert_eq!(credentials_in("\n[default]\nregion = x\nrole_arn = x\n", &SOURCES[0]), Some((4, "role_arn")));
        let boto = "[Boto]\ndebug = 1\n[Credentials]\ngs_oauth2_refresh_token = x\n";
        assert_eq!(found(boto, &SOURCES[3]), None);
        assert_eq!(found(&format!("{boto}AWS_Access_Key_Id = AKIA\n"), &SOURCES[3]), Some("aws_access_key_id"));
    }

    #[test]
    fn properties_that_java_sets_are_found_and_nothing_else() {
        for (options, property) in [
            ("-Xmx1g -Daws.accessKeyId=AKIA", Some("aws.accessKeyId")),
            ("\"-Daws.profile=dev\"", Some("aws.profile")),
            ("-Daws.profile", Some("aws.profile")),
            ("-Daws.profileFile=x -Daws.region=eu-west-1 -Dmy.aws.profile=x aws.profile=dev", None),
            ("", None),
        ] {
            assert_eq!(java_property(options), property, "{options}");
        }
    }
}
