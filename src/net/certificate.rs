//! The certificate of a server that speaks TLS, and its key: read from files, or made.
//!
//! Says what is wrong with files in words for the operator. Does not decide who has to use TLS. Used
//! by `net::mail`; `app` reads at a start, at a reload and in `kereru check`.

mod files;
mod made;

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, TryLockError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error as TlsError, RootCertStore};
use tokio_rustls::TlsAcceptor;

use crate::base::diagnostic::{Diagnostic, Diagnostics, Place, Severity};
use crate::base::time::Wall;
use crate::config::MailTls;
use crate::net::certificate::files::Stamps;

/// A certificate in use, and what begins TLS with it. Copies are the same.
#[derive(Clone)]
pub struct Certificate(Arc<Shared>);

struct Shared {
    tls: Arc<ServerConfig>,
    current: Arc<Current>,
    /// Where it is read again from; `None` if it was made here.
    files: Option<Watched>,
}

/// Files that somebody may put others in the place of.
struct Watched {
    files: MailTls,
    hostname: String,
    /// What they were when they were last read, whatever came of it.
    seen: Mutex<Stamps>,
}

/// What the next handshake shows.
#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    /// Whatever name the client has for us: there is one certificate.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    /// The certificate of files, and what is doubtful about it.
    ///
    /// # Errors
    ///
    /// Fails if the files cannot be read or do not belong together.
    pub fn read(files: &MailTls, hostname: &str) -> Result<(Self, Diagnostics), Diagnostics> {
        // Taken first, so that a file that is changed while it is read counts as changed.
        let seen = Mutex::new(Stamps::of(files));
        let key = files::read(files)?;
        let doubts = doubts(&key, files, hostname);
        let watched = Watched { files: files.clone(), hostname: hostname.to_owned(), seen };
        Ok((Self::new(key, Some(watched))?, doubts))
    }

    /// The certificate that was made for this name, signed by itself, and is kept in the folder; it is
    /// made if it is not there, or for another name, or about to end.
    ///
    /// # Errors
    ///
    /// Fails if it cannot be made or kept.
    pub fn self_signed(hostname: &str, folder: &Path, now: Wall) -> Result<Self, Diagnostics> {
        Self::new(made::find_or_make(hostname, folder, now)?, None)
    }

    fn new(key: CertifiedKey, files: Option<Watched>) -> Result<Self, Diagnostics> {
        let current = Arc::new(Current(ArcSwap::from_pointee(key)));
        let tls = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| one(problem(format!("cannot speak TLS: {error}"), None)))?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        Ok(Self(Arc::new(Shared { tls: Arc::new(tls), current, files })))
    }

    /// What begins TLS with the newest certificate: files that have changed are read first, because
    /// whoever renews a certificate may not tell us.
    pub(super) async fn acceptor(&self) -> TlsAcceptor {
        if self.0.files.is_some() {
            let shared = Arc::clone(&self.0);
            // A panic leaves the old certificate.
            let _ = tokio::task::spawn_blocking(move || shared.refresh()).await;
        }
        TlsAcceptor::from(Arc::clone(&self.0.tls))
    }
}

impl Shared {
    /// Reads files that have changed. What is wrong with them is told once.
    fn refresh(&self) {
        let Some(watched) = &self.files else { return };
        let mut seen = match watched.seen.try_lock() {
            Ok(seen) => seen,
            Err(TryLockError::Poisoned(error)) => error.into_inner(),
            // Another session is at it; this one goes on with what there is.
            Err(TryLockError::WouldBlock) => return,
        };
        let stamp = Stamps::of(&watched.files);
        if *seen == stamp {
            return;
        }
        *seen = stamp;
        let shown = &watched.files.certificate.written;
        match files::read(&watched.files) {
            Ok(key) => {
                let doubts = doubts(&key, &watched.files, &watched.hostname);
                doubts.iter().for_each(|doubt| tracing::warn!("{doubt}"));
                self.current.0.store(Arc::new(key));
                tracing::info!("the certificate {shown} has changed, and is used from now on");
            }
            Err(problems) => {
                problems.iter().for_each(|problem| tracing::error!("{problem}"));
                tracing::error!("the certificate {shown} has changed: the old one stays in use");
            }
        }
    }
}

/// The one implementation of all that is secret.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// What makes clients refuse a certificate, as far as it can be told from here: that it is over, or of
/// another name.
fn doubts(key: &CertifiedKey, files: &MailTls, hostname: &str) -> Diagnostics {
    let mut doubts = files::check_readers(&files.key);
    let shown = &files.certificate.written;
    let place = files.certificate.place.as_ref();
    let mut warn = |message: String, hint: &str| {
        let hint = Some(hint.to_owned());
        let severity = Severity::Warning;
        doubts.push(Diagnostic { severity, hint, ..problem(message, place) });
    };
    if !is_of(key, hostname) {
        warn(
            format!("the certificate {shown} is not for {hostname}"),
            "clients that check it do not go on; get one for the name in `mail.hostname`",
        );
    }
    match validity(key, Wall::now()) {
        Err(TlsError::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => warn(
            format!("the certificate {shown} has expired"),
            "clients that check it do not go on; renew it",
        ),
        Err(TlsError::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => warn(
            format!("the certificate {shown} is not valid yet"),
            "is the clock of this machine right?",
        ),
        // A certificate without that of its issuer says nothing about its times that can be checked.
        Err(_) | Ok(()) => (),
    }
    doubts
}

/// Whether a certificate is for a name.
fn is_of(key: &CertifiedKey, hostname: &str) -> bool {
    let leaf = key.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
    let name = ServerName::try_from(hostname).ok();
    leaf.zip(name).is_some_and(|(leaf, name)| verify_server_name(&leaf, &name).is_ok())
}

/// Whether a chain holds, its last certificate trusted, at a time.
fn validity(key: &CertifiedKey, at: Wall) -> Result<(), TlsError> {
    let (Some((leaf, rest)), Some(last)) = (key.cert.split_first(), key.cert.last()) else {
        return Err(TlsError::NoCertificatesPresented);
    };
    let mut roots = RootCertStore::empty();
    roots.add(last.clone())?;
    let algorithms = provider().signature_verification_algorithms.all;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(at.as_secs()));
    let leaf = ParsedCertificate::try_from(leaf)?;
    verify_server_cert_signed_by_trust_anchor(&leaf, &roots, rest, at, algorithms)
}

/// An error without a hint.
fn problem(message: String, place: Option<&Place>) -> Diagnostic {
    let (severity, code) = (Severity::Error, "mail-certificate");
    Diagnostic { severity, code, message, place: place.cloned(), hint: None }
}

fn one(problem: Diagnostic) -> Diagnostics {
    let mut problems = Diagnostics::default();
    problems.push(problem);
    problems
}
