use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header, uri::Authority},
    middleware::Next,
    response::Response,
};

use super::is_signed;
use crate::server::{UploadService, Visitor, config::Origin};

/// Over HTTPS browsers take a cookie of this prefix from this very host alone: no sibling of the domain can plant one.
///
/// <https://www.rfc-editor.org/rfc/rfc6265bis#name-the-__host-prefix>
const SECURE_COOKIE: &str = "__Host-upload_visitor";

/// Over HTTP, where browsers refuse the prefix. It is not read over HTTPS, where a sibling may have planted it.
const COOKIE: &str = "upload_visitor";

const MAX_AGE_SECS: u32 = 365 * 24 * 60 * 60;

/// Puts the [`Visitor`] into the request's extensions, and the cookie into the answer to a new one.
pub(in crate::server) async fn identify_visitor(
    State(service): State<UploadService>,
    mut request: Request,
    next: Next,
) -> Response {
    let is_secure = is_secure(request.headers(), service.upload_origins());
    if let Some(visitor) = known_visitor(request.headers(), is_secure) {
        request.extensions_mut().insert(visitor);
        return next.run(request).await;
    }
    let visitor = Visitor::new();
    // Files get none: a cache between here and there may keep them, and must not hand out a visitor's cookie too.
    if !(request.uri().path() == "/" || is_signed(request.uri().path())) {
        request.extensions_mut().insert(visitor);
        return next.run(request).await;
    }
    let cookie = set_cookie(&visitor, is_secure);
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Whether browsers reach this server by HTTPS: the proxy says so, or the operator, whose proxy need not.
fn is_secure(headers: &HeaderMap, origins: &[Origin]) -> bool {
    let own = || headers.get(header::HOST)?.to_str().ok();
    let host = forwarded_host(headers).or_else(own).unwrap_or_default();
    let mut schemes = origins.iter().filter(|origin| origin.is_at(host)).map(Origin::scheme).peekable();
    is_https(headers) || (schemes.peek().is_some() && schemes.all(|scheme| scheme == "https"))
}

fn cookie_name(is_secure: bool) -> &'static str {
    if is_secure { SECURE_COOKIE } else { COOKIE }
}

fn known_visitor(headers: &HeaderMap, is_secure: bool) -> Option<Visitor> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == cookie_name(is_secure)).then(|| Visitor::from_cookie(value))?)
}

/// `Lax`, so that the cookie is there when S3 redirects back after a form.
fn set_cookie(visitor: &Visitor, is_secure: bool) -> String {
    let name = cookie_name(is_secure);
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{name}={}; Path=/; Max-Age={MAX_AGE_SECS}; HttpOnly; SameSite=Lax{secure}", visitor.as_str())
}

/// Whether the visitor's side of a proxy speaks TLS; this server itself never does.
pub(super) fn is_https(headers: &HeaderMap) -> bool {
    let forwarded = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok());
    forwarded.is_some_and(|proto| proto.split(',').next().unwrap_or_default().trim().eq_ignore_ascii_case("https"))
}

/// The host that the visitor's browser asked for, where a proxy says so: the first of its list.
pub(super) fn forwarded_host(headers: &HeaderMap) -> Option<&str> {
    let hosts = headers.get("x-forwarded-host")?.to_str().ok()?;
    hosts.split(',').next().map(str::trim).filter(|host| is_host(host))
}

/// A name and perhaps a port, and nothing that would make more of a URL. Whoever asks writes both headers as he likes.
pub(super) fn is_host(text: &str) -> bool {
    !text.contains('@') && text.parse::<Authority>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn known(cookie: &str, is_secure: bool) -> bool {
        let headers = [(header::COOKIE, cookie.parse().unwrap())].into_iter().collect();
        known_visitor(&headers, is_secure).is_some()
    }

    #[test]
    fn a_cookie_of_ours_is_found_among_others_and_a_malformed_one_is_not_taken() {
        let lines = ["a=b; upload_visitor=aaaaaaaaaaaaaaaaaaaaaaaaaa", "c=d"];
        let ours = lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect();
        assert!(known_visitor(&ours, false).is_some());
        for bad in ["upload_visitor=", "upload_visitor=short", "upload_visitor=AAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(!known(bad, false), "{bad}");
        }
    }

    #[test]
    fn over_https_the_cookie_is_one_that_no_other_host_of_the_domain_can_plant() {
        let visitor = Visitor::from_cookie(ID).unwrap();
        let set = set_cookie(&visitor, true);
        assert!(set.starts_with("__Host-upload_visitor=") && set.contains("; Path=/;"), "{set}");
        assert!(set.ends_with("; Secure") && !set.contains("Domain"), "{set}");
        assert!(known(&format!("upload_visitor=planted; __Host-upload_visitor={ID}"), true));
        assert!(!known(&format!("upload_visitor={ID}"), true));
        assert!(known(&format!("upload_visitor={ID}"), false));
    }

    #[test]
    fn the_operators_word_that_the_origin_is_https_is_enough() {
        let origins = ["https://up.example", "http://both.example", "https://both.example"];
        let origins: Vec<Origin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        let secure = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            is_secure(&headers, &origins)
        };
        assert!(secure(&[("host", "up.example")]));
        assert!(secure(&[("host", "127.0.0.1:3000"), ("x-forwarded-host", "up.example")]));
        assert!(!secure(&[("host", "127.0.0.1:3000")]), "a probe of the operator's own");
        assert!(!secure(&[("host", "both.example")]));
        assert!(secure(&[("host", "both.example"), ("x-forwarded-proto", "https")]));
    }
}
