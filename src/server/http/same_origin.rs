use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header},
    middleware::Next,
    response::Response,
};
use serde_json::json;

use super::visitor_cookie::forwarded_host;
use super::{api_error, is_api};

/// Refuses server function calls that another site's page made with this visitor's cookie.
pub(in crate::server) async fn refuse_cross_site(request: Request, next: Next) -> Response {
    if is_api(request.uri().path()) && is_cross_site(request.headers()) {
        return api_error(StatusCode::FORBIDDEN, json!("CrossSite"));
    }
    next.run(request).await
}

/// Browsers send both headers with every POST and no page can change them. A call with neither comes
/// from no browser, so there is no visitor whose cookie it could abuse.
pub(in crate::server) fn is_cross_site(headers: &HeaderMap) -> bool {
    let header = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let site = headers.get("sec-fetch-site").map(|value| value.to_str().unwrap_or_default());
    if site.is_some_and(|site| !matches!(site, "same-origin" | "none")) {
        return true;
    }
    let Some(origin) = header(header::ORIGIN) else { return false };
    let authority = origin.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
    // A proxy that rewrites `Host` keeps the original here; a page can't send it across sites.
    let hosts = [header(header::HOST), forwarded_host(headers)];
    !authority.is_some_and(|authority| hosts.iter().flatten().any(|host| authority == **host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cross_site(headers: &[(&'static str, &'static str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_cross_site(&pairs.collect())
    }

    #[test]
    fn our_own_page_may_call() {
        let host = ("host", "up.example:3000");
        assert!(!cross_site(&[host]));
        assert!(!cross_site(&[host, ("origin", "http://up.example:3000"), ("sec-fetch-site", "same-origin")]));
        let behind_proxy = [("host", "10.0.0.7"), ("x-forwarded-host", "up.example"), ("origin", "https://up.example")];
        assert!(!cross_site(&behind_proxy));
    }

    #[test]
    fn other_pages_may_not() {
        let host = ("host", "up.example:3000");
        for origin in ["http://evil.example", "http://up.example:3001", "http://up.example", "null", ""] {
            assert!(cross_site(&[host, ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site"] {
            assert!(cross_site(&[host, ("sec-fetch-site", site)]), "{site}");
        }
    }
}
