//! Which pages may be opened. Pure.
//!
//! The address of a verification page comes from the service's answer, and a person who is used to approving will approve.
//! So it must be on a host where Identity Center has such pages, or it is not opened.

use url::{Host, Url};

use super::Subject;

/// The DNS suffixes of all partitions (`aws-partitions.json` of the models). A region is in one partition only, so nothing
/// is gained by telling them apart here.
const SUFFIXES: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
];

/// The longest address that is handed to a browser, in bytes.
const MAX_LENGTH: usize = 2048;

/// Why a page is not opened. `Display` fits after `the page is not opened: `.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Not an address of a web page, or one that could be taken for something else.
    #[error("its address is not a plain web address")]
    NotAnAddress,
    /// Whatever is typed there, others can read.
    #[error("it is not an https page ({0})")]
    NotSecure(String),
    /// Nobody knows that it is a page of Identity Center.
    #[error("it is not on a host of AWS or of the start URL ({0})")]
    UnknownHost(String),
}

/// The page, if it may be opened for a sign-in to this session: over https, or http to this machine, and on one of these
/// hosts (observed):
///
/// - `*.awsapps.com`
/// - `device.sso.{region}.{suffix}`
/// - `*.{region}.portal.{suffix}`
/// - `*.portal.{region}.app.aws` (dual-stack)
/// - the start URL's own host
/// - those that the configuration names
/// - this machine, where a simulator or a tunnel answers
///
/// # Errors
/// The reason for not opening it.
pub fn admit(page: &str, session: &Subject) -> Result<Url, Refusal> {
    // The URL standard drops tabs and line breaks silently; here they mean that something else was meant.
    if page.len() > MAX_LENGTH || page.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(Refusal::NotAnAddress);
    }
    let url = Url::parse(page).map_err(|_| Refusal::NotAnAddress)?;
    // A user name in front of the host serves only those who want a host to look like another.
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(Refusal::NotAnAddress);
    }
    let host = url.host().ok_or(Refusal::NotAnAddress)?.to_owned();
    if is_this_machine(&host) {
        return Ok(url);
    }
    if url.scheme() != "https" {
        return Err(Refusal::NotSecure(host.to_string()));
    }
    let is_own = Url::parse(&session.start_url).is_ok_and(|start| start.host() == url.host());
    let is_configured = || session.verification_hosts.contains(&host.to_string());
    let is_of_aws = || matches!(&host, Host::Domain(name) if is_verification_host(name, &session.region));
    if is_own || is_of_aws() || is_configured() { Ok(url) } else { Err(Refusal::UnknownHost(host.to_string())) }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

fn is_verification_host(host: &str, region: &str) -> bool {
    is_below(host, "awsapps.com")
        || is_below(host, &format!("portal.{region}.app.aws"))
        || SUFFIXES.iter().any(|suffix| {
            host == format!("device.sso.{region}.{suffix}") || is_below(host, &format!("{region}.portal.{suffix}"))
        })
}

/// Whether a host is in a zone and is not the zone itself.
fn is_below(host: &str, zone: &str) -> bool {
    host.strip_suffix(zone).and_then(|labels| labels.strip_suffix('.')).is_some_and(|labels| !labels.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_URL: &str = "https://sso.corp.example/start";

    fn session(region: &str, verification_hosts: &[&str]) -> Subject {
        Subject {
            key: "key".to_owned(),
            name: "corp".to_owned(),
            start_url: START_URL.to_owned(),
            region: region.to_owned(),
            browser: None,
            verification_hosts: verification_hosts.iter().map(|&host| host.to_owned()).collect(),
        }
    }

    fn judged(page: &str) -> Result<String, Refusal> {
        admit(page, &session("eu-west-1", &[])).map(|url| url.to_string())
    }

    #[test]
    fn pages_on_configured_hosts_are_opened_and_no_others() {
        let session = session("eu-west-1", &["login.corp.example", "192.0.2.1", "[2001:db8::1]"]);
        for (page, is_admitted) in [
            ("https://login.corp.example/device?user_code=A", true),
            ("https://LOGIN.corp.example:8443/", true),
            ("https://192.0.2.1/", true),
            ("https://[2001:db8::1]/", true),
            ("http://login.corp.example/", false),
            ("https://x.login.corp.example/", false),
            ("https://corp.example/", false),
            ("https://192.0.2.2/", false),
            ("https://login.corp.example@attacker.example/", false),
        ] {
            assert_eq!(admit(page, &session).is_ok(), is_admitted, "{page}");
        }
    }

    #[test]
    fn pages_on_verification_hosts_are_opened() {
        for page in [
            "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
            "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH",
            "https://start.us-gov-home.awsapps.com/directory/corp#/device?user_code=A",
            "https://ssoins-1.eu-west-1.portal.amazonaws.com/",
            "https://ssoins-1.portal.eu-west-1.app.aws/?user_code=ABCD-EFGH",
            "https://sso.corp.example/device?user_code=A&x=$(id)",
            "http://127.0.0.1:8443/device?user_code=A",
            "http://[::1]:80/device",
            "http://localhost:1/device",
            "https://127.0.0.1/device",
        ] {
            assert!(judged(page).is_ok(), "{page}: {:?}", judged(page));
        }
        for (region, page) in [
            ("cn-north-1", "https://device.sso.cn-north-1.amazonaws.com.cn/"),
            ("eusc-de-east-1", "https://device.sso.eusc-de-east-1.amazonaws.eu/"),
            ("us-iso-east-1", "https://device.sso.us-iso-east-1.c2s.ic.gov/"),
            ("us-gov-west-1", "https://device.sso.us-gov-west-1.amazonaws.com/"),
        ] {
            assert!(admit(page, &session(region, &[])).is_ok(), "{page}");
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        for host in [
            "corp.awsapps.com.attacker.example",
            "evilawsapps.com",
            "awsapps.com",
            "corp.awsapps.com.",
            "corp.awsapps.co",
            "corp.\u{430}wsapps.com",
            "device.sso.eu-west-1.amazonaws.com.attacker.example",
            "evil-device.sso.eu-west-1.amazonaws.com",
            "evil.device.sso.eu-west-1.amazonaws.com",
            // Another region's page is not this session's.
            "device.sso.us-east-1.amazonaws.com",
            // Anybody owns hosts below amazonaws.com.
            "bucket.s3.eu-west-1.amazonaws.com",
            "portal.eu-west-1.amazonaws.com",
            "eu-west-1.portal.amazonaws.com",
            "ssoins-1.eu-west-1.app.aws",
            "portal.eu-west-1.app.aws",
            "login.sso.corp.example",
            "corp.example",
            "192.0.2.1",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example",
        ] {
            let page = format!("https://{host}/?user_code=ABCD-EFGH");
            assert!(matches!(judged(&page), Err(Refusal::UnknownHost(_))), "{page}: {:?}", judged(&page));
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        for page in [
            "",
            "corp.awsapps.com",
            "//corp.awsapps.com/",
            "file:///etc/passwd",
            "javascript:alert(1)//corp.awsapps.com",
            "data:text/html,x",
            "ftp://corp.awsapps.com/",
            "https://corp.awsapps.com@attacker.example/",
            "https://user@corp.awsapps.com/",
            "https://:word@corp.awsapps.com/",
            "https://corp.awsapps.com/ --new-window",
            "https://corp.awsapps\t.com/",
            "https://corp.awsapps.com/\n",
            "-https://corp.awsapps.com/",
            "https://",
        ] {
            assert_eq!(judged(page), Err(Refusal::NotAnAddress), "{page}");
        }
        assert_eq!(judged(&format!("https://corp.awsapps.com/{}", "x".repeat(3000))), Err(Refusal::NotAnAddress));
    }

    #[test]
    fn pages_that_others_can_read_are_refused() {
        for page in ["http://corp.awsapps.com/", "http://sso.corp.example/"] {
            assert!(matches!(judged(page), Err(Refusal::NotSecure(_))), "{page}");
        }
    }

    #[test]
    fn an_address_that_is_written_oddly_is_opened_as_it_was_understood() {
        assert_eq!(judged("https:\\\\corp.awsapps.com\\start").as_deref(), Ok("https://corp.awsapps.com/start"));
        assert_eq!(judged("HTTPS://CORP.AWSAPPS.COM:443").as_deref(), Ok("https://corp.awsapps.com/"));
        assert_eq!(judged("https://corp.awsapps.com/'\"<x>").as_deref(), Ok("https://corp.awsapps.com/'%22%3Cx%3E"));
    }
}
