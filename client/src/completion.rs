//! What could complete a command line, for the scripts of the shells: `ssoctl completion SHELL -- …`.
//!
//! Each TAB starts this program, so only the verb that is meant is given to clap. Names come from the daemon's memory (`names`). Whatever
//! goes wrong, there is nothing to complete then, and nothing is said. The text of names is foreign: what controls a terminal is left out,
//! and `words` quotes what bash and PowerShell insert as it is.

mod names;
mod words;

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, Command, ValueEnum};
use clap_complete::CompletionCandidate;
use clap_complete::engine::{ArgValueCompleter, complete};
use ssoctl_protocol::text;
use ssoctl_protocol::verb::{Argument, DaemonVerb, of_daemon};

use crate::cli;
use crate::commands::{self, completion::Shell};
use crate::output;
use names::Names;
use words::{BashLine, bash_listing, in_powershell, unquoted};

/// The longest text that is shown beside a value.
const LONGEST_HELP: usize = 100;

/// What a script asks.
pub(crate) struct Asked {
    shell: Shell,
    /// The words of the command line without quotes, the program's name first and what is to be completed last.
    words: Vec<String>,
    /// What bash needs besides.
    bash: Option<BashLine>,
}

impl Asked {
    /// Reads `ssoctl completion SHELL -- …`, and nothing else.
    pub(crate) fn read(arguments: &[OsString]) -> Option<Self> {
        let [_, verb, shell, dashes, rest @ ..] = arguments else { return None };
        if verb != "completion" || dashes != "--" || rest.is_empty() {
            return None;
        }
        let shell = Shell::from_str(shell.to_str()?, false).ok()?;
        let rest: Vec<String> = rest.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut bash = None;
        let words = match (shell, rest.as_slice()) {
            (Shell::Bash, [line, current, kind]) => {
                let (line, words) = BashLine::read(line, current, kind);
                bash = Some(line);
                words
            }
            (Shell::Bash, _) => return None,
            (Shell::Powershell, _) => {
                let mut words: Vec<String> =
                    rest.iter().map(|word| word.get(1..).unwrap_or_default().to_owned()).collect();
                words.last_mut().map(|last| *last = last.trim_start_matches(['\'', '"']).to_owned())?;
                words
            }
            (Shell::Zsh | Shell::Fish, _) => {
                let mut words = rest;
                words.last_mut().map(|last| *last = unquoted(last))?;
                words
            }
        };
        Some(Self { shell, words, bash })
    }

    /// Prints what completes the last word, line by line: the value, and behind a tab what it means.
    pub(crate) fn answer(self) {
        let mut lines = String::new();
        let candidates = self.candidates();
        let count = candidates.len();
        for (value, help) in candidates {
            let help = text::shown(&help, LONGEST_HELP).into_owned();
            let line = match (self.shell, &self.bash) {
                (_, Some(line)) => match line.inserted(&value) {
                    Some(inserted) if count > 1 && line.is_listing() => bash_listing(&inserted, &help),
                    Some(inserted) => inserted,
                    None => continue,
                },
                (Shell::Powershell, _) => format!("{}\t{help}", in_powershell(&value)),
                _ if help.is_empty() => value,
                _ => format!("{value}\t{help}"),
            };
            lines.push_str(&line);
            lines.push('\n');
        }
        // A shell that does not read on has nothing to be told.
        let _ = output::write(lines.as_bytes());
    }

    /// The values that fit, each with what it means.
    fn candidates(&self) -> Vec<(String, String)> {
        let Some((last, before)) = self.words.split_last() else { return Vec::new() };
        let before: Vec<OsString> = before.iter().map(OsString::from).collect();
        let verb = cli::position_of_verb(&before).map(|position| self.words[position].as_str());
        let mut command = self.command(verb);
        let arguments = self.words.iter().map(OsString::from).collect();
        let directory = std::env::current_dir().ok();
        let found = complete(&mut command, arguments, before.len(), directory.as_deref()).unwrap_or_default();
        let mut candidates: Vec<(String, String)> = found.iter().filter_map(shown).collect();
        // Options are offered where one is begun, or where there is nothing else.
        let is_option = |value: &str| value.starts_with('-');
        if last.is_empty() {
            match candidates.iter().any(|(value, _)| !is_option(value)) {
                true => candidates.retain(|(value, _)| !is_option(value)),
                false => candidates.retain(|(value, _)| value.starts_with("--")),
            }
        }
        candidates
    }

    /// The command line as far as it matters for this verb.
    fn command(&self, verb: Option<&str>) -> Command {
        let names = Names::new(&self.words, self.shell);
        let with_names = |arg: Arg| match names.completer(arg.get_id().as_str()) {
            Some(completer) => arg.add(ArgValueCompleter::new(completer)),
            None => arg,
        };
        // Those that are begun, and those that stand behind `help`.
        let is_wanted = |name: &str| {
            let is_begun = self.words.last().is_some_and(|last| name.starts_with(last.as_str()));
            is_begun || self.words.iter().any(|word| word == name)
        };
        let verb = match verb {
            None => {
                let help = Command::new("help").about("Print the help of a verb");
                return cli::with_verbs(is_wanted).disable_help_subcommand(true).subcommand(help);
            }
            Some("help") => return cli::with_verbs(is_wanted),
            Some(verb) => verb,
        };
        if let Some(entry) = commands::find(verb.as_ref()) {
            return cli::command(Some(entry)).mut_subcommand(verb, |command| command.mut_args(with_names));
        }
        match of_daemon(verb) {
            Some(DaemonVerb { name, about, arguments }) => {
                let arguments = arguments.iter().map(argument).map(with_names);
                cli::program().subcommand(Command::new(name).about(about).args(arguments))
            }
            None => cli::program(),
        }
    }
}

/// An argument of a verb of the daemon.
fn argument(of_daemon: &Argument) -> Arg {
    let arg = match of_daemon.option {
        Some(option) => Arg::new(of_daemon.id).long(option),
        None => Arg::new(of_daemon.id),
    };
    match of_daemon.takes_value {
        true => arg.value_parser(ValueParser::string()),
        false => arg.action(ArgAction::SetTrue),
    }
}

/// A candidate with what it means; `None` if it is no text, or has characters that control what a person sees.
fn shown(candidate: &CompletionCandidate) -> Option<(String, String)> {
    let value = candidate.get_value().to_str()?;
    let is_harmless = !value.is_empty() && text::shown(value, usize::MAX) == value;
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    is_harmless.then(|| (value.to_owned(), help.lines().next().unwrap_or_default().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &[&str]) -> Option<Vec<String>> {
        let arguments: Vec<OsString> = line.iter().map(OsString::from).collect();
        Some(Asked::read(&arguments)?.candidates().into_iter().map(|(value, _)| value).collect())
    }

    fn zsh(line: &str) -> Vec<String> {
        let words = line.split(' ');
        asked(&["ssoctl", "completion", "zsh", "--"].into_iter().chain(words).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn verbs_options_and_fixed_values_are_completed() {
        assert_eq!(zsh("ssoctl cred"), ["credential-process"]);
        assert_eq!(zsh("ssoctl conf"), ["configure"]);
        assert_eq!(zsh("ssoctl --no-start cons"), ["console"]);
        assert!(zsh("ssoctl ").contains(&"login".to_owned()) && !zsh("ssoctl ").contains(&"--help".to_owned()));
        assert_eq!(zsh("ssoctl help audi"), ["audit"]);
        assert_eq!(zsh("ssoctl help service inst"), ["install"]);
        assert_eq!(zsh("ssoctl hel"), ["help"]);
        assert_eq!(zsh("ssoctl login --flow "), ["browser", "device"]);
        assert_eq!(zsh("ssoctl login --flow=d"), ["--flow=device"]);
        assert_eq!(zsh("ssoctl configure --dr"), ["--dry-run"]);
        assert_eq!(zsh("ssoctl doctor --js"), ["--json"]);
        assert_eq!(zsh("ssoctl service inst"), ["install"]);
        assert_eq!(zsh("ssoctl completion fi"), ["fish"]);
        assert_eq!(zsh("ssoctl watch --kind s"), ["session"]);
        assert_eq!(zsh("ssoctl watch --kind=session,g"), ["--kind=session,grant"]);
        assert_eq!(zsh("ssoctl nonsense --x"), Vec::<String>::new());
        assert!(zsh("ssoctl status ").iter().all(|value| value.starts_with("--")));
    }

    #[test]
    fn only_what_a_script_asks_is_taken_for_its_question() {
        for line in [&["ssoctl", "completion", "bash"][..], &["ssoctl", "completion", "bash", "--"]] {
            assert_eq!(asked(line), None);
        }
        assert_eq!(asked(&["ssoctl", "completion", "sh", "--", "ssoctl", ""]), None);
        assert_eq!(asked(&["ssoctl", "completion", "bash", "--", "ssoctl tok", "tok"]), None);
        assert_eq!(
            asked(&["ssoctl", "completion", "bash", "--", "ssoctl tok", "tok", "9"]),
            Some(vec!["token".into()])
        );
        assert_eq!(asked(&["ssoctl", "completion", "pwsh", "--", "=ssoctl", "='tok"]), Some(vec!["token".into()]));
    }
}
