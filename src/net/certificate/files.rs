//! A certificate and its key in PEM files that the operator names.

use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys};

use crate::base::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::base::stamp::Stamp;
use crate::config::{FilePath, MailTls};
use crate::net::certificate::{one, problem, provider};

/// Octets of a file. A long chain has some tens of thousands.
const FILE_LEN_MAX: u64 = 1 << 20;

/// Certificates of a chain. More are a file of all that somebody trusts, and would be sent to every
/// client.
const CHAIN_LEN_MAX: usize = 16;

/// The permission of everybody to read a file.
const READ_BY_OTHERS: u32 = 0o004;

/// What tells changed files from the old ones; a part is `None` if there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamps {
    certificate: Option<Stamp>,
    key: Option<Stamp>,
}

impl Stamps {
    /// That of the files as they are.
    pub(super) fn of(files: &MailTls) -> Self {
        let stamp = |file: &FilePath| fs::metadata(&file.path).ok().map(|found| Stamp::of(&found));
        Self { certificate: stamp(&files.certificate), key: stamp(&files.key) }
    }
}

/// Reads a certificate and its key.
///
/// # Errors
///
/// Fails with all that is wrong with the files.
pub(super) fn read(files: &MailTls) -> Result<CertifiedKey, Diagnostics> {
    let (chain, key) = match (read_chain(&files.certificate), read_key(&files.key)) {
        (Ok(chain), Ok(key)) => (chain, key),
        (Err(problems), Ok(_)) | (Ok(_), Err(problems)) => return Err(problems),
        (Err(mut problems), Err(others)) => {
            problems.append(others);
            return Err(problems);
        }
    };
    let (certificate, key_file) = (&files.certificate.written, &files.key.written);
    let place = files.certificate.place.as_ref();
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        let (message, hint) = if let TlsError::InconsistentKeys(InconsistentKeys::KeyMismatch) = error {
            (
                format!("the key {key_file} does not belong to the certificate {certificate}"),
                "name two files that were made together; the certificate of this server comes first in \
                 its file, before those of its issuers",
            )
        } else if let TlsError::InvalidCertificate(_) = error {
            (
                format!("the certificate {certificate} cannot be read: {error}"),
                "get it again from who issued it",
            )
        } else {
            (
                format!("the key {key_file} cannot be used: {error}"),
                "make one that is ECDSA (P-256 or P-384), Ed25519, or RSA of 2048 bits or more",
            )
        };
        one(Diagnostic { hint: Some(hint.to_owned()), ..problem(message, place) })
    })
}

/// A warning if everybody may read the key. A group may, so that the server need not own its file.
pub(super) fn check_readers(key: &FilePath) -> Diagnostics {
    let mode = fs::metadata(&key.path).map_or(0, |file| file.permissions().mode());
    if mode & READ_BY_OTHERS == 0 {
        return Diagnostics::default();
    }
    let message = format!("everybody may read the key {}", key.written);
    let hint = format!("run chmod o= {}: who has it can pass for this server", key.written);
    let severity = Severity::Warning;
    one(Diagnostic { severity, hint: Some(hint), ..problem(message, key.place.as_ref()) })
}

fn read_chain(file: &FilePath) -> Result<Vec<CertificateDer<'static>>, Diagnostics> {
    const HINT: &str = "write it in PEM form: between the lines -----BEGIN CERTIFICATE----- and \
                        -----END CERTIFICATE-----, those of its issuers after it";
    let fault = |what: String, hint: &str| {
        let message = format!("the certificate {} {what}", file.written);
        let hint = Some(hint.to_owned());
        one(Diagnostic { hint, ..problem(message, file.place.as_ref()) })
    };
    let octets = read_file(&file.path).map_err(|error| {
        fault(format!("cannot be read: {error}"), "name a file that the server may read")
    })?;
    let chain: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&octets).take(CHAIN_LEN_MAX + 1).collect();
    let chain = chain.map_err(|error| fault(format!("is damaged: {error}"), HINT))?;
    match chain.len() {
        0 => Err(fault("has no certificate in it".to_owned(), HINT)),
        1..=CHAIN_LEN_MAX => Ok(chain),
        _ => Err(fault(
            format!("has more than {CHAIN_LEN_MAX} in it"),
            "name the file of this server's certificate, and not one of all that are trusted",
        )),
    }
}

fn read_key(file: &FilePath) -> Result<PrivateKeyDer<'static>, Diagnostics> {
    let fault = |what: String, hint: &str| {
        let message = format!("the key {} {what}", file.written);
        let hint = Some(hint.to_owned());
        one(Diagnostic { hint, ..problem(message, file.place.as_ref()) })
    };
    let octets = read_file(&file.path).map_err(|error| {
        fault(format!("cannot be read: {error}"), "name a file that the server may read")
    })?;
    PrivateKeyDer::from_pem_slice(&octets).map_err(|error| {
        if octets.windows(ENCRYPTED.len()).any(|window| window == ENCRYPTED) {
            let hint = "nobody is there to write it at a start: run openssl pkey -in KEY -out NEW";
            return fault("needs a passphrase".to_owned(), hint);
        }
        let hint = "write it in PEM form: between the lines -----BEGIN PRIVATE KEY----- and \
                    -----END PRIVATE KEY-----";
        let is_empty = matches!(error, pem::Error::NoItemsFound);
        let what =
            if is_empty { "has no key in it".into() } else { format!("is damaged: {error}") };
        fault(what, hint)
    })
}

/// What stands in a PEM file whose key has a passphrase, in its old form and its new one.
const ENCRYPTED: &[u8] = b"ENCRYPTED";

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would block without this, and reading a device might never end.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut octets = Vec::new();
    let read = file.take(FILE_LEN_MAX + 1).read_to_end(&mut octets)?;
    if read as u64 > FILE_LEN_MAX {
        return Err(io::Error::other("it is larger than 1 MiB"));
    }
    Ok(octets)
}
