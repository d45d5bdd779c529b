//! The variables that carry a role to a command, and those that conflict with them. Pure.
//!
//! The AWS SDKs and the AWS CLI take credentials from the first place that has any, in orders that differ. So a command gets the
//! variables of its role, and none that one of them could prefer.

use std::ffi::OsString;

use ssoctl_protocol::{RoleCredentials, Secret};

/// Variables that decide on credentials or belong to them.
const CONFLICTING: [&str; 22] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    // The session token's name in boto 2, which botocore and the AWS SDK for Go still read.
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_SESSION_EXPIRATION",
    "AWS_ACCOUNT_ID",
    // Older names in the AWS SDKs for Go, Java and Ruby.
    "AWS_ACCESS_KEY",
    "AWS_SECRET_KEY",
    "AMAZON_ACCESS_KEY_ID",
    "AMAZON_SECRET_ACCESS_KEY",
    "AMAZON_SESSION_TOKEN",
    // If a profile is named in the environment, botocore ignores keys there.
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    // A file of the first EC2 tools, which botocore reads before it asks an endpoint.
    "AWS_CREDENTIAL_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    CONTAINER_URI,
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    CONTAINER_TOKEN,
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

const CONTAINER_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const CONTAINER_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";

/// Two names for one thing: botocore reads the second, most other SDKs the first.
pub(crate) const REGIONS: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];
/// The region that ssoctl has set, to tell it from one that the person has set.
const OUR_REGION: &str = "SSOCTL_SET_REGION";

/// Pairs of variables that at least one SDK prefers to a profile.
const BEFORE_A_PROFILE: [[&str; 2]; 4] = [
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ["AWS_ACCESS_KEY", "AWS_SECRET_KEY"],
    ["AMAZON_ACCESS_KEY_ID", "AMAZON_SECRET_ACCESS_KEY"],
    ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"],
];

/// The variables that make AWS tools use other credentials than those of the profile.
pub(crate) fn overriding(variable: Lookup<'_>) -> Vec<&'static str> {
    let pairs = BEFORE_A_PROFILE.into_iter().filter(|pair| pair.iter().all(|name| variable(name).is_some()));
    pairs.map(|[name, _]| name).collect()
}

/// Changes of an environment. No variable is in both lists.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) removed: Vec<&'static str>,
    pub(crate) set: Vec<(&'static str, Secret<String>)>,
}

pub(crate) type Lookup<'a> = &'a dyn Fn(&str) -> Option<OsString>;

impl Changes {
    /// For a command that gets credentials once.
    pub(crate) fn fixed(credentials: &RoleCredentials, variable: Lookup<'_>) -> Self {
        let mut changes = Self::default();
        changes.set.extend([
            ("AWS_ACCESS_KEY_ID", Secret::new(credentials.access_key_id.clone())),
            ("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key.clone()),
            ("AWS_SESSION_TOKEN", credentials.session_token.clone()),
            ("AWS_CREDENTIAL_EXPIRATION", Secret::new(credentials.expires_at.to_string())),
        ]);
        changes.complete(Some(credentials), variable)
    }

    /// For a command that requests credentials of the role at `uri`, with this token, whenever it needs them.
    pub(crate) fn refreshable(
        credentials: &RoleCredentials,
        uri: String,
        token: &Secret<String>,
        variable: Lookup<'_>,
    ) -> Self {
        let mut changes = Self::default();
        changes.set.extend([(CONTAINER_URI, Secret::new(uri)), (CONTAINER_TOKEN, token.clone())]);
        changes.complete(Some(credentials), variable)
    }

    /// For a shell that is to have no role.
    pub(crate) fn none(variable: Lookup<'_>) -> Self {
        Self::default().complete(None, variable)
    }

    /// For a shell whose call for a role has failed. A profile stays: without it, the default identity would follow.
    pub(crate) fn without_role(variable: Lookup<'_>) -> Self {
        let mut changes = Self::none(variable);
        changes.removed.retain(|name| !matches!(*name, "AWS_PROFILE" | "AWS_DEFAULT_PROFILE"));
        changes
    }

    /// Adds the account and the region of the role, and removes all conflicting variables.
    fn complete(mut self, role: Option<&RoleCredentials>, variable: Lookup<'_>) -> Self {
        if let Some(role) = role {
            // SDKs put it into the addresses of some services, so that of another account would be wrong.
            self.set.push(("AWS_ACCOUNT_ID", Secret::new(role.account.clone())));
        }
        let kept: Vec<&str> = self.set.iter().map(|(name, _)| *name).collect();
        self.removed = CONFLICTING.into_iter().filter(|name| !kept.contains(name)).collect();
        self.choose_region(role.and_then(|role| role.region.as_deref()), variable);
        self
    }

    /// A region that the person has set counts, as it does for the SDKs. Without one, that of the profile is set under both
    /// names. One that an earlier call has set is removed with its role.
    fn choose_region(&mut self, region: Option<&str>, variable: Lookup<'_>) {
        let ours = variable(OUR_REGION);
        let (own, rest): (Vec<_>, Vec<_>) =
            REGIONS.into_iter().partition(|name| variable(name).is_none_or(|value| Some(value) == ours));
        match region {
            Some(region) if rest.is_empty() => {
                self.set.extend(REGIONS.into_iter().chain([OUR_REGION]).map(|name| (name, Secret::from(region))));
            }
            _ if ours.is_some() => self.removed.extend(own.into_iter().chain([OUR_REGION])),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(region: Option<&str>) -> RoleCredentials {
        RoleCredentials {
            access_key_id: "ASIAKEY".into(),
            secret_access_key: "secret".into(),
            session_token: "session".into(),
            expires_at: "2026-11-23T10:16:00Z".parse().unwrap(),
            session: "corp".into(),
            account: "111122223333".into(),
            role: "Admin".into(),
            region: region.map(str::to_owned),
        }
    }

    /// The environment after the changes: its variables by name.
    fn changed(before: &[(&'static str, &str)], changes: &Changes) -> Vec<(&'static str, String)> {
        let mut after: Vec<(&'static str, String)> = before
            .iter()
            .filter(|(name, _)| !changes.removed.contains(name) && !changes.set.iter().any(|(set, _)| set == name))
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect();
        after.extend(changes.set.iter().map(|(name, value)| (*name, value.expose().clone())));
        after.sort();
        after
    }

    fn lookup<'a>(variables: &'a [(&'static str, &str)]) -> impl Fn(&str) -> Option<OsString> + 'a {
        |name| variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| value.into())
    }

    fn texts(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
        pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
    }

    #[test]
    fn a_command_gets_the_role_and_no_variable_that_could_replace_it() {
        let before: Vec<(&'static str, &str)> = CONFLICTING.into_iter().map(|name| (name, "stale")).collect();
        let fixed = Changes::fixed(&credentials(None), &lookup(&before));
        assert_eq!(
            changed(&before, &fixed),
            texts(&[
                ("AWS_ACCESS_KEY_ID", "ASIAKEY"),
                ("AWS_ACCOUNT_ID", "111122223333"),
                ("AWS_CREDENTIAL_EXPIRATION", "2026-11-23T10:16:00Z"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_SESSION_TOKEN", "session"),
            ])
        );
        let uri = "http://127.0.0.1:1/x".to_owned();
        let refreshable = Changes::refreshable(&credentials(None), uri, &"token".into(), &lookup(&before));
        assert_eq!(
            changed(&before, &refreshable),
            texts(&[
                ("AWS_ACCOUNT_ID", "111122223333"),
                ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "token"),
                ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/x"),
            ])
        );
        assert_eq!(changed(&before, &Changes::none(&lookup(&before))), []);
    }

    #[test]
    fn variables_that_do_not_decide_on_credentials_stay() {
        let before = [
            ("AWS_CA_BUNDLE", "/ca"),
            ("AWS_CONFIG_FILE", "/config"),
            ("AWS_DEFAULT_OUTPUT", "json"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:2"),
            ("AWS_PAGER", ""),
            ("AWS_SHARED_CREDENTIALS_FILE", "/credentials"),
            ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
            ("PATH", "/bin"),
        ];
        assert_eq!(changed(&before, &Changes::none(&lookup(&before))), texts(&before));
        let after = changed(&before, &Changes::fixed(&credentials(None), &lookup(&before)));
        assert!(texts(&before).iter().all(|variable| after.contains(variable)), "{after:?}");
    }

    #[test]
    fn the_region_is_the_persons_else_the_profiles() {
        let ours = |region: &'static str| [REGIONS[0], REGIONS[1], OUR_REGION].map(|name| (name, region)).to_vec();
        type Variables = Vec<(&'static str, &'static str)>;
        let cases: Vec<(Variables, Option<&str>, Variables)> = vec![
            (vec![], Some("eu-west-1"), ours("eu-west-1")),
            (vec![], None, vec![]),
            (vec![("AWS_REGION", "us-east-1")], Some("eu-west-1"), vec![("AWS_REGION", "us-east-1")]),
            (vec![("AWS_DEFAULT_REGION", "us-east-1")], Some("eu-west-1"), vec![("AWS_DEFAULT_REGION", "us-east-1")]),
            // A region that was set for one role does not count as the person's choice for the next.
            (ours("eu-west-1"), Some("us-east-2"), ours("us-east-2")),
            (ours("eu-west-1"), None, vec![]),
            // Afterwards the person has chosen one of them.
            (
                vec![("AWS_REGION", "us-east-1"), ("AWS_DEFAULT_REGION", "eu-west-1"), (OUR_REGION, "eu-west-1")],
                Some("us-east-2"),
                vec![("AWS_REGION", "us-east-1")],
            ),
        ];
        for (before, region, mut after) in cases {
            let changes = Changes::fixed(&credentials(region), &lookup(&before));
            let mut regions = changed(&before, &changes);
            regions.retain(|(name, _)| name.ends_with("REGION"));
            after.sort_unstable();
            assert_eq!(regions, texts(&after), "{before:?} {region:?}");
        }
        let before = ours("eu-west-1");
        assert_eq!(changed(&before, &Changes::none(&lookup(&before))), []);
    }
}
