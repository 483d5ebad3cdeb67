//! A certificate that this server makes for itself, so that there is TLS from the first start on.
//!
//! It keeps listeners out, and proves nothing about who is here to a client that does not know it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::sign::CertifiedKey;

use crate::base::diagnostic::{Diagnostic, Diagnostics};
use crate::base::time::Wall;
use crate::config::{FilePath, MailTls};
use crate::net::certificate::{files, is_of, one, problem, validity};

/// The files in the state folder.
const CERTIFICATE: &str = "mail-certificate.pem";
const KEY: &str = "mail-key.pem";

const DAY: u64 = 24 * 60 * 60;

/// How long a certificate is valid: nobody renews it, and who trusts it has looked at it once.
const LIFETIME: Duration = Duration::from_secs(3650 * DAY);

/// How long before its making it is valid, for clients whose clocks are slow.
const EARLIER: Duration = Duration::from_secs(DAY);

/// One that ends within this time is made again at a start.
const RENEWED_BEFORE: u64 = 30 * DAY;

/// Characters of a common name (RFC 5280, ub-common-name). Clients look at another field.
const COMMON_NAME_LEN_MAX: usize = 64;

/// Everybody may have the certificate, and nobody else the key.
const CERTIFICATE_MODE: u32 = 0o644;
const KEY_MODE: u32 = 0o600;

/// The certificate of a folder, which is made if there is none that can be used.
pub(super) fn find_or_make(
    hostname: &str,
    folder: &Path,
    now: Wall,
) -> Result<CertifiedKey, Diagnostics> {
    let kept = MailTls { certificate: own(folder.join(CERTIFICATE)), key: own(folder.join(KEY)) };
    let later = Wall::from_secs(now.as_secs().saturating_add(RENEWED_BEFORE));
    if let Ok(key) = files::read(&kept)
        && is_of(&key, hostname)
        && validity(&key, later).is_ok()
    {
        return Ok(key);
    }
    let trouble = |message: String, hint: &str| {
        one(Diagnostic { hint: Some(hint.to_owned()), ..problem(message, None) })
    };
    let (certificate, key) = make(hostname, now).map_err(|error| {
        let message = format!("cannot make a certificate for {hostname}: {error}");
        trouble(message, "write another `mail.hostname`, or name a certificate in `mail.tls`")
    })?;
    let shown = &kept.certificate.written;
    // A certificate without its key, if the second of them fails, is not used and made again.
    let written = write(&kept.key.path, &key, KEY_MODE)
        .and_then(|()| write(&kept.certificate.path, &certificate, CERTIFICATE_MODE))
        .and_then(|()| File::open(folder)?.sync_all());
    written.map_err(|error| {
        let message = format!("cannot keep the certificate in {shown}: {error}");
        trouble(message, "let the server write into the folder of `state`")
    })?;
    tracing::info!("made a certificate for {hostname}, signed by itself, in {shown}");
    files::read(&kept)
}

fn own(path: PathBuf) -> FilePath {
    let written = path.display().to_string();
    FilePath { path, written, place: None }
}

/// A certificate and its key in PEM form.
fn make(hostname: &str, now: Wall) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new([hostname.to_owned()])?;
    let mut name = DistinguishedName::new();
    let common = if hostname.len() <= COMMON_NAME_LEN_MAX { hostname } else { "kereru" };
    name.push(DnType::CommonName, common);
    params.distinguished_name = name;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(now.as_secs());
    (params.not_before, params.not_after) = (now - EARLIER, now + LIFETIME);
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// Writes a file that is there whole, or as it was.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}
