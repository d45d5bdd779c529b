//! An AWS configuration file that a caller has named, or config.toml lists: read on its own, so that names in it mean what they
//! mean there.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::aws::{AwsFile, EndpointSettings};
use super::environment::Environment;
use super::files::{LONGEST, is_null};
use super::merge::{Source, merge};
use super::own::OwnFile;
use super::{Config, Paths};
use crate::regular_file::{Link, NotRead, RegularFile};

/// Why a named file is not used. The text fits after its path.
#[derive(Debug, thiserror::Error)]
pub enum NotUsable {
    /// There is none.
    #[error("there is no such file")]
    Missing,
    /// It is somebody else's, who would decide whom this person signs in as.
    #[error("it belongs to the user with uid {0}; name a file of your own")]
    Foreign(u32),
    /// Others can change it, likewise.
    #[error("others can write to it (mode {0:04o}); run: chmod go-w on it")]
    Writable(u32),
    /// It cannot be read.
    #[error("it cannot be read")]
    Unreadable(#[from] NotRead),
    /// It is no text.
    #[error("line {0} is not UTF-8")]
    NotText(usize),
}

/// Reads a named file; blocks as long as the file system does. Of config.toml no session counts for it, and of the default
/// credentials file no profile.
///
/// # Errors
/// [`NotUsable`] if it is not there, is somebody else's, or cannot be read.
pub fn load_named(
    paths: &Paths,
    file: &Path,
    endpoint_settings: EndpointSettings,
    environment: &Environment,
) -> Result<Config, NotUsable> {
    let text = if is_null(file) { String::new() } else { read_own(file)? };
    let aws = AwsFile::parse(&text, "").with_endpoint_settings(endpoint_settings);
    let own = OwnFile::default();
    Ok(merge(
        Source { path: &paths.own, file: &own },
        Source { path: file, file: &aws },
        &paths.aws_credentials,
        environment,
    ))
}

fn read_own(path: &Path) -> Result<String, NotUsable> {
    let opened = match RegularFile::open(path, Link::Followed) {
        // A component that is a file.
        Err(NotRead::Io(error)) if error.kind() == io::ErrorKind::NotADirectory => None,
        opened => opened?,
    };
    let file = opened.ok_or(NotUsable::Missing)?;
    let (owner, mode) = (file.metadata.uid(), file.metadata.mode() & 0o7777);
    if owner != rustix::process::geteuid().as_raw() {
        return Err(NotUsable::Foreign(owner));
    }
    if mode & 0o022 != 0 {
        return Err(NotUsable::Writable(mode));
    }
    let bytes = file.read(LONGEST)?;
    str::from_utf8(bytes.expose()).map(str::to_owned).map_err(|error| {
        let valid = &bytes.expose()[..error.valid_up_to()];
        NotUsable::NotText(1 + valid.iter().filter(|&&byte| byte == b'\n').count())
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const CORP: &str = "[default]\nservices = local\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\n\
                        sso_region = eu-west-1\n[services local]\nsso_oidc =\n  endpoint_url = http://127.0.0.1:1\nsso =\n  \
                        endpoint_url = http://127.0.0.1:1\n";

    #[test]
    fn endpoint_settings_of_a_file_that_is_not_listed_are_ignored_and_said_to_be() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config");
        fs::write(&file, CORP).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let paths = Paths {
            own: home.path().join("config.toml"),
            aws: home.path().join("default"),
            aws_credentials: home.path().join("keys"),
        };
        let load = |settings| load_named(&paths, &file, settings, &Environment::default()).unwrap();
        let (ignored, counted) = (load(EndpointSettings::Ignored), load(EndpointSettings::Count));
        let oidc = |config: &Config| format!("{:?}", config.sessions[0].endpoints);
        assert!(oidc(&counted).contains("127.0.0.1"), "{}", oidc(&counted));
        assert!(oidc(&ignored).contains("oidc.eu-west-1.amazonaws.com"), "{}", oidc(&ignored));
        assert_eq!(counted.problems, []);
        assert_eq!(ignored.problems[0].line, Some(2));
        assert!(ignored.problems[0].message.contains("aws_config_files"), "{}", ignored.problems[0].message);
    }

    #[test]
    fn a_file_that_others_can_change_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("config");
        fs::write(&file, CORP).unwrap();
        let paths = Paths {
            own: home.path().join("config.toml"),
            aws: home.path().join("default"),
            aws_credentials: home.path().join("keys"),
        };
        for (mode, is_read) in [(0o600, true), (0o644, true), (0o664, false), (0o606, false)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = load_named(&paths, &file, EndpointSettings::Ignored, &Environment::default());
            assert_eq!(loaded.is_ok(), is_read, "{mode:o}");
        }
        for nothing in [home.path().join("none"), file.join("below")] {
            let loaded = load_named(&paths, &nothing, EndpointSettings::Ignored, &Environment::default());
            assert!(matches!(loaded, Err(NotUsable::Missing)), "{loaded:?}");
        }
        let null = load_named(&paths, Path::new("/dev/null"), EndpointSettings::Ignored, &Environment::default());
        assert_eq!(null.unwrap().sessions, []);
    }
}
