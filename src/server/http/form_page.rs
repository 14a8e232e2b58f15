use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};
use percent_encoding::percent_decode_str;

use super::visitor_cookie::is_https;
use crate::{
    s3::{Key, Object, Refusal, UploadToken},
    server::{UploadService, Visitor, service::FormPage},
};

/// Puts a [`FormPage`] into the extensions of a request for the page: signing is asynchronous, the
/// page's components are not.
pub(in crate::server) async fn add_form_page(
    State(service): State<UploadService>,
    mut request: Request,
    next: Next,
) -> Response {
    let visitor = request.extensions().get::<Visitor>().cloned();
    if let (&Method::GET, "/", Some(visitor)) = (request.method(), request.uri().path(), visitor) {
        let page = page_url(request.headers());
        let form_page = FormPage {
            form: match page {
                Some(page) => service.form(&visitor, &page).await,
                None => None,
            },
            uploaded: match request.uri().query().and_then(returned_from_s3) {
                Some(returned) => Some(confirm(&service, &visitor, returned).await),
                None => None,
            },
        };
        request.extensions_mut().insert(form_page);
    }
    next.run(request).await
}

fn page_url(headers: &HeaderMap) -> Option<String> {
    let forwarded = headers.get("x-forwarded-host");
    let host = forwarded.or_else(|| headers.get(header::HOST))?.to_str().ok()?;
    let scheme = if is_https(headers) { "https" } else { "http" };
    Some(format!("{scheme}://{host}/"))
}

/// The token we sent along and the key S3 added, as they came.
fn returned_from_s3(query: &str) -> Option<(String, String)> {
    Some((parameter(query, "uploaded")?, parameter(query, "key")?))
}

fn parameter(query: &str, name: &str) -> Option<String> {
    let (_, value) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    let spaced = value.replace('+', " ");
    Some(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

async fn confirm(
    service: &UploadService,
    visitor: &Visitor,
    (token, key): (String, String),
) -> Result<Object, Refusal> {
    let key = Key::try_from(key).map_err(|_| Refusal::TokenInvalid)?;
    service.confirm_form(visitor, &UploadToken::new(token), key).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_comes_back_from_a_query_as_s3_writes_it() {
        let query = "uploaded=abc&bucket=b&key=up%2Fid%2FGr%C3%B6%C3%9Fe+1%2B1.txt&etag=%22x%22";
        let returned = returned_from_s3(query).unwrap();
        assert_eq!(returned, ("abc".into(), "up/id/Größe 1+1.txt".into()));
        assert_eq!(returned_from_s3("key=a"), None);
    }
}
