//! Asking the person about a grant: whether a program may have credentials, and whether they want to sign in for it.

use super::{Grant, NotGranted, Reach, Role};
use crate::caller::Who;
use crate::config::Notifications;
use crate::desktop::{About, Consent, Question, Surroundings};
use crate::directory::Entry;
use crate::notice::Presence;

impl Grant {
    pub(super) fn not_confirmed(&self, why: impl Into<String>) -> NotGranted {
        NotGranted::NotConfirmed { name: self.terms.name.clone(), why: why.into() }
    }

    fn person_is_there(&self) -> bool {
        let wall = self.reach.clock.now().wall;
        self.reach.surroundings.borrow().presence_at(wall) == Presence::Present
    }

    /// Asks whether a program may have credentials of a role.
    pub(super) async fn confirm(&self, role: &Role, who: Who) -> Result<(), NotGranted> {
        if !self.person_is_there() {
            return Err(self.not_confirmed("the screen is locked, or these are quiet hours"));
        }
        let question = Question { who, about: About::Credentials { role: role.to_string() } };
        match self.confirmations.ask(question, &self.reach).await {
            // Somebody else may sit there when the screen was locked meanwhile.
            Consent::Allowed if !self.person_is_there() => Err(self.not_confirmed("the screen is locked")),
            Consent::Allowed => Ok(()),
            Consent::Denied => Err(self.not_confirmed("the person said no")),
            Consent::Silent => Err(self.not_confirmed("nobody answered")),
            Consent::Unasked(why) => Err(self.not_confirmed(format!("the person cannot be asked: {why}"))),
        }
    }

    /// Shows the person that this grant asks for a sign-in, once its page is there and the person is. Ends if the person says no; otherwise it
    /// waits for ever.
    pub(super) async fn invite(&self, entry: &Entry, who: Who) {
        let Reach { desktop, clock, mut surroundings, .. } = self.reach.clone();
        let mut snapshots = entry.session.snapshots();
        let flow = match snapshots.wait_for(|snapshot| snapshot.flow.is_some()).await {
            Ok(snapshot) => snapshot.flow.clone(),
            Err(_) => None,
        };
        let notifications = self.reach.directory.borrow().default_view().config.notifications;
        let (Some(flow), Notifications::On) = (flow, notifications) else { return std::future::pending().await };
        // An error means that nothing more is heard about the person.
        let is_there = |now: &Surroundings| now.presence_at(clock.now().wall) == Presence::Present;
        let _ = surroundings.wait_for(is_there).await;
        let (session, code) = (entry.config.name.clone(), flow.user_code().map(str::to_owned));
        let question = Question { who, about: About::SignIn { session, code } };
        match self.confirmations.ask(question, &self.reach).await {
            Consent::Allowed => desktop.open(&entry.config, &flow.page),
            Consent::Denied => return,
            // It can still be found by `ssoctl status`, and joined by `ssoctl login`.
            Consent::Silent | Consent::Unasked(_) => {}
        }
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ssoctl_protocol::Timestamp;
    use tokio::sync::watch;

    use super::super::super::fixture::{Fixture, fixture};
    use super::super::GrantState;
    use super::*;
    use crate::assignment::{AccountId, Assignment, RoleName};
    use crate::clock::Clock;
    use crate::grants::terms::{Deadline, Terms};

    #[tokio::test]
    async fn nobody_is_asked_behind_a_locked_screen() {
        let Fixture { reach, mut asked, clock, surroundings } = fixture();
        let role = Role {
            profile: None,
            session: "corp".to_owned(),
            identity: String::new(),
            start_url: String::new(),
            assignment: Assignment {
                account: AccountId::new("111122223333").expect("an id"),
                role: RoleName::new("ReadOnlyAccess").expect("a name"),
            },
            region: None,
        };
        let terms = Terms {
            name: "ci".to_owned(),
            roles: vec![role.clone()],
            created_at: Timestamp::from_unix(0),
            confirm: true,
            may_ask: false,
            shared: false,
            attending: None,
        };
        let deadline = Deadline::after(Duration::from_secs(60), clock.now());
        let grant = Grant::new(GrantState::new(terms, deadline), reach, watch::Sender::default());
        let lock = || surroundings.send_modify(|now| now.presence = Presence::Away);
        let confirm = || grant.confirm(&role, Who::default());
        let allow = async |asked: &mut tokio::sync::mpsc::UnboundedReceiver<_>, and: &dyn Fn()| {
            let (_, answer): super::super::super::fixture::Asked = asked.recv().await.expect("a question");
            and();
            answer.send(Consent::Allowed).expect("somebody waits");
        };
        assert_eq!(tokio::join!(confirm(), allow(&mut asked, &|| {})).0, Ok(()));
        let (locked_meanwhile, ()) = tokio::join!(confirm(), allow(&mut asked, &lock));
        for refused in [locked_meanwhile, confirm().await] {
            let refused = refused.expect_err("nobody is there");
            assert!(refused.to_string().contains("there was none: the screen is locked"), "{refused}");
        }
        assert!(asked.try_recv().is_err(), "nobody was asked any more");
    }
}
