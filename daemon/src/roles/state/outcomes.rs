//! What the end of a call means: the table in [`super`].

use std::sync::Arc;

use super::{
    Answer, Attempt, BootTime, Decision, Denial, Effect, Failure, Held, Job, PortalError, Reply, State, Subject,
    Ticket, backoff, means_not_assigned, policy, refresh_lead,
};

impl State {
    pub(super) fn ended(
        &mut self,
        subject: Subject,
        ticket: Ticket,
        result: Result<Reply, Failure>,
        now: BootTime,
        effects: &mut Vec<Effect>,
    ) {
        let Some(job) = self.jobs.get_mut(&subject).filter(|job| job.attempt == Attempt::UnderWay(ticket)) else {
            return;
        };
        match result {
            Ok(reply) => {
                self.limiter.satisfied();
                self.received(subject, reply, now, effects);
            }
            Err(Failure::Rejected(token, error)) => {
                job.rejections += 1;
                let rejections = job.rejections;
                effects.push(Effect::Reject(token));
                self.decisions.push(Decision::Reject { subject: subject.clone(), rejections });
                if rejections < policy::MOST_REJECTIONS + 1 {
                    // The session has another token, or says why not.
                    self.go_on(subject);
                } else {
                    self.pause(&subject, Failure::Portal(error), now);
                }
            }
            Err(Failure::Portal(error)) if error.is_throttling() => {
                let pause = self.limiter.complained(error, now, self.chance.f64());
                self.decisions.push(Decision::Throttle { subject: subject.clone(), pause });
                self.go_on(subject);
            }
            Err(Failure::Portal(error)) if means_not_assigned(&error) && matches!(subject, Subject::Credentials(_)) => {
                let (denial, remembered) = Denial::next(job.denial, now);
                *job = Job { denial: Some(denial), last_asked: job.last_asked, ..Job::default() };
                self.decisions.push(Decision::Deny { subject, remembered });
            }
            Err(failure) => self.pause(&subject, failure, now),
        }
    }

    fn received(&mut self, subject: Subject, reply: Reply, now: BootTime, effects: &mut Vec<Effect>) {
        let Some(job) = self.jobs.get_mut(&subject) else { return };
        let page = match reply {
            Reply::Credentials(keys, life) => {
                let lead = refresh_lead(life, None, self.chance.f64());
                let expires = now + life;
                let held = Held { keys, received: now, due: expires - lead, expires };
                let due_in = held.due.since(now);
                *job = Job { held: Some(held), last_asked: job.last_asked, ..Job::default() };
                self.decisions.push(Decision::Plan { subject, life, due_in });
                return;
            }
            Reply::Accounts(page) => {
                job.list.accounts.extend(page.items);
                page.next
            }
            Reply::Roles(page) => {
                job.list.roles.extend(page.items);
                page.next
            }
        };
        job.list.pages += 1;
        match page {
            None => self.listed(&subject, effects),
            Some(next) if Some(&next) == job.list.next.as_ref() || job.list.pages >= policy::MOST_PAGES => {
                self.pause(&subject, Failure::Portal(PortalError::Unusable("its list has no end".to_owned())), now);
            }
            next => {
                job.list.next = next;
                self.go_on(subject);
            }
        }
    }

    /// A list is complete: whoever waits for it gets it. It is not kept, so that what is shown is always what the portal
    /// says now.
    fn listed(&mut self, subject: &Subject, effects: &mut Vec<Effect>) {
        let Some(Job { list, .. }) = self.jobs.remove(subject) else { return };
        let items = list.accounts.len() + list.roles.len();
        self.decisions.push(Decision::Listed { subject: subject.clone(), items, pages: list.pages });
        let answer = match subject {
            Subject::Accounts => Answer::Accounts(Arc::new(list.accounts)),
            Subject::Roles(_) | Subject::Credentials(_) => Answer::Roles(Arc::new(list.roles)),
        };
        let waiting = self.asks.extract_if(.., |_, ask| ask.subject == *subject);
        effects.extend(waiting.map(|(id, _)| Effect::Answer(id, answer.clone())));
    }

    fn pause(&mut self, subject: &Subject, failure: Failure, now: BootTime) {
        let Some(job) = self.jobs.get_mut(subject) else { return };
        let (error, retry_after) = match &failure {
            Failure::Portal(error) | Failure::Rejected(_, error) => (error.to_string(), error.retry_after()),
            Failure::NoToken(_) => ("the session has no token".to_owned(), None),
        };
        job.failures += 1;
        let chance = self.chance.f64();
        let again_in = backoff(job.failures.min(policy::MOST_PAUSES), retry_after, chance);
        let renewal = now + backoff(job.failures, retry_after, chance);
        job.attempt = Attempt::Paused { until: now + again_in, renewal, last_witness: self.arrivals, failure };
        let (failures, remaining) = (job.failures, job.remaining(now));
        self.decisions.push(Decision::Pause { subject: subject.clone(), error, failures, remaining, again_in });
    }
}
