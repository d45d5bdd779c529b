//! A sign-in that ends in a quarter of an hour, and a daemon in front of a screen.

use std::fs;
use std::time::Duration;

use identity_center_simulator::Settings;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::Stage;
use crate::screen::Screen;
use crate::stage::START_URL;

/// Before the end of a token the person is told this early unless something else is configured.
const NOTIFY_BEFORE: Duration = Duration::from_secs(15 * 60);

/// Everything that a notice needs.
pub struct Scene {
    pub stage: Stage,
    pub screen: Screen,
}

impl Scene {
    /// Signs in, lets all but the last quarter of an hour pass, and starts the daemon again. The session is `corp`, and
    /// has no scopes, so that only a person can renew its token. `settings` are further lines of its table.
    pub fn open(settings: &str) -> Self {
        let stage = Stage::bare(Settings::default());
        stage.write_own_config(&format!(
            "[session.corp]\nstart_url = \"{START_URL}\"\nregion = \"eu-west-1\"\nscopes = []\n{settings}"
        ));
        stage.start_daemon();
        stage.sign_in("corp");
        stage.end_daemon(Signal::TERM);
        let_pass(&stage, Settings::default().unscoped_token_lifetime - NOTIFY_BEFORE);
        let screen = Screen::open();
        let mut command = stage.ssoctld();
        screen.show(&mut command);
        stage.start_daemon_by(command);
        Self { stage, screen }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        // It takes its notices back while the screen is there.
        self.stage.end_daemon(Signal::TERM);
    }
}

/// Makes the one record that much older, so that the test does not wait for hours.
fn let_pass(stage: &Stage, time: Duration) {
    let mut records = fs::read_dir(stage.state_directory().join("records")).expect("the directory of the records");
    let path = records.next().expect("there is a record").expect("an entry").path();
    let text = fs::read(&path).expect("a file of this home");
    let mut record: Value = serde_json::from_slice(&text).expect("a record is JSON");
    for member in ["received_at", "expires_at"] {
        let moment = record["token"][member].as_u64().expect("a time in seconds");
        record["token"][member] = json!(moment - time.as_secs());
    }
    fs::write(&path, record.to_string()).expect("a file of this home");
}
