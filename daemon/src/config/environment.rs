//! The environment variables that the configuration depends on. The daemon reads them once.

use std::path::PathBuf;

use ssoctl_aws_files::expanded;

/// The values of the variables that [`Environment::from_vars`] names. An empty variable counts as not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub home: Option<PathBuf>,
    pub own_config: Option<PathBuf>,
    pub aws_config: Option<PathBuf>,
    pub aws_credentials: Option<PathBuf>,
    pub endpoint_url_sso_oidc: Option<String>,
    pub endpoint_url_sso: Option<String>,
    pub ignore_configured_endpoint_urls: Option<bool>,
    pub use_fips_endpoint: Option<bool>,
    pub use_dualstack_endpoint: Option<bool>,
    pub ca_bundle: Option<PathBuf>,
    pub tz: Option<String>,
    /// Whether this is the Windows Subsystem for Linux, whose browser is that of Windows.
    pub is_within_windows: bool,
}

impl Environment {
    pub fn from_process() -> Self {
        Self::from_vars(|name| crate::variable(name)?.into_string().ok())
    }

    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name: &str| variable(name).filter(|value| !value.is_empty());
        let path = |name: &str| text(name).map(PathBuf::from);
        let home = path("HOME");
        // botocore replaces variables and `~` in these.
        let aws_path = |name: &str| text(name).map(|path| expanded(&path, home.as_deref(), &variable));
        let switch = |name: &str| text(name).map(|value| is_true(&value));
        Self {
            home: home.clone(),
            own_config: path("SSOCTL_CONFIG"),
            aws_config: aws_path("AWS_CONFIG_FILE"),
            aws_credentials: aws_path("AWS_SHARED_CREDENTIALS_FILE"),
            endpoint_url_sso_oidc: text("AWS_ENDPOINT_URL_SSO_OIDC"),
            endpoint_url_sso: text("AWS_ENDPOINT_URL_SSO"),
            ignore_configured_endpoint_urls: switch("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
            use_fips_endpoint: switch("AWS_USE_FIPS_ENDPOINT"),
            use_dualstack_endpoint: switch("AWS_USE_DUALSTACK_ENDPOINT"),
            ca_bundle: path("AWS_CA_BUNDLE"),
            tz: text("TZ"),
            is_within_windows: text("WSL_DISTRO_NAME").is_some(),
        }
    }

    /// The path with a leading `~` replaced by the home directory, if there is one.
    pub(super) fn expand_home(&self, path: &str) -> PathBuf {
        expanded(path, self.home.as_deref(), |_| None)
    }
}

/// Reads a switch as botocore does: `true` in any case is on, everything else is off.
pub(super) fn is_true(value: &str) -> bool {
    value.eq_ignore_ascii_case("true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_are_not_set_and_only_true_switches_on() {
        let environment = Environment::from_vars(|name| match name {
            "AWS_ENDPOINT_URL_SSO" => Some(String::new()),
            "AWS_USE_FIPS_ENDPOINT" => Some("TRUE".to_owned()),
            "AWS_USE_DUALSTACK_ENDPOINT" => Some("yes".to_owned()),
            "HOME" => Some("/home/me".to_owned()),
            "AWS_CONFIG_FILE" => Some("~/aws".to_owned()),
            "AWS_SHARED_CREDENTIALS_FILE" => Some("$HOME/keys".to_owned()),
            _ => None,
        });
        let expected = Environment {
            use_fips_endpoint: Some(true),
            use_dualstack_endpoint: Some(false),
            home: Some(PathBuf::from("/home/me")),
            aws_config: Some(PathBuf::from("/home/me/aws")),
            aws_credentials: Some(PathBuf::from("/home/me/keys")),
            ..Environment::default()
        };
        assert_eq!(environment, expected);
    }
}
