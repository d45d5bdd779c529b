//! The simulator against the service's models, row by row.
//!
//! `model` holds the facts of the models of 2019-06-10 (API version; the current revision of the OIDC and portal
//! models, and the older OpenAPI document with statuses from 480 on); `assumptions` holds what no model states.

mod assumptions;
mod model;
mod refusals;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::support::{Answer, Bench, DEVICE_GRANT, SCOPED, START_URL, with};
use identity_center_simulator::{ErrorStatuses, Fault, Operation};
use model::{Kind, Member, OperationRow, Presence, Returned, members};
use serde_json::{Value, json};

/// A request that the service accepts, with every member that the model knows.
fn full_request(bench: &Bench, operation: Operation) -> Value {
    match operation {
        Operation::RegisterClient => json!({
            "clientName": "test",
            "clientType": "public",
            "scopes": ["sso:account:access"],
            "redirectUris": ["http://127.0.0.1/callback"],
            "grantTypes": [DEVICE_GRANT, "refresh_token"],
            "issuerUrl": "https://identitycenter.amazonaws.com/ssoins-1111",
            "entitledApplicationArn": "arn:aws:sso::111122223333:application/ssoins-1111/apl-1111",
        }),
        Operation::StartDeviceAuthorization => bench.register(SCOPED).body(json!({ "startUrl": START_URL })),
        Operation::CreateToken => {
            let client = bench.register(SCOPED);
            let codes = bench.start(&client);
            bench.approve(&codes);
            let mut body = with(client.poll_body(&codes), "scope", json!(["sso:account:access"]));
            for unused in ["code", "refreshToken", "redirectUri", "codeVerifier"] {
                body[unused] = json!("unused");
            }
            body
        }
        portal => panic!("{portal} has no body"),
    }
}

fn row(operation: Operation) -> &'static OperationRow {
    model::OPERATIONS.iter().find(|row| row.operation == operation).expect("a row")
}

fn without(mut request: Value, member: &str) -> Value {
    request.as_object_mut().expect("an object").remove(member);
    request
}

fn wrong_value(member: &Member) -> Value {
    match member.kind {
        Kind::Text | Kind::Integer => json!(["of", "another", "type"]),
        Kind::Texts => json!("not a list"),
    }
}

#[test]
fn each_operation_accepts_every_member_of_its_model_and_members_that_no_model_has() {
    for operation in model::OIDC {
        let bench = Bench::new();
        let request = with(full_request(&bench, operation), "memberOfTheFuture", json!({ "a": 1 }));
        let answer = bench.post(row(operation).path, &request);
        assert_eq!(answer.status, 200, "{operation}: {answer:?}");
    }
}

#[test]
fn a_required_member_that_is_missing_empty_or_null_is_an_invalid_request() {
    for member in members(model::REQUEST_MEMBERS).filter(|member| member.presence == Presence::Required) {
        let bench = Bench::new();
        let request = full_request(&bench, member.operation);
        for broken in [
            without(request.clone(), member.name),
            with(request.clone(), member.name, json!("")),
            with(request, member.name, Value::Null),
        ] {
            let answer = bench.post(row(member.operation).path, &broken);
            assert_exception(&answer, "InvalidRequestException", &member);
        }
    }
}

#[test]
fn an_optional_member_may_be_missing() {
    // The code belongs to the grant: optional in the model, needed by the device grant.
    let optional = |member: &Member| member.presence == Presence::Optional && member.name != "deviceCode";
    for member in members(model::REQUEST_MEMBERS).filter(optional) {
        let bench = Bench::new();
        let request = without(full_request(&bench, member.operation), member.name);
        assert_eq!(bench.post(row(member.operation).path, &request).status, 200, "{member:?}");
    }
}

#[test]
fn a_member_of_another_type_is_an_invalid_request() {
    for member in members(model::REQUEST_MEMBERS) {
        let bench = Bench::new();
        let request = with(full_request(&bench, member.operation), member.name, wrong_value(&member));
        assert_exception(&bench.post(row(member.operation).path, &request), "InvalidRequestException", &member);
    }
}

#[test]
fn a_body_that_is_no_json_object_is_an_invalid_request() {
    let bench = Bench::new();
    for operation in model::OIDC {
        for body in ["", "[]", "clientId=1", "{\"clientId\":"] {
            let answer = bench.post_text(row(operation).path, body);
            assert_exception(&answer, "InvalidRequestException", &(operation, body));
        }
    }
}

#[test]
fn answers_have_the_members_and_types_of_the_model_and_no_others() {
    let bench = Bench::new();
    let token = bench.access_token();
    for row in model::OPERATIONS {
        let answer = if model::OIDC.contains(&row.operation) {
            bench.post(row.path, &full_request(&bench, row.operation))
        } else {
            bench.portal(row.method, &row.example(), &token)
        };
        assert_eq!(answer.status, 200, "{row:?}: {answer:?}");
        if row.operation == Operation::Logout {
            assert!(answer.body.is_empty(), "the model gives Logout no output");
            continue;
        }
        let body = answer.json();
        let known: Vec<_> =
            members(model::RESPONSE_MEMBERS).filter(|member| member.operation == row.operation).collect();
        for (name, value) in body.as_object().expect("an object") {
            let member = known.iter().find(|member| member.name == name);
            let member = member.unwrap_or_else(|| panic!("{name} is not in the model of {}", row.operation));
            assert!(member.kind.admits(value), "{name} is {value}");
        }
        for member in known.iter().filter(|member| member.presence == Presence::Required) {
            assert!(body.get(member.name).is_some(), "{} lacks {}", row.operation, member.name);
        }
    }
}

#[test]
fn paths_and_methods_are_the_models() {
    let bench = Bench::new();
    for row in model::OPERATIONS {
        bench.portal(row.method, row.path, "any");
        assert_eq!(bench.simulator.calls(row.operation), 1, "{row:?}");
        let wrong = if row.method == "GET" { "POST" } else { "GET" };
        let answer = bench.portal(wrong, row.path, "any");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(row.method)), "{row:?}");
        assert_eq!(bench.simulator.calls(row.operation), 1, "{row:?}");
    }
}

#[test]
fn each_error_has_the_status_code_and_header_of_the_models() {
    let bench = Bench::new();
    for (name, code, status, returned) in model::OIDC_ERRORS {
        for (operation, returned) in model::OIDC.into_iter().zip(returned) {
            let seed_status = match returned {
                Returned::Never => continue,
                Returned::Currently => status,
                Returned::Seed(status) => status,
            };
            for (statuses, expected) in [(ErrorStatuses::Current, status), (ErrorStatuses::Seed, seed_status)] {
                bench.simulator.settings(|settings| settings.error_statuses = statuses);
                bench.inject(operation, Fault::error(name));
                let answer = bench.post(row(operation).path, &json!({}));
                assert_exception(&answer, name, &operation);
                assert_eq!(answer.status, *expected, "{name} of {operation} under {statuses:?}");
                assert_eq!(answer.member("error"), *code);
                assert!(answer.json()["error_description"].is_string());
                let header = answer.header("x-amzn-errortype").expect("the header");
                assert!(header.starts_with(&format!("{name}:http://internal.amazon.com/coral/")), "{header}");
            }
        }
    }
}

#[test]
fn the_portals_errors_have_the_statuses_and_shape_of_the_model() {
    let bench = Bench::new();
    for (name, status, operations) in model::PORTAL_ERRORS {
        for operation in *operations {
            bench.inject(*operation, Fault::error(name));
            let answer = bench.portal(row(*operation).method, &row(*operation).example(), "any");
            assert_eq!(answer.status, *status, "{name} of {operation}");
            assert!(answer.json()["message"].is_string());
            assert_eq!(answer.member("__type"), format!("com.amazonaws.switchboard.portal#{name}"));
        }
    }
}

#[test]
fn the_reasons_of_the_model_can_be_given() {
    let bench = Bench::new();
    for (name, reason) in model::REASONS {
        bench.inject(Operation::CreateToken, Fault::error_with_reason(name, reason));
        let answer = bench.post("/token", &json!({}));
        assert_eq!((answer.exception(), answer.member("reason").as_str()), (*name, *reason));
    }
}

#[test]
fn each_rule_of_the_models_refuses_with_an_error_that_the_operation_may_return() {
    for refusal in refusals::REFUSALS {
        let (bench, client) = Bench::new().registered();
        let answer = (refusal.provoke)(&bench, client);
        assert_refused(&bench, refusal.operation, refusal.rule, refusal.exception, &answer);
    }
    let (bench, client) = Bench::new().registered();
    for (rule, members, exception) in refusals::registrations() {
        assert_refused(&bench, Operation::RegisterClient, rule, exception, &bench.register_with(members));
    }
    for (rule, members, exception) in refusals::token_requests() {
        let answer = bench.post("/token", &client.body(members));
        assert_refused(&bench, Operation::CreateToken, rule, exception, &answer);
    }
    let token = bench.access_token();
    for (operation, rule, target, exception) in refusals::PORTAL_REQUESTS {
        assert_refused(&bench, *operation, rule, exception, &bench.portal("GET", target, &token));
    }
}

fn assert_refused(bench: &Bench, operation: Operation, rule: &str, exception: &str, answer: &Answer) {
    assert_exception(answer, exception, &rule);
    assert!(model::may_return(operation, exception), "{operation} may not return {exception}");
    let last = bench.simulator.call_log().pop().expect("a call");
    assert_eq!((last.operation, last.outcome.as_str()), (operation, exception), "{rule}");
}

#[test]
fn each_assumption_holds_and_the_readme_lists_it() {
    let readme = include_str!("../../../README.md");
    for (assumption, check) in assumptions::ASSUMPTIONS {
        let (bench, client) = Bench::new().registered();
        check(&bench, &client);
        assert!(readme.contains(&format!("- {assumption}\n")), "not in the README: {assumption}");
    }
    let listed = readme.split("## What is assumed").nth(1).expect("the section").split("\n## ").next().expect("text");
    let listed: BTreeSet<_> = listed.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    let checked: BTreeSet<_> = assumptions::ASSUMPTIONS.iter().map(|(assumption, _)| *assumption).collect();
    assert_eq!(listed, checked);
}

#[test]
fn every_answer_has_the_date_of_the_simulators_wall_clock() {
    let bench = Bench::new();
    assert_eq!(bench.get("/device").date(), bench.clock.now());
    bench.simulator.clock().set_wall_ahead(Duration::from_mins(7));
    for answer in [bench.get("/device"), bench.get("/token"), bench.get("/nowhere"), bench.post("/token", &json!({}))] {
        assert_eq!(answer.date(), bench.clock.now() + Duration::from_mins(7));
    }
    bench.simulator.clock().set_wall_behind(Duration::from_hours(1));
    bench.inject(Operation::CreateToken, Fault::Status { status: 503 });
    assert_eq!(bench.post("/token", &json!({})).date(), bench.clock.now() - Duration::from_hours(1));
}

#[test]
fn registration_times_are_epoch_seconds_and_role_expirations_epoch_milliseconds_of_wall_time() {
    let bench = Bench::new();
    bench.simulator.clock().set_wall_ahead(Duration::from_mins(7));
    let wall: u64 = 1_800_000_000 + 7 * 60;
    let registration = bench.register_with(json!({})).json();
    assert_eq!(registration["clientIdIssuedAt"], wall);
    assert_eq!(registration["clientSecretExpiresAt"], wall + 90 * 24 * 3600);
    let token = bench.access_token();
    let target = "/federation/credentials?role_name=ReadOnlyAccess&account_id=111122223333";
    let credentials = bench.portal("GET", target, &token).json();
    assert_eq!(credentials["roleCredentials"]["expiration"], (wall + 3600) * 1000);
}

#[test]
fn the_codes_are_what_rfc_8628_asks_for() {
    let (bench, client) = Bench::new().registered();
    let answer = bench.post("/device_authorization", &client.body(json!({ "startUrl": START_URL })));
    let (body, url) = (answer.json(), bench.simulator.url());
    let code = answer.member("userCode");
    assert_eq!(body["expiresIn"], 600);
    assert_eq!(body["interval"], 1);
    assert_eq!(body["verificationUri"], format!("{url}/device"));
    assert_eq!(body["verificationUriComplete"], format!("{url}/device?user_code={code}"));
    assert_ne!(answer.member("deviceCode"), bench.start(&client).device);
}

fn assert_exception(answer: &Answer, exception: &str, context: &dyn std::fmt::Debug) {
    assert_eq!(answer.exception(), exception, "{context:?}: {answer:?}");
}
