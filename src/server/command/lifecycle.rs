//! The rule by which the bucket itself removes what is left of unfinished uploads.

use std::time::Duration;

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, Transition, TransitionDefaultMinimumObjectSize,
};

use super::{
    Applied, CommandError, Connection, Finding, content_md5::with_content_md5, read_back::ReadBack,
    store_says::StoreSays,
};
use crate::server::{
    before_signing::BeforeSigning,
    provider::{AWS, Lifecycle},
};

/// Names our rule among others.
const ID: &str = "leptos-aws-s3-unfinished-uploads";

const CHECK: &str = "lifecycle rule";

const BY_HAND: &str = "Let `leptos-aws-s3 reap --yes` run now and then.";

/// Which rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LifecycleOptions {
    /// Days after which an upload is removed; `None`: once no upload may be resumed.
    pub days: Option<u16>,
    /// Whether the rule may be for the whole bucket, where the prefix is empty: it knows no keys but by their prefix.
    pub whole_bucket: bool,
}

/// Has the bucket remove unfinished uploads under the prefix. Other rules stay, and are read again afterwards: where
/// something else has changed them at the same time, a person has to look.
///
/// # Errors
///
/// If the store can't be asked; and [`CommandError::WholeBucket`] for a rule that nobody asked for.
pub async fn apply(connection: &Connection, options: LifecycleOptions) -> Result<Applied, CommandError> {
    let config = &connection.config;
    let provider = config.store.provider();
    match provider.lifecycle {
        Lifecycle::Other(how) => return Ok(Applied::ByHand(format!("{how} Or: {BY_HAND}"))),
        Lifecycle::None => return Ok(Applied::ByHand(format!("{} has no lifecycle rules. {BY_HAND}", provider.title))),
        Lifecycle::Bucket | Lifecycle::Unknown => {}
    }
    if config.prefix.is_empty() && !options.whole_bucket {
        return Err(CommandError::WholeBucket);
    }
    let days = options.days.map_or_else(|| days_of(config.token_expires), i32::from);
    let bucket = connection.service.bucket().name();
    match put(connection, days).await {
        Ok((kept, read_back)) => {
            let set = format!(
                "The bucket {bucket} removes uploads under `{}` that are unfinished after {days} days. Other rules it \
                 keeps: {kept}.",
                config.prefix
            );
            Ok(match (read_back, read_back.sentence("lifecycle apply")) {
                (_, None) => Applied::Set(set),
                (ReadBack::Changed, Some(sentence)) => Applied::ByHand(format!("{set} {sentence}")),
                (_, Some(sentence)) => Applied::Set(format!("{set} {sentence}")),
            })
        }
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
        Ok(present) => match present.rules.iter().find_map(|rule| days_under(rule, &connection.config.prefix)) {
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
    let days = rule.abort_incomplete_multipart_upload()?.days_after_initiation()?;
    (*rule.status() == ExpirationStatus::Enabled && !is_narrow && prefix.starts_with(covered(rule))).then_some(days)
}

/// What a rule's keys begin with.
fn covered(rule: &LifecycleRule) -> &str {
    #[expect(deprecated, reason = "older rules have it there")]
    let older = rule.prefix();
    rule.filter().and_then(LifecycleRuleFilter::prefix).or(older).unwrap_or_default()
}

/// What all stores keep of a rule.
fn summary(rule: &LifecycleRule) -> String {
    let abort =
        rule.abort_incomplete_multipart_upload().and_then(AbortIncompleteMultipartUpload::days_after_initiation);
    let days = rule.expiration().and_then(LifecycleExpiration::days);
    let noncurrent = rule.noncurrent_version_expiration().and_then(NoncurrentVersionExpiration::noncurrent_days);
    let transitions: Vec<_> = rule.transitions().iter().map(Transition::days).collect();
    format!("{} `{}` {abort:?} {days:?} {noncurrent:?} {transitions:?}", rule.status(), covered(rule))
}

/// What the bucket has.
#[derive(Default)]
struct Present {
    rules: Vec<LifecycleRule>,
    /// Which objects are too small for transitions to other storage classes: a `PutBucketLifecycleConfiguration` that does not
    /// say resets it.
    ///
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketLifecycleConfiguration.html>
    transition_minimum: Option<TransitionDefaultMinimumObjectSize>,
}

async fn present(connection: &Connection) -> Result<Present, StoreSays> {
    let store = connection.store();
    match store.client.get_bucket_lifecycle_configuration().bucket(store.bucket.name()).send().await {
        Ok(present) => Ok(Present {
            rules: present.rules.unwrap_or_default(),
            transition_minimum: present.transition_default_minimum_object_size,
        }),
        Err(error) => match StoreSays::new("GetBucketLifecycleConfiguration", &error) {
            says if says.is(&["NoSuchLifecycleConfiguration"]) => Ok(Present::default()),
            says => Err(says),
        },
    }
}

/// How many other rules stay, and what the bucket has afterwards.
async fn put(connection: &Connection, days: i32) -> Result<(usize, ReadBack), StoreSays> {
    const OPERATION: &str = "PutBucketLifecycleConfiguration";

    let Present { mut rules, transition_minimum } = present(connection).await?;
    let before: Vec<_> = rules.iter().map(summary).collect();
    rules.retain(|rule| rule.id() != Some(ID));
    let kept = rules.len();
    let unsent = |error| StoreSays::unsent(OPERATION, error);
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(days).build();
    let filter = LifecycleRuleFilter::builder().prefix(&connection.config.prefix).build();
    let rule = LifecycleRule::builder().id(ID).status(ExpirationStatus::Enabled).filter(filter);
    rules.push(rule.abort_incomplete_multipart_upload(abort).build().map_err(unsent)?);
    let written: Vec<_> = rules.iter().map(summary).collect();
    let rules = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(unsent)?;
    let store = connection.store();
    let request = store.client.put_bucket_lifecycle_configuration().bucket(store.bucket.name());
    let request = request.set_transition_default_minimum_object_size(transition_minimum);
    let mut request = request.lifecycle_configuration(rules).customize();
    if *connection.config.store.provider() != AWS {
        request = request.interceptor(BeforeSigning(with_content_md5));
    }
    request.send().await.map_err(|error| StoreSays::new(OPERATION, &error))?;
    let after = present(connection).await.map(|present| present.rules);
    Ok((kept, ReadBack::of(&before, &written, after, summary)))
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
