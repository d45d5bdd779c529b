//! The portal's four operations.

use serde_json::{Value, json};

use crate::answer::{Answer, Body};
use crate::clock::{Moment, epoch_milliseconds, later};
use crate::errors::PortalError;
use crate::operation::Operation;
use crate::random;
use crate::settings::Account;
use crate::state::Service;

/// What the portal reads of a request.
pub(crate) struct PortalRequest<'a> {
    pub(crate) operation: Operation,
    pub(crate) query: &'a [(String, String)],
    /// The header `x-amz-sso_bearer_token`.
    pub(crate) bearer: Option<&'a str>,
}

impl<'a> PortalRequest<'a> {
    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str, missing: &'static str) -> Result<&'a str, PortalError> {
        self.parameter(name).filter(|value| !value.is_empty()).ok_or(PortalError::InvalidRequest(missing))
    }

    fn account_id(&self) -> Result<&'a str, PortalError> {
        let id = self.required("account_id", "account_id is required")?;
        if id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(id)
        } else {
            Err(PortalError::InvalidRequest("account_id is twelve digits"))
        }
    }
}

pub(crate) fn answer(service: &mut Service, request: &PortalRequest<'_>, at: Moment) -> Answer {
    carry_out(service, request, at).unwrap_or_else(PortalError::answer)
}

fn carry_out(service: &mut Service, request: &PortalRequest<'_>, at: Moment) -> Result<Answer, PortalError> {
    service.admit_portal_request(at.now).map_err(|_| PortalError::TooManyRequests)?;
    let token = request.bearer.filter(|token| service.is_signed_in(token, at.now)).ok_or(PortalError::Unauthorized)?;
    match request.operation {
        Operation::Logout => {
            service.log_out(token, at.now);
            Ok(Answer::new(200, Body::Empty))
        }
        Operation::GetRoleCredentials => role_credentials(service, request, at),
        Operation::ListAccountRoles => {
            let account_id = request.account_id()?;
            let accounts = &service.settings.accounts;
            let account = accounts.iter().find(|known| known.id == account_id).ok_or(PortalError::ResourceNotFound)?;
            let role = |role: &String| json!({ "roleName": role, "accountId": account.id });
            page(service, request, "roleList", account.roles.iter().map(role).collect())
        }
        _ => {
            let account = |account: &Account| json!({ "accountId": account.id, "accountName": account.name, "emailAddress": account.email });
            page(service, request, "accountList", service.settings.accounts.iter().map(account).collect())
        }
    }
}

fn role_credentials(service: &mut Service, request: &PortalRequest<'_>, at: Moment) -> Result<Answer, PortalError> {
    let role = request.required("role_name", "role_name is required")?;
    let account_id = request.account_id()?;
    let assigned = service
        .settings
        .accounts
        .iter()
        .any(|account| account.id == account_id && account.roles.iter().any(|known| known == role));
    if !assigned {
        return Err(PortalError::Forbidden);
    }
    let secret_access_key = random::opaque(40);
    let session_token = random::opaque(400);
    service.issued_role_secret(&secret_access_key);
    service.issued_role_secret(&session_token);
    // They survive the end of the portal session (observed), so its cap does not count here.
    let expiration = later(at.wall, service.settings.role_credentials_lifetime);
    Ok(Answer::json(
        200,
        json!({ "roleCredentials": {
            "accessKeyId": random::access_key_id(),
            "secretAccessKey": secret_access_key,
            "sessionToken": session_token,
            "expiration": epoch_milliseconds(expiration),
        }}),
    ))
}

/// One page of `items` under the member `name`. The page token says where the page begins, in a form of our own.
fn page(service: &Service, request: &PortalRequest<'_>, name: &str, items: Vec<Value>) -> Result<Answer, PortalError> {
    let length = match request.parameter("max_result") {
        None => service.settings.page_size.max(1),
        Some(text) => text
            .parse()
            .ok()
            .filter(|length| (1..=100).contains(length))
            .ok_or(PortalError::InvalidRequest("max_result is a number from 1 to 100"))?,
    };
    let start = match request.parameter("next_token") {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|start| start.parse().ok())
            .filter(|start| *start < items.len())
            .ok_or(PortalError::InvalidRequest("next_token is not one of this list"))?,
    };
    let end = items.len().min(start + length);
    let mut body = json!({ name: items[start..end] });
    if end < items.len() {
        body["nextToken"] = json!(format!("from-{end}"));
    }
    Ok(Answer::json(200, body))
}
