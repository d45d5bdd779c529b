//! The command line: finds the verb, has clap read its arguments, and shows help and complaints.
//!
//! Only the verb that is meant is given to clap. With the arguments of all verbs, clap would take most of the time of
//! `ssoctl token`.

use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::CommandExt;
use std::process::{self, ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, value_parser};
use ssoctl_protocol::shell;
use ssoctl_protocol::verb::{CLIENT_VARIABLE, DaemonVerb, HELP_FOOTER, OF_DAEMON, of_daemon};
use ssoctl_protocol::{ExitCode as Code, VERSION};

use crate::commands::{self, Entry};
use crate::connection::Starting;
use crate::failure::Failure;
use crate::{installation, next_steps, output, terminal};

const LONG_ABOUT: &str = "\
Keeps you signed in to AWS IAM Identity Center (AWS SSO)

ssoctl asks ssoctld, your own daemon, and starts it if none runs. Sessions are the [sso-session] sections and SSO profiles of
your AWS configuration; `ssoctl login --start-url URL --region REGION` adds one. Called alone on a terminal, ssoctl says what to do next.";

/// The exit codes, as promised by `ssoctl_protocol::ExitCode`, and the variables.
const EPILOGUE: &str = "\
Exit codes:
  0  success
  1  any failure without a code of its own
  2  the command line is wrong, or does not say which session or role is meant
  3  a person has to sign in: ssoctl login
  4  the daemon cannot be reached, or something else answers
  5  nobody signed in within the time given by --wait, or before the code expired
  6  no such session
  7  the service or the person refused, or no token lives as long as --min-valid asks
  125 to 127 are used by exec: see ssoctl exec --help
  130  nothing was picked or typed when ssoctl asked (Esc, Ctrl-C)

Environment:
  SSOCTL_SESSION   the session, if the command line names none
  AWS_PROFILE, AWS_DEFAULT_PROFILE
                   the AWS profile whose session is used if SSOCTL_SESSION is not set either; if neither is set, the only
                   session is used
  SSOCTL_SOCKET    the daemon's socket; default: $XDG_RUNTIME_DIR/ssoctl/ssoctld.sock, else run/ssoctld.sock in
                   the cache directory of ssoctl
  SSOCTL_SOCKET_OWNER
                   the user whose daemon is trusted besides your own: a uid, or any
  SSOCTL_NO_START  if 1, no daemon is started; if SSOCTL_SOCKET is set, none is started either
  SSOCTL_NO_INPUT, CI
                   if 1 or true, nothing is asked on the terminal
  BROWSER          the browser that login and console open, unless the session has one of its own
  NO_COLOR         if set, status and watch use no colours, and login shows a QR code only with --qr";

const NO_START: &str = "no_start";
const NO_INPUT: &str = "no_input";
/// The arguments of a verb of the daemon.
const UNREAD: &str = "unread";

/// Carries out a command line, the program's name first.
pub(crate) fn run(arguments: Vec<OsString>) -> Result<ExitCode, Failure> {
    if arguments.len() == 1 && io::stdout().is_terminal() {
        return next_steps::show();
    }
    let arguments = arranged(arguments);
    let verb = position_of_verb(&arguments).and_then(|position| commands::find(&arguments[position]));
    let mut matches = match command(verb).try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(complaint) if complaint.use_stderr() => {
            let code = verb.map_or(Code::Usage, |verb| (verb.reject)(&arguments));
            let complaint = match verb {
                Some(verb) => with_tip(complaint, verb),
                None => complaint,
            };
            // If it cannot be written, the exit code still tells.
            let _ = complaint.print();
            return Ok(ExitCode::from(code as u8));
        }
        Err(help) => return output::write(help.to_string().as_bytes()).map(|()| ExitCode::SUCCESS),
    };
    if matches.get_flag(NO_INPUT) {
        terminal::forbid();
    }
    let starting = if matches.get_flag(NO_START) { Starting::Forbidden } else { Starting::Allowed };
    match (verb, matches.remove_subcommand()) {
        (Some(verb), Some((_, mut matches))) => (verb.run)(&mut matches, starting),
        (None, Some((name, mut matches))) => {
            become_daemon(&name, matches.remove_many(UNREAD).into_iter().flatten(), starting)
        }
        (_, None) => Err(Failure::Usage("name a verb; they are listed by: ssoctl --help".to_owned())),
    }
}

/// Says how to write the command line of a verb that runs a command, if the command or the `--` before it is missing.
fn with_tip(mut complaint: clap::Error, verb: &Entry) -> clap::Error {
    let takes_command = own(verb).get_positionals().any(Arg::is_last_set);
    let command = match (complaint.kind(), complaint.get(ContextKind::InvalidArg)) {
        (ErrorKind::MissingRequiredArgument, _) => Some("aws s3 ls".into()),
        (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) if !word.starts_with('-') => {
            Some(shell::argument(word))
        }
        _ => None,
    };
    if let Some(command) = command.filter(|_| takes_command) {
        let tip = format!("write -- before the command, as in: ssoctl {} -- {command}", verb.name);
        complaint.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    }
    complaint
}

/// Executes the daemon's program in place of this one, so that its exit code counts and the terminal's signals reach it. Returns only
/// if that fails.
fn become_daemon(
    name: &str,
    arguments: impl Iterator<Item = OsString>,
    starting: Starting,
) -> Result<ExitCode, Failure> {
    let program = installation::daemon().map_err(Failure::Other)?;
    output::check()?;
    let mut command = process::Command::new(&program);
    // Help and complaints name the program that was called.
    command.arg0("ssoctl").arg(name).args(arguments);
    if let Ok(own) = env::current_exe() {
        command.env(CLIENT_VARIABLE, installation::lasting(&own));
    }
    if starting == Starting::Forbidden {
        command.env("SSOCTL_NO_START", "1");
    }
    let error = command.exec();
    Err(Failure::Other(format!("{} cannot be executed: {error}", program.display())))
}

/// Writes `help VERB` as `VERB --help`, and puts the arguments of a verb of the daemon behind `--`, so that clap leaves them
/// as they are.
fn arranged(mut arguments: Vec<OsString>) -> Vec<OsString> {
    if let Some(position) = position_of_verb(&arguments)
        && arguments[position] == "help"
    {
        arguments.remove(position);
        arguments.push("--help".into());
    }
    if let Some(position) = position_of_verb(&arguments)
        && arguments[position].to_str().and_then(of_daemon).is_some()
    {
        arguments.insert(position + 1, "--".into());
    }
    arguments
}

/// No option before the verb takes a value.
pub(crate) fn position_of_verb(arguments: &[OsString]) -> Option<usize> {
    let is_word = |argument: &OsString| !argument.as_encoded_bytes().starts_with(b"-");
    Some(1 + arguments.get(1..)?.iter().position(is_word)?)
}

/// The command line without any verb.
pub(crate) fn program() -> Command {
    Command::new("ssoctl")
        .version(VERSION)
        .about(LONG_ABOUT.lines().next())
        .long_about(LONG_ABOUT)
        .after_long_help(EPILOGUE)
        .max_term_width(100)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(
            Arg::new(NO_START)
                .long("no-start")
                .action(ArgAction::SetTrue)
                .global(true)
                .display_order(1000)
                .help("Fail with exit code 4 if no daemon runs, instead of starting one"),
        )
        .arg(
            Arg::new(NO_INPUT)
                .long("no-input")
                .action(ArgAction::SetTrue)
                .global(true)
                .display_order(1001)
                .help("Ask nothing on the terminal: what the command line leaves open is an error"),
        )
}

/// The command line with one verb, or with all of them if none is named that exists.
pub(crate) fn command(verb: Option<&Entry>) -> Command {
    match verb {
        Some(verb) => program().subcommand(own(verb)),
        None => with_verbs(|_| true),
    }
}

/// The command line with some of the verbs. Each of them takes time.
pub(crate) fn with_verbs(is_wanted: impl Fn(&str) -> bool) -> Command {
    let wanted = OF_DAEMON.into_iter().filter(|verb| is_wanted(verb.name));
    let of_daemon = wanted.map(|DaemonVerb { name, about, .. }| {
        let unread = Arg::new(UNREAD).num_args(0..).last(true).value_parser(value_parser!(OsString));
        Command::new(name).about(about).arg(unread)
    });
    let own = commands::VERBS.iter().filter(|verb| is_wanted(verb.name)).map(own);
    program().subcommands(own).subcommands(of_daemon)
}

fn own(verb: &Entry) -> Command {
    (verb.arguments)(Command::new(verb.name).after_long_help(HELP_FOOTER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn the_command_line_is_consistent() {
        command(None).debug_assert();
        commands::VERBS.iter().for_each(|verb| command(Some(verb)).debug_assert());
    }

    #[test]
    fn a_wrong_command_line_of_exec_has_its_own_exit_code() {
        let code = |line: &str| {
            let arguments = words(line);
            let verb = position_of_verb(&arguments).and_then(|position| commands::find(&arguments[position]));
            verb.map_or(Code::Usage, |verb| (verb.reject)(&arguments)) as u8
        };
        assert_eq!((code("ssoctl exec --bogus"), code("ssoctl --no-start exec")), (125, 125));
        assert_eq!((code("ssoctl token exec"), code("ssoctl"), code("exec")), (2, 2, 2));
    }

    #[test]
    fn who_forgets_the_command_or_the_hyphens_before_it_is_told_how_to_write_it() {
        let tip = |line: &str| {
            let arguments = words(line);
            let verb = commands::find(&arguments[1]).unwrap();
            let complaint = command(Some(verb)).try_get_matches_from(&arguments).unwrap_err();
            let text = with_tip(complaint, verb).to_string();
            text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned)
        };
        let behind = |end: &str| Some(format!("write -- before the command, as in: ssoctl {end}"));
        assert_eq!(tip("ssoctl exec"), behind("exec -- aws s3 ls"));
        assert_eq!(tip("ssoctl exec --profile dev ls -l"), behind("exec -- ls"));
        assert_eq!(tip("ssoctl grant ./agent"), behind("grant -- ./agent"));
        assert_eq!(tip("ssoctl exec --profil dev -- ls"), Some("a similar argument exists: '--profile'".to_owned()));
        assert_eq!(tip("ssoctl ssh"), None);
    }

    #[test]
    fn help_of_a_verb_is_its_option_and_what_is_meant_for_the_daemon_is_left_alone() {
        for (line, expected) in [
            ("ssoctl help", "ssoctl --help"),
            ("ssoctl --no-start help service install", "ssoctl --no-start service install --help"),
            ("ssoctl help configure", "ssoctl configure -- --help"),
            ("ssoctl --no-start doctor --json -- x", "ssoctl --no-start doctor -- --json -- x"),
            ("ssoctl token help", "ssoctl token help"),
            ("ssoctl token configure", "ssoctl token configure"),
        ] {
            assert_eq!(arranged(words(line)), words(expected), "{line}");
        }
        let mut matches = command(None).try_get_matches_from(words("ssoctl doctor -- --json -- -x")).unwrap();
        let (name, mut matches) = matches.remove_subcommand().unwrap();
        let unread: Vec<OsString> = matches.remove_many(UNREAD).unwrap().collect();
        assert_eq!((name.as_str(), unread), ("doctor", words("--json -- -x")));
    }

    #[test]
    fn the_help_names_every_verb_exit_code_and_variable() {
        let help = command(None).render_long_help().to_string();
        for needed in [
            "SSOCTL_SESSION",
            "AWS_PROFILE",
            "SSOCTL_SOCKET",
            "SSOCTL_SOCKET_OWNER",
            "SSOCTL_NO_START",
            "SSOCTL_NO_INPUT",
            "BROWSER",
            "NO_COLOR",
        ] {
            assert!(help.contains(needed), "{needed}");
        }
        for code in 0..=7 {
            assert!(help.contains(&format!("\n  {code}  ")), "{code}");
        }
        for DaemonVerb { name, about, .. } in OF_DAEMON {
            assert!(help.lines().any(|line| line.trim().starts_with(name) && line.contains(about)), "{name}: {help}");
        }
        for verb in commands::VERBS {
            assert!(help.contains(&format!("\n  {} ", verb.name)), "{}: {help}", verb.name);
        }
    }
}
