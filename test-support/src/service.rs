//! Simulated services as many tests need them.

use std::time::Duration;

use identity_center_simulator::{Approval, RefreshTokens, Settings, Simulator};

/// Every sign-in is approved as soon as it is asked for.
pub fn preauthorised() -> Settings {
    Settings { approval: Approval::Preauthorised, ..Settings::default() }
}

/// The same with tokens that live so short that a renewal is never far, and refresh tokens that are good for one refresh.
pub fn renewing(token_lifetime: Duration) -> Settings {
    Settings { token_lifetime, refresh_tokens: RefreshTokens::Rotated, ..preauthorised() }
}

/// A service on a free port of loopback.
pub fn simulator(settings: Settings) -> Simulator {
    Simulator::start(settings).expect("a free port on loopback")
}
