//! The way to the service: certificates, proxy, endpoints, and the service's clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use url::Url;

use super::report::{Check, Finding};
use super::time_limit::{PATIENCE, TimeLimit};
use crate::aws_hosts::region_of_service;
use crate::config::Config;
use crate::oidc::ServiceClock;
use crate::transport::proxies::{Proxies, Proxy, UnusableProxy};
use crate::transport::reach::{Probe, Unreachable};

const CERTIFICATES: Check = Check("certificates");
const PROXY: Check = Check("proxy");
const ENDPOINT: Check = Check("endpoint");
const CLOCK: Check = Check("clock");

/// AWS refuses signed requests whose time is wrong by more than this (observed).
const SIGNATURE_TOLERANCE: Duration = Duration::from_mins(5);

struct Network {
    /// The error is the reason why no request can be made.
    client: Result<(), String>,
    /// Whether a bundle of certificates is configured.
    has_bundle: bool,
    proxies: Result<Proxies, UnusableProxy>,
    endpoints: Vec<ProbedEndpoint>,
}

struct ProbedEndpoint {
    url: Url,
    /// The regions that it serves.
    regions: Vec<String>,
    outcome: ProbeOutcome,
}

enum ProbeOutcome {
    /// The service's time, if the answer had it, and ours when it came.
    Answered {
        date: Option<SystemTime>,
        wall: SystemTime,
    },
    Failed(Unreachable),
    NotAsked(&'static str),
}

/// Asks every endpoint of the configuration, all at once.
pub(super) async fn examine(config: &Config, limit: &TimeLimit) -> Vec<Finding> {
    let bundle = config.ca_bundle.clone();
    let has_bundle = bundle.is_some();
    let probe = limit.run(move || Probe::new(bundle.as_deref())).await;
    let probe = probe.unwrap_or_else(|| Err("reading the certificates takes too long".to_owned()));
    let mut network =
        Network { client: Ok(()), has_bundle, proxies: Proxies::from_process(), endpoints: endpoints(config) };
    match probe {
        Ok(probe) => ask(&Arc::new(probe), &mut network, limit).await,
        Err(why) => network.client = Err(why),
    }
    judge(&network)
}

async fn ask(probe: &Arc<Probe>, network: &mut Network, limit: &TimeLimit) {
    let mut asked = Vec::new();
    for endpoint in &mut network.endpoints {
        let is_masked = |proxies: &Proxies| proxies.towards(&endpoint.url).is_some_and(Proxy::is_masked);
        if network.proxies.as_ref().is_ok_and(is_masked) {
            endpoint.outcome = ProbeOutcome::NotAsked(
                "the daemon's proxy has a password that this shell does not know; see ssoctl status",
            );
            continue;
        }
        let (probe, limit, url) = (Arc::clone(probe), limit.clone(), endpoint.url.clone());
        let asking = tokio::spawn(async move {
            match limit.wait_for(probe.reach(&url, PATIENCE)).await {
                Some(Ok(date)) => ProbeOutcome::Answered { date, wall: limit.0.now().wall },
                Some(Err(trouble)) => ProbeOutcome::Failed(trouble),
                None => ProbeOutcome::Failed(Unreachable::Late),
            }
        });
        asked.push((endpoint, asking));
    }
    for (endpoint, asking) in asked {
        if let Ok(outcome) = asking.await {
            endpoint.outcome = outcome;
        }
    }
}

/// Returns every endpoint once, with the regions that it serves.
fn endpoints(config: &Config) -> Vec<ProbedEndpoint> {
    let mut endpoints = Vec::new();
    for session in &config.sessions {
        // A session that cannot have endpoints has a problem, which is among the findings about the configuration.
        let Some(found) = session.endpoints.configured() else { continue };
        for url in [&found.oidc, &found.portal] {
            add(&mut endpoints, url.shown(), session.region().unwrap_or("any region"));
        }
    }
    endpoints
}

fn add(endpoints: &mut Vec<ProbedEndpoint>, url: &Url, region: &str) {
    match endpoints.iter_mut().find(|known| known.url.origin() == url.origin()) {
        None => {
            let outcome = ProbeOutcome::NotAsked("no request can be made");
            endpoints.push(ProbedEndpoint { url: url.clone(), regions: vec![region.to_owned()], outcome });
        }
        Some(known) if !known.regions.iter().any(|it| it == region) => known.regions.push(region.to_owned()),
        Some(_) => {}
    }
}

fn judge(network: &Network) -> Vec<Finding> {
    let has_proxy = network.proxies.as_ref().is_ok_and(|proxies| proxies.proxy().is_some());
    let mut findings = vec![judge_certificates(network), judge_proxy(&network.proxies)];
    if network.endpoints.is_empty() {
        findings.push(ENDPOINT.skipped("no session names one"));
    }
    findings.extend(network.endpoints.iter().map(|endpoint| judge_endpoint(endpoint, has_proxy)));
    findings.push(judge_clock(&network.endpoints));
    findings
}

fn judge_certificates(network: &Network) -> Finding {
    if network.proxies.is_err() {
        return CERTIFICATES.skipped("not checked: the proxy cannot be used");
    }
    match (&network.client, network.has_bundle) {
        (Err(why), true) => CERTIFICATES.problem(
            why.clone(),
            "let AWS_CA_BUNDLE (or ca_bundle of the default profile) name a readable file of PEM certificates, or unset it",
        ),
        (Err(why), false) => {
            CERTIFICATES.problem(why.clone(), "install the certificates of your system (ca-certificates)")
        }
        (Ok(()), true) => CERTIFICATES.ok("the system's and those of AWS_CA_BUNDLE"),
        (Ok(()), false) => CERTIFICATES.ok("the system's"),
    }
}

fn judge_proxy(proxies: &Result<Proxies, UnusableProxy>) -> Finding {
    match proxies.as_ref().map(Proxies::proxy) {
        Ok(None) => PROXY.ok("none"),
        Ok(Some(proxy)) => PROXY.ok(format!("{}={}", proxy.variable, proxy.address())),
        Err(unusable) => {
            let (message, remedy) = unusable.told();
            PROXY.problem(message, remedy)
        }
    }
}

fn judge_endpoint(endpoint: &ProbedEndpoint, has_proxy: bool) -> Finding {
    let host = match region_of_service(&endpoint.url) {
        Some(_) => endpoint.url.host_str().unwrap_or_default().to_owned(),
        None => endpoint.url.origin().ascii_serialization(),
    };
    let place = format!("{host} ({})", endpoint.regions.join(", "));
    let trouble = match &endpoint.outcome {
        ProbeOutcome::Answered { .. } => return ENDPOINT.ok(format!("{place} answers")),
        ProbeOutcome::NotAsked(why) => return ENDPOINT.skipped(format!("{place} was not asked: {why}")),
        ProbeOutcome::Failed(trouble) => trouble,
    };
    let (message, remedy) = match trouble {
        Unreachable::Name(why) => (
            format!("the name of {place} cannot be resolved: {why}"),
            "check the network, the VPN and the session's region; if only a proxy leads out, set HTTPS_PROXY",
        ),
        Unreachable::Connection(why) => (
            format!("no connection to {place}: {why}"),
            if has_proxy {
                "check the network and the proxy, and whether NO_PROXY should name this host"
            } else {
                "check the network and the firewall; if only a proxy leads out, set HTTPS_PROXY"
            },
        ),
        Unreachable::Proxy(why) => {
            (format!("the proxy does not lead to {place}: {why}"), "check HTTPS_PROXY, its password, and NO_PROXY")
        }
        Unreachable::Tls(why) => (
            format!("the TLS connection to {place} failed: {why}"),
            "if a proxy inspects TLS, let AWS_CA_BUNDLE name its certificate; check the clock, too",
        ),
        Unreachable::Late => (
            format!("no answer from {place} in time"),
            "check the network, the VPN and the proxy, and whether a firewall drops the connection",
        ),
        Unreachable::Other(why) => {
            (format!("{place} does not speak HTTP as it should: {why}"), "check the endpoint and the proxy")
        }
    };
    ENDPOINT.problem(message, remedy)
}

fn judge_clock(endpoints: &[ProbedEndpoint]) -> Finding {
    let times = endpoints.iter().find_map(|endpoint| match endpoint.outcome {
        ProbeOutcome::Answered { date: Some(date), wall } => Some((date, wall)),
        _ => None,
    });
    let Some((date, wall)) = times else { return CLOCK.skipped("the service did not say what time it is") };
    let (off, direction) = match wall.duration_since(date) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    if off.as_secs() <= ServiceClock::TOLERANCE_SECONDS.unsigned_abs() {
        return CLOCK.ok("it agrees with the service's");
    }
    let whole = humantime::format_duration(Duration::from_secs(off.as_secs()));
    let message = format!("this machine's is {whole} {direction} the service's");
    let remedy = if cfg!(target_os = "macos") {
        "set it: sudo sntp -sS time.apple.com"
    } else {
        "set it: sudo timedatectl set-ntp true"
    };
    if off > SIGNATURE_TOLERANCE {
        CLOCK.problem(message + ", and AWS refuses what is signed with it", remedy)
    } else {
        CLOCK.warning(message, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;
    use std::time::UNIX_EPOCH;

    fn network() -> Network {
        Network { client: Ok(()), has_bundle: false, proxies: Ok(Proxies::default()), endpoints: Vec::new() }
    }

    fn endpoint(outcome: ProbeOutcome) -> Network {
        let url = Url::parse("https://oidc.eu-west-1.amazonaws.com").unwrap();
        Network { endpoints: vec![ProbedEndpoint { url, regions: vec!["eu-west-1".to_owned()], outcome }], ..network() }
    }

    fn reached(date: Option<u64>, wall: u64) -> ProbeOutcome {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        ProbeOutcome::Answered { date: date.map(at), wall: at(wall) }
    }

    fn found(network: &Network, check: Check) -> Finding {
        judge(network).into_iter().find(|finding| finding.name == check).unwrap()
    }

    #[test]
    fn each_failure_on_the_way_to_an_endpoint_has_its_own_report() {
        let why = || "refused".to_owned();
        for (trouble, words) in [
            (Unreachable::Name(why()), "name of oidc.eu-west-1.amazonaws.com (eu-west-1) cannot be resolved: refused"),
            (Unreachable::Connection(why()), "no connection to"),
            (Unreachable::Proxy(why()), "proxy does not lead to"),
            (Unreachable::Tls(why()), "TLS connection to"),
            (Unreachable::Late, "in time"),
            (Unreachable::Other(why()), "does not speak HTTP"),
        ] {
            found(&endpoint(ProbeOutcome::Failed(trouble)), ENDPOINT).says(Verdict::Problem, words);
        }
        assert_eq!(found(&endpoint(reached(None, 0)), ENDPOINT).result, Verdict::Ok);
        assert_eq!(found(&endpoint(ProbeOutcome::NotAsked("no")), ENDPOINT).result, Verdict::Skipped);
        assert_eq!(found(&network(), ENDPOINT).result, Verdict::Skipped);
    }

    #[test]
    fn a_clock_may_be_off_by_a_minute_and_harms_from_five_on() {
        for (date, wall, result, words) in [
            (Some(1000), 1060, Verdict::Ok, "agrees"),
            (Some(1060), 1000, Verdict::Ok, "agrees"),
            (Some(1000), 1090, Verdict::Warning, "1m 30s ahead of"),
            (Some(1090), 1000, Verdict::Warning, "1m 30s behind"),
            (Some(4600), 1000, Verdict::Problem, "1h behind the service's, and AWS refuses"),
            (None, 1000, Verdict::Skipped, "did not say"),
        ] {
            found(&endpoint(reached(date, wall)), CLOCK).says(result, words);
        }
    }

    #[test]
    fn the_password_of_a_proxy_is_never_shown() {
        let proxies = |variable: &str, value: &str| Proxies::from_vars(|name| (name == variable).then(|| value.into()));
        let judged = |proxies| found(&Network { proxies, ..network() }, PROXY);
        let finding = judged(proxies("HTTPS_PROXY", "http://ada:hunter2@proxy.example:3128"));
        assert_eq!(finding, PROXY.ok("HTTPS_PROXY=http://proxy.example:3128"));
        let finding = judged(proxies("https_proxy", "http://ada:hunter2@x@proxy.example"));
        assert_eq!(finding.result, Verdict::Problem);
        assert!(finding.message.contains("%40") && !format!("{finding:?}").contains("hunter2"), "{finding:?}");
        assert_eq!(judged(proxies("ALL_PROXY", "proxy:1080")).message, "ALL_PROXY=http://proxy:1080");
        let unusable = proxies("ALL_PROXY", "socks5://proxy:1080");
        assert_eq!(found(&Network { proxies: unusable, ..network() }, CERTIFICATES).result, Verdict::Skipped);
    }

    #[test]
    fn certificates_that_cannot_be_used_are_a_problem() {
        for (has_bundle, words) in [(false, "ca-certificates"), (true, "AWS_CA_BUNDLE")] {
            let finding = found(&Network { client: Err("broken".to_owned()), has_bundle, ..network() }, CERTIFICATES);
            assert_eq!(finding.result, Verdict::Problem);
            assert!(finding.remedy.unwrap().contains(words));
            assert_eq!(found(&Network { has_bundle, ..network() }, CERTIFICATES).result, Verdict::Ok);
        }
    }

    #[test]
    fn endpoints_are_asked_once_however_many_sessions_have_them() {
        let mut found = Vec::new();
        for (url, region) in
            [("https://a.example", "r-1"), ("https://b.example/x", "r-1"), ("https://a.example", "r-2")]
        {
            add(&mut found, &Url::parse(url).unwrap(), region);
        }
        add(&mut found, &Url::parse("https://a.example").unwrap(), "r-1");
        let found: Vec<_> = found.iter().map(|it| (it.url.as_str(), it.regions.join(" "))).collect();
        assert_eq!(found, [("https://a.example/", "r-1 r-2".to_owned()), ("https://b.example/x", "r-1".to_owned())]);
    }
}
