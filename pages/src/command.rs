//! The pages of the programs and their verbs, from the types that read their command lines.

use clap::builder::StyledStr;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use ssoctl_protocol::verb::{HELP_FOOTER, of_daemon};
use ssoctld::cli::Arguments;

use crate::Manual;
use crate::roff::{Page, bold, escaped, marked};

pub(crate) fn manuals(date: &str) -> Vec<Manual> {
    let (mut ssoctl, mut ssoctld) = (ssoctl::command(), Arguments::command());
    ssoctl.build();
    ssoctld.build();
    let mut all = Vec::new();
    for verb in ssoctl.get_subcommands().filter(|verb| verb.get_name() != "help") {
        let verb = match ssoctld.find_subcommand(verb.get_name()) {
            Some(own) if of_daemon(verb.get_name()).is_some() => own,
            _ => verb,
        };
        let (page, called) = (format!("ssoctl-{}", verb.get_name()), format!("ssoctl {}", verb.get_name()));
        let verb = verb.clone().display_name(&page).bin_name(called);
        all.push(manual(&verb, &page, 1, date, &[("ssoctl", 1), ("ssoctl-config", 5), ("ssoctld", 8)]));
    }
    let verbs: Vec<String> = all.iter().map(|page| page.name.clone()).collect();
    let verbs = verbs.iter().map(|name| (name.as_str(), 1));
    let others = [("ssoctl-config", 5), ("ssoctl-api", 7), ("ssoctld", 8)];
    let of_ssoctl = manual(&ssoctl, "ssoctl", 1, date, &verbs.chain(others).collect::<Vec<_>>());
    all.push(of_ssoctl);
    all.push(manual(&ssoctld, "ssoctld", 8, date, &[("ssoctl", 1), ("ssoctl-config", 5), ("ssoctl-api", 7)]));
    all
}

fn manual(command: &Command, name: &str, section: u8, date: &str, see_also: &[(&str, u8)]) -> Manual {
    let about = text(command.get_about());
    let man = Man::new(command.clone());
    let mut page = Page::begin(name, section, date);
    page.named(about.trim_end_matches('.'));
    page.raw(&part(|roff| man.render_synopsis_section(roff)));
    page.heading("DESCRIPTION");
    prose(&mut page, &text(command.get_long_about().or(command.get_about())));
    page.raw(&part(|roff| man.render_options_section(roff)));
    let verbs: Vec<&Command> =
        command.get_subcommands().filter(|verb| !verb.is_hide_set() && verb.get_name() != "help").collect();
    if !verbs.is_empty() {
        page.heading("COMMANDS");
    }
    for verb in verbs {
        page.item(&bold(verb.get_name()), &escaped(&text(verb.get_about())));
    }
    epilogue(&mut page, &text(command.get_after_long_help()));
    page.end(see_also)
}

fn text(of_help: Option<&StyledStr>) -> String {
    of_help.map(ToString::to_string).unwrap_or_default()
}

/// A section of clap's, without what makes it a whole page.
fn part(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut roff = Vec::new();
    // Writing to memory does not fail.
    let _ = render(&mut roff);
    let text = String::from_utf8(roff).unwrap_or_default();
    let is_needed = |line: &&str| !line.starts_with(".ie ") && !line.starts_with(".el ");
    let lines = text.lines().filter(is_needed).filter(|line| !line.trim().is_empty());
    let mut lines: Vec<String> =
        lines.map(|line| format!("{}\n", line.trim_end().replace("\\*(Aq", "\\(aq"))).collect();
    // Two breaks are no more than one.
    lines.dedup_by(|line, before| line == ".br\n" && line == before);
    lines.concat()
}

/// The text of a help: paragraphs, and examples that are indented.
fn prose(page: &mut Page, text: &str) {
    for block in text.split("\n\n").filter(|block| !block.trim().is_empty()) {
        if block.lines().all(|line| line.starts_with("    ")) {
            let lines: Vec<&str> = block.lines().map(|line| line.get(4..).unwrap_or_default()).collect();
            page.verbatim(&lines.join("\n"));
        } else {
            page.paragraph(&marked(block));
        }
    }
}

/// The end of a help: headings with a colon, below them terms and what they mean.
fn epilogue(page: &mut Page, text: &str) {
    let mut items: Vec<(String, String)> = Vec::new();
    let flush = |page: &mut Page, items: &mut Vec<(String, String)>| {
        for (term, meaning) in items.drain(..) {
            match meaning.is_empty() {
                true => page.paragraph(&escaped(&term)),
                false => page.item(&bold(&term), &escaped(&meaning)),
            }
        }
    };
    for line in text.lines().filter(|line| !line.trim().is_empty() && *line != HELP_FOOTER) {
        let indent = line.len() - line.trim_start().len();
        match (indent, line.strip_suffix(':')) {
            (0, Some(title)) => {
                flush(page, &mut items);
                page.heading(title);
            }
            (0, None) => {
                flush(page, &mut items);
                page.heading("NOTES");
                page.paragraph(&escaped(line));
            }
            (2, _) => {
                let (term, meaning) = line.trim().split_once("  ").unwrap_or((line.trim(), ""));
                items.push((term.to_owned(), meaning.trim().to_owned()));
            }
            (_, _) => {
                if let Some((_, meaning)) = items.last_mut() {
                    *meaning = format!("{meaning} {}", line.trim()).trim().to_owned();
                }
            }
        }
    }
    flush(page, &mut items);
}
