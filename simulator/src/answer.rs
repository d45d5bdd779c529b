//! An answer of the service, before it becomes HTTP.

use serde_json::Value;

/// Status, headers and body, with the name under which the call log keeps it.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
    /// `ok`, the exception's name, or a few words; never anything out of the body.
    pub(crate) outcome: String,
}

pub(crate) enum Body {
    Empty,
    Json(Value),
    Html(String),
    /// Text that is sent with a JSON content type although it is not JSON.
    NotJson(&'static str),
}

impl Answer {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self::new(status, Body::Json(body))
    }

    pub(crate) fn html(status: u16, page: String) -> Self {
        Self::new(status, Body::Html(page))
    }

    pub(crate) fn new(status: u16, body: Body) -> Self {
        let outcome = if status < 300 { "ok".to_owned() } else { format!("status {status}") };
        Self { status, headers: Vec::new(), body, outcome }
    }

    pub(crate) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn with_outcome(mut self, outcome: impl Into<String>) -> Self {
        self.outcome = outcome.into();
        self
    }

    pub(crate) fn content_type(&self) -> Option<&'static str> {
        match &self.body {
            Body::Empty => None,
            Body::Json(_) | Body::NotJson(_) => Some("application/json"),
            Body::Html(_) => Some("text/html; charset=utf-8"),
        }
    }

    pub(crate) fn bytes(&self) -> bytes::Bytes {
        match &self.body {
            Body::Empty => bytes::Bytes::new(),
            Body::Json(value) => value.to_string().into(),
            Body::Html(page) => page.clone().into(),
            Body::NotJson(text) => bytes::Bytes::from_static(text.as_bytes()),
        }
    }

    /// Gives the member `name` another value, or takes it away: in the body, in `roleCredentials` in it, or among the
    /// parameters that a redirect takes along.
    pub(crate) fn change_member(&mut self, name: &str, value: Option<Value>) {
        if let Some((_, location)) = self.headers.iter_mut().find(|(header, _)| *header == "location") {
            *location = changed_parameter(location, name, value);
        } else if let Some(members) = self.holder_of(name) {
            match value {
                Some(value) => members.insert(name.to_owned(), value),
                None => members.remove(name),
            };
        }
    }

    /// The object that holds the member `name`: the body itself, or `roleCredentials` in it.
    fn holder_of(&mut self, name: &str) -> Option<&mut serde_json::Map<String, Value>> {
        let Body::Json(Value::Object(body)) = &mut self.body else { return None };
        let nested =
            !body.contains_key(name) && body.get("roleCredentials").is_some_and(|inner| inner.get(name).is_some());
        if nested { body.get_mut("roleCredentials")?.as_object_mut() } else { Some(body) }
    }
}

fn changed_parameter(location: &str, name: &str, value: Option<Value>) -> String {
    let (uri, query) = location.split_once('?').unwrap_or((location, ""));
    let others = url::form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known != name);
    let mut changed = url::form_urlencoded::Serializer::new(String::new());
    changed.extend_pairs(others);
    if let Some(value) = value {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        changed.append_pair(name, &text);
    }
    format!("{uri}?{}", changed.finish())
}
