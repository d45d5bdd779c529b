//! The simulator as a command.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use identity_center_simulator::{Approval, Consent, ErrorStatuses, RefreshTokens, Settings, Simulator};

/// AWS IAM Identity Center on loopback, for testing tools that sign in through it
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// Lifetime of access tokens for clients with scopes
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    token_lifetime: Duration,

    /// Lifetime of access tokens for clients without scopes
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = humantime::parse_duration)]
    unscoped_token_lifetime: Duration,

    /// Lifetime of device codes
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
    device_code_lifetime: Duration,

    /// Least time between two polls, in whole seconds
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    interval: Duration,

    /// Lifetime of client registrations
    #[arg(long, value_name = "DURATION", default_value = "90d", value_parser = humantime::parse_duration)]
    registration_lifetime: Duration,

    /// Length of a portal session, the cap on every token
    #[arg(long, value_name = "DURATION", default_value = "8h", value_parser = humantime::parse_duration)]
    portal_session: Duration,

    /// Refresh token in the answer to a refresh
    #[arg(long, value_enum, default_value_t = Default::default())]
    refresh_tokens: RefreshTokens,

    /// HTTP statuses of OIDC errors
    #[arg(long, value_enum, default_value_t = Default::default())]
    error_statuses: ErrorStatuses,

    /// Approver of sign-ins
    #[arg(long, value_enum, default_value_t = Approver::Manual)]
    approval: Approver,

    /// Delay of automatic approval
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = humantime::parse_duration)]
    approve_after: Duration,

    /// When the authorization page asks
    #[arg(long, value_enum, default_value_t = Default::default())]
    consent: Consent,
}

#[derive(Clone, Copy, ValueEnum)]
enum Approver {
    /// A person on the page, or the control API
    Manual,
    /// The simulator, after --approve-after
    Automatic,
    /// The simulator, at once
    Preauthorised,
}

impl Arguments {
    fn settings(&self) -> Settings {
        Settings {
            port: self.port,
            token_lifetime: self.token_lifetime,
            unscoped_token_lifetime: self.unscoped_token_lifetime,
            device_code_lifetime: self.device_code_lifetime,
            interval: self.interval,
            registration_lifetime: self.registration_lifetime,
            portal_session: self.portal_session,
            refresh_tokens: self.refresh_tokens,
            error_statuses: self.error_statuses,
            approval: match self.approval {
                Approver::Manual => Approval::Manual,
                Approver::Automatic => Approval::Automatic { after: self.approve_after },
                Approver::Preauthorised => Approval::Preauthorised,
            },
            consent: self.consent,
            ..Settings::default()
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let port = arguments.port;
            // If standard error takes no text either, the exit code has to be enough.
            let _ = writeln!(io::stderr(), "identity-center-simulator: failed to serve on 127.0.0.1:{port}: {why}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // Signals are caught before the address is printed, so that a program that has read it can stop the simulator cleanly.
        let stop = stop_signal()?;
        let simulator = Simulator::start(arguments.settings())?;
        let url = simulator.url();
        writeln!(io::stdout(), "{url}  export AWS_ENDPOINT_URL_SSO_OIDC={url} AWS_ENDPOINT_URL_SSO={url}")?;
        io::stdout().flush()?;
        stop.await;
        Ok(())
    })
}

/// Resolves at SIGTERM and at Ctrl-C.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves at Ctrl-C.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // If Ctrl-C cannot be waited for, it ends the process anyway.
        let _ = tokio::signal::ctrl_c().await;
    })
}
