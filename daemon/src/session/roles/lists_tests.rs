//! Lists of accounts and roles.

use super::*;
use crate::portal::Page;

fn account(number: u32) -> Account {
    Account { id: AccountId::new(&format!("{number:012}")).expect("an account"), name: None, email: None }
}

fn page(numbers: std::ops::Range<u32>, next: Option<&str>) -> Result<PortalAnswer, PortalError> {
    let next = next.map(|token| PageToken(token.into()));
    Ok(PortalAnswer::Accounts(Page { items: numbers.map(account).collect(), next }))
}

#[test]
fn all_pages_of_a_list_are_gathered_for_all_waiting_callers() {
    let mut t = Timeline::start();
    let callers = [t.ask_for(all_accounts()), t.ask_for(all_accounts())];
    t.ends(page(0..100, Some("more")));
    assert_eq!(t.under_way[0].2, Some(PageToken("more".into())));
    t.ends(page(100..130, None));
    for caller in callers {
        let Answer::Accounts(accounts) = t.told(caller) else { panic!("a list") };
        assert_eq!(**accounts, (0..130).map(account).collect::<Vec<_>>());
    }
    assert_eq!(t.calls, 2);
}

#[test]
fn a_list_is_not_kept() {
    let mut t = Timeline::start();
    t.ask_for(all_accounts());
    t.ends(page(0..1, None));
    let next = t.ask_for(all_accounts());
    assert!(t.is_waiting(next) && t.calls == 2);
    t.ends(page(0..2, None));
    assert!(matches!(t.told(next), Answer::Accounts(accounts) if accounts.len() == 2));
    assert!(t.roles.jobs.is_empty());
}

#[test]
fn a_list_that_has_no_end_is_given_up() {
    let mut t = Timeline::start();
    let caller = t.ask_for(all_accounts());
    t.ends(page(0..1, Some("again")));
    t.ends(page(1..2, Some("again")));
    assert!(matches!(t.refusal(caller), RoleRefusal::Portal(PortalError::Unusable(_))));
    assert!(t.under_way.is_empty());
}

#[test]
fn a_failure_on_the_way_is_told_and_the_next_list_begins_anew() {
    let mut t = Timeline::start();
    let caller = t.ask_for(all_accounts());
    t.ends(page(0..100, Some("more")));
    t.fails(network());
    assert_eq!(t.refusal(caller), &RoleRefusal::Portal(network()));
    let next = t.ask_for(all_accounts());
    t.advance(secs(2));
    assert_eq!(t.under_way[0].2, None);
    t.ends(page(0..1, None));
    assert!(matches!(t.told(next), Answer::Accounts(accounts) if accounts.len() == 1));
}

#[test]
fn the_roles_of_an_account_that_is_not_the_persons_are_told_as_such_and_that_is_not_remembered() {
    let mut t = Timeline::start();
    let id = account(7).id;
    let caller = t.ask_for(all_roles(id.clone()));
    t.fails(named(PortalErrorName::ResourceNotFound));
    assert_eq!(t.refusal(caller), &RoleRefusal::NotAssigned { subject: Subject::Roles(id.clone()), remembered: None });
    t.advance(secs(3));
    let next = t.ask_for(all_roles(id));
    t.ends(Ok(PortalAnswer::Roles(Page { items: vec!["Admin".into()], next: None })));
    assert_eq!(t.told(next), &Answer::Roles(Arc::new(vec!["Admin".into()])));
}
