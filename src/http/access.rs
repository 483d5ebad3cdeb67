//! Which requests are for this server, and come from a page of its own.
//!
//! A page in a browser can send requests to any address, so that the address of a request says
//! nothing about who wrote it: names that are not ours are refused against rebinding, and requests
//! of foreign pages are refused whatever they ask.

use std::net::IpAddr;

use hyper::header::{FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Request, StatusCode, Version};

use crate::wire::name::{Name, NameBuf};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether the request is meant for a server of these names; if not, what it gets.
pub(super) fn check<B>(request: &Request<B>, names: &[NameBuf]) -> Result<(), StatusCode> {
    let host = host(request)?;
    if host.as_ref().is_some_and(|host| !is_ours(host.host(), names)) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    if is_foreign(request.headers(), host.as_ref()) {
        return Err(StatusCode::FORBIDDEN);
    }
    Ok(())
}

/// Whether another program passed the request on, so that its socket's address is not that of
/// whoever asks.
pub(super) fn is_passed_on(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR)
}

/// The host that the request names (RFC 9112 §3.2); `None` if it need not name one and does not.
fn host<B>(request: &Request<B>) -> Result<Option<Authority>, StatusCode> {
    let mut fields = request.headers().get_all(HOST).iter();
    let (first, second) = (fields.next(), fields.next());
    if second.is_some() || (first.is_none() && request.version() == Version::HTTP_11) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let field = first.map(read_host).transpose()?;
    // A target with a host outranks the field (RFC 9112 §3.2.2).
    match request.uri().authority() {
        Some(authority) => valid(authority.clone()).map(Some),
        None => Ok(field),
    }
}

fn read_host(field: &HeaderValue) -> Result<Authority, StatusCode> {
    let authority = Authority::try_from(field.as_bytes()).map_err(|_| StatusCode::BAD_REQUEST)?;
    valid(authority)
}

/// Refuses an authority with a user (RFC 9110 §4.2.4) or without a host.
fn valid(authority: Authority) -> Result<Authority, StatusCode> {
    let is_valid = !authority.as_str().contains('@') && !authority.host().is_empty();
    if is_valid { Ok(authority) } else { Err(StatusCode::BAD_REQUEST) }
}

fn is_ours(host: &str, names: &[NameBuf]) -> bool {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    if literal.parse::<IpAddr>().is_ok() {
        return true;
    }
    match NameBuf::from_text(host.as_bytes(), Some(Name::ROOT)) {
        Ok(name) => host.eq_ignore_ascii_case("localhost") || names.contains(&name),
        Err(_) => false,
    }
}

/// Whether a page of another origin sent the request.
fn is_foreign(headers: &HeaderMap, host: Option<&Authority>) -> bool {
    let is_own = |origin: &HeaderValue| {
        let (Ok(origin), Some(host)) = (origin.to_str(), host) else { return false };
        let origin = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host.as_str()))
    };
    let is_cross_site = |site: &HeaderValue| site.as_bytes() == b"cross-site";
    !headers.get_all(ORIGIN).iter().all(is_own)
        || headers.get_all(SEC_FETCH_SITE).iter().any(is_cross_site)
}
