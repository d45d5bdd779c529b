//! The longest time for each request.

use std::time::Duration;

use ssoctl_protocol::Route;
use ssoctl_protocol::route::Query;

/// The time that every request may take beyond what it asks the daemon to wait for. A refresh takes up to 10 s, and the
/// daemon's own deadline should pass first.
pub(super) const MARGIN: Duration = Duration::from_secs(15);

/// The longest time for a request for which the daemon calls the service several times, each with its own time-outs: to register,
/// to start a flow, or to read a list page by page.
const SERVICE_CALLS: Duration = Duration::from_mins(1);

pub(super) fn limit(route: &Route, query: &Query) -> Duration {
    Duration::from_secs(query.wait).saturating_add(MARGIN).saturating_add(service_calls(route))
}

fn service_calls(route: &Route) -> Duration {
    match route {
        Route::AddSession
        | Route::StartLogin(_)
        | Route::CancelLogin(_)
        | Route::Logout(_)
        | Route::LogoutAll
        | Route::Accounts(_)
        | Route::Roles(..) => SERVICE_CALLS,
        _ => Duration::ZERO,
    }
}
