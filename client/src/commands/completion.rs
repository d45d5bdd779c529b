//! `ssoctl completion`
//!
//! The scripts call `ssoctl completion SHELL -- …` for each TAB; that is read before any verb, by the module `completion` of this program.

use std::process::Termination;

use clap::{Args, ValueEnum};

use super::Verb;
use crate::connection::Starting;
use crate::failure::Failure;
use crate::output;

/// Print the script with which a shell completes the command lines of ssoctl
///
///     eval "$(ssoctl completion bash)"                                        # in ~/.bashrc
///     eval "$(ssoctl completion zsh)"                                         # in ~/.zshrc, after compinit
///     ssoctl completion fish | source                                         # in ~/.config/fish/config.fish
///     ssoctl completion powershell | Out-String | Invoke-Expression           # in $PROFILE
///
/// It completes verbs, options and their values, and the names of sessions, profiles, accounts, roles and grants that the daemon has in
/// memory. Nobody is asked for them at a TAB, no daemon is started, and where none answers within 200 ms there are no names. Accounts are
/// those that ssoctl accounts or ssoctl configure has listed; the first letters of an account's name become its id (fish shows the name
/// beside it).
#[derive(Args, Debug)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completion {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(alias = "pwsh")]
    Powershell,
}

impl Shell {
    pub(crate) const fn script(self) -> &'static str {
        match self {
            Self::Bash => include_str!("completion/ssoctl.bash"),
            Self::Zsh => include_str!("completion/ssoctl.zsh"),
            Self::Fish => include_str!("completion/ssoctl.fish"),
            Self::Powershell => include_str!("completion/ssoctl.ps1"),
        }
    }
}

impl Verb for Completion {
    fn run(self, _: Starting) -> Result<impl Termination, Failure> {
        output::write(self.shell.script().as_bytes())
    }
}
