//! Answers that are not what the model says; every other fault is in the tests of the network.

use identity_center_simulator::{Fault, Operation, Settings, Times};

use crate::harness::{Harness, hours, mins};
use test_support::service::preauthorised;

/// A portal session that no test sees the end of, and a portal that everybody may ask as often as they like.
pub(crate) fn settings() -> Settings {
    Settings { portal_session: hours(24 * 30), portal_rate: None, ..preauthorised() }
}

#[tokio::test]
async fn an_answer_without_what_it_needs_or_with_nonsense_is_refused_and_names_the_member() {
    for (operation, fault, complaint) in [
        (Operation::RegisterClient, Fault::missing("clientId"), "it has no clientId"),
        (Operation::RegisterClient, Fault::missing("clientSecret"), "it has no clientSecret"),
        (
            Operation::RegisterClient,
            Fault::replaced("clientSecretExpiresAt", -1),
            "answer to RegisterClient is unusable: its clientSecretExpiresAt is -1",
        ),
        (Operation::StartDeviceAuthorization, Fault::missing("deviceCode"), "it has no deviceCode"),
        (Operation::StartDeviceAuthorization, Fault::missing("userCode"), "it has no userCode"),
        (Operation::StartDeviceAuthorization, Fault::missing("verificationUri"), "it has no verificationUri"),
        (
            Operation::StartDeviceAuthorization,
            Fault::replaced("expiresIn", 0),
            "its expiresIn is 0, which makes no sense",
        ),
        (Operation::StartDeviceAuthorization, Fault::replaced("userCode", 7), "a member has the wrong type"),
    ] {
        let t = Harness::start(settings()).await;
        t.simulator.inject(operation, fault, Times::UntilCleared);
        let problem = t.while_time_passes(t.token("wait=60")).await.unwrap_err();
        assert_eq!(problem.code.as_str(), "service_unavailable");
        assert!(problem.detail.contains(complaint), "{}", problem.detail);
    }
    for (fault, complaint) in [
        (Fault::missing("accessToken"), "it has no accessToken"),
        (Fault::missing("expiresIn"), "it has no expiresIn"),
        (Fault::replaced("expiresIn", u64::MAX), "its expiresIn is 18446744073709551615"),
        (Fault::replaced("accessToken", 7), "a member has the wrong type"),
    ] {
        let t = Harness::start(settings()).await;
        t.request("POST /v1/sessions/corp/login").await;
        let before = t.access_token().await;
        t.simulator.inject(Operation::CreateToken, fault, Times::Next(1));
        t.clock.advance(mins(45));
        let status = t.until(|status| status.last_error.is_some()).await;
        let error = status.last_error.unwrap();
        assert!(error.message.contains(complaint), "{}", error.message);
        assert_eq!(t.access_token().await, before);
        t.while_time_passes(t.until(|status| status.last_error.is_none())).await;
    }
}

#[tokio::test]
async fn an_answer_of_a_sign_in_that_makes_no_sense_ends_it_with_the_true_reason_after_one_call() {
    for (fault, complaint) in [
        (Fault::missing("expiresIn"), "it has no expiresIn"),
        (Fault::replaced("expiresIn", -28800), "its expiresIn is -28800, which makes no sense"),
        (Fault::replaced("expiresIn", 1e300), "its expiresIn is 1e+300, which makes no sense"),
        (Fault::replaced("expiresIn", "28800"), "its expiresIn is a string, which makes no sense"),
    ] {
        let t = Harness::start(settings()).await;
        t.simulator.inject(Operation::CreateToken, fault.clone(), Times::Next(1));
        let problem = t.while_time_passes(t.token("wait=60")).await.unwrap_err();
        let expected = format!("the service's answer to CreateToken is unusable: {complaint}");
        assert!(problem.detail.contains(&expected), "{}", problem.detail);
        assert_eq!(
            (problem.code.as_str(), t.simulator.calls(Operation::CreateToken)),
            ("service_unavailable", 1),
            "{fault:?}"
        );
        assert_eq!(
            t.while_time_passes(t.token("wait=60")).await.map(|token| token.token_type),
            Ok("Bearer".to_owned())
        );
    }
}

#[tokio::test]
async fn members_that_may_be_missing_are_not_missed() {
    for (operation, fault) in [
        (Operation::RegisterClient, Fault::missing("clientIdIssuedAt")),
        (Operation::RegisterClient, Fault::replaced("clientSecretExpiresAt", 0)),
        (Operation::StartDeviceAuthorization, Fault::missing("verificationUriComplete")),
        (Operation::StartDeviceAuthorization, Fault::missing("interval")),
        (Operation::StartDeviceAuthorization, Fault::replaced("interval", "soon")),
        (Operation::StartDeviceAuthorization, Fault::replaced("expiresIn", 600.0)),
        (Operation::RegisterClient, Fault::replaced("clientSecretExpiresAt", 4.0e9)),
        (Operation::CreateToken, Fault::replaced("expiresIn", 28800.0)),
        (Operation::CreateToken, Fault::replaced("expiresIn", 2.88e4)),
        (Operation::CreateToken, Fault::missing("tokenType")),
        (Operation::CreateToken, Fault::missing("refreshToken")),
    ] {
        let t = Harness::start(settings()).await;
        t.simulator.inject(operation, fault.clone(), Times::Next(1));
        let token = t.while_time_passes(t.token("wait=60")).await;
        assert_eq!(token.map(|token| token.token_type), Ok("Bearer".to_owned()), "{fault:?}");
    }
}
