//! A thousand sessions in one daemon.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ssoctld::clock::{BootTime, Now};
use ssoctld::oidc::Registration;
use ssoctld::session::state::{Event, State};
use ssoctld::session::{AccessToken, Kept, Next, Renewal, Terms, Token};

use crate::harness::{hours, mins, secs};

const SESSIONS: u64 = 1000;

#[test]
fn a_thousand_sessions_that_began_together_are_not_renewed_together() {
    let now = Now { boot: BootTime::from_boot(hours(24)), wall: UNIX_EPOCH + Duration::from_secs(1_795_435_200) };
    let registration = Registration {
        client_id: "id".to_owned(),
        client_secret: "secret".into(),
        issued_at: now.wall,
        expires_at: None,
    };
    let token = Token {
        access: Arc::new(AccessToken { value: "token".into(), token_type: "Bearer".to_owned() }),
        received: now.boot,
        expires: now.boot + hours(1),
        lifetime: hours(1),
        renewal: Some(Renewal { refresh_token: "refresh".into(), registration }),
        capped: false,
    };
    // Tokens of an hour are renewed 20 min before their end, up to a tenth of that earlier.
    let (begin, part) = (now.boot + mins(38), secs(10));
    let mut renewals = [0u64; 12];
    for seed in 0..SESSIONS {
        let mut state = State::new(Terms::default(), seed);
        state.on(Event::Tick, now);
        state.on(Event::Loaded(Ok(Some(Kept { token: Some(token.clone()), ..Kept::default() }))), now);
        let Some((Next::Refresh, due)) = state.snapshot(now).next else { panic!("no refresh is planned") };
        let number = due.since(begin).as_secs() / part.as_secs();
        renewals[usize::try_from(number).unwrap()] += 1;
    }
    assert_eq!(renewals.iter().sum::<u64>(), SESSIONS);
    let mean = SESSIONS / renewals.len() as u64;
    let most = renewals.into_iter().max().unwrap();
    assert!(most <= 2 * mean, "no ten seconds have more than twice the mean of {mean}: {renewals:?}");
}
