//! Pages, opened by the session's own command.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use ssoctld::clock::ManualClock;
use ssoctld::config::{BrowserCommand, SessionConfig};
use ssoctld::desktop::{Desktop, Environment, Screen};
use tempfile::TempDir;

use test_support::waiting::until_so;

use crate::desktop::stage::{Stage, play, session};

const PAGE: &str = "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH&x=(id)";

/// A browser that notes the pages it is given, one to a line.
struct Browser {
    directory: TempDir,
}

impl Browser {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let browser = Self { directory };
        let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\n", browser.opened().display());
        fs::write(browser.program(), script).unwrap();
        fs::set_permissions(browser.program(), fs::Permissions::from_mode(0o700)).unwrap();
        browser
    }

    fn program(&self) -> PathBuf {
        self.directory.path().join("my browser")
    }

    fn opened(&self) -> PathBuf {
        self.directory.path().join("opened")
    }

    fn pages(&self) -> Vec<String> {
        fs::read_to_string(self.opened()).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn with_browser(browser: &Path) -> SessionConfig {
    let command = BrowserCommand::configured(&format!("'{}' --profile work {{url}}", browser.display()));
    SessionConfig { browser: command.ok(), ..session("corp") }
}

fn screen() -> Screen {
    Screen::new(Environment::from_process(), Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH)))
}

#[test]
fn the_sessions_own_command_opens_its_pages_and_no_others() {
    play(Stage::NoBus, &[], || async {
        let browser = Browser::new();
        let screen = screen();
        screen.open(&with_browser(&browser.program()), "https://corp.awsapps.com.attacker.example/");
        screen.open(&with_browser(&browser.program()), PAGE);
        until_so("the page is open", async || !browser.pages().is_empty()).await;
        assert_eq!(browser.pages(), [format!("--profile work {PAGE}")]);
    });
}

#[test]
fn a_service_whose_manager_does_not_answer_opens_the_page_itself() {
    play(Stage::Service, &[], || async {
        let browser = Browser::new();
        screen().open(&with_browser(&browser.program()), PAGE);
        until_so("the page is open", async || !browser.pages().is_empty()).await;
        assert_eq!(browser.pages(), [format!("--profile work {PAGE}")]);
    });
}
