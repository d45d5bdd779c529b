//! Where start URLs lead that are not AWS's own.

use std::sync::Arc;

use url::Url;

use super::report::{Check, Finding};
use super::time_limit::TimeLimit;
use crate::config::{Config, SessionConfig};
use crate::oidc::{CallError, IdentityCenter};
use crate::token::Target;
use crate::transport::proxies::{Proxies, Proxy};
use crate::transport::{Patience, Transport};

const START_URL: Check = Check("start URL");

/// Asks each of them, all at once.
pub(super) async fn examine(config: &Config, limit: &TimeLimit) -> Vec<Finding> {
    let transport = Arc::new(Transport::new(config.ca_bundle.clone(), Patience::default(), Arc::clone(&limit.0)));
    let proxies = Proxies::from_process();
    let is_masked = |session: &SessionConfig| {
        let url = Url::parse(session.start_url());
        let proxy = proxies.as_ref().ok().zip(url.as_ref().ok()).and_then(|(proxies, url)| proxies.towards(url));
        proxy.is_some_and(Proxy::is_masked)
    };
    let mut asked = Vec::new();
    for session in config.sessions.iter().filter(|session| session.identity.region.is_none()) {
        let (transport, limit, start_url) = (Arc::clone(&transport), limit.clone(), session.start_url().to_owned());
        let asking = (!is_masked(session))
            .then(|| tokio::spawn(async move { limit.wait_for(transport.resolve(&start_url)).await }));
        asked.push((session, asking));
    }
    let mut findings = Vec::new();
    for (session, asking) in asked {
        let Some(asking) = asking else {
            let why = "not asked: the daemon's proxy has a password that this shell does not know";
            findings.push(START_URL.skipped(format!("{} of session {:?}: {why}", session.start_url(), session.name)));
            continue;
        };
        let late = || CallError::StartUrl {
            reason: format!("{} has not answered in time", session.start_url()),
            may_pass: true,
        };
        let lead = asking.await.ok().flatten().unwrap_or_else(|| Err(late()));
        findings.push(judge(session, lead.and_then(|lead| lead.target(session))));
    }
    findings
}

fn judge(session: &SessionConfig, target: Result<Target, CallError>) -> Finding {
    let (name, start_url) = (&session.name, session.start_url());
    match target {
        Ok(Target { issuer, resolved: Some(target) }) => {
            START_URL.ok(format!("{start_url} of session {name:?} leads to {target} (issued by {issuer})"))
        }
        Ok(Target { resolved: None, .. }) => {
            START_URL.ok(format!("{start_url} of session {name:?} is at the service itself"))
        }
        Err(error) => START_URL.problem(
            format!("a sign-in to session {name:?} is not possible: {error}"),
            "correct the start URL, or configure the one of AWS that it should lead to",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Paths, parse};
    use crate::doctor::report::Verdict;
    use crate::issuer::Issuer;

    #[test]
    fn it_is_said_where_a_start_url_leads_or_why_nowhere() {
        let paths = Paths { own: "/config.toml".into(), aws: "/aws".into(), aws_credentials: "/credentials".into() };
        let aws = "[sso-session corp]\nsso_start_url = https://sso.corp.example\n";
        let corp = parse(&paths, "", aws, "", &Environment::default()).sessions.remove(0);
        let resolved = Some("https://corp.awsapps.com/start".into());
        let found = judge(&corp, Ok(Target { issuer: Issuer::aws("eu-west-1"), resolved }));
        let message = "https://sso.corp.example of session \"corp\" leads to https://corp.awsapps.com/start (issued by aws:eu-west-1)";
        assert_eq!((found.result, found.message.as_str()), (Verdict::Ok, message));
        let error = CallError::StartUrl { reason: "it leads elsewhere".to_owned(), may_pass: false };
        let found = judge(&corp, Err(error));
        assert_eq!(found.result, Verdict::Problem);
        assert!(found.message.ends_with("it leads elsewhere"), "{}", found.message);
    }
}
