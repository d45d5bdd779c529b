//! The service manager, judged.

use super::finding::Finding;

const SERVICE: &str = "service";
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
}

impl Unit {
    /// Reads the output of `systemctl show`: `Name=value` lines, and an empty one between units.
    pub(super) fn parse_all(text: &str) -> Vec<Self> {
        text.split("\n\n").map(Self::parse).filter(|unit| !unit.name.is_empty()).collect()
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
                _ => continue,
            };
            value.clone_into(member);
        }
        unit
    }
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
    if let Some(unit) = installed.iter().find(|unit| unit.active_state == "failed") {
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
            let units = Unit::parse_all(&text);
            assert_eq!(units.len(), 2, "{text}");
            let finding = judge(&Manager::Systemd(units));
            assert_eq!(finding.result, result, "{finding:?}");
            assert!(finding.message.contains(words), "{finding:?}");
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
