//! What goes wrong between the session and the service.

use std::time::Duration;

use fastrand::Rng;
use identity_center_simulator::Fault;

use super::world::pick;

/// What goes wrong between the session and the service for a while.
#[derive(Clone, Debug)]
pub(crate) enum Weather {
    Fair,
    /// This happens to some of the calls.
    Foul(Trouble),
    /// Nothing gets through.
    Outage,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// It is answered after this time.
    Slow(Duration),
    /// It never reaches the service, and the client gives up after its time-out.
    Hang,
    /// It does not reach the service, and the client is told so.
    Refused,
    /// The service does it, and the answer is lost on its way.
    Lost,
    /// The client's adapter cannot even try.
    Misconfigured,
    /// The service fails as the simulator can make it fail.
    Fault(Fault),
}

impl Trouble {
    /// Anything that can go wrong with a call.
    pub(crate) fn draw(rng: &mut Rng) -> Self {
        let error = |name| Self::Fault(Fault::error(name));
        match rng.u8(..24) {
            0..=2 => Self::Slow(Duration::from_millis(rng.u64(1000..19_000))),
            3 => Self::Hang,
            4 => Self::Refused,
            5..=7 => Self::Lost,
            8 => Self::Misconfigured,
            9 => error("SlowDownException"),
            10 => error("InternalServerException"),
            11 => Self::Fault(Fault::error_with_reason("InvalidRequestException", "KMS_DisabledException")),
            12 => error("InvalidRequestException"),
            13 => error("TeapotException"),
            14 => Self::Fault(Fault::Status { status: pick(rng, &[403, 404, 502, 503, 504]) }),
            15 => {
                let retry_after = Duration::from_secs(pick(rng, &[1, 30, 600]));
                Self::Fault(Fault::TooManyRequests { retry_after })
            }
            16 => Self::Fault(Fault::Truncated),
            17 => Self::Fault(Fault::NotJson),
            18 => Self::Fault(Fault::Html),
            19 => Self::Fault(Fault::Oversized { bytes: 1 << 30 }),
            20 => Self::Fault(Fault::missing(pick(rng, &["accessToken", "expiresIn", "deviceCode"]))),
            21 => {
                let value = pick(rng, &[serde_json::json!(-1), serde_json::json!("soon"), 1e12.into()]);
                Self::Fault(Fault::replaced("expiresIn", value))
            }
            22 => error(pick(rng, &["UnauthorizedClientException", "ExpiredTokenException"])),
            _ => Self::Fault(Fault::Reset),
        }
    }
}
