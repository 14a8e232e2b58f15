use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut},
    error::BoxError,
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use md5::{Digest, Md5};

/// Says with `Content-MD5` what the body is. The SDK says it with `x-amz-checksum-crc32` wherever S3 wants a checksum,
/// whatever it is configured to do; stores that are strict about the older header refuse that, or don't know the newer.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html>
#[derive(Debug)]
pub(super) struct ContentMd5;

impl Intercept for ContentMd5 {
    fn name(&self) -> &'static str {
        "ContentMd5"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let body = request.body().bytes().ok_or("a body that is not in memory")?;
        let digest = BASE64.encode(Md5::digest(body));
        for name in ["x-amz-sdk-checksum-algorithm", "x-amz-checksum-crc32"] {
            request.headers_mut().remove(name);
        }
        request.headers_mut().insert("content-md5", digest);
        Ok(())
    }
}
