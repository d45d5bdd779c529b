//! A page in a browser that runs, through chromedriver and the W3C's WebDriver protocol.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;

use serde_json::{Value, json};

use crate::part::Part;
use crate::until;

/// The name of an element's identifier (WebDriver, section 12, "Elements").
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The page that a person looks at.
pub struct Page {
    driver: u16,
    session: String,
    _driver: Part,
}

impl Page {
    /// Looks at the page of the Chromium that listens on this port.
    pub fn attach(port: u16) -> Self {
        let (part, driver) = Part::that_says(Command::new("chromedriver").arg("--port=0"), |line| {
            line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
        });
        let mut page = Self { driver, session: String::new(), _driver: part };
        let options = json!({"debuggerAddress": format!("127.0.0.1:{port}")});
        let capabilities = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let session = page.call("POST", "/session", &capabilities).expect("chromedriver attaches");
        page.session = session["sessionId"].as_str().expect("a session has an identifier").to_owned();
        page
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) {
        self.command("url", &json!({"url": url})).expect("an address");
    }

    /// Waits until the page has this heading.
    pub fn shows(&self, heading: &str) {
        until(&format!("the page shows {heading:?}"), || (self.text("h1")? == heading).then_some(()));
    }

    /// The text of the first element of this kind that is on the page now.
    pub fn text(&self, selector: &str) -> Option<String> {
        let element = self.element(selector).ok()?;
        let text = self.call("GET", &format!("/session/{}/element/{element}/text", self.session), &Value::Null);
        // A page that was left meanwhile has none any more.
        Some(text.ok()?.as_str()?.to_owned())
    }

    /// Clicks on a button, which has to be where a person can click on it.
    pub fn click(&self, selector: &str) {
        let element = self.element(selector).expect("it is on the page");
        self.command(&format!("element/{element}/click"), &json!({})).expect("it can be clicked on");
    }

    /// Types into a field, in the place of what stands there.
    pub fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector).expect("it is on the page");
        self.command(&format!("element/{element}/clear"), &json!({})).expect("it is a field");
        self.command(&format!("element/{element}/value"), &json!({"text": text})).expect("it is a field");
    }

    /// The address in the address bar.
    pub fn url(&self) -> String {
        let url = self.call("GET", &format!("/session/{}/url", self.session), &Value::Null).expect("it has an address");
        url.as_str().expect("it is text").to_owned()
    }

    /// Runs a script in the page and returns its result.
    pub fn script(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({"script": script, "args": []})).expect("a script")
    }

    /// Sends a command of the Chrome DevTools Protocol and returns its result.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command("goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
            .expect("a command of the protocol")
    }

    fn element(&self, selector: &str) -> Result<String, String> {
        let element = self.command("element", &json!({"using": "css selector", "value": selector}))?;
        element[ELEMENT].as_str().map(str::to_owned).ok_or_else(|| format!("no element: {element}"))
    }

    fn command(&self, command: &str, parameters: &Value) -> Result<Value, String> {
        self.call("POST", &format!("/session/{}/{command}", self.session), parameters)
    }

    /// One call; the `value` of its answer, or what chromedriver has to complain of.
    fn call(&self, method: &str, path: &str, parameters: &Value) -> Result<Value, String> {
        let body = if parameters.is_null() { String::new() } else { parameters.to_string() };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.driver,
            body.len()
        );
        let (head, body) = exchange(self.driver, &request).map_err(|error| error.to_string())?;
        let mut body: Value = serde_json::from_str(&body).map_err(|error| format!("{error}: {body}"))?;
        let value = body["value"].take();
        if head.split(' ').nth(1) == Some("200") { Ok(value) } else { Err(value["message"].to_string()) }
    }
}

/// Sends a request and reads the head and the body of its answer. chromedriver keeps connections open, so the length counts.
fn exchange(port: u16, request: &str) -> io::Result<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(request.as_bytes())?;
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head)? > 2 {}
    let length =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body)?;
    Ok((head, String::from_utf8_lossy(&body).into_owned()))
}
