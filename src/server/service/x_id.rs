use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// Takes the query parameter `x-id`, which only AWS's SDKs know of, out of the server's requests before they are signed.
/// Google's and Supabase's stores refuse requests that have it.
///
/// <https://github.com/aws/aws-sdk-js-v3/issues/6430>, <https://github.com/supabase/storage/issues/646>
pub(super) fn remove_x_id(request: &mut HttpRequest) -> Result<(), BoxError> {
    if let Some(uri) = without_x_id(request.uri()) {
        request.set_uri(uri)?;
    }
    Ok(())
}

/// `None` where there is none.
fn without_x_id(uri: &str) -> Option<String> {
    let (path, query) = uri.split_once('?')?;
    let is_x_id = |pair: &&str| pair.starts_with("x-id=");
    query.split('&').find(is_x_id)?;
    let others: Vec<_> = query.split('&').filter(|pair| !is_x_id(pair)).collect();
    Some(if others.is_empty() { path.to_owned() } else { format!("{path}?{}", others.join("&")) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_x_id_goes_from_the_query() {
        for (uri, expected) in [
            ("https://h/b/k?x-id=ListParts&uploadId=U", Some("https://h/b/k?uploadId=U")),
            ("https://h/b/k?x-id=DeleteObject", Some("https://h/b/k")),
            ("https://h/b/k?uploads&prefix=x-id=1", None),
            ("https://h/b/x-id=1", None),
        ] {
            assert_eq!(without_x_id(uri).as_deref(), expected, "{uri}");
        }
    }
}
