//! Saves a new session in config.toml, as `ssoctl login --start-url` does.

use std::io;
use std::path::PathBuf;

use ssoctl_protocol::NewSession;
use ssoctl_protocol::partition::looks_like_region;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::files::{Paths, read_text};
use super::identity::{Identity, IdentityError, check_scopes};
use super::model::Config;
use super::session_name::{NameError, check_name, derive_name, unique_name};
use crate::replacement::Replacement;

/// The text of config.toml with a session added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedSession {
    pub name: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("there is a session or profile {0:?} already")]
    Exists(String),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("the configuration file is not TOML: {0}")]
    Syntax(String),
    #[error("\"session\" in the configuration file is not a table")]
    NotATable,
}

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error("the daemon is stopping")]
    Stopping,
    #[error(transparent)]
    Add(#[from] AddError),
    #[error("cannot change {}", path.display())]
    File { path: PathBuf, source: io::Error },
}

/// Adds a session to config.toml, which is created if it is missing, and returns the session's name. The names of `config`, which
/// is in force, are taken.
pub fn save_session(paths: &Paths, session: &NewSession, config: &Config) -> Result<String, SaveError> {
    let failed = |source| SaveError::File { path: paths.own.clone(), source };
    let text = read_text(&paths.own).map_err(|error| failed(io::Error::other(error)))?;
    let text = text.as_ref().map(|text| text.expose().as_str()).unwrap_or_default();
    let is_taken = |name: &str| config.session(name).is_some() || config.profiles.contains_key(name);
    let added = add_session(text, session, is_taken)?;
    Replacement::keeping_link_and_mode(&paths.own, added.text.as_bytes())
        .and_then(Replacement::put_in_place)
        .map_err(failed)?;
    Ok(added.name)
}

/// Appends a `[session.NAME]` table to the text of config.toml and keeps everything else, with comments and order.
///
/// `is_taken` knows the names of the whole configuration, with aliases and profiles. The names of this text are taken, too: there
/// may be sessions that cannot be used.
pub fn add_session(
    own_text: &str,
    session: &NewSession,
    is_taken: impl Fn(&str) -> bool,
) -> Result<AddedSession, AddError> {
    let scopes = session.scopes.as_deref().unwrap_or_default();
    let identity = Identity::new(None, &session.start_url, session.region.as_deref(), scopes)?;
    check_scopes(scopes)?;
    if let Some(region) = session.region.as_ref().filter(|region| !looks_like_region(region)) {
        return Err(IdentityError::Region(region.clone()).into());
    }

    let mut document: DocumentMut =
        own_text.parse().map_err(|error: toml_edit::TomlError| AddError::Syntax(error.message().to_owned()))?;
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
    if let Some(region) = &session.region {
        table.insert("region", value(region.as_str()));
    }
    if let Some(scopes) = &session.scopes {
        table.insert("scopes", value(scopes.iter().map(String::as_str).collect::<Array>()));
    }
    if has_own_headers {
        table.set_position(Some(isize::MAX));
        table.decor_mut().set_prefix(prefix(own_text, &trailing));
    }
    sessions.insert(&name, Item::Table(table));
    if has_own_headers {
        document.set_trailing("");
    }
    Ok(AddedSession { name, text: document.to_string() })
}

/// The text before the new table: the comments at the end of the file, which stay above it, and an empty line.
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
    use std::path::Path;

    fn own(text: &str) -> OwnFile {
        OwnFile::read(Path::new("config.toml"), text)
    }

    #[test]
    fn a_scope_that_no_service_could_take_is_refused() {
        let with = |scope: &str| NewSession { scopes: Some(vec!["a:b".to_owned(), scope.to_owned()]), ..corp(None) };
        for scope in ["", "two words", "a\tb", "\"", "\\", "é", "\u{7f}"] {
            assert_eq!(
                add_session("", &with(scope), |_| false),
                Err(AddError::Identity(IdentityError::Scope(scope.to_owned()))),
                "{scope:?}"
            );
        }
        assert!(add_session("", &with("sso:account:access"), |_| false).is_ok());
    }

    fn corp(name: Option<&str>) -> NewSession {
        NewSession {
            name: name.map(str::to_owned),
            start_url: "https://corp.awsapps.com/start".to_owned(),
            region: Some("eu-west-1".to_owned()),
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
    fn a_region_of_any_partition_is_written() {
        for region in ["eu-west-1", "us-gov-east-1", "us-isob-east-1", "eusc-de-east-1", "xy-new-place-12"] {
            let session = NewSession { region: Some(region.to_owned()), ..corp(None) };
            assert!(add_session("", &session, |_| false).is_ok(), "{region}");
        }
    }

    #[test]
    fn an_added_session_is_read_back() {
        let session = NewSession { scopes: Some(vec!["a".to_owned(), "b'c".to_owned()]), ..corp(Some("my corp.x")) };
        for before in
            ["", "[session]\n", "session.a.region = \"x\"\n", "[session.a]\nregion = \"y\"", "session = { a = {} }\n"]
        {
            let added = add_session(before, &session, |_| false).unwrap();
            let file = own(&added.text);
            assert_eq!(file.problems, [], "{}", added.text);
            let read = &file.sessions["my corp.x"];
            assert_eq!(read.start_url.as_ref().unwrap().value, session.start_url);
            assert_eq!(read.region.as_ref().map(|region| &region.value), session.region.as_ref());
            assert_eq!(read.scopes.clone().map(|scopes| scopes.value), session.scopes);
            assert_eq!(file.sessions.len(), own(before).sessions.len() + 1);
        }
    }

    #[test]
    fn a_taken_name_is_refused_and_a_derived_one_gets_a_number() {
        let text = "[session.corp]\nlabel = 1\n";
        assert_eq!(add_session(text, &corp(Some("corp")), |_| false), Err(AddError::Exists("corp".to_owned())));
        assert_eq!(add_session("", &corp(Some("dev")), |name| name == "dev"), Err(AddError::Exists("dev".to_owned())));
        let added = add_session(text, &corp(None), |name| name == "corp-2").unwrap();
        assert_eq!(added.name, "corp-3");
    }

    #[test]
    fn an_unusable_session_is_not_written() {
        let add = |text: &str, session: NewSession| add_session(text, &session, |_| false).unwrap_err();
        assert_eq!(add("", corp(Some("a/b"))), AddError::Name(NameError));
        let bad_url = NewSession { start_url: "http://corp.awsapps.com".to_owned(), ..corp(None) };
        assert!(matches!(add("", bad_url), AddError::Identity(IdentityError::NotHttps(_))));
        for region in ["nowhere.example", "here", "eu-west", "eu-west-1a", "EU-west-1", "-west-1", "eu--1", "1-2-3", ""]
        {
            let bad_region = NewSession { region: Some(region.to_owned()), ..corp(None) };
            assert!(matches!(add("", bad_region), AddError::Identity(IdentityError::Region(_))), "{region}");
        }
        assert!(matches!(add("[session", corp(None)), AddError::Syntax(_)));
        assert_eq!(add("session = 1\n", corp(None)), AddError::NotATable);
    }
}
