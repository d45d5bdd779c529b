//! An AWS CLI 2 that signs in by the authorization code grant, as it does since 2.22 unless it is told otherwise.
//!
//! `.ci/run` unpacks version 2.23.6, and `SSOCTL_TEST_AWS_CLI_2` names it. A script stands in for the browser and the person.

use std::time::SystemTime;

use super::{HOSTS, Machine, failed, json, succeeded};
use crate::desktop::stage::play;
use crate::harness::{hours, mins};
use identity_center_simulator::{Approval, Grant, Operation};
use ssoctl_protocol::{SessionState, Timestamp};
use test_support::executable::script;
use test_support::speed::named_by;
use test_support::waiting::until_so;

/// Opens the page, submits the form that ends with the decision, and follows the redirect to the AWS CLI. In the background: the
/// AWS CLI answers once this has ended.
const BROWSER: &str = r#"#!/bin/sh
{
    set -x
    page=$(curl --silent --show-error --cacert "$AWS_CA_BUNDLE" "$1")
    request=$(printf '%s' "$page" | sed -n 's/.*name="request" value="\([^"]*\)".*/\1/p' | head -n 1)
    endpoint=${1%%/authorize*}
    curl --silent --show-error --location --cacert "$AWS_CA_BUNDLE" --data "request=$request" "$endpoint/authorize/DECISION"
} </dev/null >"$0.log" 2>&1 &
"#;

/// Runs the body on a machine with this version, if it is there.
macro_rules! on_machine_with_it {
    ($token_lifetime:expr, $body:expr) => {
        let Some(aws) = named_by("SSOCTL_TEST_AWS_CLI_2") else { return };
        play(HOSTS, &["curl"], || async move {
            let machine = Machine::with(aws, $token_lifetime).await;
            machine.simulator.set_approval(Approval::Manual);
            $body(machine).await;
        });
    };
}

impl Machine {
    /// The AWS CLI signs in, and the person in its browser decides.
    async fn aws_sso_login(&self, decision: &str) -> std::process::Output {
        script(&self.browser(), &BROWSER.replace("DECISION", decision));
        self.aws(&["sso", "login", "--sso-session", "corp"]).await
    }
}

#[test]
fn its_sign_in_is_taken_over_with_its_registration_and_renewed() {
    on_machine_with_it!(mins(1), async |machine: Machine| {
        succeeded(&machine.aws_sso_login("allow").await);
        assert_eq!(machine.simulator.token_calls(Grant::AuthorizationCode), 1);
        assert_eq!(machine.simulator.calls(Operation::StartDeviceAuthorization), 0);
        machine.until_it_is(SessionState::SignedIn).await;
        assert!(machine.daemon.status().await.refreshable);
        machine.until_published().await;
        let is_renewed = async || machine.simulator.token_calls(Grant::RefreshToken) > 0;
        until_so("the daemon has renewed it", is_renewed).await;
        assert_eq!(
            machine.simulator.calls(Operation::RegisterClient),
            1,
            "as the client that the AWS CLI has registered"
        );
        machine.until_published().await;
        succeeded(&machine.exported().await);

        succeeded(&machine.aws(&["sso", "logout"]).await);
        machine.until_it_is(SessionState::SignedOut).await;
        machine.judge();
    });
}

#[test]
fn its_sign_in_that_is_denied_changes_nothing() {
    on_machine_with_it!(hours(1), async |machine: Machine| {
        succeeded(&machine.aws_sso_login("allow").await);
        machine.until_it_is(SessionState::SignedIn).await;
        machine.until_published().await;
        let token = machine.daemon.access_token().await;
        failed(&machine.aws_sso_login("deny").await, "Failed to retrieve an authorization code");
        assert_eq!(machine.daemon.access_token().await, token);
        assert_eq!(json(&machine.token_file())["accessToken"], token.as_str());
        machine.judge();
    });
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the AWS CLI goes by the real time")]
fn its_two_flows_have_a_registration_each_and_the_daemon_takes_over_either() {
    on_machine_with_it!(hours(1), async |machine: Machine| {
        succeeded(&machine.aws_sso_login("allow").await);
        machine.until_it_is(SessionState::SignedIn).await;
        machine.until_published().await;
        let first = machine.daemon.access_token().await;

        // The sign-in that ends later counts, and the AWS CLI writes whole seconds: within the same one, the first would stay.
        let end = machine.daemon.status().await.expires_at.expect("an end").as_unix();
        let ends_later = async || Timestamp::from(SystemTime::now() + hours(1)).as_unix() > end + 1;
        until_so("a token of an hour ends later", ends_later).await;
        machine.simulator.set_approval(Approval::Preauthorised);
        let login = ["sso", "login", "--sso-session", "corp", "--use-device-code"];
        succeeded(&machine.aws(&login).await);
        assert_eq!(machine.simulator.calls(Operation::RegisterClient), 2);
        assert_eq!(machine.simulator.token_calls(Grant::DeviceCode), 1);
        let is_newer = async || machine.daemon.access_token().await != first;
        until_so("the daemon has taken the second one over", is_newer).await;
        machine.until_published().await;
        succeeded(&machine.exported().await);
        machine.judge();
    });
}
