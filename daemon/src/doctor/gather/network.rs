//! Asking every endpoint of the configuration, and the service's clock along with it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use url::Url;

use super::blocking;
use crate::clock::Clock;
use crate::config::Config;
use crate::doctor::network::{Endpoint, Network, Reached, Trust};
use crate::transport::proxies::{Proxies, Proxy};
use crate::transport::reach::{Probe, Unreachable};

/// Asks the endpoints, all at once, each with this patience.
pub(in crate::doctor) async fn ask(config: &Config, clock: &dyn Clock, patience: Duration) -> Network {
    let bundle = config.ca_bundle.clone();
    let trusts = if bundle.is_some() { Trust::SystemAndBundle } else { Trust::System };
    let building = blocking(move || Probe::new(bundle.as_deref()));
    let late = clock.sleep_until(clock.now().boot + patience);
    let probe = tokio::select! {
        built = building => built.unwrap_or_else(|| Err("TLS cannot be set up".to_owned())),
        () = late => Err("reading the certificates takes too long".to_owned()),
    };
    let mut endpoints = endpoints(config);
    let proxies = Proxies::from_process();
    let client = match probe {
        Ok(probe) => {
            reach(Arc::new(probe), &mut endpoints, clock, patience).await;
            Ok(())
        }
        Err(why) => Err(why),
    };
    if let Ok(proxies) = &proxies {
        for endpoint in &mut endpoints {
            if proxies.towards(&endpoint.url).is_some_and(Proxy::is_masked) {
                // What came back is no answer to what the daemon would ask.
                endpoint.outcome = None;
            }
        }
    }
    Network { client, trusts, proxy: proxies.map(|proxies| proxies.proxy().cloned()), endpoints }
}

async fn reach(probe: Arc<Probe>, endpoints: &mut [Endpoint], clock: &dyn Clock, patience: Duration) {
    let mut asked = JoinSet::new();
    for (index, endpoint) in endpoints.iter_mut().enumerate() {
        let (probe, url) = (Arc::clone(&probe), endpoint.url.clone());
        // Whoever is not heard of until the end is late.
        endpoint.outcome = Some(Err(Unreachable::Late));
        asked.spawn(async move { (index, probe.reach(&url, patience).await) });
    }
    // Resolving a name cannot be interrupted, so the whole has an end of its own.
    let mut late = clock.sleep_until(clock.now().boot + patience + Duration::from_secs(1));
    loop {
        let outcome = tokio::select! {
            outcome = asked.join_next() => outcome,
            () = &mut late => return,
        };
        match outcome {
            Some(Ok((index, outcome))) => {
                let wall = clock.now().wall;
                endpoints[index].outcome = Some(outcome.map(|answered| Reached { answered, wall }));
            }
            Some(Err(_)) => {}
            None => return,
        }
    }
}

/// Every endpoint once, with the regions that it serves.
fn endpoints(config: &Config) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for session in &config.sessions {
        // A session that has none has a problem, which the configuration's findings tell.
        let Ok(found) = &session.endpoints else { continue };
        for url in [&found.oidc, &found.portal] {
            add(&mut endpoints, url.shown(), session.region());
        }
    }
    endpoints
}

fn add(endpoints: &mut Vec<Endpoint>, url: &Url, region: &str) {
    match endpoints.iter_mut().find(|known| known.url.origin() == url.origin()) {
        None => endpoints.push(Endpoint { url: url.clone(), regions: vec![region.to_owned()], outcome: None }),
        Some(known) if !known.regions.iter().any(|it| it == region) => known.regions.push(region.to_owned()),
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
