use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};

use super::visitor_cookie::{forwarded_host, is_host, is_https};
use crate::{
    s3::UploadToken,
    server::{
        UploadService, Visitor,
        config::Origin,
        service::{FormPage, RETURN_PATH},
    },
};

/// The route where a form comes back.
pub(in crate::server) fn return_route() -> String {
    format!("{RETURN_PATH}{{*returned}}")
}

/// Sends a visitor whose form came back on to the page, at a URL that this server wrote whole.
pub(in crate::server) async fn return_to_page(uri: Uri) -> Response {
    let returned = uri.path().strip_prefix(RETURN_PATH).unwrap_or_default();
    let page = format!("/?uploaded={}", leading_token(returned));
    ([(header::CACHE_CONTROL, "no-store")], Redirect::to(&page)).into_response()
}

/// Puts a [`FormPage`] into the extensions of a request for the page: signing is asynchronous, the
/// page's components are not.
pub(in crate::server) async fn add_form_page(
    State(service): State<UploadService>,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    if let (&Method::GET, "/", Some(visitor)) = (request.method(), request.uri().path(), visitor) {
        let page = page_url(request.headers(), service.upload_origins());
        let form_page = FormPage {
            form: match page {
                Some(page) => service.form(&visitor, &page).await,
                None => None,
            },
            uploaded: match request.uri().query().and_then(returned_token) {
                Some(token) => Some(service.confirm_form(&visitor, &token).await),
                None => None,
            },
        };
        request.extensions_mut().insert(form_page);
    }
    next.run(request).await
}

/// Where the store sends the visitor back to: where he asked for the page. If the operator has said where pages are, then
/// to none but those.
fn page_url(headers: &HeaderMap, origins: &[Origin]) -> Option<String> {
    let host = || headers.get(header::HOST)?.to_str().ok().filter(|host| is_host(host));
    let host = forwarded_host(headers).or_else(host);
    let scheme = if is_https(headers) { "https" } else { "http" };
    let Some(first) = origins.first() else { return Some(format!("{scheme}://{}/", host?)) };
    // Not every proxy says that the visitor's side speaks TLS; the operator has.
    let asked = origins.iter().filter(|origin| host.is_some_and(|host| origin.is_at(host)));
    Some(format!("{}/", asked.min_by_key(|origin| origin.scheme() != scheme).unwrap_or(first)))
}

/// The token in the page's query.
fn returned_token(query: &str) -> Option<UploadToken> {
    let (_, token) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "uploaded")?;
    Some(UploadToken::new(leading_token(token).to_owned()))
}

/// The token that a text begins with: what a store appends begins with another character. The bucket and the key that it
/// names are in nobody's hand but the visitor's, and not needed.
fn leading_token(text: &str) -> &str {
    let is_in_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    text.split(|c| !is_in_token(c)).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(headers: &[(&'static str, &'static str)], origins: &[&str]) -> Option<String> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        page_url(&headers, &origins.iter().map(|origin| origin.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn the_page_is_where_the_visitor_asked_for_it() {
        let proxied = [("host", "10.0.0.7"), ("x-forwarded-host", "up.example, b"), ("x-forwarded-proto", "https")];
        assert_eq!(url(&proxied, &[]).unwrap(), "https://up.example/");
        assert_eq!(url(&proxied[..1], &[]).unwrap(), "http://10.0.0.7/");
    }

    #[test]
    fn what_is_no_host_is_not_believed() {
        for host in ["", "a/b", "a?b", "a b", "me@evil.example", "a#b", "a\"b"] {
            assert_eq!(url(&[("host", "a.example"), ("x-forwarded-host", host)], &[]).unwrap(), "http://a.example/");
            assert_eq!(url(&[("host", host)], &[]), None, "{host}");
        }
    }

    #[test]
    fn where_origins_are_configured_there_is_no_way_back_but_to_one_of_them() {
        let origins = ["https://up.example", "http://localhost:3000"];
        let back = |host| url(&[("host", "localhost:3000"), ("x-forwarded-host", host)], &origins).unwrap();
        assert_eq!(back("evil.example"), "https://up.example/");
        assert_eq!(back("localhost:3000"), "http://localhost:3000/");
        assert_eq!(back(""), "http://localhost:3000/");
    }

    #[test]
    fn a_proxy_need_not_say_which_scheme_the_origin_has() {
        let origins = ["https://first.example", "https://up.example", "http://both.example", "https://both.example"];
        let back = |headers: &[(&'static str, &'static str)]| url(headers, &origins).unwrap();
        assert_eq!(back(&[("host", "up.example")]), "https://up.example/");
        assert_eq!(back(&[("host", "UP.example:443")]), "https://up.example/");
        assert_eq!(back(&[("host", "up.example:80")]), "https://first.example/");
        assert_eq!(back(&[("host", "both.example")]), "http://both.example/");
        assert_eq!(back(&[("host", "both.example"), ("x-forwarded-proto", "https")]), "https://both.example/");
    }

    #[test]
    fn the_token_comes_back_in_the_query() {
        let token = returned_token("uploaded=abc-_&bucket=b&key=up%2Fid%2Ffile&etag=%22x%22").unwrap();
        assert_eq!(token.as_str(), "abc-_");
        assert_eq!(returned_token("key=a"), None);
    }

    #[test]
    fn whatever_a_store_appends_a_token_ends_before_it() {
        for appended in ["", "?bucket=b", "&bucket=b", "/", "/?bucket=b", "%3Fbucket=b", ";bucket=b", "#"] {
            assert_eq!(leading_token(&format!("abc-_{appended}")), "abc-_", "{appended}");
        }
    }
}
