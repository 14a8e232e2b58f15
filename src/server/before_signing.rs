use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut},
    error::BoxError,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// Changes what the SDK is about to sign.
#[derive(Debug)]
pub(super) struct BeforeSigning(pub(super) fn(&mut HttpRequest) -> Result<(), BoxError>);

impl Intercept for BeforeSigning {
    fn name(&self) -> &'static str {
        "BeforeSigning"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0(context.request_mut())
    }
}
