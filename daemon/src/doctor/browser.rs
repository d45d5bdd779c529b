//! The programs that open pages, and the display on which they do so.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::report::{Check, Finding};
use crate::config::Config;
use crate::desktop::{Display, Environment};

const BROWSER: Check = Check("browser");

/// The programs of which one opens a page, in the order in which they are tried.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Openers {
    programs: Vec<String>,
    is_any_installed: bool,
}

/// Looks along `PATH` for what opens the pages of each session.
pub(super) fn examine(config: &Config, around: Environment) -> Finding {
    let commands = config.sessions.iter().map(|session| session.browser.as_ref());
    let commands = if config.sessions.is_empty() { vec![None] } else { commands.collect() };
    let mut found: Vec<Openers> = Vec::new();
    for programs in commands.into_iter().map(|command| around.openers(command)) {
        if !found.iter().any(|known| known.programs == programs) {
            let is_any_installed = programs.iter().any(|program| is_installed(program));
            found.push(Openers { programs, is_any_installed });
        }
    }
    judge(&found, around.display)
}

fn is_installed(program: &str) -> bool {
    let is_executable = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return is_executable(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| is_executable(&directory.join(program)))
}

fn judge(found: &[Openers], display: Display) -> Finding {
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
    if let Some(missing) = found.iter().find(|openers| !openers.is_any_installed) {
        return BROWSER.warning(
            format!("{} is not installed, so pages are not opened", missing.programs.join(" or ")),
            "install it (xdg-open comes with xdg-utils), or set browser in the session's configuration",
        );
    }
    let mut names: Vec<&str> = found.iter().filter_map(|it| it.programs.first()).map(String::as_str).collect();
    names.dedup();
    BROWSER.ok(format!("pages are opened with {}", names.join(", ")))
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
        let opener = |name: &str, is_any_installed| Openers { programs: vec![name.to_owned()], is_any_installed };
        let good = opener("xdg-open", true);
        for (display, openers, result) in [
            (Display::There, vec![good.clone()], Verdict::Ok),
            (Display::There, vec![good, opener("firefox", false)], Verdict::Warning),
            (Display::Missing, vec![opener("xdg-open", false)], Verdict::Skipped),
            (Display::Remote, vec![opener("xdg-open", false)], Verdict::Skipped),
        ] {
            assert_eq!(judge(&openers, display).result, result, "{openers:?} {display:?}");
        }
    }
}
