//! The portal over HTTPS.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::{CONNECTION, HeaderValue};
use serde::de::IgnoredAny;

use super::{
    Account, AccountId, Assignment, Call, ErrorName, Page, PageToken, Portal, PortalError, RoleCredentials, wire,
};
use crate::issuer::Endpoint;
use crate::token::AccessToken;
use crate::transport::{Reply, Secrets, Transport};

/// The bearer token's header in the model.
const BEARER_HEADER: &str = "x-amz-sso_bearer_token";

/// How many items of a list are asked for at once: the most that the model allows.
const PAGE_SIZE: &str = "100";

/// The adapter.
pub struct HttpPortal {
    transport: Arc<Transport>,
}

impl HttpPortal {
    /// An adapter that goes this way.
    pub const fn new(transport: Arc<Transport>) -> Self {
        Self { transport }
    }

    /// Sends a request when awaited. Its header is made before, while the token is borrowed.
    fn call(
        &self,
        method: Method,
        portal: &Endpoint,
        access_token: &AccessToken,
        path: &str,
        query: &[(&str, &str)],
    ) -> impl Future<Output = Result<Reply, PortalError>> + Send + use<> {
        let transport = Arc::clone(&self.transport);
        let secrets = Secrets::sent([&access_token.value]);
        let url = portal.for_secrets_of(&access_token.issuer).map(|to| {
            let mut url = to.join(path);
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            url
        });
        let portal = portal.clone();
        let header = HeaderValue::from_str(access_token.value.expose()).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        async move {
            let url = url.map_err(|error| PortalError::Configuration(error.to_string()))?;
            let header =
                header.map_err(|_| PortalError::Configuration("the token does not fit into a header".to_owned()))?;
            let request = |client: &reqwest::Client| {
                // The only POST.
                let is_sign_out = method == Method::POST;
                let request = client.request(method, url).header(BEARER_HEADER, header);
                // A connection that is kept for later calls keeps the token in its buffer.
                if is_sign_out { request.header(CONNECTION, "close") } else { request }
            };
            let reply = transport.send(secrets, request).await.map_err(|error| PortalError::from(error).at(&portal))?;
            if reply.is_success() { Ok(reply) } else { Err(wire::error(&reply).at(&portal)) }
        }
    }
}

impl Portal for HttpPortal {
    fn role_credentials(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        assignment: &Assignment,
    ) -> Call<'_, RoleCredentials> {
        let query = [("role_name", assignment.role.as_str()), ("account_id", assignment.account.as_str())];
        let call = self.call(Method::GET, portal, access_token, "federation/credentials", &query);
        let portal = portal.clone();
        Box::pin(async move { wire::role_credentials(call.await?.body.expose()).map_err(|error| error.at(&portal)) })
    }

    fn accounts(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        page: Option<&PageToken>,
    ) -> Call<'_, Page<Account>> {
        let call = self.call(Method::GET, portal, access_token, "assignment/accounts", &turn_to(page));
        let portal = portal.clone();
        Box::pin(async move { wire::accounts(call.await?.body.expose()).map_err(|error| error.at(&portal)) })
    }

    fn roles(
        &self,
        portal: &Endpoint,
        access_token: &AccessToken,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> Call<'_, Page<String>> {
        let mut query = vec![("account_id", account.as_str())];
        query.extend(turn_to(page));
        let call = self.call(Method::GET, portal, access_token, "assignment/roles", &query);
        let portal = portal.clone();
        Box::pin(async move { wire::roles(call.await?.body.expose()).map_err(|error| error.at(&portal)) })
    }

    fn logout(&self, portal: &Endpoint, access_token: &AccessToken) -> Call<'_, ()> {
        let call = self.call(Method::POST, portal, access_token, "logout", &[]);
        Box::pin(async move {
            match call.await {
                // The portal does not know the token (any more): there is no session left to end.
                Err(
                    PortalError::Service { name: ErrorName::Unauthorized, .. }
                    | PortalError::Unnamed { status: 401, .. },
                ) => Ok(()),
                // The model has no body here; one that is not JSON comes from somebody else, a captive portal perhaps.
                Ok(Reply { body, .. })
                    if body.expose().is_empty() || serde_json::from_slice::<IgnoredAny>(body.expose()).is_ok() =>
                {
                    Ok(())
                }
                Ok(_) => Err(PortalError::Unusable("it is not JSON".to_owned())),
                Err(error) => Err(error),
            }
        })
    }
}

/// Asks for that page of a list, or the first.
fn turn_to(page: Option<&PageToken>) -> Vec<(&str, &str)> {
    let mut query = vec![("max_result", PAGE_SIZE)];
    if let Some(PageToken(token)) = page {
        query.push(("next_token", token));
    }
    query
}
