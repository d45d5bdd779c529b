//! HTTP/1.1 on loopback: the only place that knows hyper.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::answer::Answer;
use crate::control;
use crate::exchange::{self, Reply};
use crate::identity_center::IdentityCenter;
use crate::operation::{Call, Operation};
use crate::vanity;

/// More than any request of this service needs.
const LARGEST_REQUEST: usize = 256 * 1024;

/// Accepts connections until `stop` fires or is dropped.
pub(crate) async fn serve(
    listener: TcpListener,
    identity_center: Arc<IdentityCenter>,
    mut stop: oneshot::Receiver<Infallible>,
) {
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A failed accept concerns that connection alone.
                if let Ok((stream, _)) = accepted {
                    tokio::spawn(connection(stream, Arc::clone(&identity_center)));
                }
            }
            _ = &mut stop => return,
        }
    }
}

async fn connection(stream: TcpStream, identity_center: Arc<IdentityCenter>) {
    let reset = Arc::new(AtomicBool::new(false));
    let service = {
        let reset = Arc::clone(&reset);
        service_fn(move |request| -> Pin<Box<dyn Future<Output = _> + Send>> {
            Box::pin(handle(request, Arc::clone(&identity_center), Arc::clone(&reset)))
        })
    };
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    // An error here is a client that left, or a fault that was asked for.
    let _ = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    if reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        // With no time to linger, dropping the socket sends RST instead of FIN.
        let _ = stream.set_zero_linger();
    }
}

/// The connection ends without an answer, as a fault wants it.
fn no_answer() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

async fn handle(
    request: Request<Incoming>,
    identity_center: Arc<IdentityCenter>,
    reset: Arc<AtomicBool>,
) -> io::Result<Response<AnswerBody>> {
    let reply = reply(request, &identity_center).await;
    let date = httpdate::fmt_http_date(identity_center.clock.wall());
    let mut response = match reply {
        Reply::Whole(answer) => response(&answer, AnswerBody::whole(answer.bytes())),
        Reply::Cut(answer) => response(&answer, AnswerBody::cut(answer.bytes())),
        Reply::Flood(bytes) => {
            let mut response = Response::new(AnswerBody::Flood { left: bytes });
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Reply::Closed => return Err(no_answer()),
        Reply::Reset => {
            reset.store(true, Ordering::Relaxed);
            return Err(no_answer());
        }
    };
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
    Ok(response)
}

async fn reply(request: Request<Incoming>, identity_center: &Arc<IdentityCenter>) -> Reply {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_REQUEST).collect().await else {
        return Reply::Whole(problem(413, "the request is too large or was cut off"));
    };
    let body = body.to_bytes();
    let path = head.uri.path();
    if let Some(path) = path.strip_prefix("/_control/") {
        return Reply::Whole(control::answer(identity_center, head.method.as_str(), path, &body));
    }
    let vanity = || identity_center.with(|service, _| vanity::at(&service.settings, path));
    let Some((operation, method)) = Operation::at(path).or_else(vanity) else {
        return Reply::Whole(problem(404, "no operation has this path"));
    };
    let head_for_get = head.method == Method::HEAD && method == "GET";
    if head.method != method && !head_for_get {
        return Reply::Whole(problem(405, "this path takes another method").with_header("allow", method));
    }
    let query = head.uri.query().unwrap_or_default();
    let bearer = head.headers.get("x-amz-sso_bearer_token").and_then(|value| value.to_str().ok());
    let call = Call::new(operation, path, query, bearer, body);
    exchange::carry_out(identity_center, Call { is_head: head_for_get, ..call }).await
}

/// An error that is found before an operation is reached.
fn problem(status: u16, message: &str) -> Answer {
    Answer::json(status, json!({ "message": message }))
}

fn response(answer: &Answer, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    // A 1xx is no final answer, and hyper refuses to send one as such.
    let status = StatusCode::from_u16(answer.status).ok().filter(|status| !status.is_informational());
    *response.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Some(content_type) = answer.content_type() {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    for (name, value) in &answer.headers {
        // The name of an injected exception may be no valid header value; then it is in the body alone.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    response
}

/// The body of an answer, or what a fault makes of it.
enum AnswerBody {
    Whole(Option<Bytes>),
    /// Announces `promised` bytes, sends `half`, waits until that is written out, and breaks off.
    Cut {
        promised: u64,
        half: Option<Bytes>,
        flushed: bool,
    },
    /// This many bytes, which are not JSON, without a content length.
    Flood {
        left: u64,
    },
}

impl AnswerBody {
    fn whole(bytes: Bytes) -> Self {
        Self::Whole(Some(bytes).filter(|bytes| !bytes.is_empty()))
    }

    fn cut(bytes: Bytes) -> Self {
        let half = bytes.slice(..bytes.len() / 2);
        // An answer without a body announces a byte nevertheless, or the client would not notice that it was cut.
        Self::Cut { promised: bytes.len().max(1) as u64, half: Some(half), flushed: false }
    }
}

static FLOOD: Bytes = Bytes::from_static(&[b'a'; 64 * 1024]);

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Cut { half, flushed, .. } => match half.take() {
                Some(half) => Poll::Ready(Some(Ok(Frame::data(half)))),
                None if !*flushed => {
                    // hyper writes out what it has when a body pauses.
                    *flushed = true;
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                None => Poll::Ready(Some(Err(no_answer()))),
            },
            Self::Flood { left: 0 } => Poll::Ready(None),
            Self::Flood { left } => {
                let length = (*left).min(FLOOD.len() as u64);
                *left -= length;
                let piece = FLOOD.slice(..usize::try_from(length).unwrap_or(FLOOD.len()));
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Flood { left: 0 })
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Cut { promised, .. } => SizeHint::with_exact(*promised),
            Self::Flood { .. } => SizeHint::default(),
        }
    }
}
