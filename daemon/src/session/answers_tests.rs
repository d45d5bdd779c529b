//! Answers of the service and the store to a [`Timeline`].

use super::*;

impl Timeline {
    #[track_caller]
    pub(super) fn loaded(&mut self, result: Result<Option<Record>, String>) {
        self.end("Load");
        self.on(Event::Loaded(result));
    }

    #[track_caller]
    pub(super) fn stored(&mut self, result: Result<(), String>) {
        let Effect::Store(record) = self.end("Store") else { unreachable!() };
        if result.is_ok() {
            self.record = Some(record);
        }
        self.on(Event::Stored(result));
    }

    /// The start URL leads there, or nowhere.
    #[track_caller]
    pub(in crate::session) fn resolves(&mut self, result: Result<FlowTarget, CallError>) {
        let Effect::ResolveStartUrl(flow) = self.end("ResolveStartUrl") else { unreachable!() };
        self.on(Event::StartUrlResolved(flow, result));
    }

    #[track_caller]
    pub(super) fn registers(&mut self, result: Result<Registration, CallError>) {
        let Effect::Register(flow, kind, _) = self.end("Register") else { unreachable!() };
        self.on(Event::Registered(flow, kind, result));
    }

    /// A listener for the browser is open, or why there is none.
    #[track_caller]
    pub(in crate::session) fn opens_callback(&mut self, result: Result<CallbackPage, String>) {
        let Effect::OpenCallback(flow, ..) = self.end("OpenCallback") else { unreachable!() };
        self.listening = result.is_ok().then_some(flow);
        self.on(Event::CallbackOpened(flow, result));
    }

    /// The browser comes back to the open listener.
    #[track_caller]
    pub(in crate::session) fn comes_back(&mut self, result: Result<Grant, CallError>) {
        let flow = self.listening.expect("a listener is open");
        self.on(Event::CalledBack(flow, result));
    }

    #[track_caller]
    pub(super) fn authorizes(&mut self, result: Result<DeviceAuthorization, CallError>) {
        let Effect::AuthorizeDevice(flow, _) = self.end("AuthorizeDevice") else { unreachable!() };
        if let Ok(authorization) = &result {
            self.polled = Some((flow, BootTime::default(), authorization.interval));
        }
        self.on(Event::DeviceAuthorized(flow, result));
    }

    #[track_caller]
    pub(super) fn polls(&mut self, result: Result<Issued, CallError>) {
        let Effect::CreateToken(flow, ..) = self.end("CreateToken") else { unreachable!() };
        let slow_down = result.as_ref().err().and_then(CallError::name) == Some(ErrorName::SlowDown);
        if let Some((_, _, interval)) = self.polled.as_mut().filter(|_| slow_down) {
            *interval += secs(5);
        }
        self.on(Event::TokenCreated(flow, result));
    }

    #[track_caller]
    pub(super) fn refreshes(&mut self, result: Result<Issued, CallError>) {
        let Effect::Refresh(epoch, _) = self.end("Refresh") else { unreachable!() };
        self.on(Event::Refreshed(epoch, result));
    }

    #[track_caller]
    pub(super) fn portal_answers(&mut self, result: Result<(), CallError>) {
        self.end("EndPortalSession");
        self.on(Event::PortalSessionEnded(result));
    }

    /// The portal does not accept this token, which the roles have used.
    pub(super) fn portal_rejects(&mut self, token: &Arc<AccessToken>) {
        self.state.cx.now = self.now;
        self.state.tokens.rejected(token, &mut self.state.cx);
        self.on(Event::Tick);
    }

    /// The refresh token that is under way.
    #[track_caller]
    pub(super) fn refresh_token_sent(&self) -> (&str, &str) {
        let sent = self.under_way.iter().find_map(|effect| match effect {
            Effect::Refresh(_, renewal) => {
                Some((renewal.refresh_token.expose().as_str(), renewal.registration.client_id.as_str()))
            }
            _ => None,
        });
        sent.expect("a refresh is under way")
    }
}

pub(super) fn registration(client_id: &str, now: Now) -> Registration {
    Registration {
        client_id: client_id.to_owned(),
        client_secret: format!("secret of {client_id}").into(),
        issued_at: now.wall,
        issuer: crate::issuer::Issuer::aws("eu-west-1"),
        resolved: None,
        expires_at: Some(now.wall + hours(24 * 90)),
    }
}

pub(super) fn authorization() -> DeviceAuthorization {
    DeviceAuthorization {
        device_code: "device code".to_owned().into(),
        user_code: "ABCD-EFGH".to_owned(),
        verification_uri: "https://corp.awsapps.com/start/#/device".to_owned(),
        verification_uri_complete: "https://corp.awsapps.com/start/#/device?user_code=ABCD-EFGH".to_owned(),
        expires_in: CODE_LIFETIME,
        interval: SECOND,
    }
}

/// Access token `access-N` with refresh token `refresh-N`.
pub(super) fn issued(number: u32, lifetime: Duration) -> Issued {
    Issued { refresh_token: Some(format!("refresh-{number}").into()), ..issued_alone(number, lifetime) }
}

pub(super) fn issued_alone(number: u32, lifetime: Duration) -> Issued {
    Issued {
        access_token: format!("access-{number}").into(),
        token_type: "Bearer".to_owned(),
        expires_in: lifetime,
        refresh_token: None,
    }
}

pub(super) fn service(name: ErrorName) -> CallError {
    CallError::Service { name, description: String::new(), may_pass: name.may_pass(), retry_after: None }
}

pub(super) fn key_trouble() -> CallError {
    CallError::Service {
        name: ErrorName::InvalidRequest,
        description: String::new(),
        may_pass: true,
        retry_after: None,
    }
}

pub(super) fn unnamed() -> CallError {
    CallError::Unnamed { status: 503, description: String::new(), retry_after: None }
}

pub(super) fn too_many(retry_after: Duration) -> CallError {
    CallError::Unnamed { status: 429, description: String::new(), retry_after: Some(retry_after) }
}

pub(super) fn network() -> CallError {
    CallError::Network("connection refused".to_owned())
}

pub(super) fn unusable() -> CallError {
    CallError::Unusable("it is not JSON".to_owned())
}

pub(super) fn configuration() -> CallError {
    CallError::Configuration("no endpoint".to_owned())
}
