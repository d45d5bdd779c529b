//! The real Chromium, without a window.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::until;
use crate::web_driver::Page;

/// The programs that are needed.
pub const PARTS: [&str; 2] = ["chromium", "chromedriver"];

/// Without a sandbox, because root and many containers cannot have one, and the only pages are those of tests. No name is
/// looked up, so whatever Chromium would like to fetch by itself stays on this machine.
const OPTIONS: &str = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
    --disable-background-networking --disable-component-update --disable-default-apps --disable-extensions \
    --disable-sync --disable-breakpad --no-proxy-server --password-store=basic \
    '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1'";

/// One browser with its own profile. It ends when this is dropped, even if another program started it.
pub struct Chromium {
    directory: TempDir,
}

impl Chromium {
    /// A browser that is not started yet.
    pub fn with_new_profile() -> Self {
        let directory = tempfile::Builder::new().prefix("ssoctl-chromium-").tempdir().expect("a temporary directory");
        let chromium = Self { directory };
        let text = format!(
            "export TMPDIR='{directory}'\necho $$ >'{pid}'\n\
             exec chromium {OPTIONS} --remote-debugging-port=0 '--user-data-dir={profile}' \"$1\"\n",
            directory = chromium.directory.path().display(),
            pid = chromium.path("pid").display(),
            profile = chromium.path("profile").display(),
        );
        fs::write(chromium.path("start"), text).expect("a file in the temporary directory");
        chromium
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command for `browser` in config.toml.
    pub fn command(&self) -> String {
        format!("sh {} {{url}}", self.path("start").display())
    }

    /// Starts it at an address.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn open(&self, url: &str) -> Page {
        let mut command = Command::new("sh");
        command.arg(self.path("start")).arg(url).process_group(0);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("a shell can be started");
        // A thread waits for it, so that its end can be seen.
        std::thread::spawn(move || child.wait());
        self.page()
    }

    /// The open page, after a program has started the browser.
    pub fn page(&self) -> Page {
        let port = until("Chromium runs", || {
            // Two lines: the port, and an address below it. It is written by and by.
            let text = fs::read_to_string(self.path("profile/DevToolsActivePort")).ok()?;
            text.split_once('\n').filter(|(_, rest)| !rest.is_empty())?.0.parse().ok()
        });
        Page::attach(port)
    }

    fn pid(&self) -> Option<Pid> {
        Pid::from_raw(fs::read_to_string(self.path("pid")).ok()?.trim().parse().ok()?)
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // Its starter makes it the leader of a process group, in which its helpers are.
        let Some(pid) = self.pid().filter(|pid| kill_process_group(*pid, Signal::KILL).is_ok()) else { return };
        if !std::thread::panicking() {
            // A dead process has no program any more, even before its parent has waited for it.
            let program = format!("/proc/{}/exe", pid.as_raw_nonzero());
            until("Chromium is gone", || fs::read_link(&program).is_err().then_some(()));
        }
    }
}
