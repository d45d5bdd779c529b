//! A start URL on a company's own server that leads to AWS's own host names: no endpoint and no region is configured, and yet each
//! secret goes to the region that issued it.

use std::path::Path;

use identity_center_simulator::{Grant, Operation, Settings, Simulator, VanityUrl};
use serde_json::Value;
use ssoctl_protocol::SessionState;
use ssoctld::token_files::file;

use crate::desktop::stage::{Stage, play};
use crate::harness::{Process, hours, mins};
use crate::network::front::{Front, Manner, RIGHT, authority};
use test_support::service::{renewing, simulator};
use test_support::waiting::until_so;

/// The names in its certificate, `aws.pem`.
const HOSTS: Stage = Stage::Loopback(&["oidc.eu-west-1.amazonaws.com", "portal.sso.eu-west-1.amazonaws.com"]);

/// Its host names the region.
const TARGET: &str = "https://ssoins-1.eu-west-1.portal.amazonaws.com";

async fn daemon(home: &Path, simulator: &Simulator) -> Process {
    let mut command = Process::command(home, simulator);
    command.env_remove("AWS_ENDPOINT_URL_SSO_OIDC").env_remove("AWS_ENDPOINT_URL_SSO");
    command.env("AWS_CA_BUNDLE", authority());
    Process::run(home, &mut command).await
}

#[test]
fn its_sign_in_is_renewed_at_the_region_of_its_issuer_also_after_a_restart_and_when_the_region_is_written() {
    play(HOSTS, &[], || async {
        let vanity_urls = vec![VanityUrl::new("/mine", &format!("{TARGET}/"))];
        let simulator = simulator(Settings { portal_session: hours(24 * 30), vanity_urls, ..renewing(mins(1)) });
        let (_aws, company) = (Front::at(443, &simulator, Manner::Tls("aws.pem")), Front::new(&simulator, RIGHT));
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        let start_url = format!("{}/mine", company.url());
        let write = |more: &str| {
            let section = format!("[sso-session corp]\nsso_start_url = {start_url}\n{more}");
            std::fs::write(home.path().join(".aws/config"), section).unwrap();
        };
        write("");
        let own = "secret_store = \"file\"\n[session.corp]\nrefresh_before = \"50s\"\n";
        std::fs::write(home.path().join("config.toml"), own).unwrap();

        let process = daemon(home.path(), &simulator).await;
        let status = process.status().await;
        assert_eq!((status.region.as_str(), status.resolved_url, status.oidc_endpoint), ("", None, None));
        let mut token = process.sign_in_and_save().await;
        let leads_to_aws = async |process: &Process| {
            let status = process.status().await;
            assert_eq!((status.region.as_str(), status.resolved_url.as_deref()), ("eu-west-1", Some(TARGET)));
            assert_eq!(status.oidc_endpoint.as_deref(), Some("https://oidc.eu-west-1.amazonaws.com/"));
            assert!(status.foreign_issuer.is_none() && status.state == SessionState::SignedIn);
        };
        leads_to_aws(&process).await;
        token = process.renewed(&token).await;
        let path = home.path().join(".aws/sso/cache").join(file::name("corp"));
        let published =
            || serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap_or_default()).unwrap_or_default();
        let is_published = async || published()["accessToken"] == process.access_token().await.as_str();
        until_so("the token file is the daemon's", is_published).await;
        assert_eq!(
            (published()["startUrl"].as_str(), published()["region"].as_str()),
            (Some(start_url.as_str()), Some("eu-west-1"))
        );

        // As the AWS CLI does after its sign-in, and a mistaken person.
        for region in ["eu-west-1", "us-east-1"] {
            write(&format!("sso_region = {region}\n"));
            token = process.renewed(&token).await;
            leads_to_aws(&process).await;
        }
        process.until_saved().await;
        process.stop().await;
        let process = daemon(home.path(), &simulator).await;
        process.until("it has read its record", |status| status.state == SessionState::SignedIn).await;
        leads_to_aws(&process).await;
        process.renewed(&token).await;
        assert_eq!(process.request("GET /v1/sessions/corp/accounts").await.status, 200);
        assert!(process.report().await.daemon.left_records.is_empty());
        let calls = [Operation::RegisterClient, Operation::StartDeviceAuthorization, Operation::VanityUrl];
        assert_eq!(calls.map(|operation| simulator.calls(operation)), [1, 1, 1]);
        assert!(simulator.token_calls(Grant::RefreshToken) >= 4);
        assert_eq!(process.request("POST /v1/sessions/corp/logout").await.status, 200);
        assert_eq!(simulator.calls(Operation::Logout), 1);
        assert_eq!(simulator.violations(), Vec::<String>::new());
    });
}
