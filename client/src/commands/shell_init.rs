//! `ssoctl shell-init`

use std::process::Termination;

use clap::Args;

use super::Verb;
use super::completion::Shell;
use crate::connection::Starting;
use crate::failure::Failure;
use crate::output;

/// Print a function with which a shell takes a role
///
///     eval "$(ssoctl shell-init bash)"                                        # in ~/.bashrc
///     eval "$(ssoctl shell-init zsh)"                                         # in ~/.zshrc
///     ssoctl shell-init fish | source                                         # in ~/.config/fish/config.fish
///     ssoctl shell-init powershell | Out-String | Invoke-Expression           # in $PROFILE
///
/// The function has the name `sso`. Alone, it shows a list from which you pick a role, and sets its variables in this shell. Otherwise it takes
/// the arguments of ssoctl env: `sso --profile dev`, and `sso --unset` to take the variables back.
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct ShellInit {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
    /// The name of the function
    #[arg(long, default_value = "sso", value_parser = function_name)]
    name: String,
}

/// A name that is a function's in every shell, and nothing else.
fn function_name(text: &str) -> Result<String, &'static str> {
    let is_letter = |character: char| character.is_ascii_alphabetic() || character == '_';
    let is_name = text.starts_with(is_letter) && text.chars().all(|one| is_letter(one) || one.is_ascii_digit());
    is_name.then(|| text.to_owned()).ok_or("expected letters, digits and _, not beginning with a digit")
}

/// Help is for people, and evaluating it would execute it.
const POSIX: &str = r#"NAME() {
    local argument
    [ "$#" -gt 0 ] || set -- --pick
    for argument in "$@"; do
        case "$argument" in
            -h | --help) command ssoctl env "$@"; return ;;
        esac
    done
    eval "$(command ssoctl env --shell SHELL "$@")"
}
"#;

const FISH: &str = r"function NAME --description 'Take a role of AWS in this shell'
    set -q argv[1]; or set argv --pick
    if contains -- -h $argv; or contains -- --help $argv
        command ssoctl env $argv
        return
    end
    command ssoctl env --shell fish $argv | source
end
";

const POWERSHELL: &str = r"function NAME {
    $ssoctl = (Get-Command ssoctl -CommandType Application | Select-Object -First 1).Source
    $arguments = if ($args.Count) { $args } else { @('--pick') }
    if ($arguments -contains '-h' -or $arguments -contains '--help') { & $ssoctl env @arguments; return }
    & $ssoctl env --shell powershell @arguments | Out-String | Invoke-Expression
}
";

impl Verb for ShellInit {
    fn run(self, _: Starting) -> Result<impl Termination, Failure> {
        let script = match self.shell {
            Shell::Bash => POSIX.replace("SHELL", "bash"),
            Shell::Zsh => POSIX.replace("SHELL", "zsh"),
            Shell::Fish => FISH.to_owned(),
            Shell::Powershell => POWERSHELL.to_owned(),
        };
        output::write(script.replace("NAME", &self.name).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_be_more_than_a_name_is_refused() {
        assert!(["sso", "_a1", "Role"].iter().all(|name| function_name(name).is_ok()));
        assert!(["", "1a", "a b", "a;b", "a-b", "$(x)", "\u{e9}"].iter().all(|name| function_name(name).is_err()));
    }
}
