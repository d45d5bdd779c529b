//! Reads a profile's `credential_process` that calls `ssoctl credential-process`.

use ssoctl_aws_files::shell_words;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CredentialCommand {
    /// The program as the profile spells it.
    program: String,
    pub(crate) sign_in: SignInOf,
    pub(crate) account: Option<String>,
    pub(crate) role: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum SignInOf {
    Session(String),
    Profile(String),
}

impl CredentialCommand {
    /// Reads a command in the forms that `ssoctl configure` writes and `ssoctl credential-process --help` shows: the program,
    /// the verb, and options with their values. Anything else gives `None`. So does a command that names neither session nor
    /// profile: its sign-in depends on the environment of its caller.
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
            let slot = match option {
                "--session" => &mut session,
                "--profile" => &mut profile,
                "--account" => &mut account,
                "--role" => &mut role,
                "--min-valid" => &mut min_valid,
                "--wait" => &mut wait,
                "--no-start" if value.is_none() => continue,
                _ => return None,
            };
            let value = value.or_else(|| words.next()).filter(|value| !value.is_empty() && slot.is_none())?;
            *slot = Some(value);
        }
        let sign_in = match (session, profile) {
            // ssoctl refuses a session without account and role, too.
            (Some(session), None) if account.is_some() && role.is_some() => SignInOf::Session(session),
            (None, Some(profile)) => SignInOf::Profile(profile),
            _ => return None,
        };
        Some(Self { program, sign_in, account, role })
    }

    /// Whether the program is named ssoctl, in any directory.
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
    fn commands_that_call_ssoctl_are_read() {
        let session = |name: &str| SignInOf::Session(name.to_owned());
        let profile = |name: &str| SignInOf::Profile(name.to_owned());
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
                (read.sign_in, read.account.as_deref(), read.role.as_deref()),
                (named, account, role),
                "{command}"
            );
        }
    }

    #[test]
    fn other_and_unclear_commands_are_not_read() {
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
