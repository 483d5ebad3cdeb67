//! The site: from a request to its response.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, Response, StatusCode, Version};
use prometheus::{IntCounterVec, Opts, Registry, TEXT_FORMAT, TextEncoder};

use crate::http::access;
use crate::http::route::{METHODS, Route};
use crate::metrics::FamilyError;
use crate::policy::acl::Acl;
use crate::wire::name::NameBuf;

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const METRICS: HeaderValue = HeaderValue::from_static(TEXT_FORMAT);

/// To whom things are shown.
#[derive(Clone, Debug)]
pub struct Audience {
    /// Who may see what is not for everyone.
    pub allow: Acl,
    /// The names the server may be called by.
    pub names: Vec<NameBuf>,
}

/// What is shown, and to whom.
#[derive(Debug)]
pub struct Site {
    audience: ArcSwap<Audience>,
    registry: Registry,
    requests: IntCounterVec,
    is_ready: Arc<AtomicBool>,
}

/// What a request gets.
struct Page {
    status: StatusCode,
    content_type: HeaderValue,
    text: String,
}

impl Page {
    /// A page that says its status, or something better, in plain text.
    fn plain(status: StatusCode, text: &str) -> Self {
        Self { status, content_type: PLAIN, text: format!("{text}\n") }
    }

    fn of_status(status: StatusCode) -> Self {
        Self::plain(status, status.canonical_reason().unwrap_or_default())
    }
}

impl Site {
    /// A site that shows the metrics of a registry, and counts its requests there.
    ///
    /// # Errors
    ///
    /// Fails if the registry has a family of this name already.
    pub fn new(
        audience: Audience,
        registry: Registry,
        is_ready: Arc<AtomicBool>,
    ) -> Result<Self, FamilyError> {
        let requests = Opts::new("kereru_http_requests_total", "Requests by path and status.");
        let requests = IntCounterVec::new(requests, &["path", "code"])?;
        registry.register(Box::new(requests.clone()))?;
        Ok(Self { audience: ArcSwap::from_pointee(audience), registry, requests, is_ready })
    }

    /// Shows things to others from now on.
    pub fn set_audience(&self, audience: Audience) {
        self.audience.store(Arc::new(audience));
    }

    /// Answers one request. Its body is not looked at.
    pub fn respond<B>(&self, peer: SocketAddr, request: &Request<B>) -> Response<Full<Bytes>> {
        let route = Route::find(request.uri().path());
        let page = match access::check(request, &self.audience.load().names) {
            Ok(()) => self.page(route, peer, request),
            Err(status) => Page::of_status(status),
        };
        self.requests.with_label_values(&[route.pattern(), page.status.as_str()]).inc();
        let mut response = Response::new(Full::new(Bytes::from(page.text)));
        *response.status_mut() = page.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, page.content_type);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if request.version() == Version::HTTP_10 {
            // What is between may not know that a connection can go on (RFC 9112 §9.3).
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if page.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static(METHODS));
        }
        response
    }

    fn page<B>(&self, route: Route, peer: SocketAddr, request: &Request<B>) -> Page {
        if !route.takes(request.method()) {
            return Page::of_status(StatusCode::METHOD_NOT_ALLOWED);
        }
        match route {
            Route::Health => Page::plain(StatusCode::OK, "alive"),
            Route::Ready if self.is_ready.load(Ordering::Acquire) => {
                Page::plain(StatusCode::OK, "ready")
            }
            Route::Ready => Page::plain(StatusCode::SERVICE_UNAVAILABLE, "not ready"),
            Route::Metrics if self.is_trusted(peer, request) => self.metrics(),
            Route::Metrics => {
                Page::plain(StatusCode::FORBIDDEN, "your address is not in http.allow")
            }
            Route::Missing => Page::of_status(StatusCode::NOT_FOUND),
        }
    }

    /// Whether whoever asks may see what is not for everyone.
    fn is_trusted<B>(&self, peer: SocketAddr, request: &Request<B>) -> bool {
        !access::is_passed_on(request.headers()) && self.audience.load().allow.allows(peer.ip())
    }

    fn metrics(&self) -> Page {
        match TextEncoder::new().encode_to_string(&self.registry.gather()) {
            Ok(text) => Page { status: StatusCode::OK, content_type: METRICS, text },
            Err(error) => {
                tracing::error!(%error, "metrics cannot be written");
                Page::of_status(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}
