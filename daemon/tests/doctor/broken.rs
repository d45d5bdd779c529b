//! One thing broken at a time.

use std::time::Duration;

use identity_center_simulator::{Settings, VanityUrl};

use crate::report::Report;
use test_support::stage::CORP;
use test_support::{Stage, set_mode};

fn corp() -> Stage {
    Stage::with_corp(Settings::default())
}

#[test]
fn a_daemon_on_another_socket_holds_the_state_directory() {
    let stage = corp();
    let elsewhere = stage.home().join("elsewhere").display().to_string();
    let report = Report::in_shell(&stage, &[("SSOCTL_SOCKET", &elsewhere)]);
    let socket = stage.socket();
    report.finds("daemon", "problem", "none runs").finds(
        "state directory",
        "problem",
        &format!("serves {}", socket.display()),
    );
}

#[test]
fn a_socket_or_its_directory_that_others_can_reach() {
    let stage = corp();
    set_mode(stage.socket(), 0o666);
    Report::on(&stage).finds("socket", "problem", "open to others (mode 0666)").only("socket");
    set_mode(stage.socket(), 0o600);
    set_mode(stage.socket().parent().expect("a directory"), 0o755);
    Report::on(&stage).finds("socket", "problem", "open to others (mode 0755)").only("socket");
}

#[test]
fn a_state_directory_that_others_can_write_to() {
    let stage = corp();
    set_mode(stage.state_directory(), 0o770);
    Report::on(&stage).finds("state directory", "problem", "open to others (mode 0770)").only("state directory");
}

#[test]
fn a_clock_that_is_wrong() {
    let stage = corp();
    stage.identity_center.clock().set_wall_ahead(Duration::from_secs(150));
    let report = Report::on(&stage);
    report.finds("clock", "warning", "behind the service's");
    report.is_well();
    stage.identity_center.clock().set_wall_ahead(Duration::from_secs(3600));
    Report::on(&stage).finds("clock", "problem", "AWS refuses what is signed with it").only("clock");
    stage.identity_center.clock().set_wall_behind(Duration::from_secs(3600));
    Report::on(&stage).finds("clock", "problem", "ahead of the service's").only("clock");
}

#[test]
fn a_configuration_that_is_broken_or_doubtful() {
    let stage = corp();
    stage.write(".aws/config", &format!("{CORP}nonsense\n"));
    Report::on(&stage).finds("configuration", "problem", "AWS CLI refuses the whole file").only("configuration");
    let legacy = "[profile old]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-wset-one\n";
    stage.write(".aws/config", &format!("{CORP}{legacy}"));
    let report = Report::on(&stage);
    report.finds("configuration", "warning", "legacy profile").finds("configuration", "warning", "no region of AWS");
    report.is_well();
    stage.write(".aws/config", "");
    Report::on(&stage).finds("configuration", "warning", "no session").finds("endpoint", "skipped", "").is_well();
}

#[test]
fn a_start_url_that_leads_to_aws_or_nowhere() {
    let target = "https://ssoins-1.portal.us-west-2.app.aws";
    let vanity_urls = vec![VanityUrl::new("/mine", target), VanityUrl::new("/lost", "https://evil.example/start")];
    let stage = Stage::bare(Settings { vanity_urls, ..Settings::default() });
    let section = |path: &str| format!("[sso-session corp]\nsso_start_url = {}{path}\n", stage.identity_center.url());
    stage.write(".aws/config", &section("/mine"));
    stage.start_daemon();
    Report::on(&stage).finds("start URL", "ok", &format!("leads to {target}")).is_well();
    stage.write(".aws/config", &section("/lost"));
    Report::on(&stage).finds("start URL", "problem", "leads to https://evil.example/start").only("start URL");
}

#[cfg(target_os = "linux")]
#[test]
fn a_display_without_a_bus_or_an_opener() {
    let stage = corp();
    let report = Report::in_shell(&stage, &[("DISPLAY", ":77"), ("PATH", "/nowhere")]);
    report.finds("session bus", "warning", "no notice can be shown").finds("browser", "warning", "xdg-open");
    report.is_well();
}

#[cfg(target_os = "linux")]
#[test]
fn doctor_names_a_session_over_ssh() {
    let stage = corp();
    let ssh = [("DISPLAY", "localhost:10"), ("SSH_CONNECTION", "192.0.2.1 1 192.0.2.2 22")];
    let report = Report::in_shell(&stage, &ssh);
    report.finds("browser", "skipped", "SSH");
    report.is_well();
}

#[test]
fn a_token_cache_that_others_can_change_or_read() {
    let stage = corp();
    stage.write(".aws/sso/cache/0ad374.json", "{}");
    let cache = stage.home().join(".aws/sso/cache");
    set_mode(&cache, 0o755);
    set_mode(cache.join("0ad374.json"), 0o600);
    Report::on(&stage).finds("AWS token cache", "ok", "cache").is_well();
    set_mode(cache.join("0ad374.json"), 0o644);
    Report::on(&stage).finds("AWS token cache", "warning", "0ad374.json").is_well();
    set_mode(&cache, 0o777);
    Report::on(&stage).finds("AWS token cache", "problem", "open to others (mode 0777)").only("AWS token cache");
}
