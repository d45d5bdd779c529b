//! The names that the daemon has in memory: of sessions, profiles, accounts, roles and grants.

use std::ffi::OsStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap_complete::CompletionCandidate;
use ssoctl_protocol::route::Query;
use ssoctl_protocol::{Choices, Route, Topic};

use crate::commands::completion::Shell;
use crate::connection::{Daemon, Starting, VersionWarning};

/// The longest time for all of it.
const LIMIT: Duration = Duration::from_millis(200);

/// A name, and what is told of it.
type Named = (String, String);

pub(super) struct Names(Arc<Line>);

/// What the command line says already, and the daemon's answer, which is asked for once if it is needed.
struct Line {
    session: Option<String>,
    profile: Option<String>,
    account: Option<String>,
    shell: Shell,
    choices: OnceLock<Choices>,
}

impl Names {
    pub(super) fn new(words: &[String], shell: Shell) -> Self {
        let value = |option: &str| {
            let with_value = words.iter().find_map(|word| word.strip_prefix(option)?.strip_prefix('='));
            let before = words.iter().position(|word| word == option).and_then(|position| words.get(position + 1));
            with_value.map(str::to_owned).or_else(|| before.cloned()).filter(|value| !value.is_empty())
        };
        Self(Arc::new(Line {
            session: value("--session"),
            profile: value("--profile"),
            account: value("--account"),
            shell,
            choices: OnceLock::new(),
        }))
    }

    /// What completes the argument of this name; `None` if it takes no name.
    pub(super) fn completer(&self, id: &str) -> Option<impl Fn(&OsStr) -> Vec<CompletionCandidate> + use<>> {
        let line = Arc::clone(&self.0);
        // The name of an account to its id.
        let leads_elsewhere = id == "account" && line.shell != Shell::Fish;
        let find: fn(&Line, &str) -> Vec<Named> = match id {
            "session" => |line, _| names(&line.choices().sessions),
            "profile" => |line, _| line.profiles(),
            "account" => Line::accounts,
            "accounts" => |line, _| line.account_patterns(),
            "role" | "roles" => |line, _| line.roles(),
            // Of `revoke` and of `audit`.
            "names" | "grant" => |line, _| names(&line.choices().grants),
            // Of `watch`, whose parser knows them and does not list them.
            "kind" => |_, _| names(&Topic::ALL.map(Topic::as_str)),
            _ => return None,
        };
        Some(move |typed: &OsStr| {
            let Some(typed) = typed.to_str() else { return Vec::new() };
            let mut found: Vec<Named> = find(&line, typed);
            // What looks like an option would be read as one.
            found.retain(|(value, _)| (leads_elsewhere || value.starts_with(typed)) && !value.starts_with('-'));
            found.sort();
            found.dedup_by(|one, other| one.0 == other.0);
            found.into_iter().map(|(value, help)| CompletionCandidate::new(value).help(Some(help.into()))).collect()
        })
    }
}

/// Names of which nothing more is told.
fn names(names: &[impl AsRef<str>]) -> Vec<Named> {
    names.iter().map(|name| (name.as_ref().to_owned(), String::new())).collect()
}

impl Line {
    fn choices(&self) -> &Choices {
        self.choices.get_or_init(|| {
            let daemon = Daemon::find(Starting::Forbidden, VersionWarning::Silent).ok();
            let answer = daemon.and_then(|daemon| daemon.glance(&Route::Choices, &Query::default(), LIMIT));
            answer.and_then(|answer| serde_json::from_slice(answer.body.expose()).ok()).unwrap_or_default()
        })
    }

    /// The session that the line names, itself or by a profile.
    fn session(&self) -> Option<&str> {
        let of_profile = || {
            let profile = self.profile.as_ref()?;
            let profile = self.choices().profiles.iter().find(|known| known.name == *profile)?;
            Some(profile.session.as_str())
        };
        self.session.as_deref().or_else(of_profile)
    }

    fn is_meant(&self, session: &str) -> bool {
        self.session().is_none_or(|meant| meant == session)
    }

    fn name_of(&self, id: &str) -> Option<&str> {
        self.choices().accounts.iter().find(|account| account.id == id)?.name.as_deref()
    }

    fn profiles(&self) -> Vec<Named> {
        let profiles = self.choices().profiles.iter();
        let help = |account: &Option<String>, role: &Option<String>| {
            let account = account.as_deref()?;
            Some(format!("{} in {}", role.as_deref()?, self.name_of(account).unwrap_or(account)))
        };
        let named =
            profiles.map(|it| (it.name.clone(), help(&it.account, &it.role).unwrap_or_else(|| it.session.clone())));
        named.collect()
    }

    /// Each account's id and name: those that the portal has listed, and those of profiles.
    fn known_accounts(&self) -> Vec<Named> {
        let listed = self.choices().accounts.iter().filter(|account| self.is_meant(&account.session));
        let listed = listed.map(|account| (account.id.clone(), account.name.clone().unwrap_or_default()));
        let of_profiles = self.choices().profiles.iter().filter(|profile| self.is_meant(&profile.session));
        let of_profiles = of_profiles.filter_map(|profile| {
            let id = profile.account.clone()?;
            let name = self.name_of(&id).unwrap_or_default().to_owned();
            Some((id, name))
        });
        listed.chain(of_profiles).collect()
    }

    /// Ids. What begins a name is completed to the name as long as it begins several, and then becomes the id.
    fn accounts(&self, typed: &str) -> Vec<Named> {
        let known = self.known_accounts();
        if typed.bytes().all(|byte| byte.is_ascii_digit()) || self.shell == Shell::Fish {
            return known.into_iter().filter(|(id, _)| id.starts_with(typed)).collect();
        }
        let begun = typed.to_lowercase();
        let mut matching: Vec<Named> =
            known.into_iter().filter(|(_, name)| name.to_lowercase().starts_with(&begun)).collect();
        matching.sort();
        matching.dedup();
        let exact: Vec<Named> = matching.iter().filter(|(_, name)| name == typed).cloned().collect();
        match (matching.len(), exact.len()) {
            (1, _) => matching,
            (_, 1) => exact,
            // Several accounts have this name.
            (_, 2..) => exact,
            _ => matching.into_iter().map(|(id, name)| (name, id)).collect(),
        }
    }

    /// Names and ids, for options that take patterns of either.
    fn account_patterns(&self) -> Vec<Named> {
        let known = self.known_accounts();
        let names = known.iter().filter(|(_, name)| !name.is_empty()).map(|(id, name)| (name.clone(), id.clone()));
        names.chain(known.clone()).collect()
    }

    fn roles(&self) -> Vec<Named> {
        let is_meant = |id: &str| self.account.as_deref().is_none_or(|account| account == id);
        let Choices { accounts, profiles, .. } = self.choices();
        let listed = accounts.iter().filter(|account| self.is_meant(&account.session) && is_meant(&account.id));
        let listed = listed.flat_map(|account| &account.roles);
        let of_profiles = profiles.iter().filter(|profile| self.is_meant(&profile.session));
        let of_profiles = of_profiles.filter(|profile| profile.account.as_deref().is_some_and(is_meant));
        let of_profiles = of_profiles.filter_map(|profile| profile.role.as_ref());
        listed.chain(of_profiles).map(|role| (role.clone(), String::new())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ssoctl_protocol::choices::{AccountChoice, ProfileChoice};

    fn names(line: &str, shell: Shell) -> Names {
        let account = |id: &str, name: &str, roles: &[&str]| AccountChoice {
            session: "corp".into(),
            id: id.into(),
            name: Some(name.into()),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            roles_listed_at: None,
            confirm: false,
        };
        let dev = ProfileChoice {
            name: "dev".into(),
            session: "other".into(),
            account: Some("555555555555".into()),
            role: Some("Viewer".into()),
            confirm: false,
        };
        let choices = Choices {
            sessions: vec!["corp".into(), "-odd".into()],
            profiles: vec![dev],
            accounts: vec![
                account("111122223333", "Prod East", &["Admin", "Reader"]),
                account("222233334444", "Prod West", &["Reader"]),
                account("333344445555", "Test", &[]),
                account("444455556666", "Test", &[]),
            ],
            grants: vec!["ci".into()],
            picked: Vec::new(),
        };
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let names = Names::new(&words, shell);
        names.0.choices.set(choices).unwrap();
        names
    }

    fn values(names: &Names, id: &str, typed: &str) -> Vec<String> {
        let found = names.completer(id).expect("names")(typed.as_ref());
        found.iter().map(|it| it.get_value().to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn a_name_of_an_account_leads_to_its_id() {
        let names = names("ssoctl exec --account", Shell::Bash);
        for (typed, expected) in [
            ("3", &["333344445555"][..]),
            ("prod", &["Prod East", "Prod West"]),
            ("Prod E", &["111122223333"]),
            ("Test", &["333344445555", "444455556666"]),
            ("x", &[]),
        ] {
            assert_eq!(values(&names, "account", typed), expected, "{typed}");
        }
        assert_eq!(values(&names, "account", "").len(), 5);
        assert_eq!(values(&names, "accounts", "Prod W"), ["Prod West"]);
    }

    #[test]
    fn what_the_line_says_already_narrows_the_rest() {
        let all = names("ssoctl exec", Shell::Zsh);
        assert_eq!(values(&all, "role", ""), ["Admin", "Reader", "Viewer"]);
        let account = names("ssoctl exec --account=222233334444 --role", Shell::Zsh);
        assert_eq!(values(&account, "role", ""), ["Reader"]);
        let profile = names("ssoctl exec --profile dev --account", Shell::Zsh);
        assert_eq!(values(&profile, "account", ""), ["555555555555"]);
        assert_eq!(values(&all, "session", ""), ["corp"], "-odd would be an option");
        assert_eq!((values(&all, "names", "c"), values(&all, "profile", "")), (vec!["ci".into()], vec!["dev".into()]));
        assert!(all.completer("min_valid").is_none());
    }

    #[test]
    fn fish_gets_ids_alone_because_it_leaves_out_what_does_not_fit() {
        assert_eq!(values(&names("ssoctl exec", Shell::Fish), "account", "1"), ["111122223333"]);
    }
}
