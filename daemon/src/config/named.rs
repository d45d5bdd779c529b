//! An AWS configuration file that a caller has named, or config.toml lists: read on its own, so that names in it mean what they
//! mean there.

use std::fmt;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::aws::{AwsFile, EndpointSettings};
use super::environment::Environment;
use super::files::{LONGEST, is_null, load};
use super::merge::{Source, merge};
use super::own::OwnFile;
use super::{Config, Paths};
use crate::regular_file::{Link, NotRead, RegularFile};

/// The AWS files that a caller has named, at least one of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct FilePair {
    /// The configuration file; the default one where none is named.
    pub config: Option<PathBuf>,
    /// The credentials file. Where none is named, a named configuration file stands alone.
    pub credentials: Option<PathBuf>,
}

impl FilePair {
    /// A configuration file alone.
    pub const fn of_config(config: PathBuf) -> Self {
        Self { config: Some(config), credentials: None }
    }
}

impl fmt::Display for FilePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.config, &self.credentials) {
            (Some(config), _) => write!(f, "{}, which AWS_CONFIG_FILE names", config.display()),
            (None, Some(credentials)) => {
                write!(f, "{}, which AWS_SHARED_CREDENTIALS_FILE names", credentials.display())
            }
            (None, None) => f.write_str("no file"),
        }
    }
}

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
    /// The credentials file that is named with it is not used, for this reason.
    #[error("{}, which AWS_SHARED_CREDENTIALS_FILE names with it", path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: Box<Self>,
    },
}

/// Reads named files; blocks as long as the file system does. With a named configuration file no session of config.toml counts,
/// and of the default credentials file no profile. A credentials file that is named alone takes the place of the default one. As
/// with botocore, one that is not there is empty.
///
/// # Errors
/// [`NotUsable`] if the configuration file is not there, or one of them is somebody else's or cannot be read.
pub fn load_named(
    paths: &Paths,
    files: &FilePair,
    endpoint_settings: EndpointSettings,
    environment: &Environment,
) -> Result<Config, NotUsable> {
    // Where none is named, none is read.
    let of_credentials = files.credentials.clone().unwrap_or("/dev/null".into());
    let credentials = match read_named(&of_credentials) {
        Err(NotUsable::Missing) => Ok(String::new()),
        read => read,
    };
    let Some(file) = &files.config else {
        // It is the caller's, and of the default files the daemon believes what it reads.
        credentials?;
        return Ok(load(&Paths { aws_credentials: of_credentials, ..paths.clone() }, environment));
    };
    let text = read_named(file)?;
    let credentials = credentials.map_err(|why| {
        let path = of_credentials.clone();
        NotUsable::Credentials { path, source: Box::new(why) }
    })?;
    let aws = AwsFile::parse(&text, &credentials).with_endpoint_settings(endpoint_settings);
    let own = OwnFile::default();
    Ok(merge(Source { path: &paths.own, file: &own }, Source { path: file, file: &aws }, &of_credentials, environment))
}

fn read_named(path: &Path) -> Result<String, NotUsable> {
    if is_null(path) { Ok(String::new()) } else { read_own(path) }
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
        let files = FilePair::of_config(file.clone());
        let load = |settings| load_named(&paths, &files, settings, &Environment::default()).unwrap();
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
        let read = |config: &Path| {
            let files = FilePair::of_config(config.to_owned());
            load_named(&paths, &files, EndpointSettings::Ignored, &Environment::default())
        };
        for (mode, is_read) in [(0o600, true), (0o644, true), (0o664, false), (0o606, false)] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            let loaded = read(&file);
            assert_eq!(loaded.is_ok(), is_read, "{mode:o}");
        }
        for nothing in [home.path().join("none"), file.join("below")] {
            let loaded = read(&nothing);
            assert!(matches!(loaded, Err(NotUsable::Missing)), "{loaded:?}");
        }
        let null = read(Path::new("/dev/null"));
        assert_eq!(null.unwrap().sessions, []);
    }

    #[test]
    fn a_credentials_file_counts_with_the_configuration_that_it_is_named_with() {
        let home = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = home.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let profile =
            |name: &str| format!("[{name}]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = R\n");
        let paths = Paths {
            own: home.path().join("config.toml"),
            aws: write("default", &CORP.replace("corp", "usual")),
            aws_credentials: write("keys", &profile("of-default")),
        };
        let (file, keys) = (write("config", CORP), write("named-keys", &profile("named")));
        let usual_keys = write("usual-keys", &profile("usual-named").replace("corp", "usual"));
        let load = |config: Option<&PathBuf>, credentials: Option<&PathBuf>| {
            let files = FilePair { config: config.cloned(), credentials: credentials.cloned() };
            load_named(&paths, &files, EndpointSettings::Ignored, &Environment::default())
        };
        let names = |config: Option<&PathBuf>, credentials: Option<&PathBuf>| {
            load(config, credentials).unwrap().profiles.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(names(Some(&file), None), Vec::<String>::new(), "a configuration file stands alone");
        assert_eq!(names(Some(&file), Some(&keys)), ["named"]);
        assert_eq!(names(None, Some(&usual_keys)), ["usual-named"], "in the place of the default one");
        let missing = home.path().join("none");
        assert_eq!(names(None, Some(&missing)), Vec::<String>::new(), "as botocore has it");
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(load(None, Some(&keys)), Err(NotUsable::Writable(0o666))));
        let why = crate::chain::chain(&load(Some(&file), Some(&keys)).unwrap_err());
        assert!(why.contains("named-keys, which AWS_SHARED_CREDENTIALS_FILE names with it: others can write"), "{why}");
    }
}
