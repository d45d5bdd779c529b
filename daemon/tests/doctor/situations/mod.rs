//! A machine in each situation that a daemon may find itself in, and what doctor has to say there.
//!
//! The daemon and the shell that asks may have different environments: what is judged are the daemon's, and the differences.

mod environments;
#[cfg(target_os = "linux")]
mod keyrings;
#[cfg(target_os = "linux")]
mod limits;

use std::any::Any;
use std::process::Command;

use identity_center_simulator::Settings;

use crate::report::Report;
use test_support::stage::CORP;
use test_support::{Stage, until};

/// The parts that have to live as long as the situation.
type Parts = Vec<Box<dyn Any>>;

type Variables = Vec<(&'static str, &'static str)>;

/// A situation, and what is right in it.
#[derive(Default)]
struct Situation {
    what: &'static str,
    files: Vec<(&'static str, &'static str)>,
    parts: Option<fn(&Stage) -> Parts>,
    before: Option<fn(&Stage)>,
    daemon_has: Variables,
    shell_has: Variables,
    has_no_daemon: bool,
    daemon: Option<fn(Command) -> Command>,
    meanwhile: Option<fn(&Stage)>,
    shell: Option<fn(&Stage, Command) -> Command>,
    right: Vec<(&'static str, &'static str, &'static str)>,
    wrong: Vec<&'static str>,
}

/// One daemon, and a shell with the same environment.
fn when(what: &'static str) -> Situation {
    Situation { what, ..Situation::default() }
}

impl Situation {
    /// A file of the home, which its owner alone can write to.
    fn file(mut self, path: &'static str, text: &'static str) -> Self {
        self.files.push((path, text));
        self
    }

    /// Programs that run before the daemon does.
    fn with(self, parts: fn(&Stage) -> Parts) -> Self {
        Self { parts: Some(parts), ..self }
    }

    /// Prepares the rest of the home.
    fn before(self, before: fn(&Stage)) -> Self {
        Self { before: Some(before), ..self }
    }

    /// A variable of the daemon; `HOME` in its value is the home.
    fn daemon_has(mut self, name: &'static str, value: &'static str) -> Self {
        self.daemon_has.push((name, value));
        self
    }

    /// A variable of the shell; `HOME` in its value is the home.
    fn shell_has(mut self, name: &'static str, value: &'static str) -> Self {
        self.shell_has.push((name, value));
        self
    }

    fn both_have(self, name: &'static str, value: &'static str) -> Self {
        self.daemon_has(name, value).shell_has(name, value)
    }

    fn without_daemon(self) -> Self {
        Self { has_no_daemon: true, ..self }
    }

    /// Changes the daemon's command.
    fn daemon_by(self, change: fn(Command) -> Command) -> Self {
        Self { daemon: Some(change), ..self }
    }

    /// A change while the daemon runs.
    fn meanwhile(self, meanwhile: fn(&Stage)) -> Self {
        Self { meanwhile: Some(meanwhile), ..self }
    }

    /// Changes the command that asks.
    fn shell_by(self, shell: fn(&Stage, Command) -> Command) -> Self {
        Self { shell: Some(shell), ..self }
    }

    /// The check has this result, with these words. A problem that is not expected by this is wrong.
    fn finds(mut self, check: &'static str, result: &'static str, words: &'static str) -> Self {
        self.right.push((check, result, words));
        self
    }

    /// The report does not have these words anywhere.
    fn never_says(mut self, words: &'static str) -> Self {
        self.wrong.push(words);
        self
    }

    /// Puts a machine into the situation, and insists on what is right there.
    fn examine(&self) {
        let stage = Stage::without_daemon(Settings::default(), CORP);
        for (path, text) in &self.files {
            stage.write(path, text);
        }
        let _parts = self.parts.unwrap_or(|_| Parts::new())(&stage);
        self.before.unwrap_or(|_| {})(&stage);
        let with = |mut command: Command, variables: &Variables| {
            let home = stage.home().display().to_string();
            command.envs(variables.iter().map(|(name, value)| (name, value.replace("HOME", &home))));
            command
        };
        if !self.has_no_daemon {
            stage.start_daemon_by(self.daemon.unwrap_or(|command| command)(with(stage.ssoctld(), &self.daemon_has)));
            // The store is chosen in the background.
            until("the store is known", || {
                let kind = stage.request("GET", "/v1/health").1["secret_store"]["kind"].clone();
                (kind != "auto").then_some(())
            });
        }
        self.meanwhile.unwrap_or(|_| {})(&stage);
        let ask = with(stage.ssoctl(["doctor", "--json"]), &self.shell_has);
        self.judge(&Report::by(&stage, self.shell.unwrap_or(|_, command| command)(&stage, ask)));
    }

    fn judge(&self, report: &Report) {
        for (check, result, words) in &self.right {
            report.finds(check, result, words);
        }
        let expected = |name: &&str| self.right.iter().any(|(check, result, _)| check == name && *result == "problem");
        let others: Vec<_> = report.problems().into_iter().filter(|name| !expected(name)).collect();
        assert_eq!(others, Vec::<&str>::new(), "{report:#?}");
        let text = format!("{report:?}");
        for words in &self.wrong {
            assert!(!text.contains(words), "{words:?} is wrong in {report:#?}");
        }
        let has_none = ["no Secret Service", "no keyring"].iter().any(|words| text.contains(words));
        assert!(!(has_none && text.contains("unlocked")), "{report:#?}");
    }
}

/// Examines all of them, and tells of every one that is not right.
#[track_caller]
fn examine_all<const N: usize>(situations: [Situation; N]) {
    let is_right = |situation: &Situation| std::panic::catch_unwind(|| situation.examine()).is_ok();
    let not_right: Vec<_> = situations.iter().filter(|it| !is_right(it)).map(|it| it.what).collect();
    assert_eq!(not_right, Vec::<&str>::new());
}
