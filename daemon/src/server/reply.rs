//! Answers as HTTP.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use ssoctl_protocol::{ErrorCode, JSON, PROBLEM_JSON, Problem, VERSION, VERSION_HEADER, text};

/// What a handler has to say.
pub(super) type Reply = Result<Response<Full<Bytes>>, Problem>;

pub(super) fn ok(body: &impl Serialize) -> Reply {
    json(StatusCode::OK, JSON, body).ok_or_else(unexpected)
}

pub(super) fn unexpected() -> Problem {
    Problem::new(ErrorCode::Internal, "the daemon's answer makes no sense; please report this")
}

/// A whole answer that ends its connection, for those who never get to ask.
pub(super) fn raw(problem: &Problem) -> Vec<u8> {
    let body = serde_json::to_string(problem).unwrap_or_default();
    let (status, length) = (problem.status, body.len());
    let head = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {PROBLEM_JSON}\r\n{VERSION_HEADER}: {VERSION}\r\ncache-control: no-store\r\n\
         retry-after: 1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n",
        StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default(),
    );
    (head + &body).into_bytes()
}

pub(super) fn problem(problem: &Problem) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, PROBLEM_JSON, problem).unwrap_or_else(|| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    })
}

fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Option<Response<Full<Bytes>>> {
    let mut document = BytesMut::with_capacity(1024).writer();
    serde_json::to_writer(&mut document, body).ok()?;
    let document = document.into_inner().freeze();
    // Whoever has no client of ours looks at it in a terminal.
    let safe = match str::from_utf8(&document).map(text::in_json) {
        Ok(Cow::Owned(safe)) => Bytes::from(safe),
        _ => document,
    };
    Some(whole(status, content_type, safe))
}

pub(super) fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
