//! Requests in, answers out.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, HeaderValue};
use hyper::{Request, Response, StatusCode};
use ssoctl_protocol::route::{NoRoute, Query};
use ssoctl_protocol::settings::Settings;
use ssoctl_protocol::{
    DaemonStatus, ErrorCode, JSON, Login, NewSession, Problem, Route, Selector, SessionStatus, StatusReport, Timestamp,
    Token, VERSION, VERSION_HEADER, openapi,
};
use tokio::sync::watch;

use super::calls::Calls;
use super::reply::{self, Reply, ok, unexpected};
use super::{roles, translate, web_page};
use crate::config::{FilePair, SaveError};
use crate::directory::{Directory, Entry, View};
use crate::left_records::LeftRecords;
use crate::sdk_cache::SdkCache;
use crate::session::ask::{Answer, Forgotten, Need, Refusal, Want};
use crate::world::World;

/// No caller waits longer, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The name under which a session was saved, and the directory that has it.
pub type Saved = Pin<Box<dyn Future<Output = Result<(String, Arc<Directory>), SaveError>> + Send>>;

/// What names mean in a file that a caller has named, or why it is not used.
pub type Named = Pin<Box<dyn Future<Output = Result<Arc<View>, String>> + Send>>;

/// What the handlers work on.
pub struct Api {
    /// The sessions.
    pub directory: watch::Receiver<Arc<Directory>>,
    /// The doors; of them, handlers use the clock, and ask the store for its name.
    pub world: World,
    /// The token files of the AWS CLI and SDKs, of which handlers ask where they stand.
    pub token_files: SdkCache,
    /// The records that belong to no session.
    pub left_records: LeftRecords,
    /// How often some calls may come.
    pub calls: Calls,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// What the daemon works with.
    pub settings: Settings,
    /// Reads a file that a caller has named, and remembers it.
    pub read: Box<dyn Fn(FilePair) -> Named + Send + Sync>,
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
                reply::problem(&problem)
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

    async fn dispatch(&self, route: Result<Route, NoRoute>, request: Request<Incoming>) -> Reply {
        if let Some(why) = web_page::sign_of(&request) {
            return Err(Problem::new(ErrorCode::Forbidden, why));
        }
        let route = route.map_err(|why| translate::no_route(&why, request.method().as_str(), request.uri().path()))?;
        let query = Query::parse(request.uri().query().unwrap_or_default())
            .map_err(|bad| Problem::new(ErrorCode::InvalidRequest, bad.to_string()))?;
        let directory = Arc::clone(&self.directory.borrow());
        match route {
            Route::Health => return ok(&self.daemon(&directory)),
            Route::OpenApi => {
                return Ok(reply::whole(StatusCode::OK, JSON, Bytes::from_static(openapi::DOCUMENT.as_bytes())));
            }
            Route::AddSession => return self.add_session(request).await,
            Route::LogoutAll => return self.logout_all(forgotten(&query)).await,
            _ => {}
        }
        let view = self.view(&query).await?;
        let named = |name: String| resolve(&view, &Selector::Session(name));
        match route {
            Route::Sessions => {
                let sessions = view.entries().iter().map(|entry| self.status(entry)).collect();
                // Reading the file of the view may have changed it.
                let directory = Arc::clone(&self.directory.borrow());
                ok(&StatusReport { daemon: self.daemon(&directory), sessions })
            }
            Route::Resolve => ok(&self.status(resolve(&view, &query.selector)?)),
            Route::Session(name) => ok(&self.status(named(name)?)),
            Route::Token => self.token(resolve(&view, &query.selector)?, &query).await,
            Route::SessionToken(name) => self.token(named(name)?, &query).await,
            Route::StartLogin(name) => self.login(named(name)?, Want::Login { need: need(&query)? }).await,
            Route::AwaitLogin(name) => {
                let flow = query.flow.ok_or_else(|| Problem::new(ErrorCode::InvalidRequest, "flow is missing"))?;
                self.login(named(name)?, Want::LoginEnd { flow, wait: wait(&query) }).await
            }
            Route::CancelLogin(name) => self.cancel_login(named(name)?).await,
            Route::Logout(name) => self.logout(named(name)?, forgotten(&query)).await,
            Route::Import => {
                self.calls.import(self.world.clock.now().boot)?;
                match self.token_files.import(&view, &self.world).await {
                    Ok(files) => ok(&translate::import(self.token_files.place(), files)),
                    Err(why) => Err(Problem::new(ErrorCode::Internal, why)),
                }
            }
            Route::Credentials => self.credentials(&view, roles::or_default_profile(&view, query)).await,
            Route::SessionCredentials(name) => {
                self.credentials(&view, Query { selector: Selector::Session(name), ..query }).await
            }
            Route::Assignment => roles::meant(&view, &roles::or_default_profile(&view, query)),
            Route::Accounts(name) => self.accounts(named(name)?, &query).await,
            Route::Roles { session, account } => self.roles(named(session)?, &account, &query).await,
            _ => Err(Problem::new(ErrorCode::NotFound, "this route is not served")),
        }
    }

    /// What the names of a request mean.
    async fn view(&self, query: &Query) -> Result<Arc<View>, Problem> {
        let config = query.config.as_deref().filter(|config| *config != self.settings.aws_config);
        // Together with another configuration file the default credentials file has to be named, too.
        let is_default = |credentials: &&str| config.is_none() && *credentials == self.settings.aws_credentials;
        let credentials = query.credentials.as_deref().filter(|credentials| !is_default(credentials));
        if config.is_none() && credentials.is_none() {
            return Ok(Arc::clone(self.directory.borrow().default_view()));
        }
        let files = FilePair { config: config.map(PathBuf::from), credentials: credentials.map(PathBuf::from) };
        if let Some(view) = self.directory.borrow().view_of(&files) {
            view.touch(&*self.world.clock);
            return Ok(Arc::clone(view));
        }
        let unusable = |why| Problem::new(ErrorCode::AwsConfigUnusable, format!("{files}: {why}"));
        (self.read)(files.clone()).await.map_err(unusable)
    }

    fn daemon(&self, directory: &Directory) -> DaemonStatus {
        translate::daemon(directory, &self.world, self.started_at, &self.settings, self.left_records.list())
    }

    async fn token(&self, entry: &Entry, query: &Query) -> Reply {
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
            start_url: entry.config.start_url().to_owned(),
            region: entry.config.region().to_owned(),
        })
    }

    async fn login(&self, entry: &Entry, want: Want) -> Reply {
        match entry.session.ask(want).await {
            Answer::SignedIn(expires) => {
                ok(&Login::SignedIn { expires_at: translate::time(self.world.clock.now(), expires) })
            }
            Answer::Pending { started, flow } => {
                ok(&Login::Pending { started, login: translate::pending(self.world.clock.now(), flow) })
            }
            Answer::Refused(refusal) => Err(self.refused(entry, refusal)),
            _ => Err(unexpected()),
        }
    }

    async fn cancel_login(&self, entry: &Entry) -> Reply {
        match entry.session.ask(Want::CancelLogin).await {
            Answer::Refused(refusal) => Err(self.refused(entry, refusal)),
            _ => ok(&self.status(entry)),
        }
    }

    pub(super) fn status(&self, entry: &Entry) -> SessionStatus {
        let token_files = self.token_files.standing(&entry.config.identity);
        translate::session(entry, &entry.session.snapshot(), token_files, self.world.clock.now())
    }

    pub(super) fn refused(&self, entry: &Entry, refusal: Refusal) -> Problem {
        translate::refused(entry, refusal, self.world.clock.now())
    }
}

/// The session that a selector means.
pub(super) fn resolve<'a>(view: &'a View, selector: &Selector) -> Result<&'a Entry, Problem> {
    view.resolve(selector).map_err(|why| translate::unresolved(selector, why))
}

/// When a `login` with this query asks a person.
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

/// What a `logout` with this query forgets.
const fn forgotten(query: &Query) -> Forgotten {
    if query.forget { Forgotten::Everything } else { Forgotten::Token }
}

pub(super) fn wait(query: &Query) -> Duration {
    Duration::from_secs(query.wait).min(LONGEST_WAIT)
}
