//! The portal's four operations.

use serde_json::{Value, json};

use crate::answer::{Answer, Body};
use crate::clock::{Moment, epoch_milliseconds, later};
use crate::errors::Refusal;
use crate::operation::{Call, Operation};
use crate::random;
use crate::state::Service;

fn invalid_request(why: &str) -> Refusal {
    Refusal::new("InvalidRequestException", why)
}

fn required<'a>(call: &'a Call, name: &str) -> Result<&'a str, Refusal> {
    let value = call.parameter(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| invalid_request(&format!("{name} is required")))
}

fn account_id(call: &Call) -> Result<&str, Refusal> {
    let id = required(call, "account_id")?;
    let twelve_digits = id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_digit());
    if twelve_digits { Ok(id) } else { Err(invalid_request("account_id is twelve digits")) }
}

pub(crate) fn answer(service: &mut Service, call: &Call, at: Moment) -> Answer {
    carry_out(service, call, at)
        .unwrap_or_else(|refusal| refusal.answer(call.operation, service.settings.error_statuses))
}

fn carry_out(service: &mut Service, call: &Call, at: Moment) -> Result<Answer, Refusal> {
    service.admit_portal_request(at.now)?;
    let session = call
        .bearer
        .as_ref()
        .and_then(|token| service.session_of(token, at.now))
        .ok_or_else(|| Refusal::new("UnauthorizedException", "Session token not found or invalid"))?;
    match call.operation {
        Operation::Logout => {
            service.end_session(session);
            Ok(Answer::new(200, Body::Empty))
        }
        Operation::GetRoleCredentials => role_credentials(service, call, at),
        Operation::ListAccountRoles => {
            let account_id = account_id(call)?;
            let mut accounts = service.settings.accounts.iter();
            let account = accounts
                .find(|account| account.id == account_id)
                .ok_or_else(|| Refusal::new("ResourceNotFoundException", "Account not found"))?;
            let roles = account.roles.iter().map(|role| json!({ "roleName": role, "accountId": account.id }));
            page(service, call, "roleList", roles.collect())
        }
        _ => {
            let accounts = service.settings.accounts.iter().map(|account| {
                json!({ "accountId": account.id, "accountName": account.name, "emailAddress": account.email })
            });
            page(service, call, "accountList", accounts.collect())
        }
    }
}

fn role_credentials(service: &mut Service, call: &Call, at: Moment) -> Result<Answer, Refusal> {
    let role = required(call, "role_name")?;
    let account_id = account_id(call)?;
    let mut accounts = service.settings.accounts.iter();
    if !accounts.any(|account| account.id == account_id && account.roles.iter().any(|known| known == role)) {
        return Err(Refusal::new("ForbiddenException", "No access"));
    }
    let (secret_access_key, session_token) = (random::opaque(40), random::opaque(400));
    service.role_secrets.extend([secret_access_key.clone(), session_token.clone()]);
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

/// One page of `items` under the member `name`. The page token says where the page begins, in the simulator's own form.
fn page(service: &Service, call: &Call, name: &str, items: Vec<Value>) -> Result<Answer, Refusal> {
    let length = match call.parameter("max_result") {
        None => service.settings.page_size.max(1),
        Some(text) => text
            .parse()
            .ok()
            .filter(|length| (1..=100).contains(length))
            .ok_or_else(|| invalid_request("max_result is a number from 1 to 100"))?,
    };
    let start = match call.parameter("next_token") {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|start| start.parse().ok())
            .filter(|start| *start < items.len())
            .ok_or_else(|| invalid_request("next_token is not one of this list"))?,
    };
    let end = items.len().min(start + length);
    let mut body = json!({ name: items[start..end] });
    if end < items.len() {
        body["nextToken"] = json!(format!("from-{end}"));
    }
    Ok(Answer::json(200, body))
}
