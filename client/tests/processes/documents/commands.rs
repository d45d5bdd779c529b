//! Every command in the documents is run: each page from top to bottom in a home of its own, with the real `ssoctl` and `ssoctld`, and a person
//! who approves each sign-in.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use identity_center_simulator::{Approval, Settings};
use rustix::process::Signal;
use serde_json::json;
use test_support::binaries::binaries;
use test_support::browser::Browser;
use test_support::client::Running;
use test_support::speed::has_programs;
use test_support::visit::visit;
use test_support::{Stage, executable, until};

use super::{Block, UNTIL_CTRL_C, block, blocks, pages};
use crate::watch::into_file;

/// A profile of the documents that none of them defines.
const READONLY: &str =
    "[profile dev-readonly]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = ReadOnlyAccess\n";

/// Programs of others in the documents. They end well only with credentials, or as a command of `ssoctl watch`.
const PROGRAM: &str = "#!/bin/sh\n\
    [ -n \"$AWS_ACCESS_KEY_ID$AWS_CONTAINER_CREDENTIALS_FULL_URI$SSOCTL_EVENT_KIND\" ] || { echo 'no credentials' >&2; exit 1; }\n\
    echo \"$0\"\n";
const PROGRAMS: [&str; 3] = ["bin/terraform", "bin/notify.sh", "work/project/agent"];

/// The AWS CLI 2, of Debian.
const AWS: &str = "/usr/bin/aws";

/// What a block needs beyond these, by what stands in it.
const PARTS: [(&str, &str); 3] = [("curl ", "curl"), ("aws configure ", AWS), ("--isolate", "bwrap")];

/// A person with the session `corp` and the profiles of the documents, in front of a browser.
struct Reader {
    stage: Stage,
    browser: Browser,
}

impl Reader {
    fn of(page: &str) -> Self {
        let profiles = blocks("docs/sdks.md").into_iter().filter(|block| block.language == "ini");
        let profiles: String = profiles.map(|block| block.text + "\n").collect();
        let settings = Settings { approval: Approval::Preauthorised, portal_rate: None, ..Settings::default() };
        let stage = Stage::without_daemon(settings, &(profiles + READONLY));
        for name in ["bin", "work/project", ".cache/agent"] {
            fs::create_dir_all(stage.home().join(name)).unwrap();
        }
        for name in PROGRAMS {
            executable::script(&stage.home().join(name), PROGRAM);
        }
        // There may be another one before it.
        symlink(AWS, stage.home().join("bin/aws")).unwrap();
        if page == "docs/configuration.md" {
            stage.write_own_config(&block(page, "toml"));
        }
        let stage = stage.started().signed_out().and_signed_in();
        let daemon = stage.request("GET", "/v1/health").1;
        assert_eq!(daemon["configuration_problems"], json!([]), "{page}");
        let browser = Browser::on(&stage);
        Self { stage, browser }
    }

    /// A shell with this script.
    fn shell(&self, words: &[&str], script: &str) -> Command {
        let mut command = Command::new(words[0]);
        let programs = [self.stage.home().join("bin"), binaries().ssoctl.parent().unwrap().to_owned()];
        let path = std::env::split_paths(&test_support::part::path()).collect::<Vec<_>>();
        let path = std::env::join_paths(programs.into_iter().chain(path)).unwrap();
        let surroundings = self.stage.ssoctl([""; 0]);
        command.args(&words[1..]).arg(script).env_clear();
        command.envs(surroundings.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", path).env("DISPLAY", ":0").env("BROWSER", self.browser.program());
        command.current_dir(self.stage.home().join("work/project"));
        command
    }

    fn run(&self, block: &Block) {
        let needed: Vec<&str> =
            PARTS.iter().filter(|(word, _)| block.text.contains(word)).map(|(_, part)| *part).collect();
        if !needed.is_empty() && !has_programs(&needed) {
            return;
        }
        let words = block.shell().unwrap();
        if block.language != "sh" && !has_programs(&words[..1]) {
            return;
        }
        if block.before == UNTIL_CTRL_C {
            return block.text.lines().for_each(|line| self.run_until_interrupted(line));
        }
        let outcome = self.stage.finish(self.shell(words, &block.text));
        assert_eq!(outcome.code, Some(0), "{}: {outcome:#?}", block.place());
    }

    /// Runs a command until it has printed something, and interrupts it.
    fn run_until_interrupted(&self, line: &str) {
        let command = into_file(&self.stage, &self.shell(&["sh", "-c"], &format!("exec {line}")), "printed");
        let mut running: Running = self.stage.start(command);
        until(line, || {
            assert!(running.is_running(), "{line} has ended: {}", running.said());
            self.stage.run(["grant", "--profile", "dev", "--name", "seen"]).exits(0);
            self.stage.run(["revoke", "seen"]).exits(0);
            let printed = fs::read_to_string(self.stage.home().join("printed")).unwrap_or_default();
            (!printed.is_empty()).then_some(())
        });
        running.send(Signal::INT);
        let outcome = running.finish();
        assert!(outcome.code == Some(130) || outcome.signal == Some(2), "{line}: {outcome:?}");
    }

    /// Runs a page from top to bottom, while the browser follows each address that it is given to this machine.
    fn read(&self, page: &str) {
        let (reading, at_the_end) = mpsc::channel::<()>();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut visited = 0;
                while at_the_end.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                    for page in &self.browser.pages()[visited..] {
                        // Pages elsewhere cannot be visited, and need not be.
                        let _ = visit(page);
                        visited += 1;
                    }
                }
            });
            let run = blocks(page).into_iter().filter(|block| block.is_run_here());
            run.for_each(|block| self.run(&block));
            drop(reading);
        });
    }
}

#[test]
fn every_command_in_the_documents_works() {
    thread::scope(|scope| {
        for page in pages() {
            scope.spawn(move || Reader::of(&page).read(&page));
        }
    });
}
