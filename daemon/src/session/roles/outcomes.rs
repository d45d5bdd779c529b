//! The meaning of the portal's answers:
//!
//! | error | what happens |
//! |---|---|
//! | Unauthorized | the token counts as expired and is renewed once, and the portal is asked again; then a person is needed |
//! | Forbidden, ResourceNotFound | no such role for this person; remembered for [`policy::FIRST_DENIAL`], and the second time in a row for [`policy::DENIAL`] |
//! | TooManyRequests, or status 429 | nothing is asked for as long as the portal says, and then again if anybody waits |
//! | every other one, no answer, an unusable answer | everybody who waits is told, and the next attempt backs off |

use std::sync::Arc;

use super::callers::means_not_assigned;
use super::job::{Attempt, AttemptFailure, Denial, HeldCredentials, Job};
use super::{PortalAnswer, Roles, Subject, Ticket, policy};
use crate::portal::PortalError;
use crate::session::context::Context;
use crate::session::policy::{backoff, refresh_lead};
use crate::token::AccessToken;

impl Roles {
    /// A call has ended. Returns the token, if the portal does not accept it.
    pub(in crate::session) fn portal_answered(
        &mut self,
        ticket: Ticket,
        subject: Subject,
        result: Result<PortalAnswer, PortalError>,
        cx: &mut Context,
    ) -> Option<Arc<AccessToken>> {
        let job = self.jobs.get_mut(&subject)?;
        let Attempt::UnderWay(under_way, token) = &job.attempt else { return None };
        if *under_way != ticket {
            return None;
        }
        let token = Arc::clone(token);
        match result {
            Ok(answer) => {
                self.limiter.satisfied();
                self.received(subject, answer, cx);
            }
            Err(error) if error.is_unauthorized() => {
                job.rejections += 1;
                let rejections = job.rejections;
                tracing::warn!(session = cx.name(), %subject, rejections, "the portal does not accept the token");
                if rejections <= policy::MOST_REJECTIONS {
                    self.go_on(subject);
                } else {
                    self.pause(&subject, AttemptFailure::Portal(error), cx);
                }
                return Some(token);
            }
            Err(error) if error.is_throttling() => {
                let pause = self.limiter.complained(error, cx.now.boot, cx.chance.f64()).as_secs();
                tracing::warn!(session = cx.name(), %subject, pause, "the portal asks for fewer requests");
                self.go_on(subject);
            }
            Err(error) if means_not_assigned(&error) && matches!(subject, Subject::Credentials(_)) => {
                let (denial, remembered) = Denial::next(job.denial, cx.now.boot);
                *job = Job { denial: Some(denial), last_asked: job.last_asked, ..Job::default() };
                let remembered = remembered.as_secs();
                tracing::info!(session = cx.name(), %subject, remembered, "the person does not have this role");
            }
            Err(error) => self.pause(&subject, AttemptFailure::Portal(error), cx),
        }
        None
    }

    fn received(&mut self, subject: Subject, answer: PortalAnswer, cx: &mut Context) {
        let Some(job) = self.jobs.get_mut(&subject) else { return };
        let page = match answer {
            PortalAnswer::Credentials(keys, life) => {
                let lead = refresh_lead(life, None, cx.chance.f64());
                let now = cx.now.boot;
                let held = HeldCredentials { keys, received: now, due: now + life - lead, expires: now + life };
                let (life, due_in) = (life.as_secs(), held.due.since(now).as_secs());
                tracing::info!(session = cx.name(), %subject, life, due_in, "decided when to renew if used");
                *job = Job { held: Some(held), last_asked: job.last_asked, ..Job::default() };
                return;
            }
            PortalAnswer::Accounts(page) => {
                job.list.accounts.extend(page.items);
                page.next
            }
            PortalAnswer::Roles(page) => {
                job.list.roles.extend(page.items);
                page.next
            }
        };
        job.list.pages += 1;
        match page {
            None => self.listed(&subject, cx),
            Some(next) if Some(&next) == job.list.next.as_ref() || job.list.pages >= policy::MOST_PAGES => {
                self.pause(
                    &subject,
                    AttemptFailure::Portal(PortalError::Unusable("its list has no end".to_owned())),
                    cx,
                );
            }
            next => {
                job.list.next = next;
                self.go_on(subject);
            }
        }
    }

    /// A list is complete: every caller that waits for it gets it. It is not kept, so that what is shown is always what the
    /// portal says now.
    fn listed(&mut self, subject: &Subject, cx: &mut Context) {
        let Some(Job { list, .. }) = self.jobs.remove(subject) else { return };
        let (items, pages) = (list.accounts.len() + list.roles.len(), list.pages);
        tracing::info!(session = cx.name(), %subject, items, pages, "the portal has listed all");
        let (accounts, roles) = (Arc::new(list.accounts), Arc::new(list.roles));
        for mut ask in self.asks.extract_if(.., |ask| ask.subject == *subject) {
            ask.give_list(&accounts, &roles, &mut cx.answers);
        }
    }

    /// An attempt has failed: the next one has to wait.
    pub(super) fn pause(&mut self, subject: &Subject, failure: AttemptFailure, cx: &mut Context) {
        let Some(job) = self.jobs.get_mut(subject) else { return };
        let (error, retry_after) = match &failure {
            AttemptFailure::Portal(error) => (error.to_string(), error.retry_after()),
            AttemptFailure::NoToken(_) => ("the session has no token".to_owned(), None),
        };
        job.failures += 1;
        let (now, chance) = (cx.now.boot, cx.chance.f64());
        let again_in = backoff(job.failures.min(policy::MOST_PAUSES), retry_after, chance);
        let renewal = now + backoff(job.failures, retry_after, chance);
        job.attempt = Attempt::Paused { until: now + again_in, renewal, last_witness: self.arrivals, failure };
        let (failures, remaining) = (job.failures, job.remaining(now).as_secs());
        let again_in = again_in.as_secs();
        tracing::warn!(
            session = cx.name(), %subject, error, failures, remaining, again_in, "asking the portal failed"
        );
    }
}
