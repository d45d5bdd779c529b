//! The adapter of the portal: its operations over HTTPS.

use async_trait::async_trait;
use reqwest::header::{CONNECTION, HeaderValue};

use super::{
    Account, AccountId, Assignment, Page, PageToken, Portal, PortalError, PortalErrorName, RoleCredentials, wire,
};
use crate::issuer::Endpoint;
use crate::token::AccessToken;
use crate::transport::{HttpResponse, Secrets, Transport};

/// The header of the bearer token in the model.
const BEARER_HEADER: &str = "x-amz-sso_bearer_token";

/// Items of a list per request: the most that the model allows.
const PAGE_SIZE: &str = "100";

#[async_trait]
impl Portal for Transport {
    async fn role_credentials(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        assignment: &Assignment,
    ) -> Result<RoleCredentials, PortalError> {
        let query = vec![("role_name", assignment.role.as_str()), ("account_id", assignment.account.as_str())];
        self.get(portal, access_token, "federation/credentials", query, wire::role_credentials).await
    }

    async fn accounts(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        page: Option<&PageToken>,
    ) -> Result<Page<Account>, PortalError> {
        self.get(portal, access_token, "assignment/accounts", page_query(page), wire::accounts).await
    }

    async fn roles(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> Result<Page<String>, PortalError> {
        let mut query = page_query(page);
        query.push(("account_id", account.as_str()));
        self.get(portal, access_token, "assignment/roles", query, wire::roles).await
    }

    async fn logout(&self, portal: &Endpoint, access_token: &AccessToken) -> Result<(), PortalError> {
        let (url, bearer) = address(portal, access_token, "logout", &[])?;
        // The buffers of a connection that is kept for later calls keep the token.
        let send =
            |client: &reqwest::Client| client.post(url).header(BEARER_HEADER, bearer).header(CONNECTION, "close");
        let read = |reply: &HttpResponse| match wire::logout(reply) {
            // The portal does not know the token (any more): there is no session left to end.
            Err(
                PortalError::Service { name: PortalErrorName::Unauthorized, .. }
                | PortalError::Unnamed { status: 401, .. },
            ) => Ok(()),
            other => other,
        };
        self.call(portal, Secrets::sent([&access_token.value]), send, read).await
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
        let read =
            |reply: &HttpResponse| if reply.is_success() { read(reply.body.expose()) } else { Err(wire::error(reply)) };
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
