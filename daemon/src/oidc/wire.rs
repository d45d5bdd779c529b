//! The JSON of the OIDC service, and how its errors are recognised. Pure.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use ssoctl_protocol::Secret;
use ssoctl_protocol::partition::is_region;

use super::authorization::REGISTERED_REDIRECT_URI;
use super::{CallError, Client, DeviceAuthorization, ErrorName, Grant, Issued, Registration};
use crate::issuer::Issuer;
use crate::notice::FlowKind;
use crate::transport::decode::{JsonObject, Unusable, bare_name, in_words, presentable, recognise};
use crate::transport::{ErrorNames, HttpResponse};

/// RFC 8628, section 3.2: the interval where the service names none.
const DEFAULT_INTERVAL: u64 = 5;

/// Longer than any lifetime that the service gives (registrations live about 90 days, tokens hours). A longer one is a
/// mistake, and a session that believed it would never be refreshed again.
const LONGEST_LIFETIME: u64 = 366 * 86_400;

/// The name of our client, which the approval page shows to the person.
const CLIENT_NAME: &str = "ssoctl";

/// The request of RegisterClient. A client is registered for one kind of sign-in, because the service refuses both together with
/// InvalidScope (observed); the device flow sends no `grantTypes`. `public` is the only type that the service knows.
pub fn register_client(client: &Client) -> Value {
    let mut request = json!({ "clientName": CLIENT_NAME, "clientType": "public" });
    if !client.scopes.is_empty() {
        request["scopes"] = json!(client.scopes);
    }
    if client.kind == FlowKind::Browser {
        request["grantTypes"] = json!(["authorization_code", "refresh_token"]);
        request["redirectUris"] = json!([REGISTERED_REDIRECT_URI]);
        request["issuerUrl"] = json!(client.start_url);
    }
    request
}

pub fn start_device_authorization(registration: &Registration, start_url: &str) -> Value {
    let Registration { client_id, client_secret, .. } = registration;
    json!({ "clientId": client_id, "clientSecret": client_secret.expose(), "startUrl": start_url })
}

pub fn create_token(registration: &Registration, grant: &Grant) -> Value {
    let Registration { client_id, client_secret, .. } = registration;
    let (grant_type, members) = match grant {
        Grant::DeviceCode(code) => {
            ("urn:ietf:params:oauth:grant-type:device_code", json!({ "deviceCode": code.expose() }))
        }
        Grant::AuthorizationCode { code, redirect_uri, verifier } => (
            "authorization_code",
            json!({ "code": code.expose(), "redirectUri": redirect_uri, "codeVerifier": verifier.expose() }),
        ),
        Grant::RefreshToken(token) => ("refresh_token", json!({ "refreshToken": token.expose() })),
    };
    let mut request = members;
    request["clientId"] = json!(client_id);
    request["clientSecret"] = json!(client_secret.expose());
    request["grantType"] = json!(grant_type);
    request
}

/// Reads the answer of `issuer` to RegisterClient. `now` replaces a missing `clientIdIssuedAt`.
pub fn registration(body: &[u8], now: SystemTime, issuer: &Issuer) -> Result<Registration, CallError> {
    answer_to("RegisterClient", body, |answer| {
        Ok(Registration {
            client_id: answer.text("clientId")?,
            client_secret: answer.secret("clientSecret")?,
            issued_at: answer.optional_natural("clientIdIssuedAt").and_then(epoch).unwrap_or(now),
            issuer: issuer.clone(),
            resolved: None,
            expires_at: answer.natural("clientSecretExpiresAt", |seconds| match seconds {
                0 => Some(None),
                _ => epoch(seconds).map(Some),
            })?,
        })
    })
}

pub fn device_authorization(body: &[u8]) -> Result<DeviceAuthorization, CallError> {
    answer_to("StartDeviceAuthorization", body, |answer| {
        let verification_uri = answer.text("verificationUri")?;
        let complete = answer.optional_text("verificationUriComplete")?;
        let interval = answer.optional_natural("interval").filter(|seconds| *seconds > 0);
        Ok(DeviceAuthorization {
            device_code: answer.secret("deviceCode")?,
            user_code: answer.text("userCode")?,
            verification_uri_complete: complete.unwrap_or_else(|| verification_uri.clone()),
            verification_uri,
            expires_in: lifetime(answer)?,
            interval: Duration::from_secs(interval.unwrap_or(DEFAULT_INTERVAL)),
        })
    })
}

pub fn issued(body: &[u8]) -> Result<Issued, CallError> {
    answer_to("CreateToken", body, |answer| {
        Ok(Issued {
            access_token: answer.secret("accessToken")?,
            token_type: answer.optional_text("tokenType")?.unwrap_or_else(|| "Bearer".to_owned()),
            expires_in: lifetime(answer)?,
            refresh_token: answer.optional_text("refreshToken")?.map(Secret::new),
        })
    })
}

fn answer_to<T>(
    operation: &'static str,
    body: &[u8],
    read: impl FnOnce(&mut JsonObject) -> Result<T, Unusable>,
) -> Result<T, CallError> {
    let answer = JsonObject::of(body).and_then(|mut members| read(&mut members));
    answer.map_err(|unusable| CallError::unusable(operation, unusable))
}

fn lifetime(answer: &mut JsonObject) -> Result<Duration, Unusable> {
    let in_range = |seconds| (1..=LONGEST_LIFETIME).contains(&seconds).then(|| Duration::from_secs(seconds));
    answer.natural("expiresIn", in_range)
}

fn epoch(seconds: u64) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Recognises an error. The name is taken from the header `x-amzn-ErrorType` up to `:` and after `#`, else from the body's
/// `__type`, else from the body's `error`. The status decides nothing, because servers generated from the older OpenAPI
/// description send 480 to 490 where the model says 400.
pub fn error(reply: &HttpResponse) -> CallError {
    let HttpResponse { status, retry_after, .. } = *reply;
    let mut members = JsonObject::of(reply.body.expose()).unwrap_or_default();
    let mut text = |member| members.optional_text(member).ok().flatten();
    let (kind, error, reason) = (text("__type"), text("error"), text("reason"));
    let spellings = [reply.error_type.as_deref(), kind.as_deref(), error.as_deref()];
    let said = text("error_description").or_else(|| text("message"));
    let said = [said.as_deref(), reason.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    if let Some(region) = text("region").filter(|region| is_region(region) && is_of_region(&spellings)) {
        return CallError::OtherRegion { region, description: presentable(&said) };
    }
    match recognise::<ErrorName>(&spellings) {
        // A gateway may throttle, and ask for a longer pause than the service's own `slow_down`.
        Some(name) if status != 429 => CallError::Service {
            name,
            description: presentable(&said),
            // The service has trouble with the instance's key.
            may_pass: name.may_pass() || reason.is_some_and(|reason| reason.starts_with("KMS_")),
            retry_after: None,
        },
        _ => CallError::Unnamed { status, description: in_words(&spellings, &said), retry_after },
    }
}

/// Whether an error is the one that names the region to ask. Its `error` is `invalid_request`, and so it is without a region.
fn is_of_region(spellings: &[Option<&str>]) -> bool {
    spellings.iter().flatten().any(|spelling| bare_name(spelling) == "InvalidRequestRegionException")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn reply(status: u16, error_type: Option<&str>, retry_after: Option<Duration>, body: &[u8]) -> HttpResponse {
        HttpResponse {
            status,
            error_type: error_type.map(str::to_owned),
            retry_after,
            body: Secret::new(body.to_vec()),
        }
    }

    #[test]
    fn an_error_is_recognised_by_header_then_type_then_error_and_never_by_status() {
        for &(name, _) in ErrorName::SPELLINGS {
            let (model, oauth) = (name.in_model(), name.in_oauth());
            let header = format!("{model}:http://internal.amazon.com/coral/com.amazonaws.ssooidc/");
            for status in [200, 400, 401, 480, 490, 500] {
                for (error_type, body) in [
                    (Some(header.as_str()), "<html>".to_owned()),
                    (Some(model), String::new()),
                    (None, format!(r#"{{"__type":"com.amazonaws.ssooidc#{model}","error":"something_else"}}"#)),
                    (None, format!(r#"{{"error":"{oauth}","error_description":"because"}}"#)),
                    (Some("UnknownOperationException"), format!(r#"{{"error":"{oauth}"}}"#)),
                ] {
                    let found = error(&reply(status, error_type, None, body.as_bytes()));
                    assert_eq!(found.name(), Some(name), "{status} {error_type:?} {body}");
                }
            }
        }
    }

    #[test]
    fn an_error_that_no_model_names_keeps_its_status_and_its_words() {
        assert_eq!(
            error(&reply(418, Some("TeapotException:x"), None, br#"{"message":"short\nand stout"}"#)),
            CallError::Unnamed {
                status: 418,
                description: "TeapotException: short\\nand stout".into(),
                retry_after: None
            }
        );
        let throttled = error(&reply(429, Some("SlowDownException"), Some(Duration::from_secs(7)), b""));
        assert_eq!(throttled.retry_after(), Some(Duration::from_secs(7)));
        assert!(throttled.may_pass());
    }

    #[test]
    fn an_error_that_names_the_right_region_says_what_to_set() {
        let name = "InvalidRequestRegionException:http://internal.amazon.com/coral/com.amazonaws.ssooidc/";
        let of = |body: &str| error(&reply(400, Some(name), None, body.as_bytes()));
        let found = of(r#"{"error":"invalid_request","region":"eu-west-1","endpoint":"https://evil.example"}"#);
        assert_eq!(found, CallError::OtherRegion { region: "eu-west-1".to_owned(), description: String::new() });
        assert!(found.to_string().starts_with("this portal is in eu-west-1: set sso_region = eu-west-1"), "{found}");
        for region in ["", r#","region":"eu-west-1.evil.example""#, r#","region":7"#] {
            let found = of(&format!(r#"{{"error":"invalid_request"{region}}}"#));
            assert_eq!(found.name(), Some(ErrorName::InvalidRequest), "{region}");
        }
        let other = error(&reply(400, Some("InvalidRequestException"), None, br#"{"region":"eu-west-1"}"#));
        assert_eq!(other.name(), Some(ErrorName::InvalidRequest));
    }

    #[test]
    fn trouble_with_the_key_of_the_instance_may_pass_and_other_bad_requests_do_not() {
        let refusal = |body: &[u8]| error(&reply(400, None, None, body));
        let trouble = refusal(br#"{"error":"invalid_request","reason":"KMS_DisabledException"}"#);
        assert!(trouble.may_pass());
        assert!(trouble.to_string().contains("KMS_DisabledException"));
        assert!(!refusal(br#"{"error":"invalid_request"}"#).may_pass());
    }

    #[test]
    fn complete_answers_are_read() {
        let body = br#"{"clientId":"id","clientSecret":"cs","clientIdIssuedAt":10,"clientSecretExpiresAt":20,
            "authorizationEndpoint":null,"unknown":1}"#;
        let registration = registration(body, NOW, &Issuer::aws("eu-west-1")).unwrap();
        assert_eq!(registration.issued_at, NOW + Duration::from_secs(10));
        assert_eq!(registration.expires_at, Some(NOW + Duration::from_secs(20)));

        let body = br#"{"deviceCode":"dc","userCode":"AB","verificationUri":"https://v","expiresIn":600}"#;
        let authorization = device_authorization(body).unwrap();
        assert_eq!(authorization.interval, Duration::from_secs(5));
        assert_eq!(authorization.verification_uri_complete, "https://v");

        let issued = issued(br#"{"accessToken":"at","expiresIn":3600}"#).unwrap();
        assert_eq!((issued.token_type.as_str(), issued.refresh_token), ("Bearer", None));
    }

    #[test]
    fn a_missing_or_invalid_member_is_named_and_no_secret_is_quoted() {
        type Read = fn(&[u8]) -> Option<CallError>;
        let register: Read = |body| registration(body, NOW, &Issuer::aws("eu-west-1")).err();
        let device: Read = |body| device_authorization(body).err();
        let token: Read = |body| issued(body).err();
        for (read, body, complaint) in [
            (register, r#"{"clientSecret":"cs","clientSecretExpiresAt":1}"#, "it has no clientId"),
            (register, r#"{"clientId":"id","clientSecretExpiresAt":1}"#, "it has no clientSecret"),
            (register, r#"{"clientId":"id","clientSecret":"cs"}"#, "it has no clientSecretExpiresAt"),
            (
                register,
                r#"{"clientId":"id","clientSecret":"cs","clientSecretExpiresAt":-1}"#,
                "its clientSecretExpiresAt is -1, which makes no sense",
            ),
            (device, r#"{"userCode":"AB","verificationUri":"v","expiresIn":1}"#, "it has no deviceCode"),
            (device, r#"{"deviceCode":"dc","verificationUri":"v","expiresIn":1}"#, "it has no userCode"),
            (device, r#"{"deviceCode":"dc","userCode":"AB","expiresIn":1}"#, "it has no verificationUri"),
            (device, r#"{"deviceCode":"dc","userCode":"AB","verificationUri":"v"}"#, "it has no expiresIn"),
            (token, r#"{"expiresIn":3600}"#, "it has no accessToken"),
            (token, r#"{"accessToken":"","expiresIn":3600}"#, "it has no accessToken"),
            (token, r#"{"accessToken":"TOPSECRET"}"#, "it has no expiresIn"),
            (token, r#"{"accessToken":"TOPSECRET","expiresIn":0}"#, "its expiresIn is 0, which makes no sense"),
            (token, r#"{"accessToken":"TOPSECRET","expiresIn":-5}"#, "its expiresIn is -5, which makes no sense"),
            (
                token,
                r#"{"accessToken":"TOPSECRET","expiresIn":99999999999}"#,
                "its expiresIn is 99999999999, which makes no sense",
            ),
            (
                token,
                r#"{"accessToken":"TOPSECRET","expiresIn":"TOPSECRET"}"#,
                "its expiresIn is a string, which makes no sense",
            ),
            (token, r#"{"accessToken":"TOPSECRET","expiresIn":0.9}"#, "its expiresIn is 0.9, which makes no sense"),
            (
                token,
                r#"{"accessToken":"TOPSECRET","expiresIn":1e300}"#,
                "its expiresIn is 1e+300, which makes no sense",
            ),
            (token, r#"{"accessToken":"TOPSECRET","expiresIn":1e999}"#, "it has a number that is too large"),
            (token, r#"{"accessToken":"TOPSECRET","expiresIn":NaN}"#, "it is not JSON"),
            (
                token,
                r#"{"accessToken":"TOPSECRET","expiresIn":true}"#,
                "its expiresIn is a boolean, which makes no sense",
            ),
            (
                token,
                r#"{"accessToken":"TOPSECRET","expiresIn":["TOPSECRET"]}"#,
                "its expiresIn is an array, which makes no sense",
            ),
            (token, r#"{"accessToken":["TOPSECRET"],"expiresIn":1}"#, "a member has the wrong type"),
            (token, r#"{"accessToken":"TOPSECRET","expi"#, "it ends too early"),
            (token, "<html>TOPSECRET</html>", "it is not JSON"),
            (token, "", "it ends too early"),
        ] {
            let error = read(body.as_bytes()).map(|error| error.to_string()).unwrap_or_default();
            let (_, said) = error.split_once(" is unusable: ").unwrap_or_default();
            assert_eq!(said, complaint, "{body}");
            let own = !["it ends too early", "it is not JSON"].contains(&complaint);
            assert_eq!(error.contains("'s answer to "), own, "{error}");
        }
    }

    #[test]
    fn numbers_are_read_as_json_may_write_them() {
        for written in ["28800", "28800.0", "2.88e4", "288E+2", "28800.9", "2880000e-2"] {
            let seconds = Duration::from_secs(28_800);
            let token = issued(format!(r#"{{"accessToken":"at","expiresIn":{written}}}"#).as_bytes());
            assert_eq!(token.map(|token| token.expires_in), Ok(seconds), "{written}");
            let body = format!(
                r#"{{"deviceCode":"dc","userCode":"AB","verificationUri":"v","expiresIn":{written},"interval":{written}}}"#
            );
            let device = device_authorization(body.as_bytes()).unwrap();
            assert_eq!((device.expires_in, device.interval), (seconds, seconds), "{written}");
            let body = format!(
                r#"{{"clientId":"id","clientSecret":"cs","clientIdIssuedAt":{written},"clientSecretExpiresAt":{written}}}"#
            );
            let registration = registration(body.as_bytes(), NOW, &Issuer::aws("eu-west-1")).unwrap();
            assert_eq!((registration.issued_at, registration.expires_at), (NOW + seconds, Some(NOW + seconds)));
        }
        // An optional number of another type counts as missing.
        let body = br#"{"deviceCode":"dc","userCode":"AB","verificationUri":"v","expiresIn":1,"interval":"soon"}"#;
        assert_eq!(device_authorization(body).unwrap().interval, Duration::from_secs(5));
    }

    #[test]
    fn requests_have_the_members_of_the_model() {
        let registration = Registration {
            client_id: "id".into(),
            client_secret: "cs".into(),
            issued_at: NOW,
            issuer: Issuer::aws("eu-west-1"),
            resolved: None,
            expires_at: None,
        };
        let members = json!({ "clientId": "id", "clientSecret": "cs" });
        let with = |more: &[(&str, &str)]| {
            let mut members = members.clone();
            more.iter().for_each(|(name, value)| members[*name] = json!(value));
            members
        };
        assert_eq!(
            create_token(&registration, &Grant::DeviceCode("dc".into())),
            with(&[("grantType", "urn:ietf:params:oauth:grant-type:device_code"), ("deviceCode", "dc")])
        );
        assert_eq!(
            create_token(&registration, &Grant::RefreshToken("rt".into())),
            with(&[("grantType", "refresh_token"), ("refreshToken", "rt")])
        );
        let code = Grant::AuthorizationCode {
            code: "ac".into(),
            redirect_uri: "http://127.0.0.1:8400/oauth/callback".to_owned(),
            verifier: "cv".into(),
        };
        assert_eq!(
            create_token(&registration, &code),
            with(&[
                ("grantType", "authorization_code"),
                ("code", "ac"),
                ("redirectUri", "http://127.0.0.1:8400/oauth/callback"),
                ("codeVerifier", "cv"),
            ])
        );
        let client = |kind, scopes: &[&str]| {
            let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            register_client(&Client { kind, scopes, start_url: "https://corp.awsapps.com/start".to_owned() })
        };
        assert_eq!(
            client(FlowKind::Device, &["sso:account:access"]),
            json!({ "clientName": "ssoctl", "clientType": "public", "scopes": ["sso:account:access"] })
        );
        assert_eq!(client(FlowKind::Device, &[]), json!({ "clientName": "ssoctl", "clientType": "public" }));
        assert_eq!(
            client(FlowKind::Browser, &["sso:account:access"]),
            json!({
                "clientName": "ssoctl", "clientType": "public", "scopes": ["sso:account:access"],
                "grantTypes": ["authorization_code", "refresh_token"],
                "redirectUris": ["http://127.0.0.1/oauth/callback"],
                "issuerUrl": "https://corp.awsapps.com/start",
            })
        );
    }
}
