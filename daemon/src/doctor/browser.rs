//! The programs that open pages, and the display on which they do so.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ssoctl_protocol::display::Display;

use super::report::{Check, Finding};
use crate::config::Config;
use crate::desktop::DesktopEnvironment;

const BROWSER: Check = Check("browser");

/// Searches `PATH` for the programs that open the pages of each session.
pub(super) fn examine(config: &Config, around: DesktopEnvironment) -> Finding {
    let commands = config.sessions.iter().map(|session| session.browser.as_ref());
    let commands = if config.sessions.is_empty() { vec![None] } else { commands.collect() };
    let openers: Vec<Vec<String>> = commands.into_iter().map(|command| around.openers(command)).collect();
    judge(&openers, around.display, is_installed)
}

fn is_installed(program: &str) -> bool {
    let is_executable = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return is_executable(Path::new(program));
    }
    let path = crate::variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| is_executable(&directory.join(program)))
}

/// `openers` are lists of programs of which one opens a page, in the order in which they are tried.
fn judge(openers: &[Vec<String>], display: Display, is_installed: impl Fn(&str) -> bool) -> Finding {
    match display {
        Display::Remote => {
            return BROWSER.skipped(
                "this is an SSH session: no page is opened unless BROWSER is set; ssoctl login shows the address",
            );
        }
        Display::Missing => {
            return BROWSER.skipped("there is no display: no page is opened; ssoctl login shows the address");
        }
        Display::There => {}
    }
    if let Some(missing) = openers.iter().find(|programs| !programs.iter().any(|program| is_installed(program))) {
        return BROWSER.warning(
            format!("{} is not installed, so pages are not opened", missing.join(" or ")),
            "install it (xdg-open comes with xdg-utils), or set browser in the session's configuration",
        );
    }
    let names: BTreeSet<&str> = openers.iter().filter_map(|programs| programs.first()).map(String::as_str).collect();
    BROWSER.ok(format!("pages are opened with {}", Vec::from_iter(names).join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::report::Verdict;

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        assert!(is_installed("sh") && is_installed("/bin/sh"));
        assert!(!is_installed("/bin") && !is_installed("no-such-program"));
    }

    #[test]
    fn a_browser_is_asked_for_only_where_it_could_be_seen() {
        let opener = |name: &str| vec![name.to_owned()];
        for (display, openers, result) in [
            (Display::There, vec![opener("xdg-open")], Verdict::Ok),
            (Display::There, vec![opener("xdg-open"), opener("firefox")], Verdict::Warning),
            (Display::Missing, vec![opener("firefox")], Verdict::Skipped),
            (Display::Remote, vec![opener("firefox")], Verdict::Skipped),
        ] {
            let finding = judge(&openers, display, |program| program == "xdg-open");
            assert_eq!(finding.result, result, "{openers:?} {display:?}");
        }
    }
}
