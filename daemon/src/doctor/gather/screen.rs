//! Looking for a display, and for programs that open pages on it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::desktop;
use crate::doctor::desktop::{Installed, Screen};

/// Looks at the environment, and along `PATH` for what opens pages.
pub(in crate::doctor) async fn look(config: &Config) -> Screen {
    let around = desktop::Environment::from_process();
    let commands = config.sessions.iter().map(|session| session.browser.as_ref());
    let commands = if config.sessions.is_empty() { vec![None] } else { commands.collect() };
    let mut openers: Vec<(Vec<String>, Installed)> = Vec::new();
    for command in commands {
        let programs = around.openers(command);
        if !openers.iter().any(|(known, _)| *known == programs) {
            let installed =
                if programs.iter().any(|program| is_installed(program)) { Installed::Yes } else { Installed::No };
            openers.push((programs, installed));
        }
    }
    Screen { display: around.display, openers }
}

fn is_installed(program: &str) -> bool {
    let is_executable = |path: PathBuf| {
        std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return is_executable(Path::new(program).to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| is_executable(directory.join(program)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name_and_by_path() {
        assert!(is_installed("sh") && is_installed("/bin/sh"));
        assert!(!is_installed("/bin") && !is_installed("no-such-program"));
    }
}
