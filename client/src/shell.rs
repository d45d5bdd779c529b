//! Sets and removes variables in each shell's language. Pure.
//!
//! The output is evaluated, and the text of a region comes from the AWS configuration, which others may have written. So each value
//! is quoted, and the shell takes every character literally.

use std::iter;

use clap::ValueEnum;
use serde::{Serialize, Serializer};
use ssoctl_protocol::{Secret, shell};

use crate::role_environment::Changes;

#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shell {
    /// Any shell that follows POSIX
    #[value(aliases = ["sh", "dash", "ksh"])]
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
    /// An object of names and values; with --unset the values are null
    Json,
}

impl Shell {
    /// The shell at a path such as `/bin/zsh`.
    pub(crate) fn of_path(path: &str) -> Option<Self> {
        match path.rsplit('/').next().unwrap_or_default() {
            "sh" | "bash" | "dash" | "ash" | "busybox" | "ksh" | "ksh93" | "mksh" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            "pwsh" | "powershell" => Some(Self::Powershell),
            _ => None,
        }
    }

    fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Bash | Self::Zsh => format!("export {name}={}\n", shell::quoted(value)),
            Self::Fish => format!("set -gx {name} '{}'\n", value.replace('\\', r"\\").replace('\'', r"\'")),
            Self::Powershell => format!("$env:{name} = {}\n", quoted_for_powershell(value)),
            Self::Json => String::new(),
        }
    }

    fn remove(self, names: &[&str]) -> String {
        match self {
            Self::Bash | Self::Zsh => format!("unset {}\n", names.join(" ")),
            // Removing what is not there has a status of its own, which `set` would leave as that of the whole.
            Self::Fish => format!("set -e {}; true\n", names.join(" ")),
            Self::Powershell => names.iter().map(|name| format!("$env:{name} = $null\n")).collect(),
            Self::Json => String::new(),
        }
    }
}

pub(crate) fn script(shell: Shell, changes: &Changes) -> Secret<String> {
    if shell == Shell::Json {
        // A map of texts always is JSON.
        return Secret::new(serde_json::to_string(&Object(changes)).unwrap_or_default() + "\n");
    }
    let set = changes.set.iter().map(|(name, value)| shell.set(name, value.expose()));
    Secret::new(std::iter::once(shell.remove(&changes.removed)).chain(set).collect())
}

/// Commands whose `eval` fails with this code, and which only remove variables. Programs that read JSON get nothing.
pub(crate) fn failure(shell: Shell, changes: &Changes, code: u8) -> String {
    let end = match shell {
        Shell::Json => return String::new(),
        Shell::Bash | Shell::Zsh => format!("(exit {code})\n"),
        // In older versions `return` is an error outside of a function.
        Shell::Fish => format!("command sh -c 'exit {code}'\n"),
        Shell::Powershell => format!("throw 'ssoctl env failed with exit code {code}'\n"),
    };
    script(shell, changes).expose().clone() + &end
}

/// The variables that are set, for programs that take an object of texts for an environment. If none is set, those that are removed,
/// as `null`.
struct Object<'a>(&'a Changes);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Changes { set, removed } = self.0;
        if set.is_empty() {
            return serializer.collect_map(removed.iter().map(|name| (name, ())));
        }
        serializer.collect_map(set.iter().map(|(name, value)| (name, value.expose())))
    }
}

/// A text in single quotes. PowerShell takes typographic quotes for quotes, too (its `CharTraits.IsSingleQuote`).
pub(crate) fn quoted_for_powershell(text: &str) -> String {
    let is_quote = |c: char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
    let doubled: String = text.chars().flat_map(|c| iter::repeat_n(c, 1 + usize::from(is_quote(c)))).collect();
    format!("'{doubled}'")
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
            (
                Shell::Fish,
                "set -e AWS_PROFILE AWS_ROLE_ARN; true\nset -gx AWS_REGION 'it\\'s $x `y` \"z\" \\\\ %\u{2019}'\n",
            ),
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
    fn json_stays_valid_with_every_value() {
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
            assert_eq!(Shell::of_path(path), shell, "{path}");
        }
    }
}
