//! What stands before the simulator and speaks TLS, rightly or wrongly.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use identity_center_simulator::{Settings, Simulator};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ssoctld::transport::Patience;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Harness, START_URL, Store, Way, noon, session};

/// What is said to whoever connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Manner {
    /// TLS with the certificate in this file, and the simulator behind it.
    Tls(&'static str),
    /// Plain HTTP, and the simulator behind it.
    Plain,
    /// The connection ends after the client's first words.
    HangsUp,
    /// The client's first words are read, and nothing is said.
    Silent,
    /// The server wants TLS 1.1: a ServerHello with that version (RFC 5246, section 7.4.1.3).
    InsistsOnTls11,
    /// The server has nothing newer than TLS 1.1: the alert `protocol_version` (RFC 5246, section 7.2.2).
    HasNothingNewerThanTls11,
}

/// All is well.
pub(crate) const RIGHT: Manner = Manner::Tls("right.pem");

/// Listens until it is dropped.
pub(crate) struct Front {
    port: u16,
    handshakes: Arc<AtomicUsize>,
    manner: watch::Sender<Manner>,
}

impl Front {
    /// A front of that simulator.
    pub(crate) fn new(simulator: &Simulator, manner: Manner) -> Self {
        let upstream = simulator.url().trim_start_matches("http://").to_owned();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("a socket");
        let listener = TcpListener::from_std(listener).expect("a socket");
        let (manner, told) = watch::channel(manner);
        let handshakes = Arc::default();
        tokio::spawn(listen(listener, upstream, told, Arc::clone(&handshakes)));
        Self { port, handshakes, manner }
    }

    /// Its address, by the name that its certificate has.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The way through it for somebody who trusts its authority.
    pub(crate) fn way(&self) -> Way {
        Way {
            url: self.url(),
            ca_bundle: Some(authority()),
            patience: Patience::default(),
            handshakes: Arc::clone(&self.handshakes),
        }
    }

    /// Behaves like this from now on. The connections that there are end.
    pub(crate) fn turn(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }
}

/// A daemon and its simulator with this on the way.
pub(crate) async fn start_through(settings: Settings, way: impl FnOnce(&Simulator) -> Way) -> Harness {
    Harness::start_through(way, noon(), settings, Store::Memory, &session("corp", START_URL), "").await
}

/// What `AWS_CA_BUNDLE` names.
pub(crate) fn authority() -> PathBuf {
    certificates().join("authority.pem")
}

fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/network/certificates")
}

async fn listen(
    listener: TcpListener,
    upstream: String,
    mut told: watch::Receiver<Manner>,
    handshakes: Arc<AtomicUsize>,
) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection").0,
            // Each connection watches for itself; this one is for the end of the front.
            changed = told.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let (upstream, mut told, handshakes) = (upstream.clone(), told.clone(), Arc::clone(&handshakes));
        tokio::spawn(async move {
            let manner = *told.borrow_and_update();
            tokio::select! {
                () = serve(stream, manner, &upstream, &handshakes) => {}
                _ = told.changed() => {}
            }
        });
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, upstream: &str, handshakes: &AtomicUsize) {
    match manner {
        Manner::Tls(certificate) => {
            let counted = Counted::new(handshakes);
            let Ok(stream) = TlsAcceptor::from(config(certificate)).accept(stream).await else { return };
            drop(counted);
            relay(stream, |stream| stream.get_ref().0, upstream).await;
        }
        Manner::Plain => relay(stream, |stream| stream, upstream).await,
        Manner::HangsUp => listen_to(&mut stream).await,
        Manner::Silent => {
            listen_to(&mut stream).await;
            std::future::pending().await
        }
        Manner::InsistsOnTls11 => say(stream, &server_hello_of_tls_1_1()).await,
        Manner::HasNothingNewerThanTls11 => say(stream, &[0x15, 3, 1, 0, 2, 2, 70]).await,
    }
}

/// Something under way that is counted.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Passes everything on. An upstream that resets its connection resets this one.
async fn relay<S>(mut stream: S, socket: impl Fn(&S) -> &TcpStream, upstream: &str)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let Ok(mut upstream) = TcpStream::connect(upstream).await else { return };
    if copy_bidirectional(&mut stream, &mut upstream).await.is_err() {
        // With no time to linger, dropping the socket sends RST instead of FIN. It may be gone already.
        let _ = socket(&stream).set_zero_linger();
    }
}

async fn listen_to(stream: &mut TcpStream) {
    // What a client says first, and whether it stays, does not matter here.
    let _ = stream.read(&mut [0; 4096]).await;
}

async fn say(mut stream: TcpStream, words: &[u8]) {
    listen_to(&mut stream).await;
    // A client that has heard enough may close first.
    let _ = stream.write_all(words).await;
    while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {}
}

fn config(certificate: &str) -> Arc<ServerConfig> {
    let path = certificates().join(certificate);
    let chain = CertificateDer::pem_file_iter(path).expect("a file").map(|it| it.expect("a certificate")).collect();
    let key = PrivateKeyDer::from_pem_file(certificates().join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).expect("a certificate and its key"))
}

/// One handshake record: version 3.2, a random value, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
fn server_hello_of_tls_1_1() -> Vec<u8> {
    let mut body = vec![3, 2];
    body.extend([7; 32]);
    body.extend([0, 0x00, 0x2f, 0]);
    let mut message = vec![2, 0, 0, u8::try_from(body.len()).expect("a short message")];
    message.extend(body);
    let mut record = vec![0x16, 3, 2, 0, u8::try_from(message.len()).expect("a short record")];
    record.extend(message);
    record
}

/// For servers that keep a client waiting: what is right to wait is tested elsewhere.
pub(crate) const IMPATIENT: Patience = Patience { connect: Duration::from_secs(2), total: Duration::from_secs(2) };
