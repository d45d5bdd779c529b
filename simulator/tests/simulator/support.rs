//! A client for the simulator that is as small as it can be: HTTP/1.1 over a socket, and a device flow on top.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use identity_center_simulator::{Clock, Settings, Simulator};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(crate) const START_URL: &str = "https://example.awsapps.com/start";
pub(crate) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|why| panic!("{why} in {self:?}"))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text")
    }

    /// The exception's name as SDKs read it from the header.
    pub(crate) fn exception(&self) -> &str {
        self.header("x-amzn-errortype").and_then(|value| value.split(':').next()).unwrap_or("none")
    }

    /// A string member of the body.
    pub(crate) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_else(|| panic!("no string {name} in {self:?}")).to_owned()
    }

    pub(crate) fn date(&self) -> SystemTime {
        httpdate::parse_http_date(self.header("date").expect("a Date header")).expect("a date")
    }
}

/// One connection.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) fn open(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("plain http");
        let stream = TcpStream::connect(address).expect("the simulator listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a time-out");
        Self(BufReader::new(stream))
    }

    pub(crate) fn send(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nhost: simulator\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let stream = self.0.get_mut();
        stream.write_all(&[head.as_bytes(), body].concat())
    }

    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        let status_line = self.line()?;
        let status = status_line.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        if answer.header("transfer-encoding") == Some("chunked") {
            loop {
                let length = usize::from_str_radix(&self.line()?, 16).expect("a chunk's length");
                let mut chunk = vec![0; length];
                self.0.read_exact(&mut chunk)?;
                answer.body.extend(chunk);
                self.line()?;
                if length == 0 {
                    break;
                }
            }
        } else {
            let length = answer.header("content-length").map_or(0, |length| length.parse().expect("a length"));
            answer.body.resize(length, 0);
            self.0.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Reads a head and then until the connection ends: bytes of the body that came, and that were promised.
    pub(crate) fn receive_what_comes(&mut self) -> io::Result<(usize, usize)> {
        let mut promised = 0;
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            if let Some(length) = line.strip_prefix("content-length: ") {
                promised = length.parse().expect("a length");
            }
        }
        let mut body = Vec::new();
        self.0.read_to_end(&mut body)?;
        Ok((body.len(), promised))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

/// One request on a connection of its own.
pub(crate) fn request(
    url: &str,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut connection = Connection::open(url);
    connection.send(method, target, headers, body)?;
    connection.receive()
}

/// A simulator, a clock that stands until it is advanced, and the calls of a client.
pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Clock,
}

/// What RegisterClient gave.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What StartDeviceAuthorization gave.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    pub(crate) device: String,
    pub(crate) user: String,
}

pub(crate) const SCOPED: &[&str] = &["sso:account:access"];
pub(crate) const UNSCOPED: &[&str] = &[];

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn minutes(minutes: u64) -> Duration {
    seconds(minutes * 60)
}

pub(crate) fn hours(hours: u64) -> Duration {
    minutes(hours * 60)
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        let clock = Clock::manual(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let simulator =
            Simulator::start_with_clock(settings, Arc::new(clock.clone())).expect("a simulator on loopback");
        Self { simulator, clock }
    }

    pub(crate) fn try_call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        request(&self.simulator.url(), method, target, headers, body)
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_call("POST", path, &[], body.to_string().as_bytes()).expect("an answer")
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.try_call("GET", target, &[], b"").expect("an answer")
    }

    pub(crate) fn portal(&self, method: &str, target: &str, token: &str) -> Answer {
        self.try_call(method, target, &[("x-amz-sso_bearer_token", token)], b"").expect("an answer")
    }

    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.try_call(method, &format!("/_control/{path}"), &[], body.to_string().as_bytes()).expect("an answer")
    }

    pub(crate) fn submit(&self, path: &str, user_code: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.try_call("POST", path, &headers, format!("user_code={user_code}").as_bytes()).expect("an answer")
    }

    pub(crate) fn register(&self, scopes: &[&str]) -> Client {
        let answer =
            self.post("/client/register", &json!({ "clientName": "test", "clientType": "public", "scopes": scopes }));
        assert_eq!(answer.status, 200, "{answer:?}");
        Client { id: answer.member("clientId"), secret: answer.member("clientSecret") }
    }

    pub(crate) fn start(&self, client: &Client) -> Codes {
        self.start_at(client, START_URL)
    }

    pub(crate) fn start_at(&self, client: &Client, start_url: &str) -> Codes {
        let answer = self.post("/device_authorization", &client.body(json!({ "startUrl": start_url })));
        assert_eq!(answer.status, 200, "{answer:?}");
        Codes { device: answer.member("deviceCode"), user: answer.member("userCode") }
    }

    pub(crate) fn poll(&self, client: &Client, codes: &Codes) -> Answer {
        self.post("/token", &client.poll_body(codes))
    }

    pub(crate) fn refresh(&self, client: &Client, token: &str) -> Answer {
        self.post("/token", &client.refresh_body(token))
    }

    /// The whole device flow, approved by the default person.
    pub(crate) fn sign_in(&self, client: &Client) -> Answer {
        let codes = self.start(client);
        self.simulator.approve(&codes.user).expect("a pending code");
        let answer = self.poll(client, &codes);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    pub(crate) fn last_outcome(&self) -> String {
        self.simulator.call_log().pop().expect("a call").outcome
    }
}

impl Client {
    /// A request body with the client's credentials and `members`.
    pub(crate) fn body(&self, members: Value) -> Value {
        let mut body = Map::new();
        body.insert("clientId".to_owned(), json!(self.id));
        body.insert("clientSecret".to_owned(), json!(self.secret));
        let Value::Object(members) = members else { panic!("members are an object") };
        body.extend(members);
        Value::Object(body)
    }

    pub(crate) fn poll_body(&self, codes: &Codes) -> Value {
        self.body(json!({ "grantType": DEVICE_GRANT, "deviceCode": codes.device }))
    }

    pub(crate) fn refresh_body(&self, token: &str) -> Value {
        self.body(json!({ "grantType": "refresh_token", "refreshToken": token }))
    }
}
