//! Growth of all costs with the number of sessions.

use std::time::{Duration, Instant};

use identity_center_simulator::{Operation, Settings};

use crate::stage::{Stage, settings};

const SIZES: [usize; 4] = [1, 10, 100, 1000];
/// Lives and is renewed while we look.
const LIFETIME: Duration = Duration::from_secs(30);

pub(crate) async fn run() {
    println!("sessions  resident KiB  KiB a session  a token ms  status ms  busy while renewing");
    let mut single = 0;
    for sessions in SIZES {
        let stage = Stage::set(Settings { token_lifetime: LIFETIME, ..settings() }, sessions);
        stage.sign_in(sessions).await;
        let process = stage.process();
        let resident = process.resident();
        if sessions == 1 {
            single = resident;
        }
        let token = timed(&stage, &format!("/v1/sessions/s{}/token", sessions - 1)).await;
        let status = timed(&stage, "/v1/sessions").await;
        // Each session is renewed once, at a different time.
        let (calls, begin, cpu) = (stage.simulator.calls(Operation::CreateToken), Instant::now(), process.cpu());
        while stage.simulator.calls(Operation::CreateToken) < calls + sessions {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!(
            "{sessions:>8}  {resident:>12}  {:>13.1}  {token:>10.2}  {status:>9.2}  {:>18.1} %",
            resident.saturating_sub(single) as f64 / sessions.max(2) as f64,
            (process.cpu() - cpu).as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0
        );
    }
}

/// The median of some requests, in milliseconds.
async fn timed(stage: &Stage, target: &str) -> f64 {
    let mut times = Vec::new();
    for _ in 0..51 {
        let begin = Instant::now();
        stage.ask(target).await;
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e3
}
