//! The rule by which the bucket itself removes what is left of unfinished uploads.

use std::time::Duration;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
};

use super::{Applied, CommandError, Connection, Finding, content_md5::with_content_md5, store_says::StoreSays};
use crate::server::{
    before_signing::BeforeSigning,
    provider::{AWS, Lifecycle},
};

/// Names our rule among others.
const ID: &str = "leptos-aws-s3-unfinished-uploads";

const CHECK: &str = "lifecycle rule";

const BY_HAND: &str = "Let `leptos-aws-s3 reap --yes` run now and then.";

/// Has the bucket remove unfinished uploads under the prefix `days` after they began, or once no upload may go on. Other
/// rules stay.
///
/// # Errors
///
/// If the store can't be asked.
pub async fn apply(connection: &Connection, days: Option<u16>) -> Result<Applied, CommandError> {
    let config = &connection.config;
    let provider = config.store.provider();
    match provider.lifecycle {
        Lifecycle::Other(how) => return Ok(Applied::ByHand(format!("{how} Or: {BY_HAND}"))),
        Lifecycle::None => return Ok(Applied::ByHand(format!("{} has no lifecycle rules. {BY_HAND}", provider.title))),
        Lifecycle::Bucket | Lifecycle::Unknown => {}
    }
    let days = days.map_or_else(|| days_of(config.token_expires), i32::from);
    let bucket = connection.service.bucket().name();
    match put(connection, days).await {
        Ok(kept) => Ok(Applied::Set(format!(
            "The bucket {bucket} removes uploads under `{}` that are unfinished after {days} days. Other rules it keeps: \
             {kept}.",
            config.prefix
        ))),
        Err(says) if says.is_not_implemented() => Ok(Applied::ByHand(format!("{} {BY_HAND}", says.sentence()))),
        Err(says) if says.is_denied() => Ok(Applied::ByHand(format!(
            "{} Let the keys do it (s3:GetLifecycleConfiguration and s3:PutLifecycleConfiguration), or enter a rule in the \
             console of {}: abort incomplete multipart uploads under `{}` after {days} days.",
            says.sentence(),
            provider.title,
            config.prefix
        ))),
        Err(says) => Err(says.into()),
    }
}

/// Whether the bucket has such a rule.
pub(super) async fn look(connection: &Connection) -> Finding {
    let provider = connection.config.store.provider();
    match provider.lifecycle {
        Lifecycle::Other(how) => return Finding::unknown(CHECK, how),
        Lifecycle::None => {
            return Finding::unknown(CHECK, format!("{} has no lifecycle rules. {BY_HAND}", provider.title));
        }
        Lifecycle::Bucket | Lifecycle::Unknown => {}
    }
    match present(connection).await {
        Ok(rules) => match rules.iter().find_map(|rule| days_under(rule, &connection.config.prefix)) {
            Some(days) => Finding::pass(CHECK, format!("Unfinished uploads are removed after {days} days.")),
            None => Finding::amiss(
                CHECK,
                "No rule of the bucket removes unfinished uploads; they cost as much as objects do.",
                "Run `leptos-aws-s3 lifecycle apply`.",
            ),
        },
        Err(says) => Finding::unknown(CHECK, format!("{} {BY_HAND}", says.sentence())),
    }
}

/// Whole days in which no upload is cut off that may still go on.
fn days_of(token_expires: Duration) -> i32 {
    let days = token_expires.as_secs().div_ceil(86_400).max(1);
    i32::try_from(days).unwrap_or(i32::MAX)
}

/// The days of a rule that covers everything under the prefix.
fn days_under(rule: &LifecycleRule, prefix: &str) -> Option<i32> {
    let filter = rule.filter();
    let is_narrow = filter.is_some_and(|filter| filter.tag().is_some() || filter.and().is_some());
    #[expect(deprecated, reason = "older rules have it there")]
    let covered = filter.and_then(LifecycleRuleFilter::prefix).or(rule.prefix()).unwrap_or_default();
    let days = rule.abort_incomplete_multipart_upload()?.days_after_initiation()?;
    (*rule.status() == ExpirationStatus::Enabled && !is_narrow && prefix.starts_with(covered)).then_some(days)
}

async fn present(connection: &Connection) -> Result<Vec<LifecycleRule>, StoreSays> {
    let store = connection.store();
    match store.client.get_bucket_lifecycle_configuration().bucket(store.bucket.name()).send().await {
        Ok(present) => Ok(present.rules.unwrap_or_default()),
        Err(error) => match StoreSays::new("GetBucketLifecycleConfiguration", &error) {
            says if says.is(&["NoSuchLifecycleConfiguration"]) => Ok(Vec::new()),
            says => Err(says),
        },
    }
}

/// How many other rules stay.
async fn put(connection: &Connection, days: i32) -> Result<usize, StoreSays> {
    const OPERATION: &str = "PutBucketLifecycleConfiguration";

    let mut rules = present(connection).await?;
    rules.retain(|rule| rule.id() != Some(ID));
    let kept = rules.len();
    let unsent = |error| StoreSays::unsent(OPERATION, error);
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
    let filter = LifecycleRuleFilter::builder().prefix(&connection.config.prefix).build();
    let rule = LifecycleRule::builder().id(ID).status(ExpirationStatus::Enabled).filter(filter);
    rules.push(rule.abort_incomplete_multipart_upload(abort).build().map_err(unsent)?);
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(unsent)?;
    let store = connection.store();
    let request = store.client.put_bucket_lifecycle_configuration().bucket(store.bucket.name());
    let mut request = request.lifecycle_configuration(rules).customize();
    if *connection.config.store.provider() != AWS {
        request = request.interceptor(BeforeSigning(with_content_md5));
    }
    request.send().await.map_err(|error| StoreSays::new(OPERATION, &error))?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, status: ExpirationStatus) -> LifecycleRule {
        let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build();
        let filter = LifecycleRuleFilter::builder().prefix(prefix).build();
        let rule = LifecycleRule::builder().status(status).filter(filter).abort_incomplete_multipart_upload(abort);
        rule.build().unwrap()
    }

    #[test]
    fn a_rule_counts_where_it_covers_all_uploads() {
        for (prefix, counts) in [("", true), ("up", true), ("uploads/", true), ("uploads/a", false), ("x", false)] {
            let days = days_under(&rule(prefix, ExpirationStatus::Enabled), "uploads/");
            assert_eq!(days, counts.then_some(7), "{prefix}");
        }
        assert_eq!(days_under(&rule("", ExpirationStatus::Disabled), "uploads/"), None);
    }

    #[test]
    fn a_rule_leaves_uploads_the_time_they_have() {
        let days = [1, 86_400, 86_401, 7 * 86_400].map(|seconds| days_of(Duration::from_secs(seconds)));
        assert_eq!(days, [1, 1, 2, 7]);
    }
}
