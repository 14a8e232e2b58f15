use aws_sdk_s3::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

/// Says with `Content-MD5` what the body is. The SDK says it with `x-amz-checksum-crc32` wherever S3 wants a checksum,
/// whatever it is configured to do; stores that are strict about the older header refuse that, or don't know the newer.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>
pub(super) fn with_content_md5(request: &mut HttpRequest) -> Result<(), BoxError> {
    let body = request.body().bytes().ok_or("a body that is not in memory")?;
    let digest = BASE64.encode(Md5::digest(body));
    for name in ["x-amz-sdk-checksum-algorithm", "x-amz-checksum-crc32"] {
        request.headers_mut().remove(name);
    }
    request.headers_mut().insert("content-md5", digest);
    Ok(())
}
