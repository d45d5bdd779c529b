//! Pages, opened by the session's own command.

use std::sync::Arc;
use std::time::SystemTime;

use ssoctld::clock::ManualClock;
use ssoctld::config::{BrowserCommand, SessionConfig};
use ssoctld::desktop::{Desktop, DesktopEnvironment, Screen};
use tempfile::TempDir;

use test_support::browser::Browser;
use test_support::waiting::until_so;

use crate::desktop::stage::{Stage, play, session};

const PAGE: &str = "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH&x=(id)";

fn with_browser(browser: &Browser) -> SessionConfig {
    let command =
        BrowserCommand::configured(&format!("'{}' --profile work {{url}}", browser.program().display()), "corp");
    SessionConfig { browser: command.ok(), ..session("corp") }
}

fn screen() -> Screen {
    Screen::new(DesktopEnvironment::from_process(), Arc::new(ManualClock::at(SystemTime::UNIX_EPOCH)))
}

#[test]
fn the_sessions_own_command_opens_its_pages_and_no_others() {
    play(Stage::NoBus, &[], || async {
        let home = TempDir::new().unwrap();
        let browser = Browser::at(home.path().join("my browser"));
        let screen = screen();
        screen.open(&with_browser(&browser), "https://corp.awsapps.com.attacker.example/");
        screen.open(&with_browser(&browser), PAGE);
        until_so("the page is open", async || !browser.pages().is_empty()).await;
        assert_eq!(browser.pages(), [format!("--profile work {PAGE}")]);
    });
}

#[test]
fn a_service_whose_manager_does_not_answer_opens_the_page_itself() {
    play(Stage::Service, &[], || async {
        let home = TempDir::new().unwrap();
        let browser = Browser::at(home.path().join("my browser"));
        screen().open(&with_browser(&browser), PAGE);
        until_so("the page is open", async || !browser.pages().is_empty()).await;
        assert_eq!(browser.pages(), [format!("--profile work {PAGE}")]);
    });
}
