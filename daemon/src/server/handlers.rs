//! The handlers of the routes. `handle` has one arm for each route; a route without an arm does not compile.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use ssoctl_protocol::audit::Audit;
use ssoctl_protocol::import::Import;
use ssoctl_protocol::{
    DaemonStatus, ErrorCode, JSON, Login, LoginKind, Problem, Query, Route, Selector, SessionStatus, StatusReport,
    Token, openapi,
};

use super::choices::Listed;
use super::connection::Answers;
use super::events::{Events, Lines, Subscription};
use super::place::Place;
use super::reply::{self, Body, HandlerResult, ok};
use super::shown::Shown;
use super::socket::SocketError;
use super::{problem, status};
use crate::audit::{AuditEvent, Happened};
use crate::budget::Budget;
use crate::caller::Caller;
use crate::clock::{BootTime, Now};
use crate::config::{Environment, FilePair};
use crate::directory::{Entry, View};
use crate::grants::Grant;
use crate::live_config::Requests;
use crate::notice::FlowKind;
use crate::picks::Picks;
use crate::session::callers::{self, How, Need, Refusal};
use crate::waiting::lock;

/// The longest wait of any caller.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Makes the socket of a grant and serves it.
pub type OpenGrant = Arc<dyn Fn(Arc<Grant>) -> Opened + Send + Sync>;

/// Whether that has worked.
pub type Opened = Pin<Box<dyn Future<Output = Result<(), SocketError>> + Send>>;

pub struct Api {
    pub shown: Arc<Shown>,
    pub events: Arc<Events>,
    pub listed: Listed,
    pub picks: Picks,
    /// An import reads a directory and asks every session.
    pub imports: CallLimit,
    /// A new session rewrites the configuration file, and may ask the service for its region.
    pub new_sessions: CallLimit,
    pub open_grant: OpenGrant,
    /// The environment at the daemon's start.
    pub environment: Environment,
    pub requests: Requests,
}

impl Answers for Api {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        reply::to(request, async |route, query, request| self.handle(route, query, request).await).await
    }
}

impl Api {
    /// `Route::parse` has put the session of the path into `query.selector`.
    async fn handle(&self, route: Route, query: Query, request: Request<Incoming>) -> HandlerResult {
        let caller = caller(&request);
        match route {
            Route::Health => ok(&self.daemon()),
            Route::OpenApi => Ok(openapi()),
            Route::Sessions => ok(&self.sessions(&query).await?),
            Route::Events => {
                let lines = self.watch(query).await?;
                Place::leave_by(&request);
                Ok(reply::lines(lines))
            }
            Route::AddSession => ok(&self.add_session(request).await?),
            Route::Session => ok(&self.status(&self.entry(&query).await?)),
            Route::Token => ok(&self.token(&query, &caller).await?),
            Route::StartLogin(_) => ok(&self.start_login(&query, &caller).await?),
            Route::AwaitLogin(_) => ok(&self.await_login(&query, &caller).await?),
            Route::CancelLogin(_) => ok(&self.cancel_login(&query).await?),
            Route::Logout(_) => ok(&self.logout(&query, &caller).await?),
            Route::LogoutAll => ok(&self.logout_all(&query, &caller).await?),
            Route::Audit => ok(&self.audit(&query).await),
            Route::Grants => ok(&self.grants()),
            Route::AddGrant => ok(&self.add_grant(&query, request).await?),
            Route::RevokeGrants => ok(&self.revoke_grants(&caller).await),
            Route::RevokeGrant(name) => ok(&self.revoke_grant(&name, &caller).await?),
            Route::Grant => {
                Err(Problem::new(ErrorCode::UnknownGrant, "this is the daemon's own socket, and no grant's"))
            }
            Route::Choices => ok(&self.choices(&query).await?),
            Route::NotePick => ok(&self.note_pick(request).await?),
            Route::Import => ok(&self.import(&query).await?),
            Route::Credentials => reply::credentials(self.credentials(&query, &caller).await?, &query),
            Route::Assignment => ok(&self.assignment(&query).await?),
            Route::Accounts(_) => ok(&self.accounts(&query, &caller).await?),
            Route::Roles(_, account) => ok(&self.roles(&query, &account, &caller).await?),
        }
    }

    /// The files that a request names; `None`: the default ones.
    fn files(&self, query: &Query) -> Option<FilePair> {
        let settings = &self.shown.settings;
        let config = query.config.as_deref().filter(|config| *config != settings.aws_config);
        // Together with another configuration file the default credentials file has to be named, too.
        let is_default = |credentials: &&str| config.is_none() && *credentials == settings.aws_credentials;
        let credentials = query.credentials.as_deref().filter(|credentials| !is_default(credentials));
        let files = FilePair { config: config.map(PathBuf::from), credentials: credentials.map(PathBuf::from) };
        Some(files).filter(|files| files.config.is_some() || files.credentials.is_some())
    }

    /// The view of the files that a request names.
    pub(super) async fn view(&self, query: &Query) -> Result<Arc<View>, Problem> {
        let Some(files) = self.files(query) else {
            return Ok(Arc::clone(self.shown.directory.borrow().default_view()));
        };
        if let Some(view) = self.shown.directory.borrow().view_of(&files) {
            view.touch(&*self.shown.world.clock);
            return Ok(Arc::clone(view));
        }
        self.requests.read(files.clone()).await.map_err(|why| unusable(&files, &why))
    }

    /// Finds what a request means in the view of its files. What is not there may have been written a moment ago, so the files are read
    /// again before that is told.
    pub(super) async fn find<T>(
        &self,
        query: &Query,
        find: impl Fn(&View) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let problem = match find(&*self.view(query).await?) {
            Err(problem) => problem,
            found => return found,
        };
        let named = self.files(query);
        match (self.requests.read(named.clone().unwrap_or_default()).await, named) {
            (Ok(view), _) => find(&view),
            (Err(why), Some(files)) => Err(unusable(&files, &why)),
            (Err(_), None) => Err(problem),
        }
    }

    pub(super) async fn entry(&self, query: &Query) -> Result<Entry, Problem> {
        self.find(query, |view| resolved(view, &query.selector).cloned()).await
    }

    fn daemon(&self) -> DaemonStatus {
        self.shown.left_records.look_again();
        self.shown.daemon()
    }

    /// The lines for a watcher. The session that it names has to be there when it begins.
    async fn watch(&self, query: Query) -> Result<Lines, Problem> {
        let session = match &query.selector {
            Selector::Only => None,
            _ => Some(self.entry(&query).await?.config.name.clone()),
        };
        let view = self.view(&query).await?;
        // The default files may have been named by another path.
        let is_default = Arc::ptr_eq(&view, self.shown.directory.borrow().default_view());
        let files = self.files(&query).filter(|_| !is_default);
        let heartbeat = query.heartbeat.map(Duration::from_secs);
        self.events.watch(files, Subscription { session, topics: query.topics, heartbeat })
    }

    async fn sessions(&self, query: &Query) -> Result<StatusReport, Problem> {
        let view = self.view(query).await?;
        let sessions = view.entries().iter().map(|entry| self.status(entry)).collect();
        Ok(StatusReport { daemon: self.daemon(), sessions })
    }

    async fn token(&self, query: &Query, caller: &Caller) -> Result<Token, Problem> {
        let entry = self.entry(query).await?;
        let min_valid = Duration::from_secs(query.min_valid);
        let answer = entry.session.token(min_valid, wait(query), self.now().boot, caller).await;
        let (access, expires) = answer.map_err(|refusal| self.refused(&entry, refusal))?;
        self.note(Happened::new(AuditEvent::Token).to_session(&entry.config.name), caller);
        Ok(Token {
            access_token: access.value.clone(),
            token_type: access.token_type.clone(),
            expires_at: status::time(self.now(), expires),
            session: entry.config.name.clone(),
            start_url: entry.config.start_url().to_owned(),
            region: entry.config.region_at(entry.session.snapshot().target.as_ref()).unwrap_or_default(),
        })
    }

    async fn start_login(&self, query: &Query, caller: &Caller) -> Result<Login, Problem> {
        let need = need(query)?;
        let entry = self.entry(query).await?;
        self.note(Happened::new(AuditEvent::Login).to_session(&entry.config.name), caller);
        self.login_answer(&entry, entry.session.login(need, how(query)).await)
    }

    async fn await_login(&self, query: &Query, caller: &Caller) -> Result<Login, Problem> {
        let flow = query.flow.ok_or_else(|| Problem::new(ErrorCode::InvalidRequest, "flow is missing"))?;
        let entry = self.entry(query).await?;
        self.login_answer(&entry, entry.session.login_end(flow, wait(query), self.now().boot, caller).await)
    }

    fn login_answer(&self, entry: &Entry, answer: Result<callers::Login, Refusal>) -> Result<Login, Problem> {
        let now = self.now();
        Ok(match answer.map_err(|refusal| self.refused(entry, refusal))? {
            callers::Login::SignedIn(expires) => Login::SignedIn { expires_at: status::time(now, expires) },
            callers::Login::Pending { started, flow } => Login::Pending { started, login: status::pending(now, flow) },
        })
    }

    async fn cancel_login(&self, query: &Query) -> Result<SessionStatus, Problem> {
        let entry = self.entry(query).await?;
        entry.session.cancel_login().await.map_err(|refusal| self.refused(&entry, refusal))?;
        Ok(self.status(&entry))
    }

    async fn import(&self, query: &Query) -> Result<Import, Problem> {
        let view = self.view(query).await?;
        self.imports.admit(self.now().boot)?;
        self.shown
            .token_files
            .import(&view, &self.shown.world)
            .await
            .map_err(|why| Problem::new(ErrorCode::Internal, why))
    }

    async fn audit(&self, query: &Query) -> Audit {
        let now = self.now().wall;
        let since = (query.since > 0).then(|| now.checked_sub(Duration::from_secs(query.since))).flatten();
        self.shown.world.audit.read(since.map(Into::into), query.grant.clone()).await
    }

    pub(super) fn now(&self) -> Now {
        self.shown.world.clock.now()
    }

    /// Records what a caller has asked for, or was given.
    pub(super) fn note(&self, happened: Happened, caller: &Caller) {
        self.shown.world.audit.record(happened, Some(caller));
    }

    pub(super) fn status(&self, entry: &Entry) -> SessionStatus {
        self.shown.session(entry, self.shown.standing(entry))
    }

    pub(super) fn refused(&self, entry: &Entry, refusal: Refusal) -> Problem {
        problem::refused(&entry.config, refusal, self.now())
    }
}

pub(super) fn openapi() -> Response<Body> {
    reply::whole(StatusCode::OK, JSON, Bytes::from_static(openapi::DOCUMENT.as_bytes()))
}

fn need(query: &Query) -> Result<Need, Problem> {
    match (query.if_needed, query.fresh) {
        (false, false) => Ok(Need::Always),
        (true, false) => Ok(Need::Below { min_valid: Duration::from_secs(query.min_valid) }),
        (false, true) => Ok(Need::Fresh),
        (true, true) => Err(Problem::new(
            ErrorCode::InvalidRequest,
            "if_needed and fresh contradict each other: one keeps a live token, the other ends it",
        )),
    }
}

fn how(query: &Query) -> How {
    let kind = query.kind.and_then(|kind| match kind {
        LoginKind::Browser => Some(FlowKind::Browser),
        LoginKind::Device => Some(FlowKind::Device),
        _ => None,
    });
    How { kind, at_this_browser: query.at_this_browser, callback_port: query.callback_port }
}

/// Who has sent a request.
pub(super) fn caller(request: &Request<Incoming>) -> Caller {
    request.extensions().get::<Caller>().cloned().unwrap_or_default()
}

pub(super) fn wait(query: &Query) -> Duration {
    Duration::from_secs(query.wait).min(LONGEST_WAIT)
}

/// Limits calls that cost more than reading memory, for all callers together: to one in two seconds after a burst. Sign-ins are
/// limited by their session.
#[derive(Debug)]
pub struct CallLimit {
    calls: &'static str,
    budget: Mutex<Budget>,
}

fn unusable(files: &FilePair, why: &str) -> Problem {
    Problem::new(ErrorCode::AwsConfigUnusable, format!("{files}: {why}"))
}

/// The session that a selector means.
pub(super) fn resolved<'a>(view: &'a View, selector: &Selector) -> Result<&'a Entry, Problem> {
    view.resolve(selector).map_err(|why| problem::unresolved(selector, why))
}

impl CallLimit {
    pub const fn new(calls: &'static str, burst: u32) -> Self {
        Self { calls, budget: Mutex::new(Budget::new(burst, Duration::from_secs(2))) }
    }

    pub(super) fn admit(&self, now: BootTime) -> Result<(), Problem> {
        let mut budget = lock(&self.budget);
        let wait = budget.wait(now);
        if !wait.is_zero() {
            let detail = format!("too many {}; try again in {} s", self.calls, wait.as_secs() + 1);
            return Err(Problem::new(ErrorCode::TooManyRequests, detail));
        }
        budget.spend(now);
        Ok(())
    }
}
