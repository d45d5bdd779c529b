//! The way to the service, judged: certificates, proxies, endpoints and the clock.

use std::time::{Duration, SystemTime};

use url::Url;

use super::finding::Finding;
use crate::oidc::ServiceClock;
use crate::partitions::region_of_service;
use crate::transport::proxies::{Proxy, UnusableProxy};
use crate::transport::reach::{Answered, Unreachable};

const CERTIFICATES: &str = "certificates";
const PROXY: &str = "proxy";
const ENDPOINT: &str = "endpoint";
const CLOCK: &str = "clock";

/// AWS refuses signed requests whose time is wrong by more than this (observed).
const SIGNATURE_TOLERANCE: Duration = Duration::from_mins(5);

/// What is known of the network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Network {
    /// What had to be put right before anything could be asked.
    pub(super) client: Result<(), String>,
    /// Whether a bundle of certificates is configured.
    pub(super) trusts: Trust,
    pub(super) proxy: Result<Option<Proxy>, UnusableProxy>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// Whose certificates are trusted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trust {
    System,
    SystemAndBundle,
}

/// An endpoint and what came of asking it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Endpoint {
    pub(super) url: Url,
    /// The regions that it serves.
    pub(super) regions: Vec<String>,
    /// Nothing, if it was not asked.
    pub(super) outcome: Option<Result<Reached, Unreachable>>,
}

/// An answer, and our time when it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reached {
    pub(super) answered: Answered,
    pub(super) wall: SystemTime,
}

/// Judges the network: certificates, proxies, each endpoint, and the clock.
pub(super) fn judge(network: &Network) -> Vec<Finding> {
    let mut findings = vec![judge_certificates(network), judge_proxy(&network.proxy)];
    if network.endpoints.is_empty() {
        findings.push(Finding::skipped(ENDPOINT, "no session names one"));
    }
    findings.extend(
        network
            .endpoints
            .iter()
            .map(|endpoint| judge_endpoint(endpoint, network.proxy.as_ref().ok().and_then(Option::as_ref))),
    );
    let reached = network.endpoints.iter().filter_map(|endpoint| endpoint.outcome.as_ref()?.as_ref().ok());
    findings.push(judge_clock(reached));
    findings
}

fn judge_certificates(network: &Network) -> Finding {
    match (&network.client, network.trusts) {
        // Nothing can be set up, and the proxy's finding says why.
        _ if network.proxy.is_err() => Finding::skipped(CERTIFICATES, "not looked at: the proxy cannot be used"),
        (Err(why), Trust::SystemAndBundle) => Finding::problem(
            CERTIFICATES,
            why.clone(),
            "let AWS_CA_BUNDLE (or ca_bundle of the default profile) name a readable file of PEM certificates, or unset it",
        ),
        (Err(why), Trust::System) => {
            Finding::problem(CERTIFICATES, why.clone(), "install your system's certificates (ca-certificates)")
        }
        (Ok(()), Trust::SystemAndBundle) => Finding::ok(CERTIFICATES, "the system's and those of AWS_CA_BUNDLE"),
        (Ok(()), Trust::System) => Finding::ok(CERTIFICATES, "the system's"),
    }
}

fn judge_proxy(proxy: &Result<Option<Proxy>, UnusableProxy>) -> Finding {
    match proxy {
        Ok(None) => Finding::ok(PROXY, "none"),
        Ok(Some(proxy)) => Finding::ok(PROXY, format!("{}={}", proxy.variable, proxy.address())),
        Err(unusable) => {
            let (what, remedy) = unusable.told();
            Finding::problem(PROXY, what, remedy)
        }
    }
}

fn judge_endpoint(endpoint: &Endpoint, proxy: Option<&Proxy>) -> Finding {
    let host = match region_of_service(&endpoint.url) {
        Some(_) => endpoint.url.host_str().unwrap_or_default().to_owned(),
        None => endpoint.url.origin().ascii_serialization(),
    };
    let place = format!("{host} ({})", endpoint.regions.join(", "));
    let trouble = match &endpoint.outcome {
        None if proxy.is_some_and(Proxy::is_masked) => {
            return Finding::skipped(
                ENDPOINT,
                format!(
                    "{place} was not asked: the daemon's proxy has a password, which this shell has not; see ssoctl status"
                ),
            );
        }
        None => return Finding::skipped(ENDPOINT, format!("{place} was not asked: no request can be made")),
        Some(Ok(_)) => return Finding::ok(ENDPOINT, format!("{place} answers")),
        Some(Err(trouble)) => trouble,
    };
    let (message, remedy) = match trouble {
        Unreachable::Name(why) => (
            format!("the name of {place} cannot be resolved: {why}"),
            "check the network, the VPN and the session's region; where only a proxy gets out, set HTTPS_PROXY",
        ),
        Unreachable::Connection(why) => (
            format!("no connection to {place}: {why}"),
            if proxy.is_some() {
                "check the network and the proxy, and whether NO_PROXY should name this host"
            } else {
                "check the network and the firewall; where only a proxy gets out, set HTTPS_PROXY"
            },
        ),
        Unreachable::Proxy(why) => {
            (format!("the proxy does not lead to {place}: {why}"), "check HTTPS_PROXY, its password, and NO_PROXY")
        }
        Unreachable::Tls(why) => (
            format!("the TLS connection to {place} failed: {why}"),
            "where a proxy inspects TLS, let AWS_CA_BUNDLE name its certificate; check the clock, too",
        ),
        Unreachable::Late => (
            format!("no answer from {place} in time"),
            "check the network, the VPN and the proxy, or whether a firewall swallows the connection",
        ),
        Unreachable::Other(why) => {
            (format!("{place} does not speak HTTP as it should: {why}"), "check the endpoint and the proxy")
        }
    };
    Finding::problem(ENDPOINT, message, remedy)
}

fn judge_clock<'a>(mut reached: impl Iterator<Item = &'a Reached>) -> Finding {
    let Some((date, wall)) = reached.find_map(|reached| Some((reached.answered.date?, reached.wall))) else {
        return Finding::skipped(CLOCK, "the service did not say what time it is");
    };
    let (off, direction) = match wall.duration_since(date) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let whole = Duration::from_secs(off.as_secs());
    if off.as_secs() <= ServiceClock::TOLERANCE_SECONDS.unsigned_abs() {
        return Finding::ok(CLOCK, "it agrees with the service's");
    }
    let message = format!("this machine's is {} {direction} the service's", humantime::format_duration(whole));
    let remedy = if cfg!(target_os = "macos") {
        "set it: sudo sntp -sS time.apple.com"
    } else {
        "set it: sudo timedatectl set-ntp true"
    };
    if off > SIGNATURE_TOLERANCE {
        Finding::problem(CLOCK, message + ", and AWS refuses what is signed with it", remedy)
    } else {
        Finding::warning(CLOCK, message, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;
    use crate::transport::proxies::Proxies;
    use std::time::UNIX_EPOCH;

    fn network() -> Network {
        Network { client: Ok(()), trusts: Trust::System, proxy: Ok(None), endpoints: Vec::new() }
    }

    fn endpoint(outcome: Option<Result<Reached, Unreachable>>) -> Network {
        let url = Url::parse("https://oidc.eu-west-1.amazonaws.com").unwrap();
        Network { endpoints: vec![Endpoint { url, regions: vec!["eu-west-1".to_owned()], outcome }], ..network() }
    }

    fn reached(date: Option<u64>, wall: u64) -> Option<Result<Reached, Unreachable>> {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        Some(Ok(Reached { answered: Answered { date: date.map(at) }, wall: at(wall) }))
    }

    fn found(network: &Network, name: &str) -> Finding {
        judge(network).into_iter().find(|finding| finding.name == name).unwrap()
    }

    #[test]
    fn the_way_to_an_endpoint_breaks_in_ways_that_are_told_apart() {
        let why = || "refused".to_owned();
        for (trouble, words) in [
            (Unreachable::Name(why()), "name of oidc.eu-west-1.amazonaws.com (eu-west-1) cannot be resolved: refused"),
            (Unreachable::Connection(why()), "no connection to"),
            (Unreachable::Proxy(why()), "proxy does not lead to"),
            (Unreachable::Tls(why()), "TLS connection to"),
            (Unreachable::Late, "in time"),
            (Unreachable::Other(why()), "does not speak HTTP"),
        ] {
            let finding = found(&endpoint(Some(Err(trouble))), ENDPOINT);
            assert_eq!(finding.result, Verdict::Problem);
            assert!(finding.message.contains(words), "{finding:?}");
        }
        assert_eq!(found(&endpoint(reached(None, 0)), ENDPOINT).result, Verdict::Ok);
        assert_eq!(found(&endpoint(None), ENDPOINT).result, Verdict::Skipped);
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
            let finding = found(&endpoint(reached(date, wall)), CLOCK);
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn the_password_of_a_proxy_is_never_shown() {
        let proxy = |variable: &'static str, value: &str| {
            Proxies::from_vars(|name| (name == variable).then(|| value.into())).map(|proxies| proxies.proxy().cloned())
        };
        let judged = |proxy| found(&Network { proxy, ..network() }, PROXY);
        let finding = judged(proxy("HTTPS_PROXY", "http://ada:hunter2@proxy.example:3128"));
        assert_eq!(finding, Finding::ok(PROXY, "HTTPS_PROXY=http://proxy.example:3128"));
        let finding = judged(proxy("https_proxy", "http://ada:hunter2@x@proxy.example"));
        assert_eq!(finding.result, Verdict::Problem);
        assert!(finding.message.contains("%40") && !format!("{finding:?}").contains("hunter2"), "{finding:?}");
        assert_eq!(judged(proxy("ALL_PROXY", "proxy:1080")).message, "ALL_PROXY=http://proxy:1080");
        let unusable = proxy("ALL_PROXY", "socks5://proxy:1080");
        assert_eq!(found(&Network { proxy: unusable, ..network() }, CERTIFICATES).result, Verdict::Skipped);
    }

    #[test]
    fn certificates_that_cannot_be_used_are_a_problem() {
        for (trusts, words) in [(Trust::System, "ca-certificates"), (Trust::SystemAndBundle, "AWS_CA_BUNDLE")] {
            let finding = found(&Network { client: Err("broken".to_owned()), trusts, ..network() }, CERTIFICATES);
            assert_eq!(finding.result, Verdict::Problem);
            assert!(finding.remedy.unwrap().contains(words));
            assert_eq!(found(&Network { trusts, ..network() }, CERTIFICATES).result, Verdict::Ok);
        }
    }
}
