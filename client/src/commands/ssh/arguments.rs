//! The arguments of ssh(1), as far as it has to be known where the host and the command are among them. What the options mean is ssh's.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

use crate::failure::Failure;

/// The options that take a value (`getopt` in OpenSSH's `ssh.c`).
const WITH_VALUE: &[u8] = b"BbcDEeFIiJLlmOoPpQRSWw";

/// Options by which ssh does something else than to run a shell or a command, or shares connections in another way.
const REFUSED: &[u8] = b"fGMNOQsVW";

/// What ssh is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Arguments {
    /// All options, those behind the host as well.
    pub(super) options: Vec<OsString>,
    pub(super) host: OsString,
    /// The command, as ssh would send it; `None` for a shell.
    pub(super) command: Option<OsString>,
}

impl Arguments {
    pub(super) fn parse(words: Vec<OsString>) -> Result<Self, Failure> {
        let mut words = words.into_iter();
        let (mut options, mut host, mut ended) = (Vec::new(), None, false);
        let mut command = Vec::new();
        while let Some(word) = words.next() {
            if !ended && word == "--" {
                ended = true;
            } else if !ended && word.len() > 1 && word.as_bytes().starts_with(b"-") {
                let needs_value = judge(&word)?;
                options.push(word);
                if needs_value {
                    options.extend(words.next());
                }
            } else if host.is_none() {
                host = Some(word);
            } else {
                command.push(word);
                break;
            }
        }
        let host =
            host.ok_or_else(|| Failure::Usage("name the host: ssoctl ssh [OPTIONS] HOST [COMMAND]".to_owned()))?;
        command.extend(words);
        let command = (!command.is_empty()).then(|| OsString::from_vec(command.join(OsStr::new(" ")).into_vec()));
        Ok(Self { options, host, command })
    }
}

/// Whether the value of the last option in this word is the next word.
fn judge(word: &OsStr) -> Result<bool, Failure> {
    let letters = &word.as_bytes()[1..];
    for (index, letter) in letters.iter().enumerate() {
        if REFUSED.contains(letter) {
            return Err(Failure::Usage(format!(
                "ssoctl ssh runs a shell or a command on the host, so ssh's -{} cannot be used; leave it out, or use ssh itself",
                char::from(*letter)
            )));
        }
        if WITH_VALUE.contains(letter) {
            return Ok(index + 1 == letters.len());
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<(String, String, Option<String>), String> {
        let text = |words: &OsString| words.to_string_lossy().into_owned();
        let words = line.split(' ').map(OsString::from).collect();
        let parsed = Arguments::parse(words).map_err(|failure| failure.to_string())?;
        let options: Vec<String> = parsed.options.iter().map(text).collect();
        Ok((options.join(" "), text(&parsed.host), parsed.command.as_ref().map(text)))
    }

    #[test]
    fn host_and_command_are_found_among_the_options_as_ssh_finds_them() {
        for (line, options, host, command) in [
            ("build", "", "build", None),
            ("ada@build uptime -p", "", "ada@build", Some("uptime -p")),
            ("-p 22 -i key build", "-p 22 -i key", "build", None),
            ("build -p 22 ls -l", "-p 22", "build", Some("ls -l")),
            ("-tt -p22 -oUser=ada build", "-tt -p22 -oUser=ada", "build", None),
            ("-vp 22 build -A", "-vp 22 -A", "build", None),
            ("-J a,b -F /config build -- -x y", "-J a,b -F /config", "build", Some("-x y")),
            ("-t -- build ls", "-t", "build", Some("ls")),
            ("build -L 1:h:2 -N1", "", "", None),
        ] {
            if host.is_empty() {
                assert!(parsed(line).unwrap_err().contains("-N"), "{line}");
                continue;
            }
            assert_eq!(parsed(line), Ok((options.into(), host.into(), command.map(str::to_owned))), "{line}");
        }
        for line in ["-p 22", "-p", "--"] {
            assert!(parsed(line).unwrap_err().contains("name the host"), "{line}");
        }
        for line in ["-N build", "-fv build", "build -W h:1", "-O exit build", "-M build"] {
            assert!(parsed(line).unwrap_err().contains("cannot be used"), "{line}");
        }
    }
}
