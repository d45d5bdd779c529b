//! The service manager, judged.

use std::path::Path;

use super::finding::Finding;

const SERVICE: &str = "service";
const SANDBOX: &str = "sandbox";
const INSTALL: &str = "run: ssoctl service install";

/// The units of systemd that belong to us.
pub(super) const UNITS: [&str; 2] = ["ssoctld.socket", "ssoctld.service"];

/// The agent of launchd that belongs to us.
#[cfg(target_os = "macos")]
pub(super) const LABEL: &str = "io.github.ssoctl.ssoctld";

/// What is known of the service manager.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Manager {
    /// There is none.
    Missing,
    /// It does not answer.
    Unreachable(String),
    /// systemd's user manager, and what it says of our units.
    Systemd(Vec<Unit>),
    /// launchd.
    #[cfg_attr(not(any(target_os = "macos", test)), expect(dead_code, reason = "macOS's"))]
    Launchd {
        /// Whether the property list is in its place.
        installed: bool,
        /// Whether launchd has it.
        loaded: bool,
    },
}

/// A unit as `systemctl show` describes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Unit {
    pub(super) name: String,
    load_state: String,
    file_state: String,
    active_state: String,
    result: String,
    exit_status: String,
    /// The program that it runs.
    program: String,
    /// Whether that is gone.
    is_program_gone: bool,
}

impl Unit {
    /// Reads the output of `systemctl show`: `Name=value` lines, and an empty one between units.
    pub(super) fn parse_all(text: &str, is_there: impl Fn(&Path) -> bool) -> Vec<Self> {
        let units = text.split("\n\n").map(Self::parse).filter(|unit| !unit.name.is_empty());
        let looked_for = |unit: Self| Self {
            is_program_gone: !unit.program.is_empty() && !is_there(Path::new(&unit.program)),
            ..unit
        };
        units.map(looked_for).collect()
    }

    fn parse(text: &str) -> Self {
        let mut unit = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let member = match key {
                "Id" => &mut unit.name,
                "LoadState" => &mut unit.load_state,
                "UnitFileState" => &mut unit.file_state,
                "ActiveState" => &mut unit.active_state,
                "Result" => &mut unit.result,
                "ExecMainStatus" => &mut unit.exit_status,
                "ExecStart" => &mut unit.program,
                _ => continue,
            };
            // `{ path=/usr/bin/ssoctld ; argv[]=…`
            let value = value.strip_prefix("{ path=").and_then(|rest| rest.split(" ;").next()).unwrap_or(value);
            value.clone_into(member);
        }
        unit
    }
}

/// Whether processes without privileges may make user namespaces, which the sandbox of a person's service is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UserNamespaces {
    /// As far as the kernel's settings tell.
    Allowed,
    /// This setting, with this value, forbids or restricts them.
    Restricted(&'static str, &'static str),
}

impl UserNamespaces {
    /// What the kernel's settings say: AppArmor's (Ubuntu 23.10 and later), Debian's, and the limit of user_namespaces(7).
    pub(super) fn of_settings(setting: impl Fn(&str) -> Option<String>) -> Self {
        let forbids = [
            ("kernel.apparmor_restrict_unprivileged_userns", "1"),
            ("kernel.unprivileged_userns_clone", "0"),
            ("user.max_user_namespaces", "0"),
        ];
        let is_so = |(name, value): &(&'static str, &str)| setting(name).is_some_and(|found| found.trim() == *value);
        forbids.into_iter().find(is_so).map_or(Self::Allowed, |(name, value)| Self::Restricted(name, value))
    }
}

/// Judges whether the service can have its sandbox; `None` where there is no service, or nothing is in its way.
pub(super) fn judge_sandbox(manager: &Manager, namespaces: UserNamespaces) -> Option<Finding> {
    let (Manager::Systemd(units), UserNamespaces::Restricted(setting, value)) = (manager, namespaces) else {
        return None;
    };
    let service = units.iter().find(|unit| unit.name == UNITS[1] && unit.load_state != "not-found")?;
    Some(if service.active_state == "active" {
        Finding::ok(SANDBOX, format!("the service runs, although {setting} is {value}"))
    } else {
        Finding::warning(
            SANDBOX,
            format!("the service's sandbox is made of user namespaces, and {setting} is {value}"),
            "if the service does not start, have the machine's administrator allow them; or run: ssoctl service uninstall, \
             and ssoctl starts the daemon itself",
        )
    })
}

/// Judges the service manager.
pub(super) fn judge(manager: &Manager) -> Finding {
    match manager {
        Manager::Missing => Finding::skipped(SERVICE, "there is no service manager here; ssoctl starts the daemon"),
        Manager::Unreachable(why) => Finding::warning(
            SERVICE,
            format!("the user's service manager does not answer: {why}"),
            "sign in to a session that has one (not su or sudo), or: loginctl enable-linger; ssoctl starts the daemon meanwhile",
        ),
        Manager::Systemd(units) => judge_units(units),
        Manager::Launchd { installed: false, .. } => not_installed(),
        Manager::Launchd { loaded: false, .. } => {
            Finding::warning(SERVICE, "the agent is installed, and launchd does not have it", INSTALL)
        }
        Manager::Launchd { .. } => Finding::ok(SERVICE, "launchd starts the daemon at login"),
    }
}

fn not_installed() -> Finding {
    Finding::warning(
        SERVICE,
        "not installed: after a restart nothing renews sign-ins until the first ssoctl command",
        INSTALL,
    )
}

fn judge_units(units: &[Unit]) -> Finding {
    let installed: Vec<&Unit> = units.iter().filter(|unit| unit.load_state != "not-found").collect();
    if installed.is_empty() {
        return not_installed();
    }
    if let Some(unit) = installed.iter().find(|unit| unit.is_program_gone) {
        return Finding::problem(
            SERVICE,
            format!("{} runs {}, which is not there any more", unit.name, unit.program),
            "run: ssoctl service install, which writes the path of the ssoctld that is installed now",
        );
    }
    if let Some(unit) = installed.iter().find(|unit| unit.active_state == "failed") {
        // EXIT_USER and EXIT_NAMESPACE (systemd.exec(5), "Process Exit Codes").
        if matches!(unit.exit_status.as_str(), "217" | "226") {
            return Finding::problem(
                SERVICE,
                format!("{} has failed, because its sandbox cannot be made (status {})", unit.name, unit.exit_status),
                "look at: sysctl kernel.apparmor_restrict_unprivileged_userns user.max_user_namespaces; have user namespaces \
                 allowed, or run: ssoctl service uninstall, and ssoctl starts the daemon itself",
            );
        }
        return Finding::problem(
            SERVICE,
            format!("{} has failed ({})", unit.name, unit.result),
            format!(
                "look at journalctl --user -u {0}, then: systemctl --user reset-failed {0}; ssoctl service restart",
                unit.name
            ),
        );
    }
    if let Some(unit) = installed.iter().find(|unit| unit.load_state != "loaded") {
        return Finding::problem(
            SERVICE,
            format!("{} cannot be used ({})", unit.name, unit.load_state),
            "run: ssoctl service install, which writes it anew",
        );
    }
    if let Some(missing) = units.iter().find(|unit| unit.load_state == "not-found") {
        return Finding::warning(SERVICE, format!("{} is missing", missing.name), INSTALL);
    }
    let is_enabled =
        |unit: &&Unit| matches!(unit.file_state.as_str(), "enabled" | "enabled-runtime" | "linked" | "static");
    if let Some(unit) = installed.iter().find(|unit| !is_enabled(unit)) {
        return Finding::warning(
            SERVICE,
            format!("{} is {}, so it does not start at login", unit.name, unit.file_state),
            INSTALL,
        );
    }
    if let Some(unit) = installed.iter().find(|unit| unit.active_state != "active") {
        return Finding::warning(
            SERVICE,
            format!("{} is installed and {}", unit.name, unit.active_state),
            "run: ssoctl service restart",
        );
    }
    Finding::ok(SERVICE, "systemd starts the daemon at login")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    fn unit(name: &str, load_state: &str, file_state: &str, active_state: &str) -> String {
        format!(
            "Id={name}\nResult=exit-code\nLoadState={load_state}\nActiveState={active_state}\nUnitFileState={file_state}\n"
        )
    }

    #[test]
    fn units_are_judged_by_what_systemctl_shows() {
        for (socket, service, result, words) in [
            (["loaded", "enabled", "active"], ["loaded", "enabled", "active"], Verdict::Ok, "at login"),
            (["not-found", "", "inactive"], ["not-found", "", "inactive"], Verdict::Warning, "not installed"),
            (
                ["not-found", "", "inactive"],
                ["loaded", "enabled", "active"],
                Verdict::Warning,
                "ssoctld.socket is missing",
            ),
            (["loaded", "enabled", "active"], ["loaded", "disabled", "active"], Verdict::Warning, "is disabled"),
            (["loaded", "enabled", "active"], ["loaded", "enabled", "failed"], Verdict::Problem, "failed (exit-code)"),
            (["loaded", "enabled", "inactive"], ["loaded", "enabled", "active"], Verdict::Warning, "and inactive"),
            (
                ["bad-setting", "enabled", "inactive"],
                ["loaded", "enabled", "active"],
                Verdict::Problem,
                "(bad-setting)",
            ),
        ] {
            let show = |name, [load, file, active]: [&str; 3]| unit(name, load, file, active);
            let text = format!("{}\n{}", show(UNITS[0], socket), show(UNITS[1], service));
            let units = Unit::parse_all(&text, |_| true);
            assert_eq!(units.len(), 2, "{text}");
            let finding = judge(&Manager::Systemd(units));
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn a_sandbox_that_cannot_be_made_is_told_from_other_failures() {
        let failed = unit(UNITS[1], "loaded", "enabled", "failed");
        for (status, words) in [("217", "its sandbox cannot be made"), ("226", "cannot be made"), ("1", "(exit-code)")]
        {
            let units = Unit::parse_all(&format!("{failed}ExecMainStatus={status}\n"), |_| true);
            let finding = judge(&Manager::Systemd(units));
            assert_eq!(finding.result, Verdict::Problem);
            assert!(finding.message.contains(words), "{finding:?}");
        }
    }

    #[test]
    fn a_unit_whose_program_is_gone_is_a_problem_whatever_state_it_is_in() {
        let program = "ExecStart={ path=/opt/0.1.0/ssoctld ; argv[]=/opt/0.1.0/ssoctld ; ignore_errors=no }\n";
        for active in ["active", "failed", "inactive"] {
            let text = unit(UNITS[1], "loaded", "enabled", active) + program;
            let judged = |is_there: bool| judge(&Manager::Systemd(Unit::parse_all(&text, |_| is_there))).message;
            assert_eq!(judged(false), "ssoctld.service runs /opt/0.1.0/ssoctld, which is not there any more");
            assert!(!judged(true).contains("any more"), "{active}");
        }
    }

    #[test]
    fn restricted_user_namespaces_matter_where_a_service_is_installed_and_does_not_run() {
        let restricted =
            UserNamespaces::of_settings(|name| (name == "user.max_user_namespaces").then(|| "0\n".to_owned()));
        assert_eq!(restricted, UserNamespaces::Restricted("user.max_user_namespaces", "0"));
        assert_eq!(UserNamespaces::of_settings(|_| Some("65536".to_owned())), UserNamespaces::Allowed);
        assert_eq!(UserNamespaces::of_settings(|_| None), UserNamespaces::Allowed);
        let service = |load: &str, active: &str| {
            Manager::Systemd(Unit::parse_all(&unit(UNITS[1], load, "enabled", active), |_| true))
        };
        for (manager, namespaces, result) in [
            (service("loaded", "active"), restricted, Some(Verdict::Ok)),
            (service("loaded", "inactive"), restricted, Some(Verdict::Warning)),
            (service("not-found", "inactive"), restricted, None),
            (service("loaded", "inactive"), UserNamespaces::Allowed, None),
            (Manager::Missing, restricted, None),
        ] {
            assert_eq!(judge_sandbox(&manager, namespaces).map(|finding| finding.result), result, "{manager:?}");
        }
    }

    #[test]
    fn doing_without_a_service_manager_is_no_fault() {
        assert_eq!(judge(&Manager::Missing).result, Verdict::Skipped);
        assert_eq!(judge(&Manager::Unreachable("no bus".to_owned())).result, Verdict::Warning);
    }

    #[test]
    fn an_agent_has_to_be_installed_and_loaded() {
        for (installed, loaded, result) in
            [(true, true, Verdict::Ok), (true, false, Verdict::Warning), (false, false, Verdict::Warning)]
        {
            assert_eq!(judge(&Manager::Launchd { installed, loaded }).result, result);
        }
    }
}
