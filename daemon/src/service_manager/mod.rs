//! The interface to systemd and launchd. Nothing here knows sessions or requests.
//!
//! | module | what it does |
//! |---|---|
//! | [`handed`] | receives and checks the listening socket that the manager made |
//! | [`report`] | tells the manager that the daemon is ready, and that it is alive |
//! | [`predecessor`] | stops a daemon that was started by hand, so that the manager's can have the records |
//! | [`scope`] | gives a daemon that was started by hand its own control group |

pub mod handed;
pub mod predecessor;
pub mod report;
pub mod scope;

/// The name of the agent in launchd's domain of the user; also the name of its property list.
pub(crate) const LAUNCHD_LABEL: &str = "io.github.ssoctl.ssoctld";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StartedBy {
    /// A person or `ssoctl`.
    Hand,
    ServiceManager,
}

impl StartedBy {
    #[expect(clippy::disallowed_methods, reason = "read once, at the start")]
    pub fn from_process() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// `NOTIFY_SOCKET` and `LISTEN_FDS` are for services of systemd (sd_notify(3), sd_listen_fds(3)). launchd names each
    /// process's job in `XPC_SERVICE_NAME`; a shell has another one there.
    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
        let by_launchd = variable("XPC_SERVICE_NAME").is_some_and(|job| job == LAUNCHD_LABEL);
        if is_set("NOTIFY_SOCKET") || is_set("LISTEN_FDS") || by_launchd { Self::ServiceManager } else { Self::Hand }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_manager_of_this_very_service_counts() {
        let with = |name: &'static str, value: &'static str| {
            StartedBy::from_variables(|asked| (asked == name).then(|| value.to_owned()))
        };
        assert_eq!(with("NOTIFY_SOCKET", "/run/user/1000/systemd/notify"), StartedBy::ServiceManager);
        assert_eq!(with("LISTEN_FDS", "1"), StartedBy::ServiceManager);
        assert_eq!(with("XPC_SERVICE_NAME", LAUNCHD_LABEL), StartedBy::ServiceManager);
        for (name, value) in [("NOTIFY_SOCKET", ""), ("XPC_SERVICE_NAME", "0"), ("INVOCATION_ID", "0123")] {
            assert_eq!(with(name, value), StartedBy::Hand, "{name}={value}");
        }
    }
}
