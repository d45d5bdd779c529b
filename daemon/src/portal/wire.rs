//! The JSON of the portal, and how its errors are recognised. Pure.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::de::IgnoredAny;

use super::{Account, AccountId, Keys, Page, PageToken, PortalError, PortalErrorName, RoleCredentials};
use crate::transport::decode::{JsonObject, Unusable, in_words, presentable, recognise};
use crate::transport::{ErrorNames, HttpResponse};

pub fn role_credentials(body: &[u8]) -> Result<RoleCredentials, PortalError> {
    let mut members = JsonObject::of(body)?.object("roleCredentials")?;
    Ok(RoleCredentials {
        keys: Arc::new(Keys {
            access_key_id: members.text("accessKeyId")?,
            secret_access_key: members.secret("secretAccessKey")?,
            session_token: members.secret("sessionToken")?,
        }),
        expiration: members.natural("expiration", |millis| match millis {
            0 => None,
            _ => SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis)),
        })?,
    })
}

pub fn accounts(body: &[u8]) -> Result<Page<Account>, PortalError> {
    page(body, "accountList", |mut account| {
        Ok(Account {
            id: AccountId::new(&account.text("accountId")?).map_err(|_| Unusable::senseless("accountId"))?,
            name: account.optional_text("accountName")?,
            email: account.optional_text("emailAddress")?,
        })
    })
}

pub fn roles(body: &[u8]) -> Result<Page<String>, PortalError> {
    page(body, "roleList", |mut role| role.text("roleName"))
}

fn page<T>(body: &[u8], list: &str, read: impl Fn(JsonObject) -> Result<T, Unusable>) -> Result<Page<T>, PortalError> {
    let mut members = JsonObject::of(body)?;
    // The last page has no token, or an empty one.
    Ok(Page { items: members.list(list, read)?, next: members.optional_text("nextToken")?.map(PageToken) })
}

/// Whether the portal session was ended. The model has no body here; a body that is not JSON comes from another server, such as a
/// captive portal.
pub fn logout(reply: &HttpResponse) -> Result<(), PortalError> {
    match reply.body.expose().as_slice() {
        _ if !reply.is_success() => Err(error(reply)),
        [] => Ok(()),
        body if serde_json::from_slice::<IgnoredAny>(body).is_ok() => Ok(()),
        _ => Err(PortalError::Unusable("it is not JSON".to_owned())),
    }
}

/// Recognises an error. The name is taken from the header `x-amzn-ErrorType` up to `:` and after `#`, else from the
/// body's `__type`; the status decides nothing if there is a name.
pub fn error(reply: &HttpResponse) -> PortalError {
    let HttpResponse { status, retry_after, .. } = *reply;
    let mut members = JsonObject::of(reply.body.expose()).unwrap_or_default();
    let mut text = |member| members.optional_text(member).ok().flatten();
    let (kind, message) = (text("__type"), text("message").unwrap_or_default());
    let spellings = [reply.error_type.as_deref(), kind.as_deref()];
    match recognise::<PortalErrorName>(&spellings) {
        Some(name) => {
            PortalError::Service { name, description: presentable(&message), may_pass: name.may_pass(), retry_after }
        }
        None => PortalError::Unnamed { status, description: in_words(&spellings, &message), retry_after },
    }
}

#[cfg(test)]
mod tests {
    use ssoctl_protocol::Secret;

    use super::*;

    fn reply(status: u16, error_type: Option<&str>, body: &str) -> HttpResponse {
        let body = Secret::new(body.as_bytes().to_vec());
        HttpResponse {
            status,
            error_type: error_type.map(str::to_owned),
            retry_after: Some(Duration::from_secs(7)),
            body,
        }
    }

    #[test]
    fn an_error_is_recognised_by_header_then_type_and_never_by_status() {
        for &(name, _) in PortalErrorName::SPELLINGS {
            let model = name.in_model();
            let header = format!("{model}:http://internal.amazon.com/coral/com.amazonaws.switchboard.portal/");
            let typed = format!(r#"{{"message":"because","__type":"com.amazonaws.switchboard.portal#{model}"}}"#);
            for status in [200, 400, 401, 403, 404, 429, 500] {
                for (error_type, body) in [
                    (Some(header.as_str()), "<html>"),
                    (Some(model), ""),
                    (None, typed.as_str()),
                    (Some("UnknownOperationException"), typed.as_str()),
                ] {
                    let found = error(&reply(status, error_type, body));
                    assert_eq!(found.name(), Some(name), "{status} {error_type:?} {body}");
                    assert_eq!(found.retry_after(), Some(Duration::from_secs(7)));
                }
            }
        }
    }

    #[test]
    fn the_meaning_of_an_error_depends_on_its_name() {
        let named = |name: PortalErrorName| error(&reply(400, Some(name.in_model()), ""));
        for &(name, _) in PortalErrorName::SPELLINGS {
            assert_eq!(named(name).is_unauthorized(), name == PortalErrorName::Unauthorized, "{name:?}");
            assert_eq!(named(name).is_throttling(), name == PortalErrorName::TooManyRequests, "{name:?}");
            assert_eq!(named(name).may_pass(), name == PortalErrorName::TooManyRequests, "{name:?}");
        }
    }

    #[test]
    fn an_error_without_a_known_name_keeps_its_status_and_its_words() {
        let teapot = error(&reply(418, Some("TeapotException:x"), r#"{"message":"short\nand stout"}"#));
        assert_eq!(teapot.to_string(), "the portal answered with status 418: TeapotException: short\\nand stout");
        let gateway = error(&reply(429, None, "<html>slow down</html>"));
        assert!(gateway.is_throttling() && gateway.may_pass());
        assert_eq!(gateway.to_string(), "the portal answered with status 429");
        // A status alone proves nothing: a captive portal also answers 401 and 403.
        for status in [401, 403, 404, 500] {
            let bare = error(&reply(status, None, ""));
            assert!(bare.name().is_none() && bare.may_pass(), "{status}");
        }
    }

    #[test]
    fn complete_answers_are_read() {
        let body = br#"{"roleCredentials":{"accessKeyId":"ASIA","secretAccessKey":"sk","sessionToken":"st",
            "expiration":1795429055123,"unknown":1}}"#;
        let credentials = role_credentials(body).unwrap();
        assert_eq!(credentials.keys.access_key_id, "ASIA");
        assert_eq!(credentials.expiration, SystemTime::UNIX_EPOCH + Duration::from_millis(1_795_429_055_123));

        let body = br#"{"accountList":[{"accountId":"111122223333","accountName":"Dev","emailAddress":"d@example.com"},
            {"accountId":"444455556666","accountName":""}],"nextToken":"more"}"#;
        let page = accounts(body).unwrap();
        assert_eq!(page.next, Some(PageToken("more".into())));
        let names: Vec<_> = page.items.iter().map(|account| (account.id.as_str(), account.name.as_deref())).collect();
        assert_eq!(names, [("111122223333", Some("Dev")), ("444455556666", None)]);

        let page = roles(br#"{"roleList":[{"roleName":"Admin","accountId":"111122223333"}],"nextToken":""}"#).unwrap();
        assert_eq!((page.items, page.next), (vec!["Admin".to_owned()], None));
        assert_eq!(accounts(br#"{"accountList":[],"nextToken":null}"#).unwrap(), Page { items: vec![], next: None });
    }

    #[test]
    fn a_missing_or_invalid_member_is_named_and_no_secret_is_quoted() {
        type Read = fn(&[u8]) -> Option<PortalError>;
        let credentials: Read = |body| role_credentials(body).err();
        let listed: Read = |body| accounts(body).err();
        let named: Read = |body| roles(body).err();
        let in_credentials = |members: &str| format!(r#"{{"roleCredentials":{{{members}}}}}"#);
        let (id, secret, token, end) =
            (r#""accessKeyId":"A""#, r#""secretAccessKey":"TOP""#, r#""sessionToken":"SECRET""#, r#""expiration":1"#);
        for (read, body, complaint) in [
            (credentials, "{}".to_owned(), "it has no roleCredentials"),
            (credentials, r#"{"roleCredentials":null}"#.to_owned(), "it has no roleCredentials"),
            (credentials, in_credentials(&[secret, token, end].join(",")), "it has no accessKeyId"),
            (credentials, in_credentials(&[id, token, end].join(",")), "it has no secretAccessKey"),
            (credentials, in_credentials(&[id, secret, end].join(",")), "it has no sessionToken"),
            (credentials, in_credentials(&[id, secret, token].join(",")), "it has no expiration"),
            (
                credentials,
                in_credentials(&[id, secret, token, r#""expiration":0"#].join(",")),
                "its expiration is 0, which makes no sense",
            ),
            (
                credentials,
                in_credentials(&[id, secret, token, r#""expiration":"TOPSECRET""#].join(",")),
                "its expiration is a string, which makes no sense",
            ),
            (credentials, "<html>SECRET</html>".to_owned(), "it is not JSON"),
            (listed, "{}".to_owned(), "it has no accountList"),
            (listed, r#"{"accountList":[{"accountName":"x"}]}"#.to_owned(), "it has no accountId"),
            (listed, r#"{"accountList":[{"accountId":"x"}]}"#.to_owned(), "its accountId makes no sense"),
            (named, "{}".to_owned(), "it has no roleList"),
            (named, r#"{"roleList":[{}]}"#.to_owned(), "it has no roleName"),
            (named, r#"{"roleList":{}}"#.to_owned(), "a member has the wrong type"),
        ] {
            let error = read(body.as_bytes()).map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(error, format!("the portal's answer is unusable: {complaint}"), "{body}");
        }
    }
}
