//! A client for the simulator that is as small as it can be: HTTP/1.1 over a socket, and a device flow on top.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use identity_center_simulator::{Clock, Fault, Operation, Settings, Simulator, Times};
use serde_json::{Value, json};

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

    pub(crate) fn content_length(&self) -> usize {
        self.header("content-length").map_or(0, |length| length.parse().expect("a length"))
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

    /// One request on a new connection.
    pub(crate) fn request(method: &str, url: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let mut connection = Self::open(url);
        connection.send(method, target, headers, body.as_bytes()).expect("sent");
        connection
    }

    pub(crate) fn receive(&mut self) -> io::Result<Answer> {
        let mut answer = self.receive_head()?;
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
            answer.body.resize(answer.content_length(), 0);
            self.0.read_exact(&mut answer.body)?;
        }
        Ok(answer)
    }

    /// Reads an answer until the connection ends, however long its body should be.
    pub(crate) fn receive_until_end(&mut self) -> io::Result<Answer> {
        let mut answer = self.receive_head()?;
        self.0.read_to_end(&mut answer.body)?;
        Ok(answer)
    }

    /// Reads an answer to HEAD, which has no body whatever its head says.
    pub(crate) fn receive_head(&mut self) -> io::Result<Answer> {
        let status = self.line()?.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let mut answer = Answer { status, headers: Vec::new(), body: Vec::new() };
        while let Some((name, value)) = self.line()?.split_once(':') {
            answer.headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        Ok(answer)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

pub(crate) fn registration() -> Value {
    json!({ "clientName": "test", "clientType": "public" })
}

pub(crate) fn with(mut object: Value, member: &str, value: Value) -> Value {
    object[member] = value;
    object
}

fn extended(mut object: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("members are an object") };
    object.as_object_mut().expect("an object").extend(members);
    object
}

/// A simulator, a clock that stands until it is advanced, and the calls of a client.
pub(crate) struct Bench {
    pub(crate) simulator: Simulator,
    pub(crate) clock: Clock,
}

/// The answer of RegisterClient.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The answer of StartDeviceAuthorization.
#[derive(Clone, Debug)]
pub(crate) struct Codes {
    pub(crate) device: String,
    pub(crate) user: String,
}

pub(crate) const SCOPED: &[&str] = &["sso:account:access"];
pub(crate) const UNSCOPED: &[&str] = &[];

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

    /// The bench with a client that has scopes.
    pub(crate) fn registered(self) -> (Self, Client) {
        self.registered_as(SCOPED)
    }

    pub(crate) fn registered_as(self, scopes: &[&str]) -> (Self, Client) {
        let client = self.register(scopes);
        (self, client)
    }

    /// The bench with a client that has scopes and a device authorization that is pending.
    pub(crate) fn started(self) -> (Self, Client, Codes) {
        let (bench, client) = self.registered();
        let codes = bench.start(&client);
        (bench, client, codes)
    }

    /// The bench with a client that has scopes and the answer with its first token.
    pub(crate) fn signed_in(self) -> (Self, Client, Answer) {
        let (bench, client) = self.registered();
        let token = bench.sign_in(&client);
        (bench, client, token)
    }

    /// Injects a fault for the next call.
    pub(crate) fn inject(&self, operation: Operation, fault: Fault) {
        self.simulator.inject(operation, fault, Times::Next(1));
    }

    fn call(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        Connection::request(method, &self.simulator.url(), target, headers, body).receive().expect("an answer")
    }

    /// Posts, and leaves it to the caller to receive the answer.
    pub(crate) fn send_post(&self, path: &str, body: &Value) -> Connection {
        Connection::request("POST", &self.simulator.url(), path, &[], &body.to_string())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string())
    }

    pub(crate) fn post_text(&self, path: &str, body: &str) -> Answer {
        self.call("POST", path, &[], body)
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.call("GET", target, &[], "")
    }

    pub(crate) fn head(&self, target: &str) -> Answer {
        Connection::request("HEAD", &self.simulator.url(), target, &[], "").receive_head().expect("an answer")
    }

    pub(crate) fn portal(&self, method: &str, target: &str, token: &str) -> Answer {
        self.call(method, target, &[("x-amz-sso_bearer_token", token)], "")
    }

    pub(crate) fn control_get(&self, path: &str) -> Value {
        self.control("GET", path, &json!({})).json()
    }

    pub(crate) fn control(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call(method, &format!("/_control/{path}"), &[], &body.to_string())
    }

    pub(crate) fn submit(&self, path: &str, user_code: &str) -> Answer {
        self.submit_form(path, &format!("user_code={user_code}"))
    }

    pub(crate) fn submit_form(&self, path: &str, form: &str) -> Answer {
        self.call("POST", path, &[("content-type", "application/x-www-form-urlencoded")], form)
    }

    pub(crate) fn register(&self, scopes: &[&str]) -> Client {
        Client::from(&self.register_with(json!({ "scopes": scopes })))
    }

    /// Registers a public client, with these members besides its name and type or in place of them.
    pub(crate) fn register_with(&self, members: Value) -> Answer {
        self.post("/client/register", &extended(registration(), members))
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

    /// Approves as the default person.
    pub(crate) fn approve(&self, codes: &Codes) {
        self.simulator.approve(&codes.user).expect("a pending code");
    }

    /// The whole device flow, approved by the default person.
    pub(crate) fn sign_in(&self, client: &Client) -> Answer {
        let codes = self.start(client);
        self.approve(&codes);
        let answer = self.poll(client, &codes);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// The access token of a new client that has scopes.
    pub(crate) fn access_token(&self) -> String {
        self.sign_in(&self.register(SCOPED)).member("accessToken")
    }

    pub(crate) fn last_outcome(&self) -> String {
        self.simulator.call_log().pop().expect("a call").outcome
    }
}

impl From<&Answer> for Client {
    fn from(registration: &Answer) -> Self {
        assert_eq!(registration.status, 200, "{registration:?}");
        Self { id: registration.member("clientId"), secret: registration.member("clientSecret") }
    }
}

impl Client {
    /// A client that never registered.
    pub(crate) fn unknown() -> Self {
        Self { id: "unknown".to_owned(), secret: "unknown".to_owned() }
    }

    /// A request body with the client's credentials and `members`.
    pub(crate) fn body(&self, members: Value) -> Value {
        extended(json!({ "clientId": self.id, "clientSecret": self.secret }), members)
    }

    pub(crate) fn poll_body(&self, codes: &Codes) -> Value {
        self.body(json!({ "grantType": DEVICE_GRANT, "deviceCode": codes.device }))
    }

    pub(crate) fn refresh_body(&self, token: &str) -> Value {
        self.body(json!({ "grantType": "refresh_token", "refreshToken": token }))
    }
}
