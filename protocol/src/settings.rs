//! The settings that a daemon takes from its environment, and where it finds its files: client and daemon compare them to tell a
//! person whose variables count. Pure: variables come in as a function.

mod differences;

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::socket::own_directory;

pub use differences::{About, Difference, differences};

/// The variables that a daemon takes from the shell that starts it: how this machine reaches the service, and whom it trusts.
/// None of them names a file that defines sessions or holds records.
pub const TAKEN: &[&str] = &[
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "AWS_CA_BUNDLE",
    "AWS_ENDPOINT_URL_SSO",
    "AWS_ENDPOINT_URL_SSO_OIDC",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "TZ",
];

/// The directory for files of programs on macOS.
const APPLICATION_SUPPORT: &str = "Library/Application Support";

/// Those of [`TAKEN`] whose value is a path.
pub const PATHS: &[&str] = &["SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE"];

/// The value of a variable without its password: in an address, the text before `@` may be one.
pub fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    let upper = name.to_ascii_uppercase();
    if !(upper.ends_with("_PROXY") || upper.starts_with("AWS_ENDPOINT_URL")) {
        return Cow::Borrowed(value);
    }
    let Some(at) = value.rfind('@') else { return Cow::Borrowed(value) };
    let scheme = value.find("://").map(|end| end + 3).filter(|end| *end <= at).unwrap_or_default();
    Cow::Owned(format!("{}***{}", &value[..scheme], &value[at..]))
}

/// The settings of a daemon, and their sources. Contains no secret.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Settings {
    /// The program that started it and gave it its environment: `ssoctl`, `service_manager`, or `hand`.
    pub started_by: String,
    /// Its home directory.
    pub home: String,
    /// The path of its socket.
    pub socket: String,
    /// The address of the D-Bus session bus for keyring and notices; empty if it knows none.
    pub session_bus: String,
    /// Its own configuration file, whether there is one or not.
    pub config_toml: String,
    /// The AWS configuration file of callers that name none.
    pub aws_config: String,
    /// The AWS credentials file of callers that name none.
    pub aws_credentials: String,
    /// The directory of records, unless a keyring has them.
    pub state_directory: String,
    /// The variables of [`TAKEN`] that it has, and the settings that replace them.
    pub variables: Vec<Setting>,
    /// The AWS files that callers have named, or `aws_config_files` lists.
    pub aws_config_files: Vec<AwsConfigFile>,
}

impl Settings {
    /// The settings that a daemon with this shell's whole environment would have. `variable` returns what is set and not empty;
    /// `absolute` makes the path in a variable absolute. An AWS file that a variable names is left out, since each request names
    /// it.
    pub fn of_shell(
        variable: impl Fn(&str) -> Option<OsString>,
        home: Option<PathBuf>,
        absolute: impl Fn(&OsStr) -> OsString,
    ) -> Self {
        let shown = |path: Option<PathBuf>| path.map(|path| path.display().to_string()).unwrap_or_default();
        let shown_absolute = |path: Option<PathBuf>| shown(path.map(|path| absolute(path.as_os_str()).into()));
        let is_set = |name: &str| variable(name).is_some();
        let aws_file = |name: &str, is_named: bool| {
            shown(home.as_ref().filter(|_| !is_named).map(|home| home.join(".aws").join(name)))
        };
        let names_config = is_set("AWS_CONFIG_FILE");
        let bus = variable("DBUS_SESSION_BUS_ADDRESS");
        Self {
            config_toml: shown_absolute(config_toml(&variable, home.clone())),
            aws_config: aws_file("config", names_config),
            aws_credentials: aws_file("credentials", names_config || is_set("AWS_SHARED_CREDENTIALS_FILE")),
            state_directory: shown_absolute(state_directory(&variable, home.clone())),
            // The usual bus, which no variable names, may not exist.
            session_bus: bus.map(|address| address.to_string_lossy().into_owned()).unwrap_or_default(),
            variables: variables(|name| {
                let value = variable(name)?;
                Some(if PATHS.contains(&name) { absolute(&value) } else { value })
            }),
            home: shown(home),
            ..Self::default()
        }
    }

    /// The value of a variable, as far as it can be shown.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let setting = self.variables.iter().find(|setting| setting.file.is_none() && setting.name == name)?;
        Some(&setting.value)
    }
}

/// The variables of [`TAKEN`] that are set and not empty, as far as they can be [shown].
pub fn variables(variable: impl Fn(&str) -> Option<OsString>) -> Vec<Setting> {
    let setting = |name: &&str| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        let value = shown(name, &value.to_string_lossy()).into_owned();
        Some(Setting { name: (*name).to_owned(), value, file: None })
    };
    TAKEN.iter().filter_map(setting).collect()
}

/// One setting of the daemon.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Setting {
    /// The variable, or the key of a configuration file.
    pub name: String,
    /// Its value, as far as it can be [shown].
    pub value: String,
    /// The file that sets it; `null` for a variable.
    pub file: Option<String>,
}

/// An AWS configuration file beside the default one.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default)]
pub struct AwsConfigFile {
    /// Its path.
    pub path: String,
    /// The credentials file that is read with it; empty if none is.
    pub credentials: String,
    /// The number of its sessions.
    pub sessions: usize,
    /// Whether `aws_config_files` lists it, so that endpoint settings in it count.
    pub listed: bool,
}

/// The path of the daemon's own configuration file: `$SSOCTL_CONFIG`, else `config.toml` in `$XDG_CONFIG_HOME/ssoctl` or
/// `~/.config/ssoctl`, on macOS in `~/Library/Application Support/ssoctl`. `None` without a home directory.
pub fn config_toml(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let chosen = variable("SSOCTL_CONFIG").filter(|value| !value.is_empty()).map(PathBuf::from);
    chosen.or_else(|| {
        Some(own_directory(variable, "XDG_CONFIG_HOME", ".config", APPLICATION_SUPPORT, home)?.join("config.toml"))
    })
}

/// The directory of records: `$SSOCTL_STATE_DIR`, else `$XDG_STATE_HOME/ssoctl` or `~/.local/state/ssoctl`, on macOS
/// `~/Library/Application Support/ssoctl`. `None` without a home directory.
pub fn state_directory(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let chosen = variable("SSOCTL_STATE_DIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    chosen.or_else(|| own_directory(variable, "XDG_STATE_HOME", ".local/state", APPLICATION_SUPPORT, home))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_password_of_a_proxy_or_an_endpoint_is_shown() {
        for (name, value, expected) in [
            ("HTTPS_PROXY", "http://ada:secret@proxy:3128", "http://***@proxy:3128"),
            ("https_proxy", "ada:p@ss@proxy:3128", "***@proxy:3128"),
            ("all_proxy", "http://ada:a/b?c@proxy", "http://***@proxy"),
            ("HTTP_PROXY", "p@ss://x", "***@ss://x"),
            ("AWS_ENDPOINT_URL_SSO", "https://ada:secret@sso.example", "https://***@sso.example"),
            ("HTTPS_PROXY", "http://proxy:3128", "http://proxy:3128"),
            ("NO_PROXY", "localhost,.corp.example", "localhost,.corp.example"),
            ("SSL_CERT_FILE", "/certs@home/ca.pem", "/certs@home/ca.pem"),
        ] {
            assert_eq!(shown(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn places_are_named_by_variables_or_below_the_home_directory() {
        let with = |pairs: &'static [(&'static str, &'static str)]| {
            move |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value))
        };
        let home = || Some(PathBuf::from("/home/ada"));
        let named = with(&[("SSOCTL_CONFIG", "/c.toml"), ("SSOCTL_STATE_DIR", "/s"), ("XDG_STATE_HOME", "/x")]);
        assert_eq!(config_toml(named, home()), Some("/c.toml".into()));
        assert_eq!(state_directory(named, None), Some("/s".into()));
        let empty = with(&[("SSOCTL_CONFIG", ""), ("SSOCTL_STATE_DIR", "")]);
        assert_eq!(config_toml(empty, None), None);
        if cfg!(not(target_os = "macos")) {
            let xdg = with(&[("XDG_CONFIG_HOME", "/x"), ("XDG_STATE_HOME", "relative")]);
            assert_eq!(config_toml(xdg, home()), Some("/x/ssoctl/config.toml".into()));
            assert_eq!(state_directory(xdg, home()), Some("/home/ada/.local/state/ssoctl".into()));
            assert_eq!(config_toml(empty, home()), Some("/home/ada/.config/ssoctl/config.toml".into()));
        }
    }
}
