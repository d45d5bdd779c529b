//! Going to an address as a browser does, without a browser: redirects are followed, and the page at their end is read.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use identity_center_simulator::Simulator;
use ssoctl_protocol::http::Head;

/// More redirects than any browser follows.
const REDIRECTS: usize = 20;

/// The page at the end of all redirects.
#[derive(Debug)]
pub struct Page {
    pub url: String,
    pub status: u16,
    pub html: String,
}

impl Page {
    /// Insists on words on the page.
    #[track_caller]
    pub fn shows(self, words: &str) -> Self {
        assert!(self.html.contains(words), "no {words:?} in {self:?}");
        self
    }

    /// The request that the simulator's page asks about.
    #[track_caller]
    pub fn request(&self) -> String {
        let field = self.html.split_once("name=\"request\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
        field.unwrap_or_else(|| panic!("no request in {self:?}")).0.to_owned()
    }
}

/// Opens an address of this machine.
///
/// # Errors
/// Nobody listens there, or what answers is no web server.
pub fn visit(url: &str) -> io::Result<Page> {
    let mut url = url.to_owned();
    for _ in 0..REDIRECTS {
        let rest = url.strip_prefix("http://").ok_or(io::ErrorKind::InvalidInput)?;
        let (host, target) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let (status, location, html) = exchange(host, request.as_bytes())?;
        match location.filter(|_| (300..400).contains(&status)) {
            Some(location) if location.starts_with('/') => url = format!("http://{host}{location}"),
            Some(location) => url = location,
            None => return Ok(Page { url, status, html }),
        }
    }
    Err(io::Error::other("too many redirects"))
}

/// The status, where it leads, and the body of an answer.
fn exchange(host: &str, request: &[u8]) -> io::Result<(u16, Option<String>, String)> {
    let address: SocketAddr = host.parse().map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request)?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let head = Head::parse(&bytes).ok().flatten().ok_or(io::ErrorKind::InvalidData)?;
    let status = head.status().ok_or(io::ErrorKind::InvalidData)?;
    let location = head.values("location").next().map(str::to_owned);
    Ok((status, location, String::from_utf8_lossy(&bytes[head.length..]).into_owned()))
}

/// Opens the page of a sign-in and allows the request there, as the person would. Returns the page that says how it ended.
#[track_caller]
pub fn allow(service: &Simulator, page: &str) -> Page {
    let request = visit(page).expect("the service has a page").shows("Allow this request?").request();
    let location = service.allow_request(&request).expect("the request is pending");
    visit(&location).expect("the daemon listens")
}
