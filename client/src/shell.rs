//! How variables are set and removed in each shell's language. Pure.
//!
//! Whoever writes the AWS configuration chooses a region's text and so what stands here, and the result is evaluated: a
//! value is quoted so that the shell takes every character of it as it stands.

use ssoctl_protocol::Secret;

use crate::cli::Shell;
use crate::role_environment::Changes;

/// Room for one role, so that the text need not move and leave a copy of its secrets behind.
const ROOM: usize = 16 * 1024;

/// The shell that a path such as `/bin/zsh` belongs to.
pub(crate) fn of_path(path: &str) -> Option<Shell> {
    match path.rsplit('/').next().unwrap_or_default() {
        "sh" | "bash" | "dash" | "ash" | "busybox" | "ksh" | "ksh93" | "mksh" => Some(Shell::Bash),
        "zsh" => Some(Shell::Zsh),
        "fish" => Some(Shell::Fish),
        "pwsh" | "powershell" => Some(Shell::Powershell),
        _ => None,
    }
}

/// What a shell has to read to make the changes.
pub(crate) fn script(shell: Shell, changes: &Changes) -> Secret<String> {
    let mut text = String::with_capacity(ROOM);
    match shell {
        Shell::Json => json(&mut text, changes),
        Shell::Bash | Shell::Zsh => {
            remove_at_once(&mut text, "unset", changes);
            set(&mut text, ["export ", "='"], changes, |text, character| match character {
                '\'' => text.push_str(r"'\''"),
                _ => text.push(character),
            });
        }
        Shell::Fish => {
            remove_at_once(&mut text, "set -e", changes);
            set(&mut text, ["set -gx ", " '"], changes, |text, character| {
                if matches!(character, '\'' | '\\') {
                    text.push('\\');
                }
                text.push(character);
            });
        }
        Shell::Powershell => {
            for name in &changes.removed {
                text.extend(["$env:", name, " = $null\n"]);
            }
            set(&mut text, ["$env:", " = '"], changes, |text, character| {
                // PowerShell takes typographic quotes for quotes, too (its `CharTraits.IsSingleQuote`).
                if matches!(character, '\'' | '\u{2018}'..='\u{201b}') {
                    text.push(character);
                }
                text.push(character);
            });
        }
    }
    Secret::new(text)
}

/// What a shell has to read so that its `eval` fails with this code, without what is removed. Programs that read JSON get nothing.
pub(crate) fn failure(shell: Shell, changes: &Changes, code: u8) -> String {
    let end = match shell {
        Shell::Json => return String::new(),
        Shell::Bash | Shell::Zsh => format!("(exit {code})\n"),
        // `return` is an error outside of a function in older versions.
        Shell::Fish => format!("command sh -c 'exit {code}'\n"),
        Shell::Powershell => format!("throw 'ssoctl env failed with exit code {code}'\n"),
    };
    script(shell, changes).expose().clone() + &end
}

fn remove_at_once(text: &mut String, command: &str, changes: &Changes) {
    text.push_str(command);
    for name in &changes.removed {
        text.extend([" ", name]);
    }
    text.push('\n');
}

/// A line for each variable that is set: what stands before its name, what stands between the name and the value, the value
/// as `put` writes its characters, and the closing quote.
fn set(text: &mut String, [before, between]: [&str; 2], changes: &Changes, put: impl Fn(&mut String, char)) {
    for (name, value) in &changes.set {
        text.extend([before, name, between]);
        for character in value.expose().chars() {
            put(text, character);
        }
        text.push_str("'\n");
    }
}

/// Programs take an object of texts for an environment, so what is removed is mentioned only where nothing is set.
fn json(text: &mut String, changes: &Changes) {
    let set = changes.set.iter().map(|(name, value)| (*name, Some(value)));
    let removed = changes.removed.iter().map(|name| (*name, None)).filter(|_| changes.set.is_empty());
    for (number, (name, value)) in set.chain(removed).enumerate() {
        text.extend([if number == 0 { "{\"" } else { ",\"" }, name, "\":"]);
        match value {
            Some(value) => quote(text, value.expose()),
            None => text.push_str("null"),
        }
    }
    text.push_str("}\n");
}

/// A JSON string (RFC 8259, section 7).
fn quote(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\0'..='\u{1f}' => text.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => text.push(character),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(value: &str) -> Changes {
        Changes { removed: vec!["AWS_PROFILE", "AWS_ROLE_ARN"], set: vec![("AWS_REGION", value.into())] }
    }

    #[test]
    fn every_character_of_a_value_is_taken_as_it_stands() {
        let odd = "it's $x `y` \"z\" \\ %\u{2019}";
        for (shell, expected) in [
            (Shell::Bash, "unset AWS_PROFILE AWS_ROLE_ARN\nexport AWS_REGION='it'\\''s $x `y` \"z\" \\ %\u{2019}'\n"),
            (Shell::Zsh, "unset AWS_PROFILE AWS_ROLE_ARN\nexport AWS_REGION='it'\\''s $x `y` \"z\" \\ %\u{2019}'\n"),
            (Shell::Fish, "set -e AWS_PROFILE AWS_ROLE_ARN\nset -gx AWS_REGION 'it\\'s $x `y` \"z\" \\\\ %\u{2019}'\n"),
            (
                Shell::Powershell,
                "$env:AWS_PROFILE = $null\n$env:AWS_ROLE_ARN = $null\n\
                 $env:AWS_REGION = 'it''s $x `y` \"z\" \\ %\u{2019}\u{2019}'\n",
            ),
            (Shell::Json, "{\"AWS_REGION\":\"it's $x `y` \\\"z\\\" \\\\ %\u{2019}\"}\n"),
        ] {
            assert_eq!(script(shell, &changes(odd)).expose(), expected, "{shell:?}");
        }
    }

    #[test]
    fn json_is_json_whatever_the_value() {
        let odd = "\0\u{1}\n\r\t\u{1f}\u{7f}\u{2028}\"\\/ü🔒";
        let text = script(Shell::Json, &changes(odd));
        let value: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
        assert_eq!(value, serde_json::json!({ "AWS_REGION": odd }));

        let nothing = Changes { set: vec![], ..changes("") };
        assert_eq!(script(Shell::Json, &nothing).expose(), "{\"AWS_PROFILE\":null,\"AWS_ROLE_ARN\":null}\n");
    }

    #[test]
    fn a_shell_is_known_by_its_name() {
        for (path, shell) in [
            ("/bin/bash", Some(Shell::Bash)),
            ("zsh", Some(Shell::Zsh)),
            ("/opt/homebrew/bin/fish", Some(Shell::Fish)),
            ("/usr/bin/pwsh", Some(Shell::Powershell)),
            ("/bin/sh", Some(Shell::Bash)),
            ("/bin/tcsh", None),
            ("/bin/bash/", None),
            ("", None),
        ] {
            assert_eq!(of_path(path), shell, "{path}");
        }
    }
}
