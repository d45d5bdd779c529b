//! A TLS server in front of the simulator, with or without faults.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use identity_center_simulator::{Settings, Simulator};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use ssoctld::transport::{Patience, TOTAL_TIMEOUT};
use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::harness::{Harness, REAL_PATIENCE, START_URL, Store, Way, noon, session};

/// The behaviour to clients.
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
    /// TLS as it should be, and then nothing is said.
    Mute,
    /// Whatever another program says at this port of the machine.
    Elsewhere(u16),
}

/// All is well.
pub(crate) const RIGHT: Manner = Manner::Tls("right.pem");

/// Listens until it is dropped.
pub(crate) struct Front {
    port: u16,
    manner: watch::Sender<Manner>,
}

impl Front {
    /// A front of that simulator.
    pub(crate) fn new(simulator: &Simulator, manner: Manner) -> Self {
        Self::at(0, simulator, manner)
    }

    /// A front at this port.
    pub(crate) fn at(port: u16, simulator: &Simulator, manner: Manner) -> Self {
        let upstream = simulator.url().trim_start_matches("http://").to_owned();
        let listener = std::net::TcpListener::bind(("127.0.0.1", port)).expect("a port");
        let port = listener.local_addr().expect("an address").port();
        listener.set_nonblocking(true).expect("a socket");
        let listener = TcpListener::from_std(listener).expect("a socket");
        let (manner, told) = watch::channel(manner);
        tokio::spawn(listen(listener, upstream, told));
        Self { port, manner }
    }

    /// Its address, by the name that its certificate has.
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// The way through it for a daemon that trusts its authority. Calls that hang end in the test's own time.
    pub(crate) fn way(&self) -> Way {
        Way {
            url: self.url(),
            ca_bundle: Some(authority()),
            patience: Patience { connect: REAL_PATIENCE, total: REAL_PATIENCE },
            longest_call: Some(TOTAL_TIMEOUT),
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

/// The file for `AWS_CA_BUNDLE`.
pub(crate) fn authority() -> PathBuf {
    certificates().join("authority.pem")
}

pub(crate) fn certificates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/daemon/network/certificates")
}

async fn listen(listener: TcpListener, upstream: String, mut told: watch::Receiver<Manner>) {
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted.expect("a connection").0,
            // Each connection watches for itself; this one is for the end of the front.
            changed = told.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let (upstream, mut told) = (upstream.clone(), told.clone());
        tokio::spawn(async move {
            let manner = *told.borrow_and_update();
            tokio::select! {
                () = serve(stream, manner, &upstream) => {}
                _ = told.changed() => {}
            }
        });
    }
}

async fn serve(mut stream: TcpStream, manner: Manner, upstream: &str) {
    match manner {
        Manner::Tls(certificate) => {
            let Ok(stream) = TlsAcceptor::from(config(certificate)).accept(stream).await else { return };
            relay(stream, |stream| stream.get_ref().0, upstream).await;
        }
        Manner::Plain => relay(stream, |stream| stream, upstream).await,
        Manner::HangsUp => listen_to(&mut stream).await,
        Manner::Silent => {
            listen_to(&mut stream).await;
            std::future::pending().await
        }
        Manner::Mute => {
            let Ok(_stream) = TlsAcceptor::from(config("right.pem")).accept(stream).await else { return };
            std::future::pending().await
        }
        Manner::Elsewhere(port) => relay(stream, |stream| stream, &format!("127.0.0.1:{port}")).await,
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
    // The client's first bytes, and its end, do not matter here.
    let _ = stream.read(&mut [0; 4096]).await;
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

/// In real time, for servers that keep a client waiting. Long enough for a slow machine to do what is right.
pub(crate) const IMPATIENT: Patience = Patience { connect: Duration::from_secs(3), total: Duration::from_secs(3) };
