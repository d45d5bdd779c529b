//! The notices that a person did not ask for. Pure.
//!
//! A token that is renewed silently needs no person. For any other, one notice is shown as its end approaches and one at its
//! end, and nothing more until somebody asks:
//!
//! | when | notice | what its action does |
//! |---|---|---|
//! | the end approaches | a device flow is opened unasked; *approve*, with its code | opens the page |
//! | the same, where people sign in at the browser | *sign in* | opens a flow and its page |
//! | that code expired | *sign in*, in the same place | opens a flow and its page |
//! | the end approaches, and the portal caps it | *renew now*: a flow would not help | signs out at the portal, then in |
//! | the end | *expired*; if a code is open, that code in its place | opens a flow and its page |
//!
//! A notice before the end can be put off: it is withdrawn, and shown again five minutes later or at the end.
//! A new token that lives longer withdraws all of them. While the person is away nothing is opened or shown; a person who comes
//! back finds at most one notice.

use std::time::Duration;

use super::{Terms, Token, policy};
use crate::clock::BootTime;
use crate::config::{Notifications, SignInSetting};
use crate::notice::{FlowView, Notice, Presence};

/// How long a notice that was put off stays away.
const PUT_OFF: Duration = Duration::from_secs(5 * 60);

/// How far the person has been told about a token's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Told {
    #[default]
    Nothing,
    ThatTheEndApproaches,
    ThatItEnded,
}

/// The notices that the person has seen, and the one on the screen.
#[derive(Debug, Default)]
pub(super) struct Attention {
    presence: Presence,
    told: Told,
    shown: Option<Notice>,
    /// The person has put the notice off until then.
    put_off_until: Option<BootTime>,
}

/// The next thing to do about notices.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// Open a flow unasked. The notice follows once its code is there.
    OpenFlow,
    /// Show this in the place of the notice before.
    Show(Notice),
    /// Withdraw the notice.
    Withdraw,
}

/// The input of a decision about notices.
#[derive(Clone, Copy)]
pub(super) struct Outlook<'a> {
    pub(super) token: Option<&'a Token>,
    pub(super) terms: &'a Terms,
    /// Whether this portal is known to cap its tokens.
    pub(super) portal_caps: bool,
    /// Whether the cap of the token is certain; until then it is refreshed once more.
    pub(super) cap_is_certain: bool,
    pub(super) flow: Option<&'a FlowView>,
    /// Whether a flow is open, its code shown or not.
    pub(super) flow_is_open: bool,
}

impl Attention {
    pub(super) const fn set_presence(&mut self, presence: Presence) {
        self.presence = presence;
    }

    /// Another token is served. If it ends when the last one did, what the person was told still holds.
    pub(super) fn token_came(&mut self, previous: Option<&Token>, token: &Token) {
        if previous.is_none_or(|previous| is_later(token.expires, previous.expires)) {
            self.told = Told::Nothing;
            self.put_off_until = None;
        }
    }

    /// A token was found in the store. If it has expired already, the person is not told.
    pub(super) fn token_found(&mut self, token: &Token, now: BootTime) {
        self.told = if token.is_live(now) { Told::Nothing } else { Told::ThatItEnded };
    }

    /// The end of the token was corrected. That the person was told holds on, unless the token is live after all, or its end is so far that it
    /// does not approach yet: nobody is told twice for a few minutes.
    pub(super) fn end_corrected(&mut self, believed: BootTime, token: &Token, terms: &Terms, now: BootTime) {
        let ended_by_mistake = self.told == Told::ThatItEnded && token.is_live(now);
        let is_far = token.remaining(now) > 2 * notice_lead(token, terms);
        if is_later(token.expires, believed) && (ended_by_mistake || is_far) {
            self.told = Told::Nothing;
            self.put_off_until = None;
        }
    }

    /// The token is forgotten.
    pub(super) const fn token_went(&mut self) {
        self.told = Told::Nothing;
        self.put_off_until = None;
    }

    /// The person puts the notice off. After the end nothing can be put off.
    pub(super) fn put_off(&mut self, now: BootTime) {
        if let Some(notice) = self.shown.as_ref().filter(|notice| notice.ends() > now) {
            self.put_off_until = Some((now + PUT_OFF).min(notice.ends()));
        }
    }

    /// The next thing that is due; called until there is none.
    pub(super) fn take_turn(&mut self, outlook: Outlook<'_>, now: BootTime) -> Option<Turn> {
        let needy = outlook.needy_token(self.told);
        let was_put_off = self.is_welcome(outlook) && self.put_off_until.take_if(|until| *until <= now).is_some();
        if let Some(token) = needy.filter(|_| self.is_welcome(outlook)) {
            if !token.is_live(now) && self.told != Told::ThatItEnded {
                self.told = Told::ThatItEnded;
                // After the end nothing is put off any longer.
                let was_put_off = self.put_off_until.take().is_some() || was_put_off;
                // A person who is signing in already need not be told why.
                if !outlook.flow_is_open || self.shown.is_some() || was_put_off {
                    // The notice with the code says that the end has come, too.
                    let expired = Notice::Expired { ended: token.expires };
                    return Some(self.show(outlook.approve(token).unwrap_or(expired)));
                }
            } else if self.told == Told::Nothing && outlook.approach_of(token) <= now {
                self.told = Told::ThatTheEndApproaches;
                let opens_flow = outlook.terms.sign_in != SignInSetting::Browser;
                if opens_flow && !outlook.is_capped(token) && !outlook.flow_is_open {
                    return Some(Turn::OpenFlow);
                }
            }
        }
        let wanted = needy.filter(|_| self.put_off_until.is_none()).and_then(|token| self.wanted(outlook, token));
        match wanted {
            Some(notice) if Some(&notice) == self.shown.as_ref() => None,
            Some(notice) if self.is_welcome(outlook) => Some(self.show(notice)),
            // Nothing new is shown now, and a notice that is no longer true is withdrawn.
            Some(notice) => self.shown.take_if(|shown| is_later(notice.ends(), shown.ends())).map(|_| Turn::Withdraw),
            None => self.shown.take().map(|_| Turn::Withdraw),
        }
    }

    /// Whether anything may be shown or begun unasked.
    fn is_welcome(&self, outlook: Outlook<'_>) -> bool {
        self.presence == Presence::Present && outlook.terms.notifications == Notifications::On
    }

    fn show(&mut self, notice: Notice) -> Turn {
        self.shown = Some(notice.clone());
        Turn::Show(notice)
    }

    /// The notice that should be on the screen.
    fn wanted(&self, outlook: Outlook<'_>, token: &Token) -> Option<Notice> {
        let ends = token.expires;
        let approve = outlook.approve(token);
        match self.told {
            Told::Nothing => None,
            Told::ThatTheEndApproaches if approve.is_some() => approve,
            Told::ThatTheEndApproaches if outlook.is_capped(token) => Some(Notice::RenewNow { ends }),
            // The code is on its way.
            Told::ThatTheEndApproaches if outlook.flow_is_open => {
                self.shown.as_ref().map(|shown| shown.clone().if_it_ends(ends).unwrap_or(Notice::SignIn { ends }))
            }
            Told::ThatTheEndApproaches => Some(Notice::SignIn { ends }),
            // Its code is on its way, or its token is being stored.
            Told::ThatItEnded if approve.is_none() && outlook.flow_is_open => self.shown.clone(),
            // A notice on the screen is updated, but none appears any more by itself.
            Told::ThatItEnded => self.shown.as_ref().map(|_| approve.unwrap_or(Notice::Expired { ended: ends })),
        }
    }

    /// When [`take_turn`](Self::take_turn) has something to give, if nothing else happens before.
    pub(super) fn wake_at(&self, outlook: Outlook<'_>) -> Option<BootTime> {
        let token = outlook.needy_token(self.told).filter(|_| self.is_welcome(outlook))?;
        match self.told {
            Told::Nothing => Some(outlook.approach_of(token)),
            Told::ThatTheEndApproaches => Some(self.put_off_until.unwrap_or(token.expires).min(token.expires)),
            Told::ThatItEnded => None,
        }
    }
}

impl<'a> Outlook<'a> {
    /// The token, if it ends unless a person does something. Once the person was told so, a cap that is not certain yet counts, too.
    fn needy_token(&self, told: Told) -> Option<&'a Token> {
        let is_capped = self.cap_is_certain || told != Told::Nothing;
        self.token.filter(|token| token.renewal.is_none() || (token.capped && is_capped))
    }

    fn is_capped(&self, token: &Token) -> bool {
        token.capped || self.portal_caps
    }

    /// The notice with the open flow's code.
    fn approve(&self, token: &Token) -> Option<Notice> {
        self.flow.map(|flow| Notice::Approve { flow: flow.clone(), ends: token.expires })
    }

    fn approach_of(&self, token: &Token) -> BootTime {
        token.expires - notice_lead(token, self.terms)
    }

    /// When the person is to be told that the end approaches.
    pub(super) fn approach(&self) -> Option<BootTime> {
        self.needy_token(Told::Nothing).map(|token| self.approach_of(token))
    }
}

fn notice_lead(token: &Token, terms: &Terms) -> Duration {
    policy::notice_lead(token.lifetime, terms.notify_before)
}

/// Whether this end is a later one, and not the same one computed a little differently.
fn is_later(end: BootTime, than: BootTime) -> bool {
    end.since(than) > policy::SAME_END
}
