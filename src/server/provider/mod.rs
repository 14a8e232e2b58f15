//! What S3-compatible stores do differently: one table, one row each.

mod table;

use std::time::Duration;

use self::table::PROVIDERS;
pub use self::table::{AWS, CUSTOM, EMBEDDED};
use crate::s3::ChecksumAlgorithm;

/// One S3-compatible store. A row holds what a document or a source says; what none says stays unknown.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// What `S3_PROVIDER` says.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// The endpoint, with `{region}` and `{account}` to fill in, and a path where the API lives below one; `None` where
    /// only the operator knows it.
    pub endpoint: Option<&'static str>,
    /// What `{account}` in the endpoint is.
    pub account: Option<&'static str>,
    /// Which region signatures name.
    pub region: RegionRule,
    /// Where the bucket's name goes.
    pub addressing: Addressing,
    /// Whether it takes forms.
    pub post_policy: PostPolicies,
    /// `If-None-Match: *` on `PutObject`, which keeps a URL from replacing what it has stored.
    pub conditional_put: ConditionalPut,
    /// The checksum of uploads that it checks; `S3_CHECKSUM` overrides it. Where nothing is known it is `Content-MD5`:
    /// nearly all check that, and some reject the newer `x-amz-checksum-*`.
    pub checksum: Option<ChecksumAlgorithm>,
    /// The most parts of an object. All parts but the last have one size anyway, at least 5 MiB, as the strictest demand.
    pub max_parts: u16,
    /// The most parts of one object that may be on their way at the same time.
    pub max_part_requests: Option<u16>,
    /// The longest life of a signature.
    pub max_expires: Duration,
    /// Who says which pages may send to a bucket.
    pub cors: Cors,
    /// Who removes what is left of unfinished uploads in parts.
    pub lifecycle: Lifecycle,
    /// The most bytes of a key.
    pub max_key_bytes: usize,
}

/// Which region signatures name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionRule {
    /// The operator's, who has to say it.
    Required,
    /// The operator's, else this one.
    Default(&'static str),
    /// This one, whatever region the endpoint has.
    Fixed(&'static str),
}

/// Where a URL has the bucket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `https://bucket.endpoint/key`
    VirtualHosted,
    /// `https://endpoint/bucket/key`
    Path,
}

/// Whether a store takes forms with a POST policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostPolicies {
    /// And checks all of the policy, `content-length-range` included.
    Yes,
    /// It refuses them.
    No,
    /// It takes them, and a file of any size with them: nothing to hand out to visitors.
    NoSizeLimit,
    /// Nothing found: used only where the operator or the page asks for it.
    Unknown,
}

/// What a store does with `If-None-Match: *` on `PutObject`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionalPut {
    /// It refuses to replace an object.
    Honoured,
    /// It takes the request as if the header were not there.
    Ignored,
    /// Nothing found: not sent.
    Unknown,
}

/// Who says which pages may send to a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cors {
    /// The bucket's rules, by `PutBucketCors`.
    Bucket,
    /// A setting of the store, for all its buckets.
    Store,
    /// The bucket's rules, by an API or a console of the provider's own.
    OtherApi,
    /// Nobody: every page may.
    Open,
    /// Nobody: no page may.
    None,
    /// Nothing found.
    Unknown,
}

/// Who removes what is left of unfinished uploads in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifecycle {
    /// The bucket's rule `AbortIncompleteMultipartUpload`, by `PutBucketLifecycleConfiguration`.
    Bucket,
    /// The provider in a way of its own, as this sentence says.
    Other(&'static str),
    /// Nobody.
    None,
    /// Nothing found.
    Unknown,
}

impl Provider {
    /// The row of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// All rows but the embedded store's.
    #[must_use]
    pub fn all() -> &'static [Self] {
        PROVIDERS
    }

    /// All names `S3_PROVIDER` may have.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        PROVIDERS.iter().map(|provider| provider.name).collect()
    }

    /// Whether the endpoint has the bucket's region in it.
    #[must_use]
    pub fn has_region_in_endpoint(&self) -> bool {
        self.endpoint.is_some_and(|endpoint| endpoint.contains("{region}"))
    }

    /// The endpoint with its places filled in.
    #[must_use]
    pub fn endpoint_of(&self, region: &str, account: &str) -> Option<String> {
        let endpoint = self.endpoint?.replace("{region}", region).replace("{account}", account);
        // AWS in China is a partition of its own.
        let is_china = self.name == AWS.name && region.starts_with("cn-");
        Some(if is_china { endpoint + ".cn" } else { endpoint })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_account_is_asked_for_where_the_endpoint_has_a_place_for_it() {
        for provider in Provider::all() {
            let has_place = provider.endpoint.is_some_and(|endpoint| endpoint.contains("{account}"));
            assert_eq!(provider.account.is_some(), has_place, "{}", provider.name);
        }
    }

    #[test]
    fn every_filled_in_endpoint_is_one_over_tls() {
        for provider in Provider::all() {
            let Some(endpoint) = provider.endpoint_of("eu-1", "acme") else { continue };
            assert!(endpoint.parse::<crate::server::presign::Endpoint>().is_ok(), "{endpoint}");
            assert!(endpoint.starts_with("https://") && !endpoint.contains(['{', '}']), "{endpoint}");
        }
    }

    #[test]
    fn no_two_rows_have_one_name() {
        let names: BTreeSet<_> = Provider::all().iter().flat_map(|row| [row.name, row.title]).collect();
        assert_eq!(names.len(), 2 * Provider::all().len());
    }
}
