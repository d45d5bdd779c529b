//! Adding a session to the own configuration file's text, as `ssoctl login --start-url` does.

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::identity::{Identity, IdentityError};
use super::session_name::{NameError, check_name, derive_name, unique_name};

/// A session to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSession {
    /// Its name; without one, the first label of the start URL's host, with a number where that is taken.
    pub name: Option<String>,
    /// Its start URL, written as it is compared.
    pub start_url: String,
    /// The region of its Identity Center instance.
    pub region: String,
    /// Its scopes; without them nothing is written, and so the default scope is registered.
    pub scopes: Option<Vec<String>>,
}

/// The own configuration file's text with a session added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedSession {
    /// The name that the session got.
    pub name: String,
    /// The file's whole new text.
    pub text: String,
}

/// Why a session cannot be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    /// The name breaks a rule.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The name means something already.
    #[error("there is a session or profile {0:?} already")]
    Exists(String),
    /// Start URL or region are unusable.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No service could take this scope.
    #[error("{0:?} is not a scope, which has no blanks, quotes or backslashes, and no characters beyond ASCII")]
    Scope(String),
    /// The file has to be repaired first.
    #[error("the configuration file is not TOML: {0}")]
    Syntax(String),
    /// The file has `session` as something other than tables.
    #[error("\"session\" in the configuration file is not a table")]
    NotATable,
}

/// Appends a `[session.NAME]` table to the file's text and leaves everything else, comments and order included, as it
/// is.
///
/// `is_taken` tells which names the whole configuration uses, aliases and profiles included; names that only this text
/// has, because something is wrong with them, are refused too.
pub fn add_session(
    own_config_text: &str,
    session: &NewSession,
    is_taken: impl Fn(&str) -> bool,
) -> Result<AddedSession, AddError> {
    let scopes = session.scopes.as_deref().unwrap_or_default();
    let identity = Identity::new(None, &session.start_url, &session.region, scopes)?;
    if let Some(scope) = scopes.iter().find(|scope| !is_scope_token(scope)) {
        return Err(AddError::Scope(scope.clone()));
    }

    let mut document: DocumentMut =
        own_config_text.parse().map_err(|error: toml_edit::TomlError| AddError::Syntax(error.message().to_owned()))?;
    let trailing = document.trailing().as_str().unwrap_or_default().to_owned();
    let sessions = document.entry("session").or_insert_with(|| {
        let mut parent = Table::new();
        parent.set_implicit(true);
        Item::Table(parent)
    });
    let has_own_headers = sessions.is_table();
    let sessions = sessions.as_table_like_mut().ok_or(AddError::NotATable)?;

    let is_taken = |name: &str| sessions.contains_key(name) || is_taken(name);
    let name = match &session.name {
        Some(name) => {
            check_name(name)?;
            if is_taken(name) {
                return Err(AddError::Exists(name.clone()));
            }
            name.clone()
        }
        None => unique_name(&derive_name(&session.start_url), is_taken),
    };

    let mut table = Table::new();
    table.insert("start_url", value(identity.start_url));
    table.insert("region", value(session.region.as_str()));
    if let Some(scopes) = &session.scopes {
        table.insert("scopes", value(scopes.iter().map(String::as_str).collect::<Array>()));
    }
    if has_own_headers {
        table.set_position(Some(isize::MAX));
        table.decor_mut().set_prefix(prefix(own_config_text, &trailing));
    }
    sessions.insert(&name, Item::Table(table));
    if has_own_headers {
        document.set_trailing("");
    }
    Ok(AddedSession { name, text: document.to_string() })
}

/// RFC 6749, section 3.3.
pub(super) fn is_scope_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// What stands before the new table: comments at the end of the file, which stay above it, and an empty line.
fn prefix(text: &str, trailing: &str) -> String {
    let mut prefix = trailing.to_owned();
    if !prefix.is_empty() && !prefix.ends_with('\n') {
        prefix.push('\n');
    }
    if !text.trim().is_empty() && !prefix.ends_with("\n\n") {
        prefix.push('\n');
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::own::OwnFile;

    #[test]
    fn a_scope_that_no_service_could_take_is_refused() {
        let with = |scope: &str| NewSession { scopes: Some(vec!["a:b".to_owned(), scope.to_owned()]), ..corp(None) };
        for scope in ["", "two words", "a\tb", "\"", "\\", "é", "\u{7f}"] {
            assert_eq!(add_session("", &with(scope), |_| false), Err(AddError::Scope(scope.to_owned())), "{scope:?}");
        }
        assert!(add_session("", &with("sso:account:access"), |_| false).is_ok());
    }

    fn corp(name: Option<&str>) -> NewSession {
        NewSession {
            name: name.map(str::to_owned),
            start_url: "https://corp.awsapps.com/start".to_owned(),
            region: "eu-west-1".to_owned(),
            scopes: None,
        }
    }

    #[test]
    fn a_session_is_appended_and_comments_and_order_stay() {
        let table = "[session.corp]\nstart_url = \"https://corp.awsapps.com/start\"\nregion = \"eu-west-1\"\n";
        for (before, between) in [
            ("", ""),
            ("# mine\n", "\n"),
            ("# mine\nnotifications = \"off\" # quiet\n\n[session.a]\nregion = \"x\" # why\n# the end\n", "\n"),
            ("[session.a]\nregion = \"x\"\n\n[later]\nkey = 1\n# the end", "\n\n"),
            ("session.a.region = \"x\"\n", "\n"),
        ] {
            let added = add_session(before, &corp(None), |_| false).unwrap();
            assert_eq!(added.name, "corp");
            assert_eq!(added.text, format!("{before}{between}{table}"));
        }
    }

    #[test]
    fn what_was_added_is_read_back() {
        let session = NewSession { scopes: Some(vec!["a".to_owned(), "b'c".to_owned()]), ..corp(Some("my corp.x")) };
        for before in
            ["", "[session]\n", "session.a.region = \"x\"\n", "[session.a]\nregion = \"y\"", "session = { a = {} }\n"]
        {
            let added = add_session(before, &session, |_| false).unwrap();
            let file = OwnFile::parse(&added.text);
            assert_eq!(file.problems, [], "{}", added.text);
            let read = file.sessions.iter().find(|session| session.name == "my corp.x").unwrap();
            assert_eq!(read.start_url.as_ref().unwrap().value, session.start_url);
            assert_eq!(read.region.as_ref().unwrap().value, session.region);
            assert_eq!(read.scopes.clone().map(|scopes| scopes.value), session.scopes);
            assert_eq!(file.sessions.len(), OwnFile::parse(before).sessions.len() + 1);
        }
    }

    #[test]
    fn a_name_that_means_something_is_refused_and_a_derived_one_gets_a_number() {
        let text = "[session.corp]\nlabel = 1\n";
        assert_eq!(add_session(text, &corp(Some("corp")), |_| false), Err(AddError::Exists("corp".to_owned())));
        assert_eq!(add_session("", &corp(Some("dev")), |name| name == "dev"), Err(AddError::Exists("dev".to_owned())));
        let added = add_session(text, &corp(None), |name| name == "corp-2").unwrap();
        assert_eq!(added.name, "corp-3");
    }

    #[test]
    fn what_could_not_be_used_is_not_written() {
        let add = |text: &str, session: NewSession| add_session(text, &session, |_| false).unwrap_err();
        assert_eq!(add("", corp(Some("a/b"))), AddError::Name(NameError::Character));
        let bad_url = NewSession { start_url: "http://corp.awsapps.com".to_owned(), ..corp(None) };
        assert!(matches!(add("", bad_url), AddError::Identity(IdentityError::StartUrl(_))));
        let bad_region = NewSession { region: "nowhere.example".to_owned(), ..corp(None) };
        assert!(matches!(add("", bad_region), AddError::Identity(IdentityError::Region(_))));
        assert!(matches!(add("[session", corp(None)), AddError::Syntax(_)));
        assert_eq!(add("session = 1\n", corp(None)), AddError::NotATable);
    }
}
