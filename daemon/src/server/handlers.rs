//! Requests in, answers out.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, ORIGIN};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;
use ssoctl_protocol::body::{Logout, PortalSession};
use ssoctl_protocol::route::{NoRoute, Query};
use ssoctl_protocol::{
    ErrorCode, JSON, Login, NewSession, PROBLEM_JSON, Problem, Route, Selector, SessionStatus, StatusReport, Timestamp,
    Token, VERSION, VERSION_HEADER, openapi,
};
use tokio::sync::watch;

use super::{roles, translate};
use crate::config::{Identity, SaveError};
use crate::sdk_cache::SdkCache;
use crate::session::ask::{Answer, Need, PortalOutcome, Refusal, Want};
use crate::session::registry::{Directory, Entry};
use crate::world::World;

/// The largest body that any route takes.
const BODY_LIMIT: usize = 64 << 10;

/// How long a client may take to send a body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// No caller waits longer, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The name under which a session was saved, and the directory that has it.
pub type Saved = Pin<Box<dyn Future<Output = Result<(String, Arc<Directory>), SaveError>> + Send>>;

/// What the handlers work on.
pub struct Api {
    /// The sessions.
    pub directory: watch::Receiver<Arc<Directory>>,
    /// The doors; of them, handlers use the clock, and ask the store for its name.
    pub world: World,
    /// The token files of the AWS CLI and SDKs, of which handlers ask where they stand.
    pub token_files: SdkCache,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// Writes a session into the configuration file and reads that again.
    pub save: Box<dyn Fn(NewSession) -> Saved + Send + Sync>,
}

impl Api {
    /// Answers a request, always.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let method = request.method().as_str().to_owned();
        let path = request.uri().path().to_owned();
        let route = Route::parse(&method, &path);
        let mut response = match self.dispatch(route.clone(), request).await {
            Ok(response) => response,
            Err(problem) => {
                tracing::debug!(
                    method,
                    path,
                    code = problem.code.as_str(),
                    detail = problem.detail,
                    "a request failed"
                );
                problem_response(&problem)
            }
        };
        let headers = response.headers_mut();
        if let Err(NoRoute::MethodNotAllowed(allowed)) = route {
            let allowed: Vec<&str> = allowed.iter().map(|method| method.as_str()).collect();
            headers.extend(HeaderValue::try_from(allowed.join(", ")).map(|value| (ALLOW, value)));
        }
        headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    async fn dispatch(
        &self,
        route: Result<Route, NoRoute>,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Problem> {
        // Browsers say where a request comes from, and nothing that a browser runs has business here.
        if request.headers().contains_key(ORIGIN) {
            return Err(Problem::new(ErrorCode::Forbidden, "requests from web pages are refused"));
        }
        let route = route.map_err(|reason| match reason {
            NoRoute::NotFound => {
                Problem::new(ErrorCode::NotFound, format!("there is nothing at {}", request.uri().path()))
            }
            NoRoute::MethodNotAllowed(_) => Problem::new(
                ErrorCode::MethodNotAllowed,
                format!("{} does not take {}", request.uri().path(), request.method()),
            ),
            NoRoute::BadEncoding => {
                Problem::new(ErrorCode::InvalidRequest, "a name in the path is not percent-encoded UTF-8")
            }
        })?;
        let query = Query::parse(request.uri().query().unwrap_or_default())
            .map_err(|bad| Problem::new(ErrorCode::InvalidRequest, bad.to_string()))?;
        let directory = Arc::clone(&self.directory.borrow());
        let find =
            |selector: &Selector| directory.resolve(selector).map_err(|why| translate::unresolved(selector, why));
        let named = |name: String| find(&Selector::Session(name));
        match route {
            Route::Health => ok(&translate::daemon(&directory, &self.world, self.started_at)),
            Route::OpenApi => Ok(whole(StatusCode::OK, JSON, Bytes::from_static(openapi::DOCUMENT.as_bytes()))),
            Route::Sessions => {
                let sessions = directory.entries().iter().map(|entry| self.status(entry)).collect();
                ok(&StatusReport { daemon: translate::daemon(&directory, &self.world, self.started_at), sessions })
            }
            Route::AddSession => self.add_session(request).await,
            Route::Resolve => ok(&self.status(find(&query.selector)?)),
            Route::Session(name) => ok(&self.status(named(name)?)),
            Route::Token => self.token(find(&query.selector)?, &query).await,
            Route::SessionToken(name) => self.token(named(name)?, &query).await,
            Route::StartLogin(name) => {
                let need = match (query.if_needed, query.fresh) {
                    (false, false) => Need::Always,
                    (true, false) => Need::Below { min_valid: Duration::from_secs(query.min_valid) },
                    (false, true) => Need::Fresh,
                    (true, true) => {
                        return Err(Problem::new(
                            ErrorCode::InvalidRequest,
                            "if_needed and fresh contradict each other: one keeps a live token, the other ends it",
                        ));
                    }
                };
                self.login(named(name)?, Want::Login { need }).await
            }
            Route::AwaitLogin(name) => {
                let flow = query.flow.ok_or_else(|| Problem::new(ErrorCode::InvalidRequest, "flow is missing"))?;
                self.login(named(name)?, Want::LoginEnd { flow, wait: wait(&query) }).await
            }
            Route::CancelLogin(name) => {
                let entry = named(name)?;
                match entry.session.ask(Want::CancelLogin).await {
                    Answer::Refused(refusal) => Err(self.refused(entry, refusal)),
                    _ => ok(&self.status(entry)),
                }
            }
            Route::Logout(name) => self.logout(named(name)?).await,
            Route::Import => match self.token_files.import(&directory, &*self.world.clock).await {
                Ok(files) => ok(&translate::import(self.token_files.place(), files)),
                Err(why) => Err(Problem::new(ErrorCode::Internal, why)),
            },
            Route::Credentials => {
                let query = roles::or_default_profile(&directory, query);
                let entry = find(&query.selector)?;
                let (assignment, region) = roles::assignment(&directory, entry, &query)?;
                self.credentials(entry, assignment, region, &query).await
            }
            Route::SessionCredentials(name) => {
                let query = Query { selector: Selector::Session(name), ..query };
                let entry = find(&query.selector)?;
                let (assignment, region) = roles::assignment(&directory, entry, &query)?;
                self.credentials(entry, assignment, region, &query).await
            }
            Route::Assignment => {
                let query = roles::or_default_profile(&directory, query);
                let entry = find(&query.selector)?;
                let (assignment, region) = roles::assignment(&directory, entry, &query)?;
                ok(&roles::meant(entry, &assignment, region))
            }
            Route::Accounts(name) => self.accounts(named(name)?, &query).await,
            Route::Roles { session, account } => self.roles(named(session)?, &account, &query).await,
            _ => Err(Problem::new(ErrorCode::NotFound, "this route is not served")),
        }
    }

    async fn token(&self, entry: &Entry, query: &Query) -> Result<Response<Full<Bytes>>, Problem> {
        let min_valid = Duration::from_secs(query.min_valid);
        let snapshot = entry.session.snapshot();
        let now = self.world.clock.now();
        let held =
            snapshot.token.as_ref().filter(|token| token.is_live(now.boot) && token.remaining(now.boot) >= min_valid);
        let (access, expires) = match held {
            Some(token) => (Arc::clone(&token.access), token.expires),
            None => match entry.session.ask(Want::Token { min_valid, wait: wait(query) }).await {
                Answer::Token(access, expires) => (access, expires),
                Answer::Refused(refusal) => return Err(self.refused(entry, refusal)),
                _ => return Err(unexpected()),
            },
        };
        let now = self.world.clock.now();
        ok(&Token {
            access_token: access.value.clone(),
            token_type: access.token_type.clone(),
            expires_at: translate::time(now, expires),
            session: entry.config.name.clone(),
            start_url: entry.config.start_url.clone(),
            region: entry.config.region().to_owned(),
        })
    }

    async fn login(&self, entry: &Entry, want: Want) -> Result<Response<Full<Bytes>>, Problem> {
        match entry.session.ask(want).await {
            Answer::SignedIn(expires) => {
                ok(&Login::SignedIn { expires_at: translate::time(self.world.clock.now(), expires) })
            }
            Answer::Pending { started, flow } => ok(&Login::Pending {
                started,
                browser: entry.config.browser.clone(),
                login: translate::pending(self.world.clock.now(), flow),
            }),
            Answer::Refused(refusal) => Err(self.refused(entry, refusal)),
            _ => Err(unexpected()),
        }
    }

    async fn logout(&self, entry: &Entry) -> Result<Response<Full<Bytes>>, Problem> {
        let (portal, detail) = match entry.session.ask(Want::Logout).await {
            Answer::LoggedOut(PortalOutcome::Ended) => (PortalSession::Ended, None),
            Answer::LoggedOut(PortalOutcome::NothingToEnd) => (PortalSession::NothingToEnd, None),
            Answer::LoggedOut(PortalOutcome::NotTold(error)) => (PortalSession::NotTold, Some(error.to_string())),
            Answer::Refused(refusal) => return Err(self.refused(entry, refusal)),
            _ => return Err(unexpected()),
        };
        ok(&Logout { session: entry.config.name.clone(), portal, detail })
    }

    async fn add_session(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Problem> {
        let body = Limited::new(request.into_body(), BODY_LIMIT).collect();
        let too_late = self.world.clock.sleep_until(self.world.clock.now().boot + BODY_TIMEOUT);
        let body = tokio::select! {
            body = body => body,
            () = too_late => {
                return Err(Problem::new(ErrorCode::RequestTimeout, "the body did not come to its end in time"));
            }
        };
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                Problem::new(ErrorCode::BodyTooLarge, format!("the body is longer than {BODY_LIMIT} bytes"))
            } else {
                Problem::new(ErrorCode::InvalidRequest, "the body could not be read to its end")
            }
        })?;
        let session: NewSession = serde_json::from_slice(&body.to_bytes())
            .map_err(|error| Problem::new(ErrorCode::InvalidRequest, format!("the body is not a session: {error}")))?;
        if let Some(known) = self.known(&session)? {
            return ok(&known);
        }
        let (name, directory) = (self.save)(session).await.map_err(|error| translate::not_saved(&error))?;
        directory.named(&name).map(|entry| self.status(entry)).map_or_else(
            || {
                Err(Problem::new(
                    ErrorCode::ConfigurationUnwritable,
                    format!("session {name:?} was saved but could not be read back; see: ssoctl status"),
                ))
            },
            |status| ok(&status),
        )
    }

    /// The session that is meant to be saved, if there is one like it already.
    fn known(&self, session: &NewSession) -> Result<Option<SessionStatus>, Problem> {
        let scopes = session.scopes.clone();
        let identity = Identity::new(&session.start_url, &session.region, scopes.as_deref().unwrap_or_default(), None)
            .map_err(|error| Problem::new(ErrorCode::InvalidRequest, error.to_string()))?;
        let directory = Arc::clone(&self.directory.borrow());
        let is_same = |entry: &&Entry| {
            let known = &entry.config.identity;
            (&known.start_url, &known.region) == (&identity.start_url, &identity.region)
                && (scopes.is_none() || known.scopes == identity.scopes)
        };
        match &session.name {
            None => Ok(directory.entries().iter().find(is_same).map(|entry| self.status(entry))),
            Some(name) => match directory.named(name) {
                None => Ok(None),
                Some(entry) if is_same(&entry) => Ok(Some(self.status(entry))),
                Some(entry) => Err(Problem::new(
                    ErrorCode::SessionExists,
                    format!(
                        "there is a session {name:?} already, for {} in {}; choose another name, or edit {}",
                        entry.config.start_url,
                        entry.config.region(),
                        entry.config.origin.file.display(),
                    ),
                )),
            },
        }
    }

    fn status(&self, entry: &Entry) -> SessionStatus {
        let token_files = self.token_files.standing(&entry.config.identity);
        translate::session(entry, &entry.session.snapshot(), token_files, self.world.clock.now())
    }

    pub(super) fn refused(&self, entry: &Entry, refusal: Refusal) -> Problem {
        translate::refused(entry, refusal, self.world.clock.now())
    }
}

pub(super) fn wait(query: &Query) -> Duration {
    Duration::from_secs(query.wait).min(LONGEST_WAIT)
}

pub(super) fn ok(body: &impl Serialize) -> Result<Response<Full<Bytes>>, Problem> {
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

fn problem_response(problem: &Problem) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, PROBLEM_JSON, problem).unwrap_or_else(|| {
        let mut response = Response::new(Full::default());
        *response.status_mut() = status;
        response
    })
}

fn json(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Option<Response<Full<Bytes>>> {
    let mut text = BytesMut::with_capacity(1024).writer();
    serde_json::to_writer(&mut text, body).ok()?;
    Some(whole(status, content_type, text.into_inner().freeze()))
}

fn whole(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
