use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::Response,
};

use super::visitor_cookie::{forwarded_host, is_https};
use crate::{
    s3::UploadToken,
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
            uploaded: match request.uri().query().and_then(returned_token) {
                Some(token) => Some(service.confirm_form(&visitor, &token).await),
                None => None,
            },
        };
        request.extensions_mut().insert(form_page);
    }
    next.run(request).await
}

fn page_url(headers: &HeaderMap) -> Option<String> {
    let host = || headers.get(header::HOST)?.to_str().ok();
    let host = forwarded_host(headers).or_else(host)?;
    let scheme = if is_https(headers) { "https" } else { "http" };
    Some(format!("{scheme}://{host}/"))
}

/// The token that S3 redirected with. What S3 adds itself, the bucket and the key, is in nobody's hand but the
/// visitor's, and not needed.
fn returned_token(query: &str) -> Option<UploadToken> {
    let (_, token) = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "uploaded")?;
    Some(UploadToken::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_comes_back_in_the_query() {
        let token = returned_token("uploaded=abc-_&bucket=b&key=up%2Fid%2Ffile&etag=%22x%22").unwrap();
        assert_eq!(token.as_str(), "abc-_");
        assert_eq!(returned_token("key=a"), None);
    }
}
