//! The keys of a profile for a role, in two forms.

use ssoctl_protocol::shell;

use super::document::{Document, Member};
use crate::assignment::{AccountId, Assignment, RoleName};
use crate::config::{CredentialCommand, SignInOf};

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// `sso_session`, `sso_account_id` and `sso_role_name`: AWS tools use the session's token.
    SsoSession,
    /// `credential_process`: AWS tools ask ssoctl for the role's credentials.
    CredentialProcess { ssoctl: String },
}

/// The keys of both forms.
const KEYS: [&str; 4] = ["sso_session", "sso_account_id", "sso_role_name", "credential_process"];

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Binding {
    pub(super) session: String,
    pub(super) assignment: Assignment,
}

impl Binding {
    pub(super) fn members(&self, form: &Form, region: Option<&str>) -> Vec<Member> {
        let Assignment { account, role } = &self.assignment;
        let mut members = match form {
            Form::SsoSession => vec![
                ("sso_session", self.session.clone()),
                ("sso_account_id", account.to_string()),
                ("sso_role_name", role.to_string()),
            ],
            Form::CredentialProcess { ssoctl } => {
                let session = match self.session.strip_prefix('-') {
                    Some(_) => format!("--session={}", self.session),
                    None => self.session.clone(),
                };
                let option: &[&str] = if session == self.session { &["--session"] } else { &[] };
                let words = [&[ssoctl.as_str(), "credential-process"], option, &[session.as_str()]].concat();
                let words = words.into_iter().chain(["--account", account.as_str(), "--role", role.as_str()]);
                // Some SDKs have a shell run the command, and some split it as a shell does.
                vec![("credential_process", words.map(shell::word).collect::<Vec<_>>().join(" "))]
            }
        };
        members.extend(region.map(|region| ("region", region.to_owned())));
        members
    }

    /// Reads a profile that `configure` has written; `None` if a person has changed it into something else.
    pub(super) fn read(document: &Document<'_>, section: usize) -> Option<Self> {
        let value = |key| document.value(section, key);
        let (session, account, role) = match (value("credential_process"), value("sso_session")) {
            (None, Some(session)) => {
                (session.to_owned(), value("sso_account_id")?.to_owned(), value("sso_role_name")?.to_owned())
            }
            (Some(command), None) => {
                let CredentialCommand { sign_in: SignInOf::Session(session), account, role, .. } =
                    CredentialCommand::read(command)?
                else {
                    return None;
                };
                (session, account?, role?)
            }
            (None, None) | (Some(_), Some(_)) => return None,
        };
        let assignment = Assignment { account: AccountId::new(&account).ok()?, role: RoleName::new(&role).ok()? };
        Some(Self { session, assignment })
    }
}

/// The keys of the other form, which a profile must not keep: SDKs differ in which one they prefer.
pub(super) fn keys_of_other_form(members: &[Member]) -> Vec<&'static str> {
    KEYS.into_iter().filter(|key| !members.iter().any(|(name, _)| name == key)).collect()
}

/// Whether a key decides on the credentials of a profile, or on the session of a section.
pub(super) fn decides(key: &str) -> bool {
    const OTHERS: [&str; 7] = [
        "aws_access_key_id",
        "credential_process",
        "credential_source",
        "login_session",
        "role_arn",
        "source_profile",
        "web_identity_token_file",
    ];
    key.starts_with("sso_") || OTHERS.contains(&key)
}

pub(super) fn profile_header(name: &str) -> String {
    if name == "default" { name.to_owned() } else { format!("profile {name}") }
}

pub(super) fn session_header(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./%@:+".contains(c);
    if name.chars().all(is_plain) {
        format!("sso-session {name}")
    } else {
        format!("sso-session \"{}\"", name.replace('\\', r"\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(session: &str) -> Binding {
        let account = AccountId::new("111122223333").unwrap();
        let role = RoleName::new("Power+User=1").unwrap();
        Binding { session: session.to_owned(), assignment: Assignment { account, role } }
    }

    fn forms() -> [Form; 3] {
        let process = |path: &str| Form::CredentialProcess { ssoctl: path.to_owned() };
        [Form::SsoSession, process("/usr/bin/ssoctl"), process("/home/o'neill & co/ssoctl")]
    }

    #[test]
    fn the_role_of_a_profile_is_read_back_in_either_form() {
        for form in forms() {
            for session in ["corp", "two words", "it's", "-x", "$(rm)", "a\"b"] {
                let members = binding(session).members(&form, Some("eu-west-1"));
                let lines: String = members.iter().map(|(name, value)| format!("{name} = {value}\n")).collect();
                let text = format!("[profile x]\n{lines}");
                let document = Document::read(&text).unwrap();
                assert_eq!(Binding::read(&document, 0), Some(binding(session)), "{text}");
                assert_eq!(document.value(0, "region"), Some("eu-west-1"));
            }
        }
    }

    #[test]
    fn a_command_is_quoted_for_a_shell() {
        let [_, plain, odd] = forms();
        let command = |form: &Form, session: &str| binding(session).members(form, None).remove(0).1;
        let rest = "--account 111122223333 --role Power+User=1";
        assert_eq!(command(&plain, "corp"), format!("/usr/bin/ssoctl credential-process --session corp {rest}"));
        let expected = format!(r"'/home/o'\''neill & co/ssoctl' credential-process --session 'my corp' {rest}");
        assert_eq!(command(&odd, "my corp"), expected);
    }

    #[test]
    fn a_profile_in_another_form_has_no_known_role() {
        for lines in [
            "region = x",
            "sso_session = corp\nsso_account_id = 111122223333",
            "sso_session = corp\nsso_account_id = 1\nsso_role_name = r",
            "credential_process = other --session corp --account 111122223333 --role r",
            "credential_process = ssoctl credential-process --profile x",
            "sso_session = corp\nsso_account_id = 111122223333\nsso_role_name = r\ncredential_process = x",
        ] {
            let text = format!("[profile x]\n{lines}\n");
            assert_eq!(Binding::read(&Document::read(&text).unwrap(), 0), None, "{lines}");
        }
    }
}
