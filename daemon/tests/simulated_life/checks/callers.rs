//! The answers to callers, and their time.

use std::collections::BTreeMap;
use std::time::Duration;

use ssoctld::session::callers::{Need, PortalOutcome, Refusal};
use ssoctld::session::{SignInEpoch, Token};

use super::super::wants::{Answer, Want};
use super::super::world::{MINUTE, World};
use super::{Checks, HEALING, SLACK, STORING, Verdict, require};

/// The session's own patience, as `policy` has it. Repeated here, because it is a promise to callers.
const SILENT: Duration = Duration::from_secs(10);
const LOADING: Duration = Duration::from_secs(2);
const CODE: Duration = Duration::from_secs(30);
const LEAVING: Duration = Duration::from_secs(25);
const CREDENTIALS: Duration = Duration::from_secs(10);
const LISTS: Duration = Duration::from_secs(30);

/// A caller that has not been answered.
pub(super) struct Caller {
    pub(super) want: Want,
    pub(super) since: Duration,
}

#[derive(Default)]
pub(super) struct Callers {
    pub(super) waiting: BTreeMap<u64, Caller>,
}

impl Checks {
    pub(crate) fn asked(&mut self, id: u64, want: Want, now: Duration) {
        self.callers.waiting.insert(id, Caller { want, since: now });
    }

    pub(crate) fn left(&mut self, id: u64) {
        self.callers.waiting.remove(&id);
    }

    /// The process is gone, and everybody's connection with it.
    pub(crate) fn all_left(&mut self) {
        self.callers.waiting.clear();
    }

    /// Every caller that is still there when the daemon stops is answered.
    pub(crate) fn nobody_waits(&self) -> Verdict {
        let count = self.callers.waiting.len();
        require(count == 0, || format!("the daemon has stopped, and {count} callers were not answered"))
    }

    pub(crate) fn is_waiting(&self, id: u64) -> bool {
        self.callers.waiting.contains_key(&id)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.callers.waiting.len()
    }

    /// Every caller is answered once, with a token only if that is live, lives long enough, is what it claims to be, and would
    /// survive a crash; and not with a refusal while the service would give what is asked for.
    pub(crate) fn answers(
        &mut self,
        id: u64,
        answer: &Answer,
        epoch: SignInEpoch,
        token: Option<&Token>,
        world: &mut World,
    ) -> Verdict {
        let Some(caller) = self.callers.waiting.remove(&id) else {
            return Err("somebody was answered who had not asked".into());
        };
        self.counts.count("answers");
        if let Some(subject) = caller.want.subject() {
            return self.answers_role(&caller, subject, answer, epoch, token, world);
        }
        match (&caller.want, answer) {
            (Want::Token { min_valid, .. }, Answer::Token(access, expires)) => {
                self.counts.count("tokens given");
                let claimed = World::elapsed_at(*expires).saturating_sub(world.elapsed());
                require(claimed > Duration::ZERO && claimed >= *min_valid, || {
                    format!("a token for {claimed:?} was given to somebody who wanted {min_valid:?}")
                })?;
                self.token_given(access.value.expose(), world.elapsed() + *min_valid, world)
            }
            (Want::Token { min_valid, .. }, Answer::Refused(refusal)) => {
                // No token so far has lived that long, or the last one lived no longer than the one before.
                let has_tried = token.is_some_and(|token| token.capped || *min_valid > token.lifetime)
                    && matches!(refusal, Refusal::ValidityUnattainable { .. });
                if *refusal == Refusal::ShuttingDown || has_tried || world.healthy_for() < HEALING {
                    return Ok(());
                }
                let could = token.and_then(|token| token.renewal.as_ref()).and_then(|it| world.refreshable_until(it));
                let enough = could.is_some_and(|until| until > world.elapsed() + *min_valid + MINUTE);
                require(!enough, || format!("refused with {refusal:?}, although a refresh would have given a token"))
            }
            (Want::Token { .. }, other) => Err(format!("a token was asked for, and the answer is {other:?}")),
            (
                Want::Login { need: Need::Below { min_valid }, .. },
                Answer::Refused(Refusal::ValidityUnattainable { best }),
            ) => {
                let left = World::elapsed_at(*best).saturating_sub(world.elapsed());
                require(left < *min_valid, || format!("{left:?} is called too short for {min_valid:?}"))
            }
            (Want::Logout(_), Answer::LoggedOut(PortalOutcome::Deferred(_))) => {
                self.defers();
                Ok(())
            }
            (_, Answer::Token(..)) => Err("a token for somebody who did not ask for one".into()),
            _ => Ok(()),
        }
    }

    /// Nobody waits longer than was promised, a sleep of the machine aside.
    pub(crate) fn promises(&self, loading: bool, now: Duration) -> Verdict {
        for caller in self.callers.waiting.values() {
            let patience = match &caller.want {
                Want::Token { wait, .. } if loading => (*wait).max(LOADING),
                Want::Token { wait, .. } => (*wait).max(SILENT) + STORING,
                Want::Login { need: Need::Fresh, .. } => 2 * CODE,
                Want::Login { .. } => CODE + STORING,
                Want::LoginEnd { wait, .. } => (*wait).max(CODE) + STORING,
                Want::CancelLogin => Duration::ZERO,
                Want::Logout(_) => LOADING + LEAVING,
                Want::Credentials { .. } => CREDENTIALS,
                Want::Accounts | Want::Roles(_) => LISTS,
            };
            let deadline = (caller.since + patience).max(self.woken) + SLACK;
            require(now <= deadline, || format!("{:?} has waited since {:?}", caller.want, caller.since))?;
        }
        Ok(())
    }
}
