//! Reads the certificates of a PEM file as OpenSSL does, since the AWS CLI reads the same file with OpenSSL. Pure.
//!
//! OpenSSL knows three labels, and ignores what else is in the file, such as keys and text. It refuses the whole file for one
//! certificate that it cannot read, and so do we, with the certificate's number. A byte order mark hides the first certificate
//! from OpenSSL, and not from us.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The labels of certificates in PEM. After a "trusted" certificate comes what it is trusted for.
const LABELS: [&str; 3] = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// The purposes "TLS server" and "any" (RFC 5280, section 4.2.1.12), in DER.
const FOR_SERVERS: [&[u8]; 2] = [&[6, 8, 43, 6, 1, 5, 5, 7, 3, 1], &[6, 4, 85, 29, 37, 0]];

/// # Errors
/// The reason why the file cannot be used, as a fragment about it.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = pem.strip_prefix(BYTE_ORDER_MARK).unwrap_or(pem);
    let mut lines = pem.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    let mut certificates = Vec::new();
    let mut number = 0;
    while let Some(line) = lines.next() {
        let Some(label) = LABELS.iter().find(|label| line == format!("-----BEGIN {label}-----").as_bytes()) else {
            continue;
        };
        number += 1;
        let wrong = |why: &str| format!("certificate {number} of it {why}");
        let end = format!("-----END {label}-----");
        let mut block = b"-----BEGIN CERTIFICATE-----\n".to_vec();
        loop {
            match lines.next() {
                None => return Err(wrong("has no end")),
                Some(line) if line == end.as_bytes() => break,
                Some(line) => block.extend([line, b"\n"].concat()),
            }
        }
        block.extend(b"-----END CERTIFICATE-----\n");
        let whole = CertificateDer::from_pem_slice(&block).map_err(|_| wrong("is not base64"))?;
        let (certificate, rest) = element(&whole).map(|element| (element.whole, element.rest)).unwrap_or_default();
        let is_trusted = match *label {
            "TRUSTED CERTIFICATE" => is_for_servers(rest),
            _ => rest.is_empty(),
        };
        if certificate.is_empty() || (!is_trusted && *label != "TRUSTED CERTIFICATE") {
            return Err(wrong("is no certificate"));
        }
        let certificate = CertificateDer::from(certificate.to_vec());
        // rustls does not know every kind of certificate that OpenSSL knows. The others are used nevertheless.
        if is_trusted && let Err(error) = RootCertStore::empty().add(certificate.clone()) {
            tracing::warn!(number, %error, "a certificate of the bundle is left out");
        } else if is_trusted {
            certificates.push(certificate);
        }
    }
    match (certificates.is_empty(), number) {
        (true, 0) => Err("it holds no PEM certificate".to_owned()),
        (true, _) => Err("none of its certificates can be trusted for servers".to_owned()),
        (false, _) => Ok(certificates),
    }
}

/// The first element of a text in DER.
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
    rest: &'a [u8],
}

fn element(der: &[u8]) -> Option<Element<'_>> {
    let (&tag, after_tag) = der.split_first()?;
    let (&first, after_first) = after_tag.split_first()?;
    let (length, content) = match first {
        0..=0x7f => (usize::from(first), after_first),
        0x81..=0x84 => {
            let (bytes, content) = after_first.split_at_checked(usize::from(first - 0x80))?;
            (bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)), content)
        }
        _ => return None,
    };
    let (content, rest) = content.split_at_checked(length)?;
    Some(Element { tag, content, whole: &der[..der.len() - rest.len()], rest })
}

/// Whether the settings after a "trusted" certificate let servers use it: a list of what it is trusted for has to name them,
/// and a list of what it is rejected for must not (OpenSSL, `X509_CERT_AUX`).
fn is_for_servers(settings: &[u8]) -> bool {
    let names_servers = |mut list: &[u8]| {
        std::iter::from_fn(|| {
            let next = element(list)?;
            list = next.rest;
            Some(next.whole)
        })
        .any(|name| FOR_SERVERS.contains(&name))
    };
    let mut members = element(settings).map_or(&[][..], |settings| settings.content);
    while let Some(member) = element(members) {
        members = member.rest;
        let is_against = match member.tag {
            0x30 => !names_servers(member.content),
            0xa0 => names_servers(member.content),
            _ => false,
        };
        if is_against {
            return false;
        }
    }
    true
}
