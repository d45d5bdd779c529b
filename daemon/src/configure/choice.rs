//! Chooses accounts and roles of the portal, and names a profile for each of them.

use std::collections::{BTreeMap, HashSet};

use ssoctl_protocol::text;

use super::names::{self, NameParts, Template};
use super::request::Request;
use crate::assignment::{AccountId, Assignment, RoleName};
use crate::pattern::{Pattern, is_chosen};

/// An account that the portal lists.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ListedAccount {
    pub(super) id: AccountId,
    pub(super) name: Option<String>,
    /// All its roles; `None` if they were not asked for, because the account is not chosen.
    pub(super) roles: Option<Vec<RoleName>>,
}

impl ListedAccount {
    /// The texts by which a pattern can choose it.
    fn names(&self) -> impl Iterator<Item = &str> {
        [self.id.as_str()].into_iter().chain(self.name.as_deref())
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no {what} matches {pattern:?}; there are: {}", .there_are.join(", "))]
pub struct NoMatch {
    what: &'static str,
    pattern: String,
    there_are: Vec<String>,
}

/// Several roles would have one profile name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{template} names several roles {name:?}: {}; choose names that tell them apart with --name, such as {{account_name}}-{{account_id}}-{{role}}",
    .roles.join(", ")
)]
pub struct SameName {
    template: Template,
    name: String,
    roles: Vec<String>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WantedProfile {
    pub(super) name: String,
    pub(super) assignment: Assignment,
}

/// The indices of the accounts that one of the patterns matches, by id or by name; without patterns, of all.
pub(super) fn accounts(accounts: &[ListedAccount], patterns: &[Pattern]) -> Result<Vec<usize>, NoMatch> {
    let is_used = |pattern: &&Pattern| accounts.iter().flat_map(ListedAccount::names).any(|name| pattern.matches(name));
    if let Some(pattern) = patterns.iter().find(|pattern| !is_used(pattern)) {
        let there_are = accounts.iter().map(|account| match &account.name {
            Some(name) => format!("{} ({})", account.id, text::line(name)),
            None => account.id.to_string(),
        });
        return Err(NoMatch { what: "account", pattern: pattern.0.clone(), there_are: there_are.collect() });
    }
    Ok((0..accounts.len()).filter(|&index| is_chosen(accounts[index].names(), patterns)).collect())
}

/// The profiles for the chosen roles of all accounts whose roles are known, in the portal's order.
///
/// Accounts with names that are equal in a profile's name are named by their ids, even if only one of them is chosen: the name of
/// a profile must not depend on that. The same goes for single profiles that would have one name.
pub(super) fn profiles(
    accounts: &[ListedAccount],
    session: &str,
    request: &Request,
) -> Result<Vec<WantedProfile>, SameName> {
    let name = |account: &ListedAccount, role: &RoleName, account_name: Option<&str>| {
        let (account_id, role) = (account.id.as_str(), role.as_str());
        request.template.name(NameParts { session, account_id, account_name, role })
    };
    let equal = equal_names(accounts);
    let mut named: Vec<(String, &ListedAccount, &RoleName)> = roles(accounts)
        .filter(|(_, role)| is_chosen([role.as_str()].into_iter(), &request.roles))
        .map(|(account, role)| {
            let account_name = account.name.as_deref().filter(|name| !equal.contains(&names::safe(name)));
            (name(account, role, account_name), account, role)
        })
        .collect();
    for index in shared(&named).into_values().flatten() {
        let (_, account, role) = named[index];
        named[index].0 = name(account, role, None);
    }
    if let Some((name, indices)) = shared(&named).into_iter().next() {
        let role = |index: usize| format!("{} in {}", named[index].2, named[index].1.id);
        let roles = indices.into_iter().map(role).collect();
        return Err(SameName { template: request.template.clone(), name, roles });
    }
    let profiles = named.into_iter().map(|(name, account, role)| WantedProfile {
        name,
        assignment: Assignment { account: account.id.clone(), role: role.clone() },
    });
    Ok(profiles.collect())
}

/// The known roles of all accounts.
fn roles(accounts: &[ListedAccount]) -> impl Iterator<Item = (&ListedAccount, &RoleName)> {
    accounts.iter().flat_map(|account| account.roles.iter().flatten().map(move |role| (account, role)))
}

/// Each pattern must match a role.
pub(super) fn check_roles(accounts: &[ListedAccount], patterns: &[Pattern]) -> Result<(), NoMatch> {
    let mut there_are: Vec<String> = roles(accounts).map(|(_, role)| role.to_string()).collect();
    there_are.sort();
    there_are.dedup();
    match patterns.iter().find(|pattern| !there_are.iter().any(|role| pattern.matches(role))) {
        Some(pattern) => Err(NoMatch { what: "role", pattern: pattern.0.clone(), there_are }),
        None => Ok(()),
    }
}

/// The names of several accounts, as they would be in the name of a profile.
fn equal_names(accounts: &[ListedAccount]) -> HashSet<String> {
    let mut seen = HashSet::new();
    let names = accounts.iter().filter_map(|account| account.name.as_deref()).map(names::safe);
    names.filter(|name| !seen.insert(name.clone())).collect()
}

/// The names that several have, with their indices.
fn shared<T, U>(named: &[(String, T, U)]) -> BTreeMap<String, Vec<usize>> {
    let mut indices: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, (name, ..)) in named.iter().enumerate() {
        indices.entry(name.clone()).or_default().push(index);
    }
    indices.retain(|_, indices| indices.len() > 1);
    indices
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::configure::profile::Form;
    use crate::configure::request::{Stale, Writing};

    pub(in crate::configure) fn account(id: &str, name: Option<&str>, roles: &[&str]) -> ListedAccount {
        ListedAccount {
            id: AccountId::new(id).unwrap(),
            name: name.map(str::to_owned),
            roles: Some(roles.iter().map(|role| RoleName::new(role).unwrap()).collect()),
        }
    }

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn accounts_are_chosen_by_id_or_name_and_all_of_them_without_a_pattern() {
        let listed = [
            account("111122223333", Some("Development"), &["Admin"]),
            account("444455556666", Some("Production"), &["Admin", "Read"]),
            account("777788889999", None, &[]),
        ];
        let chosen = |patterns: &[&str]| {
            accounts(&listed, &patterns.iter().map(|text| pattern(text)).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(chosen(&[]), Ok(vec![0, 1, 2]));
        assert_eq!(chosen(&["444455556666", "Dev*"]), Ok(vec![0, 1]));
        assert_eq!(chosen(&["777788889999"]), Ok(vec![2]));
        let complaint = "no account matches \"Staging\"; there are: 111122223333 (Development), 444455556666 (Production), 777788889999";
        assert_eq!(chosen(&["Dev*", "Staging"]), Err(complaint.to_owned()));
        assert_eq!(check_roles(&listed, &[pattern("R*"), pattern("Admin")]), Ok(()));
        let error = check_roles(&listed, &[pattern("Write")]).unwrap_err();
        assert_eq!(error.to_string(), "no role matches \"Write\"; there are: Admin, Read");
    }

    fn request(template: &str, roles: &[&str]) -> Request {
        Request {
            accounts: Vec::new(),
            roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            template: template.parse().unwrap(),
            region: None,
            form: Form::SsoSession,
            stale: Stale::Kept,
            writing: Writing::Done,
        }
    }

    fn names(accounts: &[ListedAccount], request: &Request) -> Result<Vec<String>, String> {
        profiles(accounts, "corp", request)
            .map(|profiles| profiles.into_iter().map(|profile| profile.name).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn each_chosen_role_gets_its_own_name() {
        let listed = [
            account("111122223333", Some("Dev"), &["Admin", "Read"]),
            account("444455556666", Some("Dev"), &["Read"]),
            account("777788889999", Some("Prod"), &["Read"]),
        ];
        assert_eq!(names(&listed, &request("{account_id}-{role}", &[])).map(|names| names.len()), Ok(4));
        let complaint = "{role} names several roles \"Read\": Read in 111122223333, Read in 444455556666, Read in 777788889999; \
                         choose names that tell them apart with --name, such as {account_name}-{account_id}-{role}";
        assert_eq!(names(&listed, &request("{role}", &[])), Err(complaint.to_owned()));
    }

    #[test]
    fn accounts_with_equal_names_are_named_by_their_ids() {
        let mut listed = [
            account("111122223333", Some("Büro"), &["Admin"]),
            account("222233334444", Some("B ro"), &["Admin"]),
            account("333344445555", Some("Dev"), &["Ops-Admin"]),
            account("444455556666", Some("Dev-Ops"), &["Admin", "Read"]),
            account("555566667777", Some("Prod"), &["Admin"]),
        ];
        let expected = [
            "111122223333-Admin",
            "222233334444-Admin",
            "333344445555-Ops-Admin",
            "444455556666-Admin",
            "Dev-Ops-Read",
            "Prod-Admin",
        ];
        let request = request("{account_name}-{role}", &[]);
        assert_eq!(names(&listed, &request), Ok(expected.map(str::to_owned).to_vec()));
        // Even if only one of them is chosen.
        listed[1].roles = None;
        assert_eq!(names(&listed[..2], &request), Ok(vec![expected[0].to_owned()]));
    }
}
