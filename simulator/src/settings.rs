//! Everything about the service that a test can change.

use std::time::Duration;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::operation::Grant;

/// The behaviour of the simulated service. Durations are written like `90m` or `8h` in JSON.
///
/// A change through [`crate::IdentityCenter::settings`] or the control API takes effect with the next request. Earlier tokens
/// and codes keep their lifetimes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The port on 127.0.0.1; 0 takes a free one. Read once, at the start.
    pub port: u16,
    /// Lifetime of access tokens of clients that registered scopes. Default 1 h (observed).
    #[serde(with = "duration_text")]
    pub token_lifetime: Duration,
    /// Lifetime of access tokens of clients without scopes; these come without a refresh token. Default 8 h (observed).
    #[serde(with = "duration_text")]
    pub unscoped_token_lifetime: Duration,
    /// Lifetime of a device code and its user code. Default 600 s (observed).
    #[serde(with = "duration_text")]
    pub device_code_lifetime: Duration,
    /// How long the authorization page waits for a decision. Default 10 min, as a device code.
    #[serde(with = "duration_text")]
    pub authorization_page_lifetime: Duration,
    /// Lifetime of an authorization code. Default 5 min.
    #[serde(with = "duration_text")]
    pub authorization_code_lifetime: Duration,
    /// The least time between two polls; clients are told whole seconds, rounded up. Default 1 s (observed).
    #[serde(with = "duration_text")]
    pub interval: Duration,
    /// Lifetime of a client registration. Default 90 days (observed).
    #[serde(with = "duration_text")]
    pub registration_lifetime: Duration,
    /// The length of a portal session, and so the cap on every token. Default 8 h.
    #[serde(with = "duration_text")]
    pub portal_session: Duration,
    /// Lifetime of role credentials; the session cap does not shorten it. Default 1 h.
    #[serde(with = "duration_text")]
    pub role_credentials_lifetime: Duration,
    /// The refresh token in the answer to a refresh. Default [`RefreshTokens::Repeated`].
    pub refresh_tokens: RefreshTokens,
    /// The generation of HTTP statuses of OIDC errors. Default [`ErrorStatuses::Current`].
    pub error_statuses: ErrorStatuses,
    /// The form of members without a value. Default [`UnsetMembers::Omitted`].
    pub unset_members: UnsetMembers,
    /// The approver of device authorizations and authorization requests. Default [`Approval::Manual`].
    pub approval: Approval,
    /// When the authorization page asks. Default [`Consent::Always`].
    pub consent: Consent,
    /// The grants that clients may register; any other is refused with UnsupportedGrantType. Default all.
    pub grants: Vec<Grant>,
    /// Portal requests per second before TooManyRequestsException; `None` for no limit. Default 20 (observed).
    pub portal_rate: Option<u32>,
    /// The portal's page size for callers that send no `max_result`. Default 20.
    pub page_size: usize,
    /// The start URLs that exist here; any other is refused as an invalid request. Empty: every URL exists. Default empty.
    pub start_urls: Vec<String>,
    /// The region of the instance, where it is not the one that clients ask: StartDeviceAuthorization, CreateToken, and
    /// RegisterClient with an `issuerUrl` are refused with InvalidRequestRegion, which names it. Default `None`.
    pub right_region: Option<String>,
    /// Start URLs of one's own on this port: paths that lead to a start URL of AWS. Default none.
    pub vanity_urls: Vec<VanityUrl>,
    /// The accounts that the portal lists and gives credentials for.
    pub accounts: Vec<Account>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            token_lifetime: Duration::from_hours(1),
            unscoped_token_lifetime: Duration::from_hours(8),
            device_code_lifetime: Duration::from_mins(10),
            authorization_page_lifetime: Duration::from_mins(10),
            authorization_code_lifetime: Duration::from_mins(5),
            interval: Duration::from_secs(1),
            registration_lifetime: Duration::from_hours(90 * 24),
            portal_session: Duration::from_hours(8),
            role_credentials_lifetime: Duration::from_hours(1),
            refresh_tokens: RefreshTokens::default(),
            error_statuses: ErrorStatuses::default(),
            unset_members: UnsetMembers::default(),
            approval: Approval::default(),
            consent: Consent::default(),
            grants: vec![Grant::DeviceCode, Grant::RefreshToken, Grant::AuthorizationCode],
            portal_rate: Some(20),
            page_size: 20,
            start_urls: Vec::new(),
            right_region: None,
            vanity_urls: Vec::new(),
            accounts: vec![
                Account::new("111122223333", "Development", &["AdministratorAccess", "ReadOnlyAccess"]),
                Account::new("444455556666", "Production", &["ReadOnlyAccess"]),
            ],
        }
    }
}

/// The refresh token in the answer to a refresh.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RefreshTokens {
    /// The same token again, without rotation.
    #[default]
    Repeated,
    /// A new token; the one that was sent is refused with InvalidGrant from then on.
    Rotated,
    /// None, so that the client has to go on with the token that it has.
    Omitted,
}

/// The HTTP statuses of OIDC errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ErrorStatuses {
    /// The current model: 400, 401 for InvalidClient, 500 for InternalServer.
    #[default]
    Current,
    /// The seed OpenAPI document: 480 to 490, counted per operation. Errors that it does not list keep the current ones.
    Seed,
}

/// The form of an optional member without a value in OIDC answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnsetMembers {
    /// The answer lacks the member.
    #[default]
    Omitted,
    /// The member is `null`.
    Null,
}

/// The approver of device authorizations and authorization requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approval {
    /// A person on the page, or a test through the Rust or control API.
    #[default]
    Manual,
    /// Every authorization is approved when this time has passed since its start, by the simulator's clock.
    Automatic {
        /// Time from StartDeviceAuthorization, or from the opening of the authorization page, to the approval.
        #[serde(with = "duration_text")]
        after: Duration,
    },
    /// Every authorization is approved when it starts: the very first CreateToken succeeds, and `/authorize` redirects
    /// without a page.
    Preauthorised,
}

/// When the authorization page asks a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// For each request.
    #[default]
    Always,
    /// Only where the default person has no portal session: a live one redirects at once (observed).
    OncePerPortalSession,
}

/// A start URL of one's own: what is answered at a path that no operation has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VanityUrl {
    /// The path, such as `/start`.
    pub path: String,
    /// The header `Location`, as it is sent. Empty: there is none. It may be another path of this list, or the same.
    pub target: String,
    /// The status, such as 301, 302, 303, 307 or 308. Default 302.
    #[serde(default = "found")]
    pub status: u16,
    /// What HEAD is answered with instead, such as 405. Default `None`: the same as GET.
    #[serde(default)]
    pub head_status: Option<u16>,
}

const fn found() -> u16 {
    302
}

impl VanityUrl {
    /// A path that leads to `target` with the status 302.
    pub fn new(path: &str, target: &str) -> Self {
        Self { path: path.to_owned(), target: target.to_owned(), status: found(), head_status: None }
    }
}

/// An AWS account that the person is assigned to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The account id, which has twelve digits.
    pub id: String,
    /// The name that the portal displays.
    pub name: String,
    /// The account's email address.
    pub email: String,
    /// The names of the roles that the person may take there.
    pub roles: Vec<String>,
}

impl Account {
    /// An account with an email address made from its name.
    pub fn new(id: &str, name: &str, roles: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            email: format!("{}@example.com", name.to_lowercase().replace(' ', "-")),
            roles: roles.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Durations as people write them: `1h 30m`, `500ms`.
pub(crate) mod duration_text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Exact, unlike months of thirty and some days, and understood by [`humantime::parse_duration`].
    pub(crate) fn written(duration: Duration) -> String {
        let seconds = duration.as_secs();
        let parts = [
            (seconds / 86_400, "d"),
            (seconds / 3600 % 24, "h"),
            (seconds / 60 % 60, "m"),
            (seconds % 60, "s"),
            (u64::from(duration.subsec_millis()), "ms"),
            (u64::from(duration.subsec_nanos() % 1_000_000), "ns"),
        ];
        let text: Vec<String> =
            parts.iter().filter(|(amount, _)| *amount > 0).map(|(amount, unit)| format!("{amount}{unit}")).collect();
        if text.is_empty() { "0s".to_owned() } else { text.join(" ") }
    }

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_they_are_read() {
        let second = Duration::from_secs(1);
        for (duration, text) in [
            (Duration::ZERO, "0s"),
            (90 * 24 * 3600 * second, "90d"),
            (5400 * second, "1h 30m"),
            (Duration::new(1, 500_000_007), "1s 500ms 7ns"),
        ] {
            assert_eq!(duration_text::written(duration), text);
            assert_eq!(humantime::parse_duration(text), Ok(duration));
        }
    }

    #[test]
    fn settings_survive_json() {
        let settings = Settings {
            approval: Approval::Automatic { after: Duration::from_millis(1500) },
            portal_rate: None,
            ..Settings::default()
        };
        let json = serde_json::to_string(&settings).expect("JSON");
        assert_eq!(serde_json::from_str::<Settings>(&json).expect("settings"), settings);
    }
}
