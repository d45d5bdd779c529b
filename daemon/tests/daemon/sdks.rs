//! Real SDKs read what is published, and a sign-in that botocore writes is taken over. Their clock is the machine's, so the daemon's
//! begins there, too.
//!
//! Each needs its SDK: a Python with botocore (`SSOCTL_TEST_PYTHON`), a directory with the AWS SDK for JavaScript
//! (`SSOCTL_TEST_NODE`), the built `tests/sdk/rust` (`SSOCTL_TEST_RUST_SDK`). `.ci/run` installs them.

use std::ffi::OsString;
use std::process::Output;
use std::time::SystemTime;

use identity_center_simulator::{Grant, Operation, RefreshTokens, Settings};
use ssoctl_protocol::SessionState;

use crate::harness::{Harness, Store, mins};
use crate::token_files::SERVICES;
use test_support::service::preauthorised;
use test_support::speed::named_by;
use test_support::stage::{CORP, DEV};

impl Harness {
    #[expect(clippy::disallowed_methods, reason = "SDKs go by the machine's clock")]
    async fn now(settings: Settings) -> Self {
        let t = Self::start_at(
            SystemTime::now(),
            settings,
            Store::File,
            "[session.corp]\nsdk_cache = \"on\"\n",
            &format!("{SERVICES}{CORP}{DEV}"),
        )
        .await;
        t.until_state(SessionState::SignedOut).await;
        t
    }

    /// Runs a program with the profile `dev` that knows nothing of ssoctl. Returns its output.
    async fn run_sdk(&self, program: &OsString, arguments: &[&str]) -> String {
        let url = self.simulator.url();
        let output: Output = tokio::process::Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", test_support::part::path())
            .env("HOME", self.home.path())
            .env("AWS_CONFIG_FILE", self.home.path().join("aws-config"))
            .env("AWS_PROFILE", "dev")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_ENDPOINT_URL_SSO", &url)
            .env("AWS_ENDPOINT_URL_SSO_OIDC", &url)
            .env("SSOCTL_TEST_NODE", test_support::part::variable("SSOCTL_TEST_NODE").unwrap_or_default())
            .output()
            .await
            .expect("a program");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program:?}: {said}");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// The SDK gets role credentials with each published token, and never renews one itself.
    async fn is_enough_for(program: OsString, arguments: &[&str]) {
        let t = Self::now(Settings { refresh_tokens: RefreshTokens::Rotated, ..Settings::default() }).await;
        t.sign_in("corp").await;
        t.until_published("corp", &t.access_token().await).await;
        let first = t.run_sdk(&program, arguments).await;
        assert!(first.starts_with("ASIA"), "{first:?}");

        let before = t.status("corp").await.expires_at;
        t.clock.advance(mins(45));
        t.until(|status| status.expires_at > before).await;
        t.until_published("corp", &t.access_token().await).await;
        assert_ne!(t.run_sdk(&program, arguments).await, first);
        assert_eq!(t.simulator.calls(Operation::GetRoleCredentials), 2);
        assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1, "the daemon's own");
        assert_eq!(t.simulator.calls(Operation::RegisterClient), 1, "the daemon's own");
    }
}

#[tokio::test]
async fn botocore_uses_what_is_published_and_renews_nothing() {
    let Some(python) = named_by("SSOCTL_TEST_PYTHON") else { return };
    Harness::is_enough_for(python, &["-c", include_str!("../sdk/python/credentials.py")]).await;
}

#[tokio::test]
async fn the_sdk_for_javascript_uses_what_is_published_and_renews_nothing() {
    let Some(_) = named_by("SSOCTL_TEST_NODE") else { return };
    Harness::is_enough_for("node".into(), &["-e", include_str!("../sdk/node/credentials.cjs")]).await;
}

#[tokio::test]
async fn the_sdk_for_rust_uses_what_is_published_and_renews_nothing() {
    let Some(program) = named_by("SSOCTL_TEST_RUST_SDK") else { return };
    Harness::is_enough_for(program, &[]).await;
}

#[tokio::test]
async fn a_sign_in_that_botocore_writes_is_taken_over() {
    let Some(python) = named_by("SSOCTL_TEST_PYTHON") else { return };
    let t = Harness::now(preauthorised()).await;
    let token = t.run_sdk(&python, &["-c", include_str!("../sdk/python/login.py")]).await;
    t.until_state(SessionState::SignedIn).await;
    assert_eq!(t.access_token().await, token);
    t.until_published("corp", &token).await;
    let before = t.status("corp").await.expires_at;
    t.clock.advance(mins(45));
    t.until(|status| status.expires_at > before).await;
    assert_eq!(t.simulator.token_calls(Grant::RefreshToken), 1, "with botocore's refresh token and registration");
}
