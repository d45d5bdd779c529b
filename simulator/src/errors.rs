//! The exceptions of both APIs: status, code, header and body.

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::operation::{Api, Operation};
use crate::settings::ErrorStatuses;

/// The service's refusal of a call.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The exception's name in the models.
    pub(crate) exception: &'static str,
    pub(crate) description: String,
    /// Members that the model gives this exception besides the code and the description.
    members: Vec<(&'static str, String)>,
}

impl Refusal {
    pub(crate) fn new(exception: &'static str, description: impl Into<String>) -> Self {
        Self { exception, description: description.into(), members: Vec::new() }
    }

    /// The instance is in another region, which the exception names.
    pub(crate) fn of_region(region: &str) -> Self {
        let endpoint = format!("https://oidc.{region}.amazonaws.com");
        let members = vec![("region", region.to_owned()), ("endpoint", endpoint)];
        Self { members, ..Self::new("InvalidRequestRegionException", "the instance is in another region") }
    }

    pub(crate) fn answer(self, operation: Operation, statuses: ErrorStatuses) -> Answer {
        exception(operation, statuses, self.exception, &self.description, &self.members)
    }
}

/// The exception `name` in the form that the operation's API gives it. No model needs to know the name.
pub(crate) fn exception(
    operation: Operation,
    statuses: ErrorStatuses,
    name: &str,
    description: &str,
    members: &[(&'static str, String)],
) -> Answer {
    let (status, namespace, body) = if operation.api() == Api::Oidc {
        let mut body = json!({ "error": oauth_code(name), "error_description": description });
        for (name, value) in members {
            body[*name] = Value::from(value.as_str());
        }
        (oidc_status(operation, statuses, name), "com.amazonaws.sso.oidc", body)
    } else {
        let namespace = "com.amazonaws.switchboard.portal";
        let body = json!({ "message": description, "__type": format!("{namespace}#{name}") });
        (portal_status(name), namespace, body)
    };
    Answer::json(status, body)
        .with_outcome(name)
        .with_header("x-amzn-errortype", format!("{name}:http://internal.amazon.com/coral/{namespace}/"))
}

fn oidc_status(operation: Operation, statuses: ErrorStatuses, name: &str) -> u16 {
    if statuses == ErrorStatuses::Seed
        && let Some((status, _)) = (480..).zip(seed_errors(operation)).find(|(_, listed)| **listed == name)
    {
        return status;
    }
    match name {
        "InvalidClientException" => 401,
        "InternalServerException" => 500,
        _ => 400,
    }
}

/// The seed OpenAPI document's list of an operation's errors. It gives them the statuses from 480 on, in this order.
fn seed_errors(operation: Operation) -> &'static [&'static str] {
    match operation {
        Operation::CreateToken => &[
            "InvalidRequestException",
            "InvalidClientException",
            "InvalidGrantException",
            "UnauthorizedClientException",
            "UnsupportedGrantTypeException",
            "InvalidScopeException",
            "AuthorizationPendingException",
            "SlowDownException",
            "AccessDeniedException",
            "ExpiredTokenException",
            "InternalServerException",
        ],
        Operation::RegisterClient => &[
            "InvalidRequestException",
            "InvalidScopeException",
            "InvalidClientMetadataException",
            "InternalServerException",
        ],
        Operation::StartDeviceAuthorization => &[
            "InvalidRequestException",
            "InvalidClientException",
            "UnauthorizedClientException",
            "SlowDownException",
            "InternalServerException",
        ],
        _ => &[],
    }
}

/// `Forbidden` is observed and in no model.
fn portal_status(name: &str) -> u16 {
    match name {
        "UnauthorizedException" => 401,
        "ForbiddenException" => 403,
        "ResourceNotFoundException" => 404,
        "TooManyRequestsException" => 429,
        "InternalServerException" => 500,
        _ => 400,
    }
}

/// The code of RFC 6749 5.2 and RFC 8628 3.5 for an exception: `SlowDownException` is `slow_down`. A code stays as it is.
pub(crate) fn oauth_code(exception: &str) -> String {
    match exception {
        "InternalServerException" => return "server_error".to_owned(),
        "InvalidRequestRegionException" => return "invalid_request".to_owned(),
        _ => {}
    }
    let mut code = String::new();
    for letter in exception.strip_suffix("Exception").unwrap_or(exception).chars() {
        if letter.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.extend(letter.to_lowercase());
    }
    code
}
