use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use ::http::{HeaderValue, Method, Uri, header, request::Parts};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::server::config::Origin;

/// Lets pages served at `site`, and those of `origins`, use the store, and no others. s3s-fs knows no CORS rules, so this
/// stands before it, where also its errors get the headers without which a page can't read them.
pub(super) fn layer(site: SocketAddr, origins: Vec<Origin>) -> CorsLayer {
    let is_listed = move |origin: &HeaderValue| origins.iter().any(|own| own.as_str() == origin);
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(move |origin, request| {
            is_our_page(origin, request, site) || is_listed(origin)
        }))
        .allow_methods([Method::GET, Method::PUT, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::ETAG])
        .max_age(Duration::from_hours(1))
}

/// `http://127.0.0.1:3000` and `http://localhost:3000` are the same page; and one that listens on
/// every address has the address by which the visitor also reached this store. A name could be another site's that is
/// rebound to this machine: pages with names are in the list.
fn is_our_page(origin: &HeaderValue, request: &Parts, site: SocketAddr) -> bool {
    let Some(origin) = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok()) else { return false };
    let (Some("http"), Some(host)) = (origin.scheme_str(), origin.host()) else { return false };
    if origin.port_u16().unwrap_or(80) != site.port() {
        return false;
    }
    if site.ip().is_loopback() || site.ip().is_unspecified() {
        let is_loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let reached = request.headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let reached = reached.and_then(|value| value.parse::<Uri>().ok());
        let same_host = reached.is_some_and(|reached| reached.host() == Some(host));
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        return is_loopback || (site.ip().is_unspecified() && is_address && same_host);
    }
    host.trim_matches(['[', ']']).parse() == Ok(site.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(site: &str, origin: &str) -> bool {
        allowed_at("192.168.1.7:9000", site, origin)
    }

    fn allowed_at(host: &str, site: &str, origin: &str) -> bool {
        let request = ::http::Request::builder().header("host", host).body(()).unwrap();
        is_our_page(&origin.parse().unwrap(), &request.into_parts().0, site.parse().unwrap())
    }

    #[test]
    fn only_the_page_may_read_answers() {
        for origin in ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"] {
            assert!(allowed("127.0.0.1:3000", origin), "{origin}");
        }
        for origin in ["http://127.0.0.1:3001", "http://evil.example:3000", "http://192.168.1.7:3000", "null"] {
            assert!(!allowed("127.0.0.1:3000", origin), "{origin}");
        }
    }

    #[test]
    fn a_page_on_every_address_has_the_host_of_the_store() {
        assert!(allowed("0.0.0.0:3000", "http://192.168.1.7:3000"));
        assert!(!allowed("0.0.0.0:3000", "http://evil.example:3000"));
        assert!(!allowed_at("evil.example:9000", "0.0.0.0:3000", "http://evil.example:3000"));
    }
}
