//! The portal over HTTPS.

use std::sync::Arc;

use reqwest::Method;
use reqwest::header::HeaderValue;
use serde::de::IgnoredAny;
use ssoctl_protocol::Secret;
use url::Url;

use super::{
    Account, AccountId, Assignment, Call, ErrorName, Page, PageToken, Portal, PortalError, RoleCredentials, wire,
};
use crate::transport::{Reply, Transport, join};

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
        url: Url,
        access_token: &Secret<String>,
    ) -> impl Future<Output = Result<Reply, PortalError>> + Send + use<> {
        let transport = Arc::clone(&self.transport);
        let header = HeaderValue::from_str(access_token.expose()).map(|mut value| {
            value.set_sensitive(true);
            value
        });
        async move {
            let header =
                header.map_err(|_| PortalError::Configuration("the token does not fit into a header".to_owned()))?;
            let reply = transport.send(|client| client.request(method, url).header(BEARER_HEADER, header)).await?;
            if reply.is_success() { Ok(reply) } else { Err(wire::error(&reply)) }
        }
    }
}

impl Portal for HttpPortal {
    fn role_credentials(
        &self,
        portal: &Url,
        access_token: &Secret<String>,
        assignment: &Assignment,
    ) -> Call<'_, RoleCredentials> {
        let mut url = join(portal, "federation/credentials");
        url.query_pairs_mut()
            .append_pair("role_name", assignment.role.as_str())
            .append_pair("account_id", assignment.account.as_str());
        let call = self.call(Method::GET, url, access_token);
        Box::pin(async move { wire::role_credentials(call.await?.body.expose()) })
    }

    fn accounts(
        &self,
        portal: &Url,
        access_token: &Secret<String>,
        page: Option<&PageToken>,
    ) -> Call<'_, Page<Account>> {
        let mut url = join(portal, "assignment/accounts");
        turn_to(page, &mut url);
        let call = self.call(Method::GET, url, access_token);
        Box::pin(async move { wire::accounts(call.await?.body.expose()) })
    }

    fn roles(
        &self,
        portal: &Url,
        access_token: &Secret<String>,
        account: &AccountId,
        page: Option<&PageToken>,
    ) -> Call<'_, Page<String>> {
        let mut url = join(portal, "assignment/roles");
        url.query_pairs_mut().append_pair("account_id", account.as_str());
        turn_to(page, &mut url);
        let call = self.call(Method::GET, url, access_token);
        Box::pin(async move { wire::roles(call.await?.body.expose()) })
    }

    fn logout(&self, portal: &Url, access_token: &Secret<String>) -> Call<'_, ()> {
        let call = self.call(Method::POST, join(portal, "logout"), access_token);
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
fn turn_to(page: Option<&PageToken>, url: &mut Url) {
    let mut query = url.query_pairs_mut();
    query.append_pair("max_result", PAGE_SIZE);
    if let Some(PageToken(token)) = page {
        query.append_pair("next_token", token);
    }
}
