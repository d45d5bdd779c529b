//! What is to be done about one file, given what stands in it and what the session has. Pure.
//!
//! | in the file | the session has a live token | it has none, or an expired one | it was signed out |
//! |---|---|---|---|
//! | nothing | published | left | left |
//! | ours | published anew where it says something else | left | removed |
//! | another program's, at this portal, not offered yet | offered | offered | offered |
//! | the same after it was offered | replaced | left | removed if it was the one that was taken over |
//! | another program's, at another portal | replaced: the name means this session now | left | left |
//! | one that cannot be understood | told | told | told |
//!
//! Nothing is offered, and nothing that was not offered is replaced, before the session's own record is known. A file with
//! which a token could be renewed is replaced only once all that the session has is durable.

use ssoctl_protocol::Secret;

use super::file::{Content, Holding, Members, Publication};
use crate::config::{Identity, normalise_start_url};
use crate::session::found::Found;

/// What is to be done.
#[derive(PartialEq, Debug)]
pub(super) enum Step {
    /// Nothing.
    Leave,
    /// Offer this to the session, and look again.
    Offer(Found),
    /// Read it again a little later: somebody may be writing it.
    ReadAgain,
    /// Put this text there: the publication, and what else stood in the file.
    Publish(Secret<Vec<u8>>),
    /// Remove it.
    Remove,
    /// Tell the person why it is left alone.
    Tell(&'static str),
}

/// What the session has.
pub(super) struct View<'a> {
    pub(super) identity: &'a Identity,
    /// Its live token.
    pub(super) publication: Option<Publication<'a>>,
    /// Whether its record is not known yet.
    pub(super) is_loading: bool,
    /// Whether all that it has would survive the daemon.
    pub(super) is_durable: bool,
    /// Whether it had a token and was signed out, and has had none since.
    pub(super) is_signed_out: bool,
    /// What became of this very content when it was offered.
    pub(super) offer: Offer,
}

/// Whether a content was offered to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offer {
    NotMade,
    TakenOver,
    Declined,
}

pub(super) fn decide(content: Content, view: &View<'_>) -> Step {
    let members = match content {
        Content::Absent => Box::<Members>::default(),
        Content::Garbled => return Step::ReadAgain,
        Content::Members(members) => members,
    };
    match (members.holding(&view.identity.issuer), &view.publication) {
        (Holding::Unreadable(why), _) => Step::Tell(why),
        (Holding::Published, Some(publication)) if members.says(publication) => Step::Leave,
        (Holding::Published, None) if view.is_signed_out => Step::Remove,
        (Holding::Nothing | Holding::Published, Some(publication)) => Step::Publish(members.publish(publication)),
        (Holding::Nothing | Holding::Published, None) => Step::Leave,
        (Holding::Foreign(found), publication) => {
            let is_ours_to_take = is_of(&members, view.identity);
            match (view.offer, publication) {
                (Offer::NotMade, _) if is_ours_to_take && view.is_loading => Step::Leave,
                (Offer::NotMade, _) if is_ours_to_take => Step::Offer(found),
                (_, Some(publication)) if view.is_durable || !members.has_secrets() => {
                    Step::Publish(members.publish(publication))
                }
                (Offer::TakenOver, None) if view.is_signed_out => Step::Remove,
                _ => Step::Leave,
            }
        }
    }
}

/// Whether a file is about this portal. One that does not say so is about none.
pub(super) fn is_of(members: &Members, identity: &Identity) -> bool {
    let start_url = members.start_url.as_deref().and_then(|url| normalise_start_url(url).ok());
    start_url.as_ref() == Some(&identity.start_url) && members.region.as_ref() == Some(&identity.region)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use ssoctl_protocol::Timestamp;

    use super::*;

    const URL: &str = "https://corp.awsapps.com/start";

    fn expires_at() -> Timestamp {
        "2026-11-23T11:16:00Z".parse().unwrap()
    }

    fn content(value: &Value) -> Content {
        Content::parse(Some(value.to_string().as_bytes()))
    }

    /// A file of another program.
    fn foreign() -> Value {
        json!({"startUrl": "https://corp.awsapps.com/start#/", "region": "eu-west-1", "accessToken": "theirs",
            "expiresAt": "2026-11-23T12:00:00Z", "refreshToken": "rt", "clientId": "id", "clientSecret": "cs"})
    }

    /// The same without anything that a token could be renewed with.
    fn access_only() -> Value {
        json!({"startUrl": URL, "region": "eu-west-1", "accessToken": "theirs", "expiresAt": "2026-11-23T12:00:00Z"})
    }

    fn elsewhere() -> Value {
        let mut file = foreign();
        file["region"] = json!("us-east-1");
        file
    }

    fn published(token: &str) -> Value {
        let token = Secret::from(token);
        let publication =
            Publication { start_url: URL, region: "eu-west-1", access_token: &token, expires_at: expires_at() };
        serde_json::from_slice(Members::default().publish(&publication).expose()).unwrap()
    }

    /// What is done, in a word.
    fn done(file: Option<&Value>, live: bool, change: impl FnOnce(&mut View<'_>)) -> &'static str {
        let identity = Identity::new(None, URL, "eu-west-1", &[]).unwrap();
        let token = Secret::from("ours");
        let publication =
            Publication { start_url: URL, region: "eu-west-1", access_token: &token, expires_at: expires_at() };
        let mut view = View {
            identity: &identity,
            publication: live.then_some(publication),
            is_loading: false,
            is_durable: true,
            is_signed_out: false,
            offer: Offer::NotMade,
        };
        change(&mut view);
        match decide(file.map_or(Content::Absent, content), &view) {
            Step::Leave => "left",
            Step::Offer(_) => "offered",
            Step::ReadAgain => "read again",
            Step::Publish(_) => "published",
            Step::Remove => "removed",
            Step::Tell(_) => "told",
        }
    }

    #[test]
    fn the_table_holds() {
        let offered = |offer| move |view: &mut View<'_>| view.offer = offer;
        let (taken, declined) = (offered(Offer::TakenOver), offered(Offer::Declined));
        let gone = |offer| {
            move |view: &mut View<'_>| {
                view.is_signed_out = true;
                view.offer = offer;
            }
        };
        let as_it_is = |_: &mut View<'_>| {};

        assert_eq!((done(None, true, as_it_is), done(None, false, as_it_is)), ("published", "left"));
        assert_eq!(done(None, false, gone(Offer::NotMade)), "left");

        assert_eq!(done(Some(&published("ours")), true, as_it_is), "left");
        assert_eq!(done(Some(&published("older")), true, as_it_is), "published");
        assert_eq!(done(Some(&published("older")), false, as_it_is), "left", "also one of an earlier run");
        assert_eq!(done(Some(&published("ours")), false, gone(Offer::NotMade)), "removed");

        for file in [foreign(), access_only()] {
            assert_eq!(done(Some(&file), true, as_it_is), "offered");
            assert_eq!(done(Some(&file), false, as_it_is), "offered");
            assert_eq!(done(Some(&file), false, gone(Offer::NotMade)), "offered", "somebody has signed in since");
            assert_eq!((done(Some(&file), true, taken), done(Some(&file), true, declined)), ("published", "published"));
            assert_eq!((done(Some(&file), false, taken), done(Some(&file), false, declined)), ("left", "left"));
            assert_eq!(done(Some(&file), false, gone(Offer::TakenOver)), "removed");
            assert_eq!(done(Some(&file), false, gone(Offer::Declined)), "left");
        }
        assert_eq!(
            (done(Some(&elsewhere()), true, as_it_is), done(Some(&elsewhere()), false, as_it_is)),
            ("published", "left")
        );
        assert_eq!(done(Some(&json!({"accessToken": "a", "expiresAt": "soon"})), true, as_it_is), "told");
        assert_eq!(done(Some(&json!(["torn"])), true, as_it_is), "read again");
        assert_eq!(
            (done(Some(&json!({})), true, as_it_is), done(Some(&json!({})), false, as_it_is)),
            ("published", "left")
        );
    }

    #[test]
    fn nothing_foreign_is_touched_before_our_own_record_is_known() {
        let loading = |view: &mut View<'_>| (view.is_loading, view.is_durable) = (true, false);
        for file in [foreign(), access_only()] {
            assert_eq!((done(Some(&file), true, loading), done(Some(&file), false, loading)), ("left", "left"));
        }
        assert_eq!(
            done(Some(&published("older")), true, loading),
            "published",
            "signed in while the keyring is locked"
        );
    }

    #[test]
    fn secrets_stay_in_the_file_until_ours_are_durable() {
        let fleeting = |offer| {
            move |view: &mut View<'_>| {
                view.is_durable = false;
                view.offer = offer;
            }
        };
        for offer in [Offer::TakenOver, Offer::Declined] {
            assert_eq!(done(Some(&foreign()), true, fleeting(offer)), "left");
            assert_eq!(done(Some(&access_only()), true, fleeting(offer)), "published");
        }
        assert_eq!(done(Some(&elsewhere()), true, fleeting(Offer::NotMade)), "left");
    }

    #[test]
    fn a_file_belongs_to_a_portal_by_start_url_and_region() {
        let identity = Identity::new(None, URL, "eu-west-1", &[]).unwrap();
        for (member, value, belongs) in [
            ("startUrl", json!("https://corp.awsapps.com/start/"), true),
            ("startUrl", json!("https://other.awsapps.com/start"), false),
            ("startUrl", json!("corp"), false),
            ("startUrl", json!(null), false),
            ("region", json!("us-east-1"), false),
            ("region", json!(null), false),
        ] {
            let mut file = foreign();
            file[member] = value.clone();
            let Content::Members(members) = content(&file) else { panic!("{file}") };
            assert_eq!(is_of(&members, &identity), belongs, "{member} {value}");
        }
    }
}
