//! The service manager: the state of the daemon's service in systemd or launchd, and whether the service can have its sandbox.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::report::{Check, Finding};
use super::time_limit::TimeLimit;

const SERVICE: Check = Check("service");
const SANDBOX: Check = Check("sandbox");
const INSTALL: &str = "run: ssoctl service install";

const UNITS: [&str; 2] = ["ssoctld.socket", "ssoctld.service"];

/// A unit of systemd.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Unit {
    /// As `systemctl show` prints them.
    properties: BTreeMap<String, String>,
    /// The program that it runs, if there is no such file.
    missing_program: Option<String>,
    /// The unit of a package that it hides, as it is the person's own.
    hidden: Option<PathBuf>,
}

impl Unit {
    /// Reads the output of `systemctl show`: `Name=value` lines, and an empty one between units.
    fn parse_all(text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Self> {
        let parse = |text: &str| {
            let properties = text.lines().filter_map(|line| line.split_once('='));
            let properties: BTreeMap<_, _> =
                properties.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            // `{ path=/usr/bin/ssoctld ; argv[]=…`
            let command = properties.get("ExecStart").and_then(|command| command.strip_prefix("{ path="));
            let program = command.and_then(|rest| rest.split(" ;").next());
            let missing_program = program.filter(|program| !exists(Path::new(program))).map(str::to_owned);
            let hidden = hidden(&properties).filter(|unit| exists(unit));
            Self { properties, missing_program, hidden }
        };
        text.split("\n\n").map(parse).filter(|unit| !unit.name().is_empty()).collect()
    }

    fn get(&self, property: &str) -> &str {
        self.properties.get(property).map_or("", String::as_str)
    }

    fn name(&self) -> &str {
        self.get("Id")
    }

    fn is_installed(&self) -> bool {
        self.get("LoadState") != "not-found"
    }

    fn is_active(&self) -> bool {
        self.get("ActiveState") == "active"
    }
}

/// The unit that packages have, where systemd uses another one.
fn hidden(properties: &BTreeMap<String, String>) -> Option<PathBuf> {
    let (name, used) = (properties.get("Id")?, properties.get("FragmentPath")?);
    let packaged = Path::new("/usr/lib/systemd/user").join(name);
    (name == UNITS[1] && Path::new(used) != packaged).then_some(packaged)
}

pub(super) async fn examine(limit: &TimeLimit) -> Vec<Finding> {
    let units = match limit.wait_for(ask()).await.unwrap_or_else(|| Err(unreachable("no answer in time"))) {
        Ok(units) => units,
        Err(finding) => return vec![finding],
    };
    let setting = |name: &str| std::fs::read_to_string(format!("/proc/sys/{}", name.replace('.', "/"))).ok();
    let sandbox = restriction_of_user_namespaces(setting).and_then(|setting| judge_sandbox(&units, setting));
    std::iter::once(judge(&units)).chain(sandbox).collect()
}

/// Asks systemd. Takes as long as systemd likes.
#[cfg(not(target_os = "macos"))]
async fn ask() -> Result<Vec<Unit>, Finding> {
    // sd_booted(3).
    if !Path::new("/run/systemd/system").is_dir() {
        return Err(missing());
    }
    let shown = Command::new("systemctl")
        .args([
            "--user",
            "show",
            "--property=Id,LoadState,UnitFileState,ActiveState,Result,ExecMainStatus,ExecStart,FragmentPath",
        ])
        .args(UNITS)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await;
    match shown {
        Ok(shown) if shown.status.success() => {
            Ok(Unit::parse_all(&String::from_utf8_lossy(&shown.stdout), Path::exists))
        }
        Ok(shown) => Err(unreachable(String::from_utf8_lossy(&shown.stderr).trim())),
        Err(error) => Err(unreachable(&format!("systemctl cannot be run: {error}"))),
    }
}

/// Asks launchd, which has no units. Takes as long as launchd likes.
#[cfg(target_os = "macos")]
async fn ask() -> Result<Vec<Unit>, Finding> {
    use crate::service_manager::LAUNCHD_LABEL;

    let agents = std::env::home_dir().map(|home| home.join("Library/LaunchAgents"));
    let is_installed = agents.is_some_and(|agents| agents.join(format!("{LAUNCHD_LABEL}.plist")).exists());
    let status = Command::new("launchctl")
        .args(["print", &format!("gui/{}/{LAUNCHD_LABEL}", rustix::process::getuid().as_raw())])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await;
    Err(match status {
        Ok(status) => judge_agent(is_installed, status.success()),
        Err(error) => unreachable(&format!("launchctl cannot be run: {error}")),
    })
}

/// Judges the agent of launchd: whether its property list is in its place, and whether launchd has read it.
#[cfg(any(target_os = "macos", test))]
fn judge_agent(is_installed: bool, is_loaded: bool) -> Finding {
    match (is_installed, is_loaded) {
        (false, _) => not_installed(),
        (true, false) => SERVICE.warning("the agent is installed, but launchd has not loaded it", INSTALL),
        (true, true) => SERVICE.ok("launchd starts the daemon at login"),
    }
}

fn missing() -> Finding {
    SERVICE.skipped("there is no service manager here; ssoctl starts the daemon")
}

fn unreachable(why: &str) -> Finding {
    SERVICE.warning(
        format!("the user's service manager does not answer: {why}"),
        "sign in to a session that has one (not su or sudo), or run: loginctl enable-linger; meanwhile ssoctl starts the daemon",
    )
}

fn not_installed() -> Finding {
    SERVICE.warning("not installed: after a restart nothing renews sign-ins until the first ssoctl command", INSTALL)
}

fn judge(units: &[Unit]) -> Finding {
    let installed: Vec<&Unit> = units.iter().filter(|unit| unit.is_installed()).collect();
    if installed.is_empty() {
        return not_installed();
    }
    for unit in &installed {
        if let Some(program) = &unit.missing_program {
            return SERVICE.problem(
                format!("{} runs {program}, which does not exist any more", unit.name()),
                "run: ssoctl service install, which writes the path of the ssoctld that is installed now",
            );
        }
    }
    if let Some(unit) = installed.iter().find(|unit| unit.get("ActiveState") == "failed") {
        let (name, status) = (unit.name(), unit.get("ExecMainStatus"));
        // EXIT_USER and EXIT_NAMESPACE (systemd.exec(5), "Process Exit Codes").
        if matches!(status, "217" | "226") {
            return SERVICE.problem(
                format!("{name} has failed, because its sandbox cannot be made (status {status})"),
                "look at: sysctl kernel.apparmor_restrict_unprivileged_userns user.max_user_namespaces; have user namespaces \
                 allowed; meanwhile ssoctl starts the daemon itself",
            );
        }
        return SERVICE.problem(
            format!("{name} has failed ({})", unit.get("Result")),
            format!("look at journalctl --user -u {name}, then run: systemctl --user reset-failed {name}; ssoctl service restart"),
        );
    }
    if let Some(unit) = installed.iter().find(|unit| unit.get("LoadState") != "loaded") {
        return SERVICE.problem(
            format!("{} cannot be used ({})", unit.name(), unit.get("LoadState")),
            "run: ssoctl service install, which writes it anew",
        );
    }
    if let Some(missing) = units.iter().find(|unit| !unit.is_installed()) {
        return SERVICE.warning(format!("{} is missing", missing.name()), INSTALL);
    }
    let is_enabled =
        |unit: &Unit| matches!(unit.get("UnitFileState"), "enabled" | "enabled-runtime" | "linked" | "static");
    if let Some(unit) = installed.iter().find(|unit| !is_enabled(unit)) {
        let (name, state) = (unit.name(), unit.get("UnitFileState"));
        return SERVICE.warning(format!("{name} is {state}, so it does not start at login"), INSTALL);
    }
    if let Some(unit) = installed.iter().find(|unit| !unit.is_active()) {
        let (name, state) = (unit.name(), unit.get("ActiveState"));
        return SERVICE.warning(format!("{name} is installed but {state}"), "run: ssoctl service restart");
    }
    if let Some((unit, hidden)) = installed.iter().find_map(|unit| Some((unit, unit.hidden.as_ref()?))) {
        return SERVICE.warning(
            format!("{} hides {}, which came with a package", unit.get("FragmentPath"), hidden.display()),
            "to use the package's: /usr/bin/ssoctl service install",
        );
    }
    SERVICE.ok("systemd starts the daemon at login")
}

/// The kernel's setting, as `name is value`, that keeps processes without privileges from making user namespaces, of which the
/// sandbox of a user's service is made. It may be AppArmor's (Ubuntu 23.10 and later), Debian's, or the limit of
/// user_namespaces(7).
fn restriction_of_user_namespaces(setting: impl Fn(&str) -> Option<String>) -> Option<String> {
    let restrictions = [
        ("kernel.apparmor_restrict_unprivileged_userns", "1"),
        ("kernel.unprivileged_userns_clone", "0"),
        ("user.max_user_namespaces", "0"),
    ];
    let found = restrictions.into_iter().find(|(name, value)| setting(name).is_some_and(|set| set.trim() == *value));
    found.map(|(name, value)| format!("{name} is {value}"))
}

/// Judges whether the service can have its sandbox in spite of this setting; `None` where there is no service.
fn judge_sandbox(units: &[Unit], setting: String) -> Option<Finding> {
    let service = units.iter().find(|unit| unit.name() == UNITS[1] && unit.is_installed())?;
    Some(if service.is_active() {
        SANDBOX.ok(format!("the service runs, although {setting}"))
    } else {
        SANDBOX.warning(
            format!("the service's sandbox needs user namespaces, but {setting}"),
            "if the service does not start, ask the machine's administrator to allow them; meanwhile ssoctl starts the daemon itself",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

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
            (["loaded", "enabled", "inactive"], ["loaded", "enabled", "active"], Verdict::Warning, "but inactive"),
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
            judge(&units).says(result, words);
        }
    }

    #[test]
    fn a_unit_of_ones_own_that_hides_a_packages_is_told() {
        let enabled = unit(UNITS[1], "loaded", "enabled", "active");
        let socket = unit(UNITS[0], "loaded", "enabled", "active");
        for (used, is_packaged, result) in [
            ("/home/ada/.config/systemd/user", true, Verdict::Warning),
            ("/home/ada/.config/systemd/user", false, Verdict::Ok),
            ("/usr/lib/systemd/user", true, Verdict::Ok),
        ] {
            let text = format!("{socket}\n{enabled}FragmentPath={used}/ssoctld.service\n");
            let judged = judge(&Unit::parse_all(&text, |_| is_packaged));
            assert_eq!(judged.result, result, "{used}: {}", judged.message);
        }
    }

    #[test]
    fn a_sandbox_that_cannot_be_made_is_told_from_other_failures() {
        let failed = unit(UNITS[1], "loaded", "enabled", "failed");
        for (status, words) in [("217", "its sandbox cannot be made"), ("226", "cannot be made"), ("1", "(exit-code)")]
        {
            let units = Unit::parse_all(&format!("{failed}ExecMainStatus={status}\n"), |_| true);
            judge(&units).says(Verdict::Problem, words);
        }
    }

    #[test]
    fn a_unit_whose_program_is_gone_is_a_problem_in_every_state() {
        let program = "ExecStart={ path=/opt/0.1.0/ssoctld ; argv[]=/opt/0.1.0/ssoctld ; ignore_errors=no }\n";
        for active in ["active", "failed", "inactive"] {
            let text = unit(UNITS[1], "loaded", "enabled", active) + program;
            let judged = |is_there: bool| judge(&Unit::parse_all(&text, |_| is_there)).message;
            assert_eq!(judged(false), "ssoctld.service runs /opt/0.1.0/ssoctld, which does not exist any more");
            assert!(!judged(true).contains("any more"), "{active}");
        }
    }

    #[test]
    fn restricted_user_namespaces_matter_where_a_service_is_installed_and_does_not_run() {
        let restriction = |value: &str| {
            let value = value.to_owned();
            restriction_of_user_namespaces(move |name| (name == "user.max_user_namespaces").then(|| value.clone()))
        };
        assert_eq!(restriction("0\n").as_deref(), Some("user.max_user_namespaces is 0"));
        assert_eq!(restriction("65536"), None);
        assert_eq!(restriction_of_user_namespaces(|_| None), None);
        let service = |load: &str, active: &str| Unit::parse_all(&unit(UNITS[1], load, "enabled", active), |_| true);
        for (units, result) in [
            (service("loaded", "active"), Some(Verdict::Ok)),
            (service("loaded", "inactive"), Some(Verdict::Warning)),
            (service("not-found", "inactive"), None),
            (Vec::new(), None),
        ] {
            let finding = judge_sandbox(&units, "it is 0".to_owned());
            assert_eq!(finding.map(|finding| finding.result), result, "{units:?}");
        }
    }

    #[test]
    fn doing_without_a_service_manager_is_no_fault() {
        assert_eq!(missing().result, Verdict::Skipped);
        assert_eq!(unreachable("no bus").result, Verdict::Warning);
    }

    #[test]
    fn an_agent_has_to_be_installed_and_loaded() {
        for (is_installed, is_loaded, result) in
            [(true, true, Verdict::Ok), (true, false, Verdict::Warning), (false, false, Verdict::Warning)]
        {
            assert_eq!(judge_agent(is_installed, is_loaded).result, result);
        }
    }
}
