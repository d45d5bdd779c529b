//! Decides the next step for one file, by its content and the session's token. Pure.
//!
//! | in the file | the session has a live token | it has none, or an expired one | it was signed out |
//! |---|---|---|---|
//! | nothing | published | left | left |
//! | ours | published anew where it says something else | left | removed |
//! | another program's, at this portal, not offered yet | offered | offered | offered |
//! | the same after it was offered | replaced | left | removed if it was the one that was taken over |
//! | the same while it is not proved yet | left, and offered again later | the same | the same |
//! | another program's, at this portal, of another issuer than the session's | told | told | told |
//! | another program's, at another portal | replaced: the name means this session now | left | left |
//! | one that cannot be understood | set aside, and then published | told | told |
//!
//! Before the session's own record is known, nothing is offered, and nothing that was not offered is replaced. A file with
//! which a token could be renewed is replaced only once all that the session has is durable.

use std::path::Path;

use ssoctl_protocol::Secret;
use ssoctl_protocol::partition::is_region;

use super::file::{Content, Holding, Members, Publication};
use crate::config::{Identity, SessionConfig, normalise_start_url};
use crate::issuer::Issuer;
use crate::session::found::Found;

#[derive(PartialEq, Debug)]
#[allow(clippy::large_enum_variant, reason = "made once for a file that was read, and taken apart at once")]
pub(super) enum FileStep {
    Leave,
    /// Offer this to the session, and read the file again.
    Offer(Found),
    /// Read it again a little later: a program may be writing it.
    ReadAgain,
    /// Write this text: the publication, and the other members of the file.
    Publish(Secret<Vec<u8>>),
    Remove,
    /// Tell the person why it is left alone.
    Tell(&'static str),
    /// Move it aside, for this reason, and read again.
    SetAside(&'static str),
    /// Leave it until it is time to offer it again.
    Wait,
}

/// The reason why a sign-in is not offered to the session that its file is named after.
pub(super) const OTHER_ISSUER: &str =
    "it holds a sign-in of the service that the AWS configuration names, and this session signs in at another one";

pub(super) struct Facts<'a> {
    pub(super) session: &'a SessionConfig,
    pub(super) file: &'a Path,
    /// Whether a program that was writing it would be done by now.
    pub(super) is_written: bool,
    /// The content of the file while the session has a live token.
    pub(super) publication: Option<Publication<'a>>,
    /// Whether the session's record is not known yet.
    pub(super) is_loading: bool,
    /// Whether all that the session has is stored.
    pub(super) is_durable: bool,
    /// Whether the session had a token and was signed out, and has had none since.
    pub(super) is_signed_out: bool,
    pub(super) offer: Offer,
}

/// The result of offering this content to the session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offer {
    NotMade,
    TakenOver,
    Declined,
    /// It would be taken over, if the service had said that it knows it.
    Unproved,
}

pub(super) fn decide(content: Content, facts: &Facts<'_>) -> FileStep {
    let members = match content {
        Content::Absent => Box::<Members>::default(),
        Content::Garbled if !facts.is_written => return FileStep::ReadAgain,
        Content::Garbled => return unreadable("it is not a whole token file", facts),
        Content::Members(members) => members,
    };
    let is_ours_to_take = is_of(&members, &facts.session.identity);
    let issuer = facts.session.issuer_of_found(members.region.as_deref());
    match (members.holding(issuer.as_ref().unwrap_or(&Issuer::NONE), facts.file), &facts.publication) {
        (Holding::Unreadable(why), _) => unreadable(why, facts),
        (Holding::Published, Some(publication)) if members.says(publication) => FileStep::Leave,
        (Holding::Published, None) if facts.is_signed_out => FileStep::Remove,
        (Holding::Nothing | Holding::Published, Some(publication)) => FileStep::Publish(members.publish(publication)),
        (Holding::Nothing | Holding::Published, None) => FileStep::Leave,
        (Holding::Foreign(_), _) if is_ours_to_take && issuer.is_none() => FileStep::Tell(OTHER_ISSUER),
        (Holding::Foreign(found), publication) => match (facts.offer, publication) {
            (Offer::NotMade, _) if is_ours_to_take && facts.is_loading => FileStep::Leave,
            (Offer::NotMade, _) if is_ours_to_take => FileStep::Offer(found),
            (Offer::Unproved, _) => FileStep::Wait,
            (_, Some(publication)) if facts.is_durable || !members.has_secrets() => {
                FileStep::Publish(members.publish(publication))
            }
            (Offer::TakenOver, None) if facts.is_signed_out => FileStep::Remove,
            _ => FileStep::Leave,
        },
    }
}

/// A malformed file is moved aside where there is a token to publish, and is not lost.
const fn unreadable(why: &'static str, facts: &Facts<'_>) -> FileStep {
    if facts.publication.is_some() { FileStep::SetAside(why) } else { FileStep::Tell(why) }
}

/// Whether a file is about this portal. One that does not say so is about none. A start URL that is not AWS's own may have led to
/// any region.
pub(super) fn is_of(members: &Members, identity: &Identity) -> bool {
    let start_url = members.start_url.as_deref().and_then(|url| normalise_start_url(url).ok());
    let is_of_region = |region: &str| identity.region.as_deref().map_or(is_region(region), |own| own == region);
    start_url.as_ref() == Some(&identity.start_url) && members.region.as_deref().is_some_and(is_of_region)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use ssoctl_protocol::Timestamp;

    use super::*;
    use crate::config::{Environment, Paths, TokenFilesIssuer, parse};

    const URL: &str = "https://corp.awsapps.com/start";

    /// A session of the AWS configuration file.
    fn configured(start_url: &str, region: &str) -> SessionConfig {
        let aws = format!("[sso-session corp]\nsso_start_url = {start_url}\nsso_region = {region}\n");
        let paths = Paths { own: "/config.toml".into(), aws: "/aws".into(), aws_credentials: "/credentials".into() };
        parse(&paths, "", &aws, "", &Environment::default()).sessions.remove(0)
    }

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

    /// The step as one word.
    fn done(file: Option<&Value>, live: bool, change: impl FnOnce(&mut Facts<'_>)) -> &'static str {
        let session = configured(URL, "eu-west-1");
        let token = Secret::from("ours");
        let publication =
            Publication { start_url: URL, region: "eu-west-1", access_token: &token, expires_at: expires_at() };
        let mut facts = Facts {
            session: &session,
            file: Path::new("/cache/a.json"),
            is_written: false,
            publication: live.then_some(publication),
            is_loading: false,
            is_durable: true,
            is_signed_out: false,
            offer: Offer::NotMade,
        };
        change(&mut facts);
        match decide(file.map_or(Content::Absent, content), &facts) {
            FileStep::Leave => "left",
            FileStep::Offer(_) => "offered",
            FileStep::ReadAgain => "read again",
            FileStep::Publish(_) => "published",
            FileStep::Remove => "removed",
            FileStep::Tell(_) => "told",
            FileStep::SetAside(_) => "set aside",
            FileStep::Wait => "left until later",
        }
    }

    #[test]
    fn each_row_of_the_table_is_decided() {
        let offered = |offer| move |facts: &mut Facts<'_>| facts.offer = offer;
        let (taken, declined) = (offered(Offer::TakenOver), offered(Offer::Declined));
        let gone = |offer| {
            move |facts: &mut Facts<'_>| {
                facts.is_signed_out = true;
                facts.offer = offer;
            }
        };
        let as_it_is = |_: &mut Facts<'_>| {};

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
        let written = |facts: &mut Facts<'_>| facts.is_written = true;
        for unreadable in [
            json!({"accessToken": "a", "expiresAt": "soon"}),
            json!({"accessToken": "a\u{1b}[2J", "expiresAt": "2026-11-23T12:00:00Z"}),
            json!(["torn"]),
        ] {
            assert_eq!(done(Some(&unreadable), true, written), "set aside", "{unreadable}");
            assert_eq!(done(Some(&unreadable), false, written), "told", "{unreadable}");
        }
        assert_eq!(done(Some(&json!(["torn"])), true, as_it_is), "read again");
        assert_eq!(
            (done(Some(&json!({})), true, as_it_is), done(Some(&json!({})), false, as_it_is)),
            ("published", "left")
        );
    }

    #[test]
    fn an_unproved_sign_in_stays_with_any_token_of_the_session() {
        for file in [foreign(), access_only()] {
            for live in [true, false] {
                assert_eq!(done(Some(&file), live, |facts| facts.offer = Offer::Unproved), "left until later");
            }
            assert_eq!(
                done(Some(&file), false, |facts| (facts.is_signed_out, facts.offer) = (true, Offer::Unproved)),
                "left until later"
            );
        }
    }

    #[test]
    fn a_sign_in_of_another_issuer_is_neither_offered_nor_replaced() {
        let session = SessionConfig { token_files: TokenFilesIssuer::Other, ..configured(URL, "eu-west-1") };
        let session: &'static SessionConfig = Box::leak(Box::new(session));
        for file in [foreign(), access_only()] {
            for live in [true, false] {
                assert_eq!(done(Some(&file), live, |facts| facts.session = session), "told");
            }
        }
        assert_eq!(done(Some(&published("older")), true, |facts| facts.session = session), "published");
    }

    #[test]
    fn a_sign_in_at_a_start_url_that_leads_elsewhere_is_of_the_region_that_its_file_names() {
        const VANITY: &str = "https://sso.corp.example";
        let session: &'static SessionConfig = Box::leak(Box::new(configured(VANITY, "eu-west-1")));
        let mut file = foreign();
        (file["startUrl"], file["region"]) = (json!(VANITY), json!("us-east-1"));
        assert_eq!(done(Some(&file), false, |facts| facts.session = session), "offered");
        let issuer = session.issuer_of_found(Some("us-east-1")).expect("an issuer");
        assert_eq!(issuer, Issuer::aws("us-east-1"));
        for nowhere in [json!("us-east-1.evil.example"), json!(null)] {
            file["region"] = nowhere;
            assert_eq!(done(Some(&file), false, |facts| facts.session = session), "left");
        }
    }

    #[test]
    fn nothing_foreign_is_touched_before_our_own_record_is_known() {
        let loading = |facts: &mut Facts<'_>| (facts.is_loading, facts.is_durable) = (true, false);
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
            move |facts: &mut Facts<'_>| {
                facts.is_durable = false;
                facts.offer = offer;
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
        let identity = Identity::new(None, URL, Some("eu-west-1"), &[]).unwrap();
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
