//! Answers of the service to a [`Timeline`].

use super::*;

pub(super) fn registration(client_id: &str, now: Now) -> Registration {
    Registration {
        client_id: client_id.to_owned(),
        client_secret: format!("secret of {client_id}").into(),
        issued_at: now.wall,
        issuer: crate::issuer::Issuer::aws("eu-west-1"),
        expires_at: Some(now.wall + hours(24 * 90)),
    }
}

pub(super) fn authorization() -> DeviceAuthorization {
    DeviceAuthorization {
        device_code: "device code".to_owned().into(),
        user_code: "ABCD-EFGH".to_owned(),
        verification_uri: "https://corp.awsapps.com/start/#/device".to_owned(),
        verification_uri_complete: "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH".to_owned(),
        expires_in: CODE_LIFETIME,
        interval: SECOND,
    }
}

/// Access token `access-N` with refresh token `refresh-N`.
pub(super) fn issued(number: u32, lifetime: Duration) -> Issued {
    Issued { refresh_token: Some(format!("refresh-{number}").into()), ..issued_alone(number, lifetime) }
}

pub(super) fn issued_alone(number: u32, lifetime: Duration) -> Issued {
    Issued {
        access_token: format!("access-{number}").into(),
        token_type: "Bearer".to_owned(),
        expires_in: lifetime,
        refresh_token: None,
    }
}

pub(super) fn service(name: ErrorName) -> CallError {
    CallError::Service { name, description: String::new(), may_pass: name.may_pass(), retry_after: None }
}

pub(super) fn key_trouble() -> CallError {
    CallError::Service {
        name: ErrorName::InvalidRequest,
        description: String::new(),
        may_pass: true,
        retry_after: None,
    }
}

pub(super) fn unnamed() -> CallError {
    CallError::Unnamed { status: 503, description: String::new(), retry_after: None }
}

pub(super) fn too_many(retry_after: Duration) -> CallError {
    CallError::Unnamed { status: 429, description: String::new(), retry_after: Some(retry_after) }
}

pub(super) fn network() -> CallError {
    CallError::Network("connection refused".to_owned())
}

pub(super) fn unusable() -> CallError {
    CallError::Unusable("it is not JSON".to_owned())
}

pub(super) fn configuration() -> CallError {
    CallError::Configuration("no endpoint".to_owned())
}
