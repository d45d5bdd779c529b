//! The API at the socket of one grant. Its handlers have that grant and nothing else, so they cannot reach what is not granted.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response};
use ssoctl_protocol::grant::Grant as GrantBody;
use ssoctl_protocol::{
    Assignment, DaemonStatus, DecidedBy, ErrorCode, Problem, Query, RoleCredentials, Route, StoreStatus, Timestamp,
    VERSION,
};

use super::connection::Answers;
use super::grants::view;
use super::handlers::{caller, openapi, wait};
use super::problem;
use super::reply::{self, Body, HandlerResult, ok};
use super::roles::role_credentials;
use crate::clock::Clock;
use crate::grants::{Denial, Grant, NotGranted, Role};

/// What is served at the socket of a grant.
pub struct GrantApi {
    pub grant: Arc<Grant>,
    pub socket: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub started_at: Timestamp,
}

impl Answers for GrantApi {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let handle = async |route, query, request: Request<Incoming>| self.handle(route, query, &request).await;
        reply::to(request, handle).await
    }
}

impl GrantApi {
    async fn handle(&self, route: Route, query: Query, request: &Request<Incoming>) -> HandlerResult {
        match &route {
            Route::Health => ok(&self.health()),
            Route::OpenApi => Ok(openapi()),
            Route::Grant => ok(&self.state()),
            Route::Credentials => {
                let given = self.credentials(&query, request).await.inspect_err(|problem| self.note(problem, request));
                reply::credentials(given?, &query)
            }
            Route::Assignment => ok(&self.assignment(&query)?),
            Route::Sessions
            | Route::Events
            | Route::AddSession
            | Route::Session
            | Route::Token
            | Route::StartLogin(_)
            | Route::AwaitLogin(_)
            | Route::CancelLogin(_)
            | Route::Logout(_)
            | Route::LogoutAll
            | Route::Audit
            | Route::Grants
            | Route::AddGrant
            | Route::RevokeGrants
            | Route::RevokeGrant(_)
            | Route::Choices
            | Route::NotePick
            | Route::Import
            | Route::Accounts(_)
            | Route::Roles(..) => {
                let problem = self.other_route(&route);
                self.note(&problem, request);
                Err(problem)
            }
        }
    }

    /// Those who share a grant do not learn of each other.
    fn state(&self) -> GrantBody {
        let state = view(&self.grant, &self.socket, self.clock.now());
        let last_use = state.last_use.clone().filter(|_| !state.shared);
        GrantBody { last_use, ..state }
    }

    /// The daemon as far as it concerns a grant: nothing about its sessions, files and settings.
    fn health(&self) -> DaemonStatus {
        DaemonStatus {
            version: VERSION.to_owned(),
            pid: std::process::id(),
            started_at: self.started_at,
            sessions: 0,
            // A kind is required.
            secret_store: StoreStatus { kind: "auto".to_owned(), ..StoreStatus::default() },
            service_clock_ahead: None,
            quiet_until: None,
            configuration_problems: Vec::new(),
            machine_problems: Vec::new(),
            left_records: Vec::new(),
            settings: Default::default(),
        }
    }

    async fn credentials(&self, query: &Query, request: &Request<Incoming>) -> Result<RoleCredentials, Problem> {
        let role = self.role(query)?;
        let min_valid = Duration::from_secs(query.min_valid);
        let answer = self.grant.credentials(role, min_valid, wait(query), &caller(request)).await;
        let keys = answer.map_err(|denial| self.denied(denial))?;
        Ok(role_credentials(&keys, &role.session, &role.assignment, role.region.clone(), self.clock.now()))
    }

    fn assignment(&self, query: &Query) -> Result<Assignment, Problem> {
        let role = self.role(query)?;
        Ok(Assignment {
            session: role.session.clone(),
            start_url: role.start_url.clone(),
            sso_region: self.grant.sso_region(role).map_err(not_granted)?,
            account: role.assignment.account.to_string(),
            role: role.assignment.role.to_string(),
            region: role.region.clone(),
            decided_by: DecidedBy::default(),
        })
    }

    fn role(&self, query: &Query) -> Result<&Role, Problem> {
        let (account, role) = (query.account.as_deref(), query.role.as_deref());
        self.grant.role(&query.selector, account, role).map_err(not_granted)
    }

    /// The page and the code of a sign-in are for the person alone.
    fn denied(&self, denial: Denial) -> Problem {
        match denial {
            Denial::NotGranted(why) => not_granted(why),
            Denial::Refused(session, refusal) => {
                let mut problem = problem::role_refused(&session, refusal, self.clock.now());
                problem.login = None;
                problem
            }
        }
    }

    /// Records a refusal. That nobody is signed in does not concern the grant.
    fn note(&self, problem: &Problem, request: &Request<Incoming>) {
        if problem.code == ErrorCode::NotGranted {
            self.grant.refused(&caller(request), &problem.detail);
        }
    }

    fn other_route(&self, route: &Route) -> Problem {
        let name = &self.grant.terms().name;
        let row = route.row();
        let (method, path) = (row.method, row.paths[0]);
        let detail = format!(
            "{method} {path}: this is the socket of the grant {name:?}, which gives credentials of its roles and nothing else; for anything else, \
             unset SSOCTL_SOCKET"
        );
        Problem::new(ErrorCode::NotGranted, detail)
    }
}

fn not_granted(why: NotGranted) -> Problem {
    let code = match why {
        NotGranted::NotConfirmed { .. } => ErrorCode::NotConfirmed,
        _ => ErrorCode::NotGranted,
    };
    Problem::new(code, why.to_string())
}
