//! README.md and the pages of docs/, as the tests read them. What is in a shell's language is run (`commands`), unless a comment before it gives the
//! reason why not; what is in another language is read by a test that is named here.

mod commands;
mod contents;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Before a block that cannot be run here.
const NOT_RUN: &str = "<!-- not run: ";
/// Before a block that another test runs.
const RUN_BY: &str = "<!-- run by ";
/// Before a block that only Linux can run.
const ON_LINUX: &str = "<!-- on Linux -->";
/// Before a block of commands that go on until they are interrupted.
const UNTIL_CTRL_C: &str = "<!-- each until Ctrl-C -->";

/// The languages of which every block is run, and how.
const SHELLS: [(&str, &[&str]); 4] =
    [("sh", &["sh", "-ec"]), ("bash", &["bash", "-ec"]), ("zsh", &["zsh", "-ec"]), ("fish", &["fish", "-c"])];

/// Blocks in other languages, and the tests that read them.
const READ_ELSEWHERE: [(&str, &str, &str); 18] = [
    ("docs/roles.md", "toml", "the_console_of_a_role_opens_in_the_place_that_the_browser_has_for_it"),
    ("docs/api.md", "json", "the_answers_that_are_shown_are_like_real_ones"),
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All source files below a directory.
fn sources(directory: &Path) -> String {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.map(|path| if path.is_dir() { sources(&path) } else { fs::read_to_string(path).unwrap() }).collect()
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

    /// The test of its own that runs it.
    fn runner(&self) -> Option<&str> {
        self.before.strip_prefix(RUN_BY)?.strip_suffix(" -->")
    }

    fn is_run_here(&self) -> bool {
        let is_possible = self.before != ON_LINUX || cfg!(target_os = "linux");
        is_possible && self.shell().is_some() && self.runner().is_none() && self.excuse().is_none()
    }

    /// Why it is not run anywhere.
    fn excuse(&self) -> Option<&str> {
        self.before.strip_prefix(NOT_RUN)?.strip_suffix(" -->")
    }
}

/// The texts of the blocks that a test runs.
pub(crate) fn run_by(test: &str) -> Vec<String> {
    let blocks = pages().into_iter().flat_map(|page| blocks(&page));
    blocks.filter(|block| block.runner() == Some(test)).map(|block| block.text).collect()
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

/// Whether JSON of the documents, which may be shortened, is like real JSON: has no other members.
pub(crate) fn is_like(shown: &Value, real: &Value) -> bool {
    match (shown, real) {
        (Value::Object(shown), Value::Object(real)) => {
            shown.iter().all(|(name, shown)| real.get(name).is_some_and(|real| is_like(shown, real)))
        }
        (Value::String(shown), Value::String(real)) => !shown.is_empty() && !real.is_empty(),
        _ => shown.is_number() && real.is_number(),
    }
}

/// The first line of a page that begins like this, without the space around it.
pub(crate) fn line(page: &str, beginning: &str) -> String {
    let text = text(page);
    let line = text.lines().map(str::trim).find(|line| line.starts_with(beginning));
    line.unwrap_or_else(|| panic!("{page} has no line {beginning}")).to_owned()
}

#[test]
fn whatever_is_not_run_here_has_a_reason_or_a_test_of_its_own() {
    let blocks: Vec<Block> = pages().iter().flat_map(|page| blocks(page)).collect();
    let tests = sources(&root().join("client/tests/processes"));
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
    for test in blocks.iter().filter_map(Block::runner) {
        assert!(tests.contains(&format!("fn {test}()")), "there is no test {test}");
    }
    let excuses: Vec<_> = blocks.iter().filter_map(|block| Some((block.place(), block.excuse()?))).collect();
    assert!(excuses.iter().all(|(_, reason)| reason.len() > 10), "{excuses:#?}");
    assert!(excuses.len() <= 10, "most of what the documents say can be run: {excuses:#?}");
    assert!(blocks.len() - excuses.len() > 40, "the blocks are not found");
}
