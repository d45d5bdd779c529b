//! The pages say what the programs' helps say, leave no route and no member of the configuration out, and are roff without a flaw.

use std::path::{Path, PathBuf};
use std::process::Command;

use pages::Manual;
use ssoctl_protocol::Route;
use ssoctl_protocol::verb::HELP_FOOTER;
use test_support::speed::has_programs;
use test_support::verbs;

const DATE: &str = "2026-11-27";

fn manual(name: &str) -> Manual {
    let found = pages::manuals(DATE).into_iter().find(|page| page.name == name);
    found.unwrap_or_else(|| panic!("there is no page {name}"))
}

/// A page's text on one line, as it is read.
fn read(page: &Manual) -> String {
    let mut text = page.text.clone();
    for font in ["\\fB", "\\fI", "\\fR", "\\&", "\\%"] {
        text = text.replace(font, "");
    }
    for (escape, character) in
        [("\\-", "-"), ("\\(aq", "'"), ("\\(ga", "`"), ("\\(ha", "^"), ("\\(ti", "~"), ("\\(dq", "\""), ("\\e", "\\")]
    {
        text = text.replace(escape, character);
    }
    let is_text =
        |line: &&str| ![".PP", ".TP", ".RS", ".RE", ".nf", ".fi", ".IP", ".br"].iter().any(|it| line.starts_with(it));
    text.lines().filter(is_text).flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_verb_has_a_page_with_the_words_of_its_help() {
    let stage = test_support::Stage::without_daemon(identity_center_simulator::Settings::default(), "");
    for verb in verbs::all() {
        let page = read(&manual(&format!("ssoctl-{verb}"))).to_lowercase();
        let help = stage.run(["help", &verb]).exits(0).stdout;
        assert_eq!(help, stage.run([verb.as_str(), "--help"]).exits(0).stdout);
        // Lists are laid out otherwise, so the words count. Those that clap adds to each help are left out.
        let own = help.lines().filter(|line| {
            !["  help ", "Usage:", "Arguments:", "Options:", "Commands:"].iter().any(|it| line.starts_with(it))
        });
        let own = own.filter(|line| !line.contains("Print help") && !line.contains("see a summary"));
        let own = own.take_while(|line| !HELP_FOOTER.starts_with(*line) || line.is_empty());
        let marks = ['[', ']', '<', '>', '.', ',', ':', '`'];
        let words = own.flat_map(str::split_whitespace).map(|word| word.trim_matches(marks).to_lowercase());
        let words: Vec<String> = words.filter(|word| word.len() > 2 && word.is_ascii()).collect();
        assert!(words.len() > 20, "{verb}: {help}");
        let missing: Vec<&String> = words.iter().filter(|word| !page.contains(*word)).collect();
        assert_eq!(missing, Vec::<&String>::new(), "{verb}");
    }
}

#[test]
fn every_route_and_every_event_is_in_the_page_of_the_api() {
    let page = read(&manual("ssoctl-api"));
    for row in Route::TABLE {
        for path in row.paths {
            assert!(page.contains(&format!("{} {path}\"", row.method)), "{} {path}", row.method);
        }
        assert!(page.contains(&format!(".SS \"{}\"", row.answer)) || row.answer == "Document", "{}", row.answer);
    }
    assert!(page.contains("resync") && page.contains("heartbeat"));
}

#[test]
fn every_member_of_the_configuration_is_in_its_page() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../daemon/src/config/own.rs");
    let source = std::fs::read_to_string(source).unwrap();
    // What is read is an arm of a `match`, with the member's name.
    let arms = source.lines().filter(|line| line.contains("\" =>") || line.contains("\" | \""));
    let names: Vec<&str> =
        arms.flat_map(|line| line.split("=>").next().unwrap().split('"').skip(1).step_by(2)).collect();
    assert!(names.len() > 14 && names.contains(&"quiet_hours") && names.contains(&"portal_endpoint"), "{names:?}");
    let page = read(&manual("ssoctl-config"));
    // Only to tell that it is no member any more.
    for name in names.into_iter().filter(|name| *name != "label") {
        assert!(page.contains(name), "{name} is not in docs/configuration.md");
    }
}

#[test]
fn the_daemons_page_and_the_first_one_name_options_and_variables() {
    let (ssoctl, ssoctld) = (read(&manual("ssoctl")), read(&manual("ssoctld")));
    for needed in ["EXIT CODES", "ENVIRONMENT", "SSOCTL_SESSION", "--no-start", "ssoctl-login(1)", "ssoctl-config(5)"] {
        assert!(ssoctl.contains(needed), "{needed}: {ssoctl}");
    }
    for needed in ["--background", "SSOCTL_STATE_DIR", "--log-format", "SIGTERM", "ssoctl-api(7)"] {
        assert!(ssoctld.contains(needed), "{needed}: {ssoctld}");
    }
    assert!(!ssoctld.contains("--tell-starter"), "what is hidden stays hidden");
}

/// What a program says of a page.
fn said(program: &str, arguments: &[&str], page: &Path) -> String {
    let output =
        Command::new(program).args(arguments).arg(page).env("LC_ALL", "C.UTF-8").env("MANWIDTH", "80").output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let shown = if program == "man" { Vec::new() } else { output.stdout };
    String::from_utf8_lossy(&[shown, output.stderr].concat()).into_owned()
}

#[test]
fn man_and_mandoc_have_nothing_to_complain_about() {
    if !has_programs(&["man", "mandoc"]) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    pages::write(directory.path(), DATE).unwrap();
    let mut all: Vec<PathBuf> = Vec::new();
    for section in ["man1", "man5", "man7", "man8"] {
        let entries = std::fs::read_dir(directory.path().join("man").join(section)).unwrap();
        all.extend(entries.map(|entry| entry.unwrap().path()));
    }
    assert!(all.len() > 25, "{all:?}");
    for page in all {
        assert_eq!(said("mandoc", &["-Tlint", "-Wwarning"], &page), "", "mandoc: {}", page.display());
        assert_eq!(said("man", &["--warnings", "-E", "UTF-8", "-l"], &page), "", "man: {}", page.display());
    }
}

#[test]
fn the_scripts_of_the_shells_are_where_they_are_looked_for() {
    let directory = tempfile::tempdir().unwrap();
    pages::write(directory.path(), DATE).unwrap();
    for (path, part) in [
        ("bash/ssoctl", "complete "),
        ("zsh/_ssoctl", "#compdef ssoctl"),
        ("fish/ssoctl.fish", "complete -c ssoctl"),
        ("powershell/ssoctl.ps1", "Register-ArgumentCompleter"),
    ] {
        assert!(std::fs::read_to_string(directory.path().join(path)).unwrap().contains(part), "{path}");
    }
    assert!(pages::write(Path::new("/dev/null/nowhere"), DATE).is_err());
}
