//! Explains errors of the HTTP and TLS libraries to people.

use std::error::Error;
use std::{io, iter};

use rustls::{AlertDescription, CertificateError, PeerIncompatible};

use super::decode::presentable;
use crate::chain::chain;

/// A fragment about the service, "it".
pub(super) fn reason(error: &reqwest::Error) -> String {
    if let Some(tls) = causes(error).find_map(tls_error) {
        return of_tls(tls);
    }
    let last = causes(error).last().map(ToString::to_string).unwrap_or_default();
    if says(error, "tunnel error: proxy authorization required") {
        "the proxy wants a user and a password, as in HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT".to_owned()
    } else if says(error, "tunnel error: unsuccessful") {
        "the proxy refuses the way there".to_owned()
    } else if says(error, "tunnel error: failed to create underlying connection") {
        format!("the proxy cannot be reached: {last}")
    } else if says(error, "tls handshake eof") {
        "it hung up during the TLS handshake".to_owned()
    } else if says(error, "peer closed connection without sending TLS close_notify") {
        "the connection ended before the answer".to_owned()
    } else if error.is_timeout() {
        "it did not answer in time".to_owned()
    } else {
        chain(error)
    }
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => of_certificate(error),
        rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        | rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            "it speaks TLS 1.1 or older, which is not safe".to_owned()
        }
        // The alert of a server that would choose TLS 1.1, for which the client offers no cipher (observed: GnuTLS).
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "it accepts no safe way to encrypt; perhaps it speaks TLS 1.1 or older".to_owned()
        }
        rustls::Error::InvalidMessage(_) => "what answers there does not speak TLS".to_owned(),
        error => presentable(&format!("TLS failed: {error}")),
    }
}

fn of_certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "its certificate is not signed by an authority that this machine trusts; a private authority belongs in AWS_CA_BUNDLE"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, or this machine's clock is wrong".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            presentable(&format!("its certificate is for another host: {error}"))
        }
        error => presentable(&format!("its certificate cannot be trusted: {error}")),
    }
}

pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// Whether one of the causes begins with these words: the steps of a connection have no types of their own.
pub(super) fn says(error: &reqwest::Error, words: &str) -> bool {
    causes(error).any(|cause| cause.to_string().starts_with(words))
}

/// An I/O error hides its inner error from its sources, and may contain another I/O error.
pub(super) fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref().or_else(|| tls_error(error.downcast_ref::<io::Error>()?.get_ref()?))
}
