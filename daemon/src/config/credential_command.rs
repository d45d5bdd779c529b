//! The `credential_process` of a profile, where it is `ssoctl credential-process`. Pure.

use ssoctl_aws_files::shell_words;

/// The role that a `credential_process` asks ssoctl for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CredentialCommand {
    /// The program, as written.
    program: String,
    /// Who signs in.
    pub(crate) named: Named,
    /// `--account`
    pub(crate) account: Option<String>,
    /// `--role`
    pub(crate) role: Option<String>,
}

/// What a command names, of which there is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    /// `--session`
    Session(String),
    /// `--profile`
    Profile(String),
}

impl CredentialCommand {
    /// Reads a command in the forms that `ssoctl configure` writes and `ssoctl credential-process --help` shows: the program,
    /// the verb, and options with their values. Anything else gives `None`, also one that names neither
    /// session nor profile: that depends on the environment of whoever runs it.
    pub(crate) fn read(command: &str) -> Option<Self> {
        let mut words = shell_words(command)?.into_iter();
        let program = words.next()?;
        words.next().filter(|verb| verb == "credential-process")?;
        let (mut session, mut profile, mut account, mut role) = (None, None, None, None);
        let (mut min_valid, mut wait) = (None, None);
        while let Some(word) = words.next() {
            let (option, value) = match word.split_once('=') {
                Some((option, value)) => (option, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let place = match option {
                "--session" => &mut session,
                "--profile" => &mut profile,
                "--account" => &mut account,
                "--role" => &mut role,
                "--min-valid" => &mut min_valid,
                "--wait" => &mut wait,
                "--no-start" if value.is_none() => continue,
                _ => return None,
            };
            let value = value.or_else(|| words.next()).filter(|value| !value.is_empty() && place.is_none())?;
            *place = Some(value);
        }
        let named = match (session, profile) {
            // As the command line of ssoctl has it, a session alone leaves open which role is meant.
            (Some(session), None) if account.is_some() && role.is_some() => Named::Session(session),
            (None, Some(profile)) => Named::Profile(profile),
            _ => return None,
        };
        Some(Self { program, named, account, role })
    }

    /// Whether the program is ssoctl by its name, wherever it is.
    pub(super) fn is_ssoctl(&self) -> bool {
        self.program.rsplit('/').next() == Some("ssoctl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> Option<CredentialCommand> {
        CredentialCommand::read(command).filter(CredentialCommand::is_ssoctl)
    }

    #[test]
    fn a_command_of_ours_says_what_it_asks_for() {
        let session = |name: &str| Named::Session(name.to_owned());
        let profile = |name: &str| Named::Profile(name.to_owned());
        for (command, named, account, role) in [
            ("ssoctl credential-process --session corp --account 1 --role r", session("corp"), Some("1"), Some("r")),
            (
                "/usr/bin/ssoctl credential-process --session=-x --account 1 --role r",
                session("-x"),
                Some("1"),
                Some("r"),
            ),
            (
                r"'/home/o'\''neill & co/ssoctl' credential-process --session 'my corp' --account 1 --role Power+User=1",
                session("my corp"),
                Some("1"),
                Some("Power+User=1"),
            ),
            (
                "ssoctl credential-process --role=a=b --wait 10m --account 1 --session corp",
                session("corp"),
                Some("1"),
                Some("a=b"),
            ),
            ("ssoctl  credential-process --no-start --profile dev", profile("dev"), None, None),
            (
                "\"/opt/x y/ssoctl\" credential-process --profile dev --role Admin --min-valid=5m",
                profile("dev"),
                None,
                Some("Admin"),
            ),
        ] {
            let read = read(command).unwrap_or_else(|| panic!("not ours: {command}"));
            assert_eq!(
                (read.named, read.account.as_deref(), read.role.as_deref()),
                (named, account, role),
                "{command}"
            );
        }
    }

    #[test]
    fn what_is_not_certainly_ours_is_left_alone() {
        for command in [
            "",
            "ssoctl",
            "ssoctl token --profile dev",
            "ssoctl credential-process",
            "ssoctl credential-process --session corp",
            "ssoctl credential-process --account 1 --role r",
            "ssoctl credential-process --session corp --profile dev --account 1 --role r",
            "ssoctl credential-process --session a --session b --account 1 --role r",
            "ssoctl credential-process --profile",
            "ssoctl credential-process --profile ''",
            "ssoctl credential-process --profile dev --colour red",
            "ssoctl credential-process --profile dev --no-start=1",
            "ssoctl credential-process --profile dev | tee log",
            "ssoctl credential-process --profile 'dev",
            "env X=1 ssoctl credential-process --profile dev",
            "not-ssoctl credential-process --profile dev",
            "/usr/bin/ssoctl/ credential-process --profile dev",
            "aws-vault exec dev --json",
        ] {
            assert_eq!(read(command), None, "{command}");
        }
    }
}
