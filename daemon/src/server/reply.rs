//! Answers as HTTP.

use std::borrow::Cow;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::Full;
use hyper::body::{self, Frame, Incoming, SizeHint};
use hyper::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;
use ssoctl_protocol::grant::ProcessCredentials;
use ssoctl_protocol::{
    CREDENTIAL_PROCESS_JSON, ErrorCode, JSON, JSON_LINES, PROBLEM_JSON, Problem, Query, RoleCredentials, Route,
    VERSION, VERSION_HEADER, text,
};

use super::events::Lines;
use super::web_page;

/// The body of an answer.
pub enum Body {
    Whole(Full<Bytes>),
    /// Lines, as they come.
    #[expect(private_interfaces, reason = "only the server looks into a body")]
    Lines(Lines),
}

impl body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx),
            Self::Lines(lines) => Pin::new(lines).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Lines(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Lines(_) => SizeHint::default(),
        }
    }
}

/// Finds the route of a request, has it handled, and makes an answer of the result.
pub(super) async fn to(
    request: Request<Incoming>,
    handle: impl AsyncFnOnce(Route, Query, Request<Incoming>) -> HandlerResult,
) -> Response<Body> {
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    let mut allowed = Vec::new();
    let parsed = Route::parse(&method, &path, request.uri().query().unwrap_or_default());
    let reply = match (web_page::refusal(&request), parsed) {
        (Some(why), _) => Err(Problem::new(ErrorCode::Forbidden, why)),
        (None, Ok((route, query))) => handle(route, query, request).await,
        (None, Err(bad)) => {
            allowed = bad.allowed;
            Err(Problem::new(bad.code, bad.detail))
        }
    };
    let mut response = reply.unwrap_or_else(|failed| {
        let (code, detail) = (failed.code.as_str(), &failed.detail);
        tracing::debug!(method, path, code, detail, "a request failed");
        problem(&failed)
    });
    let headers = response.headers_mut();
    if !allowed.is_empty() {
        headers.extend(HeaderValue::try_from(allowed.join(", ")).map(|value| (ALLOW, value)));
    }
    headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

pub(super) type HandlerResult = Result<Response<Body>, Problem>;

pub(super) fn ok(body: &impl Serialize) -> HandlerResult {
    json(StatusCode::OK, JSON, body).ok_or_else(unexpected)
}

/// Credentials in the form that the query asks for.
pub(super) fn credentials(credentials: RoleCredentials, query: &Query) -> HandlerResult {
    if !query.for_credential_process {
        return ok(&credentials);
    }
    json(StatusCode::OK, CREDENTIAL_PROCESS_JSON, &ProcessCredentials::from(credentials)).ok_or_else(unexpected)
}

pub(super) fn unexpected() -> Problem {
    Problem::new(ErrorCode::Internal, "the daemon could not encode its answer; please report this")
}

/// A whole answer that ends its connection, for clients that are refused before they send a request.
pub(super) fn raw(problem: &Problem) -> Vec<u8> {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let reason = status(problem).canonical_reason().unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: {PROBLEM_JSON}\r\n{VERSION_HEADER}: {VERSION}\r\ncache-control: no-store\r\n\
         retry-after: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        problem.status,
        body.len(),
    );
    (head + &body).into_bytes()
}

pub(super) fn problem(problem: &Problem) -> Response<Body> {
    let status = status(problem);
    json(status, PROBLEM_JSON, problem).unwrap_or_else(|| whole(status, PROBLEM_JSON, Bytes::new()))
}

fn status(problem: &Problem) -> StatusCode {
    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Option<Response<Body>> {
    Some(whole(status, content_type, json_bytes(body)?))
}

/// JSON that can be looked at in a terminal, through curl.
pub(super) fn json_bytes(body: &impl Serialize) -> Option<Bytes> {
    let mut document = BytesMut::with_capacity(1024).writer();
    serde_json::to_writer(&mut document, body).ok()?;
    let document = document.into_inner().freeze();
    Some(match str::from_utf8(&document).map(text::in_json) {
        Ok(Cow::Owned(safe)) => Bytes::from(safe),
        _ => document,
    })
}

/// Lines of JSON. The connection ends with them.
pub(super) fn lines(lines: Lines) -> Response<Body> {
    let mut response = with_type(JSON_LINES, Body::Lines(lines));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

pub(super) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = with_type(content_type, Body::Whole(Full::new(body)));
    *response.status_mut() = status;
    response
}

fn with_type(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
