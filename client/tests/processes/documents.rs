//! Every command in README.md and docs/ is run: each page from top to bottom in a home of its own, with the real `ssoctl` and `ssoctld`, and a
//! person who approves each sign-in. What cannot be run here has a comment before it that gives the reason. Links lead somewhere, and what is in no
//! shell's language is read by a test that is named here.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use identity_center_simulator::{Approval, Settings};
use rustix::process::Signal;
use serde_json::{Value, json};
use test_support::binaries::binaries;
use test_support::browser::Browser;
use test_support::client::Running;
use test_support::speed::has_programs;
use test_support::visit::visit;
use test_support::{Stage, executable, until};

/// Before a block that cannot be run here.
const NOT_RUN: &str = "<!-- not run: ";
/// Before a block of commands that go on until they are interrupted.
const UNTIL_CTRL_C: &str = "<!-- each until Ctrl-C -->";

/// The languages of which every block is run, and how.
const SHELLS: [(&str, &[&str]); 4] =
    [("sh", &["sh", "-ec"]), ("bash", &["bash", "-ec"]), ("zsh", &["zsh", "-ec"]), ("fish", &["fish", "-c"])];

/// Blocks in other languages, and the tests that read them.
const READ_ELSEWHERE: [(&str, &str, &str); 16] = [
    ("docs/configuration.md", "toml", "every_command_in_the_documents_works"),
    ("docs/containers-and-ssh.md", "ini", "curl_is_a_complete_credential_process_where_no_ssoctl_is_installed"),
    ("docs/containers-and-ssh.md", "json", "what_is_not_run_is_well_formed"),
    ("docs/containers-and-ssh.md", "yaml", "what_is_not_run_is_well_formed"),
    ("docs/events.md", "console", "the_lines_are_those_that_the_documentation_shows"),
    ("docs/events.md", "go", "the_client_in_go_follows_the_events"),
    ("docs/events.md", "js", "the_client_in_node_follows_the_events"),
    ("docs/events.md", "json", "the_documented_events_are_like_real_ones"),
    ("docs/events.md", "python", "the_client_in_python_follows_the_events"),
    ("docs/prompt.md", "ini", "the_recipes_for_bars_run_what_they_name"),
    ("docs/prompt.md", "json", "the_recipes_for_bars_run_what_they_name"),
    ("docs/prompt.md", "shell", "the_script_for_trays_prints_a_line_for_each_change"),
    ("docs/prompt.md", "text", "it_shows_the_session_that_is_meant_and_when_a_person_is_needed"),
    ("docs/prompt.md", "tmux", "the_recipe_for_tmux_shows_a_hostile_name_and_executes_nothing"),
    ("docs/sdks.md", "ini", "every_command_in_the_documents_works"),
    ("docs/sign-in.md", "console", "over_ssh_it_is_a_code_and_with_a_port_the_tunnel_that_fits_is_shown"),
];

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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A block between fences.
struct Block {
    page: String,
    line: usize,
    language: String,
    /// The line before it.
    before: String,
    text: String,
}

impl Block {
    fn place(&self) -> String {
        format!("{}:{}", self.page, self.line)
    }

    /// The words before its text, if it is to be run.
    fn shell(&self) -> Option<&'static [&'static str]> {
        SHELLS.iter().find(|(language, _)| *language == self.language).map(|(_, words)| *words)
    }

    /// Why it is not run here.
    fn excuse(&self) -> Option<&str> {
        self.before.strip_prefix(NOT_RUN)?.strip_suffix(" -->")
    }
}

/// README.md and the pages of docs/.
fn pages() -> Vec<String> {
    let names = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| format!("docs/{}", name.to_str().unwrap()));
    let mut pages: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

fn text(page: &str) -> String {
    fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The blocks of a page.
fn blocks(page: &str) -> Vec<Block> {
    let (text, mut blocks, mut before) = (text(page), Vec::new(), "");
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let inside = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```");
            let text = inside.flat_map(|line| [line, "\n"]).collect();
            let (page, language) = (page.to_owned(), language.to_owned());
            blocks.push(Block { page, line: number + 1, language, before: before.to_owned(), text });
        }
        before = line;
    }
    blocks
}

/// The text of a page's first block in this language.
pub(crate) fn block(page: &str, language: &str) -> String {
    let found = blocks(page).into_iter().find(|block| block.language == language);
    found.unwrap_or_else(|| panic!("{page} has no block in {language}")).text
}

/// The first line of a page that begins like this, without the space around it.
pub(crate) fn line(page: &str, beginning: &str) -> String {
    let text = text(page);
    let line = text.lines().map(str::trim).find(|line| line.starts_with(beginning));
    line.unwrap_or_else(|| panic!("{page} has no line {beginning}")).to_owned()
}

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
        let command =
            super::watch::into_file(&self.stage, &self.shell(&["sh", "-c"], &format!("exec {line}")), "printed");
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
            let run = blocks(page).into_iter().filter(|block| block.excuse().is_none() && block.shell().is_some());
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

#[test]
fn whatever_is_not_run_here_has_a_reason_or_a_test_of_its_own() {
    let blocks: Vec<Block> = pages().iter().flat_map(|page| blocks(page)).collect();
    let sources = fs::read_dir(root().join("client/tests/processes")).unwrap().map(|entry| entry.unwrap().path());
    let tests: String = sources.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect();
    for (page, language, test) in READ_ELSEWHERE {
        assert!(tests.contains(&format!("fn {test}()")), "there is no test {test}");
        let is_meant = |block: &Block| block.page == page && block.language == language;
        assert!(blocks.iter().any(is_meant), "{page} has no block in {language}");
    }
    for block in &blocks {
        let is_read =
            READ_ELSEWHERE.iter().any(|(page, language, _)| (*page, *language) == (&block.page, &block.language));
        let is_known = block.shell().is_some() || is_read || block.excuse().is_some();
        assert!(is_known, "{}: no test reads this, and no reason is given before it", block.place());
    }
    let excuses: Vec<_> = blocks.iter().filter_map(|block| Some((block.place(), block.excuse()?))).collect();
    assert!(excuses.iter().all(|(_, reason)| reason.len() > 10), "{excuses:#?}");
    assert!(excuses.len() <= 12, "most of what the documents say can be run: {excuses:#?}");
    assert!(blocks.len() - excuses.len() > 40, "the blocks are not found");
}

#[test]
fn the_readme_is_short_and_every_page_is_in_its_list() {
    let readme = text("README.md");
    assert!(readme.lines().count() <= 150, "it has {} lines", readme.lines().count());
    for page in pages().iter().filter(|page| *page != "README.md") {
        assert!(readme.contains(&format!("({page})")), "README.md does not lead to {page}");
    }
}

/// The text without what stands between fences.
fn without_blocks(text: &str) -> String {
    text.split("\n```").step_by(2).collect::<Vec<_>>().join("\n")
}

/// What GitHub makes of a heading in a link to it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_in_the_documents_leads_somewhere() {
    let mut documents = pages();
    documents.extend(
        ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "simulator/README.md"].map(str::to_owned),
    );
    let mut found = 0;
    for document in documents {
        let text = without_blocks(&text(&document));
        let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link);
        for link in links.filter(|link| !link.contains("://")) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let file = root().join(&document).with_file_name("").join(path);
            let file = if path.is_empty() { root().join(&document) } else { file };
            assert!(file.exists(), "{document} leads to {link}, which is not there");
            let is_there = |text: String| {
                text.lines().any(|line| line.starts_with('#') && anchor(line.trim_start_matches('#')) == heading)
            };
            assert!(
                heading.is_empty() || is_there(fs::read_to_string(file).unwrap()),
                "{document}: no heading is {link}"
            );
            found += 1;
        }
    }
    assert!(found > 40, "{found} links are found");
}

#[test]
fn what_is_not_run_is_well_formed() {
    let devcontainer: Value = serde_json::from_str(&block("docs/containers-and-ssh.md", "json")).expect("JSON");
    let compose = block("docs/containers-and-ssh.md", "yaml");
    let curl = blocks("docs/containers-and-ssh.md")
        .into_iter()
        .find(|block| block.text.contains("/run/ssoctl/s.sock http"))
        .unwrap();
    assert_eq!(devcontainer["containerEnv"]["SSOCTL_SOCKET"], "/run/ssoctl/s.sock");
    for text in [&compose, &curl.text] {
        assert!(text.contains("/run/ssoctl/s.sock"), "all say the same place: {text}");
    }
}
