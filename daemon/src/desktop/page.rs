//! Decides which pages may be opened, for notices, `ssoctl login` and `ssoctl console`. Pure.
//!
//! The address of a verification page comes from the service's answer, and a person who is used to approving will approve.
//! So only pages on hosts where Identity Center has such pages are opened.

use url::{Host, Url};

use crate::aws_hosts::{is_page_host, region_of_service};
use crate::config::{Endpoints, SessionConfig};

/// The longest address that is given to a browser, in bytes.
const MAX_LENGTH: usize = 2048;

/// A page that may be opened. Only [`admit`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    url: String,
    host: String,
}

impl Page {
    /// The address: characters of RFC 3986 but `$` and `'`, so that no program that passes it on takes a part of it for a
    /// variable or the end of a quotation.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    pub fn host(&self) -> &str {
        &self.host
    }
}

/// `Display` fits after `the page is not opened: `.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PageRefusal {
    #[error("its address is not a plain web address")]
    NotAnAddress,
    #[error("it is not an https page ({0})")]
    NotSecure(String),
    #[error("it is not on a host of AWS or of the start URL ({0})")]
    UnknownHost(String),
}

/// The page, if it may be opened for a sign-in to this session: over https, or http to this machine, and on one of these hosts:
///
/// - those of AWS where people of the session's region sign in, on the default port
/// - the start URL's own host
/// - the session's OIDC service, for the page that gives an authorization code
/// - those that the configuration names
/// - this machine, where a simulator or a tunnel answers
///
/// For a session that is not known here (its daemon is on another machine), only AWS's hosts and this machine count.
pub fn admit(page: &str, session: Option<&SessionConfig>) -> Result<Page, PageRefusal> {
    if page.len() > MAX_LENGTH || !is_rfc3986(page) {
        return Err(PageRefusal::NotAnAddress);
    }
    let url = Url::parse(page).map_err(|_| PageRefusal::NotAnAddress)?;
    // A user name in front of the host only serves to make one host look like another.
    if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
        return Err(PageRefusal::NotAnAddress);
    }
    let host = url.host().ok_or(PageRefusal::NotAnAddress)?.to_owned();
    let is_label = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if matches!(&host, Host::Domain(name) if !name.chars().all(is_label)) {
        return Err(PageRefusal::NotAnAddress);
    }
    let admitted = || Page { url: url.as_str().replace('$', "%24").replace('\'', "%27"), host: host.to_string() };
    if is_this_machine(&host) {
        return Ok(admitted());
    }
    if url.scheme() != "https" {
        return Err(PageRefusal::NotSecure(host.to_string()));
    }
    let is_own =
        |session: &SessionConfig| Url::parse(session.start_url()).is_ok_and(|start| start.host() == url.host());
    let is_configured = |session: &SessionConfig| session.verification_hosts.contains(&host.to_string());
    let is_authorization = url.path() == "/authorize"
        && session.map_or(region_of_service(&url).is_some(), |session| {
            let is_at = |endpoints: &Endpoints| endpoints.oidc.shown().origin() == url.origin();
            let is_where_it_may_lead = || session.endpoints.follow_issuer() && region_of_service(&url).is_some();
            session.endpoints.configured().is_some_and(is_at) || is_where_it_may_lead()
        });
    let region = session.and_then(|session| session.identity.region.as_deref());
    let is_of_aws = matches!(&host, Host::Domain(name) if is_page_host(name, region)) && url.port().is_none();
    if is_of_aws || is_authorization || session.is_some_and(|session| is_own(session) || is_configured(session)) {
        Ok(admitted())
    } else {
        Err(PageRefusal::UnknownHost(host.to_string()))
    }
}

/// Whether a text has only characters that a URI can have, and `%` only before two hexadecimal digits (RFC 3986, section 2).
fn is_rfc3986(text: &str) -> bool {
    let is_encoded = |rest: &[u8]| rest.len() >= 2 && rest[..2].iter().all(u8::is_ascii_hexdigit);
    text.bytes().enumerate().all(|(at, byte)| match byte {
        b'%' => is_encoded(&text.as_bytes()[at + 1..]),
        _ => byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte),
    })
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desktop::text::tests::configured;

    const START_URL: &str = "https://sso.corp.example/start";

    fn judged(page: &str) -> Result<String, PageRefusal> {
        admit(page, Some(&configured(START_URL, "eu-west-1"))).map(|page| page.as_str().to_owned())
    }

    #[test]
    fn pages_on_configured_hosts_are_opened_and_no_others() {
        let hosts = ["login.corp.example", "192.0.2.1", "[2001:db8::1]"].map(str::to_owned);
        let session = SessionConfig { verification_hosts: hosts.to_vec(), ..configured(START_URL, "eu-west-1") };
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
            assert_eq!(admit(page, Some(&session)).is_ok(), is_admitted, "{page}");
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
            "https://sso.corp.example:8443/device",
            "https://identitycenter.amazonaws.com/ssoins-1",
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
            assert!(admit(page, Some(&configured("https://corp.awsapps.com/start", region))).is_ok(), "{page}");
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
            "device.sso.eu-west-1.amazonaws.com.attacker.example",
            "evil-device.sso.eu-west-1.amazonaws.com",
            "evil.device.sso.eu-west-1.amazonaws.com",
            // Anybody owns hosts below amazonaws.com.
            "bucket.s3.eu-west-1.amazonaws.com",
            "portal.eu-west-1.amazonaws.com",
            "eu-west-1.portal.amazonaws.com",
            "ssoins-1.eu-west-1.app.aws",
            "portal.eu-west-1.app.aws",
            "login.sso.corp.example",
            "corp.example",
            "192.0.2.1",
            "169.254.169.254",
            "xn--wsapps-9cd.com:8443",
            "corp.awsapps.com:8443",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example",
        ] {
            let page = format!("https://{host}/?user_code=ABCD-EFGH");
            assert!(matches!(judged(&page), Err(PageRefusal::UnknownHost(_))), "{page}: {:?}", judged(&page));
        }
    }

    #[test]
    fn pages_of_another_region_are_opened_only_if_the_start_url_may_lead_there() {
        let page = "https://device.sso.us-east-1.amazonaws.com/";
        let at = |start_url| admit(page, Some(&configured(start_url, "eu-west-1")));
        assert!(matches!(at("https://corp.awsapps.com/start"), Err(PageRefusal::UnknownHost(_))));
        assert!(at(START_URL).is_ok());
    }

    #[test]
    fn only_web_addresses_are_opened() {
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
            assert_eq!(judged(page), Err(PageRefusal::NotAnAddress), "{page}");
        }
        assert_eq!(judged(&format!("https://corp.awsapps.com/{}", "x".repeat(3000))), Err(PageRefusal::NotAnAddress));
    }

    #[test]
    fn pages_that_others_can_read_are_refused() {
        for page in ["http://corp.awsapps.com/", "http://sso.corp.example/"] {
            assert!(matches!(judged(page), Err(PageRefusal::NotSecure(_))), "{page}");
        }
    }

    #[test]
    fn an_oddly_written_address_is_opened_in_its_parsed_form() {
        assert_eq!(judged("HTTPS://CORP.AWSAPPS.COM:443").as_deref(), Ok("https://corp.awsapps.com/"));
        let legal = "https://corp.awsapps.com/a-._~/?b=%2f&c=(1)*+,;:@!#/[x]";
        assert_eq!(judged(legal).as_deref(), Ok(legal));
    }

    #[test]
    fn characters_with_a_meaning_to_service_managers_or_quotes_are_encoded() {
        let page = "https://corp.awsapps.com/?a=${GITHUB_TOKEN}";
        assert_eq!(judged(page), Err(PageRefusal::NotAnAddress), "braces are no characters of RFC 3986");
        let page = "https://corp.awsapps.com/$HOME?a=$USER&b='x'";
        assert_eq!(judged(page).as_deref(), Ok("https://corp.awsapps.com/%24HOME?a=%24USER&b=%27x%27"));
    }

    #[test]
    fn only_characters_of_rfc_3986_are_accepted() {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=".contains(c);
        for c in (0..0x300).filter_map(char::from_u32).chain(['\u{202e}', '\u{fffd}']) {
            let is_opened = judged(&format!("https://corp.awsapps.com/?x={c}1")).is_ok();
            assert_eq!(is_opened, legal(c), "{c:?}");
        }
        for page in ["https://corp.awsapps.com/%", "https://corp.awsapps.com/%zz", "https://corp.awsapps.com/%2"] {
            assert_eq!(judged(page), Err(PageRefusal::NotAnAddress), "{page}");
        }
    }

    #[test]
    fn of_a_session_that_is_not_known_here_only_the_hosts_of_aws_are_opened() {
        for (page, is_admitted) in [
            ("https://device.sso.us-east-1.amazonaws.com/?user_code=A", true),
            ("https://corp.awsapps.com/start", true),
            ("https://oidc.us-east-1.amazonaws.com/authorize?state=A", true),
            ("https://oidc.us-east-1.amazonaws.com/token", false),
            ("https://oidc.us-east-1.amazonaws.com.evil.example/authorize", false),
            ("https://corp.awsapps.com:8443/start", false),
            ("https://sso.corp.example/start", false),
            ("https://device.sso.us-east-1.amazonaws.com.evil.example/", false),
            ("https://xn--wsapps-9cd.com:8443/", false),
            ("https://169.254.169.254/", false),
            ("https://[fd00:ec2::254]/", false),
        ] {
            assert_eq!(admit(page, None).is_ok(), is_admitted, "{page}");
        }
    }
}
