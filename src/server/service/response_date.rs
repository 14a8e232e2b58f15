use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef},
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};

/// The header `Date` of a response, which the SDK's outputs don't have.
#[derive(Clone, Debug, Default)]
pub(super) struct ResponseDate(Arc<Mutex<Option<DateTime>>>);

impl ResponseDate {
    /// How long before the response that was; nothing of a time after it. `None` without a date.
    pub(super) fn since(&self, earlier: &DateTime) -> Option<Duration> {
        let date = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = date?.secs().saturating_sub(earlier.secs());
        Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
    }
}

impl Intercept for ResponseDate {
    fn name(&self) -> &'static str {
        "ResponseDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        // Of the last attempt, whose response is the output.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}
