use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, header, uri::Authority},
    middleware::Next,
    response::Response,
};

use super::is_signed;
use crate::server::Visitor;

const COOKIE: &str = "upload_visitor";

const MAX_AGE_SECS: u32 = 365 * 24 * 60 * 60;

/// Puts the [`Visitor`] into the request's extensions, and the cookie into the answer to a new one.
pub(in crate::server) async fn identify_visitor(mut request: Request, next: Next) -> Response {
    if let Some(visitor) = known_visitor(request.headers()) {
        request.extensions_mut().insert(visitor);
        return next.run(request).await;
    }
    let visitor = Visitor::new();
    // Files get none: a cache between here and there may keep them, and must not hand out a visitor's cookie too.
    if !(request.uri().path() == "/" || is_signed(request.uri().path())) {
        request.extensions_mut().insert(visitor);
        return next.run(request).await;
    }
    let cookie = set_cookie(&visitor, is_https(request.headers()));
    request.extensions_mut().insert(visitor);
    let mut response = next.run(request).await;
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn known_visitor(headers: &HeaderMap) -> Option<Visitor> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE).then(|| Visitor::from_cookie(value))?)
}

/// `Lax`, so that the cookie is there when S3 redirects back after a form.
fn set_cookie(visitor: &Visitor, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={}; Path=/; Max-Age={MAX_AGE_SECS}; HttpOnly; SameSite=Lax{secure}", visitor.as_str())
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

    fn cookies(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (header::COOKIE, HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn a_cookie_of_ours_is_found_among_others_and_a_malformed_one_is_not_taken() {
        let ours = cookies(&["a=b; upload_visitor=aaaaaaaaaaaaaaaaaaaaaaaaaa", "c=d"]);
        assert!(known_visitor(&ours).is_some());
        for bad in ["upload_visitor=", "upload_visitor=short", "upload_visitor=AAAAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert!(known_visitor(&cookies(&[bad])).is_none(), "{bad}");
        }
    }
}
