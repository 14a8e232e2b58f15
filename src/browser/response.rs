use std::time::Duration;

use web_sys::{Document, DomParser, SupportedType, Url, XmlHttpRequest};

use super::fetch::parse_retry_after;
use crate::engine::Response;
use crate::s3::ErrorResponse;

/// Longest body worth parsing: S3's answers are a few hundred bytes.
const MAX_BODY: usize = 64 * 1024;

/// What a finished request says, as far as the browser lets the page read it.
pub(super) fn read(xhr: &XmlHttpRequest) -> Response {
    let status = xhr.status().unwrap_or(0);
    let text = xhr.response_text().ok().flatten().unwrap_or_default();
    let document = parse(&text);
    let field = |name| document.as_ref().and_then(|document| text_of(document, name));
    let error = field("Code").map(|code| ErrorResponse { code, message: field("Message").unwrap_or_default() });
    Response {
        status,
        retry_after: retry_after(&xhr.get_all_response_headers().unwrap_or_default()),
        error: error.filter(|_| status >= 300),
        key: field("Key").filter(|_| status < 300),
        location: field("Location").and_then(|location| resolve(&location, &xhr.response_url())),
    }
}

/// S3 sends XML under several content types, or none: what looks like XML is tried.
fn parse(text: &str) -> Option<Document> {
    if text.len() > MAX_BODY || !text.trim_ascii_start().starts_with('<') {
        return None;
    }
    DomParser::new().ok()?.parse_from_string(text, SupportedType::ApplicationXml).ok()
}

fn text_of(document: &Document, name: &str) -> Option<String> {
    document.get_elements_by_tag_name(name).item(0)?.text_content()
}

/// The page may not ask for the header by name where CORS does not expose it.
fn retry_after(headers: &str) -> Option<Duration> {
    headers.lines().find_map(|line| line.strip_prefix("retry-after:")).and_then(parse_retry_after)
}

/// `<Location>` may be relative (DigitalOcean Spaces).
fn resolve(location: &str, url: &str) -> Option<String> {
    Url::new_with_base(location, url).ok().map(|url| url.href())
}
