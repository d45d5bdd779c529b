//! The adapter of the portal: its operations over HTTPS.

use reqwest::header::{CONNECTION, HeaderValue};
use serde::de::IgnoredAny;

use super::{
    Account, AccountId, Assignment, Call, ErrorName, Page, PageToken, Portal, PortalError, RoleCredentials, wire,
};
use crate::issuer::Endpoint;
use crate::token::AccessToken;
use crate::transport::{Reply, Secrets, Transport};

/// The header of the bearer token in the model.
const BEARER_HEADER: &str = "x-amz-sso_bearer_token";

/// How many items of a list are asked for at once: the most that the model allows.
const PAGE_SIZE: &str = "100";

impl Portal for Transport {
    fn role_credentials<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        assignment: &'a Assignment,
    ) -> Call<'a, RoleCredentials> {
        let query = vec![("role_name", assignment.role.as_str()), ("account_id", assignment.account.as_str())];
        Box::pin(self.get(portal, access_token, "federation/credentials", query, wire::role_credentials))
    }

    fn accounts<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        page: Option<&'a PageToken>,
    ) -> Call<'a, Page<Account>> {
        Box::pin(self.get(portal, access_token, "assignment/accounts", page_query(page), wire::accounts))
    }

    fn roles<'a>(
        &'a self,
        portal: &'a Endpoint,
        access_token: &'a AccessToken,
        account: &'a AccountId,
        page: Option<&'a PageToken>,
    ) -> Call<'a, Page<String>> {
        let mut query = page_query(page);
        query.push(("account_id", account.as_str()));
        Box::pin(self.get(portal, access_token, "assignment/roles", query, wire::roles))
    }

    fn logout<'a>(&'a self, portal: &'a Endpoint, access_token: &'a AccessToken) -> Call<'a, ()> {
        Box::pin(async move {
            let (url, bearer) = address(portal, access_token, "logout", &[])?;
            // The buffers of a connection that is kept for later calls keep the token.
            let send =
                |client: &reqwest::Client| client.post(url).header(BEARER_HEADER, bearer).header(CONNECTION, "close");
            let ended = self.call(portal, Secrets::sent([&access_token.value]), send, |reply| {
                let body = reply.body.expose();
                if !reply.is_success() {
                    return Err(wire::error(reply));
                }
                // The model has no body here; one that is not JSON comes from somebody else, a captive portal perhaps.
                if body.is_empty() || serde_json::from_slice::<IgnoredAny>(body).is_ok() {
                    return Ok(());
                }
                Err(PortalError::Unusable("it is not JSON".to_owned()))
            });
            match ended.await {
                // The portal does not know the token (any more): there is no session left to end.
                Err(
                    PortalError::Service { name: ErrorName::Unauthorized, .. }
                    | PortalError::Unnamed { status: 401, .. },
                ) => Ok(()),
                other => other,
            }
        })
    }
}

impl Transport {
    async fn get<T>(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        path: &str,
        query: Vec<(&str, &str)>,
        read: impl FnOnce(&[u8]) -> Result<T, PortalError>,
    ) -> Result<T, PortalError> {
        let (url, bearer) = address(portal, access_token, path, &query)?;
        let send = |client: &reqwest::Client| client.get(url).header(BEARER_HEADER, bearer);
        let read = |reply: &Reply| if reply.is_success() { read(reply.body.expose()) } else { Err(wire::error(reply)) };
        self.call(portal, Secrets::sent([&access_token.value]), send, read).await
    }
}

/// The address of an operation, and the value of [`BEARER_HEADER`].
fn address(
    portal: &Endpoint,
    access_token: &AccessToken,
    path: &str,
    query: &[(&str, &str)],
) -> Result<(url::Url, HeaderValue), PortalError> {
    let to = portal.for_secrets_of(&access_token.issuer);
    let mut url = to.map_err(|error| PortalError::Configuration(error.to_string()))?.join(path);
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let mut bearer = HeaderValue::from_str(access_token.value.expose())
        .map_err(|_| PortalError::Configuration("the token does not fit into a header".to_owned()))?;
    bearer.set_sensitive(true);
    Ok((url, bearer))
}

/// The query for this page of a list, or for the first.
fn page_query(page: Option<&PageToken>) -> Vec<(&str, &str)> {
    let mut query = vec![("max_result", PAGE_SIZE)];
    query.extend(page.map(|PageToken(token)| ("next_token", token.as_str())));
    query
}
