//! What S3-compatible stores do differently. A row holds what a document or a source says;
//! [`Support::Unknown`] stays unknown.

use crate::s3::ChecksumAlgorithm;

/// One S3-compatible store.
#[derive(Debug, PartialEq, Eq)]
pub struct Provider {
    /// What `S3_PROVIDER` says.
    pub name: &'static str,
    /// The endpoint, with `{region}` to fill in; `None` where only the operator knows it.
    pub endpoint: Option<&'static str>,
    /// The region to sign with where the operator names none.
    pub region: Option<&'static str>,
    /// Where the bucket's name goes.
    pub addressing: Addressing,
    /// POST policies, `content-length-range` included.
    pub post_policy: Support,
    /// `If-None-Match: *` on `PutObject`. Some stores ignore it silently.
    pub conditional_put: Support,
    /// The checksum of uploads that it checks; `S3_CHECKSUM` overrides it.
    pub checksum: Option<ChecksumAlgorithm>,
    /// The most bytes of a key.
    pub max_key_bytes: usize,
}

/// Where a URL has the bucket's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// `https://bucket.endpoint/key`
    VirtualHosted,
    /// `https://endpoint/bucket/key`
    Path,
}

/// Whether a store has a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what AWS does.
    Yes,
    /// It refuses or ignores it.
    No,
    /// Nothing found: used only where the operator asks for it.
    Unknown,
}

impl Provider {
    /// The row of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        PROVIDERS.iter().find(|provider| provider.name == name)
    }

    /// All names `S3_PROVIDER` may have.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        PROVIDERS.iter().map(|provider| provider.name).collect()
    }
}

/// Amazon S3.
pub const AWS: Provider = Provider {
    name: "aws",
    endpoint: Some("https://s3.{region}.amazonaws.com"),
    region: None,
    addressing: Addressing::VirtualHosted,
    post_policy: Support::Yes,
    conditional_put: Support::Yes,
    checksum: Some(ChecksumAlgorithm::Sha256),
    max_key_bytes: 1024,
};

/// Any other store that speaks S3; what a bare `S3_ENDPOINT` means. Nearly all of them check `Content-MD5`, and some
/// reject the newer `x-amz-checksum-*`.
pub const CUSTOM: Provider = Provider {
    name: "custom",
    endpoint: None,
    region: Some("us-east-1"),
    addressing: Addressing::Path,
    post_policy: Support::Unknown,
    conditional_put: Support::Unknown,
    checksum: Some(ChecksumAlgorithm::Md5),
    max_key_bytes: 1024,
};

/// The store inside this process. s3s-fs keeps an object's attributes in a file whose name holds
/// the key in Base64, and a file's name has at most 255 bytes.
pub const EMBEDDED: Provider = Provider {
    name: "embedded",
    endpoint: None,
    region: Some("us-east-1"),
    addressing: Addressing::Path,
    post_policy: Support::Yes,
    conditional_put: Support::Yes,
    checksum: Some(ChecksumAlgorithm::Sha256),
    max_key_bytes: 128,
};

const PROVIDERS: &[Provider] = &[
    AWS,
    // https://developers.cloudflare.com/r2/api/s3/presigned-urls/
    Provider {
        name: "r2",
        endpoint: None,
        region: Some("auto"),
        addressing: Addressing::Path,
        post_policy: Support::No,
        conditional_put: Support::Yes,
        checksum: Some(ChecksumAlgorithm::Sha256),
        max_key_bytes: 1024,
    },
    // https://github.com/minio/minio/blob/master/docs/minio-limits.md
    Provider {
        name: "minio",
        endpoint: None,
        region: Some("us-east-1"),
        addressing: Addressing::Path,
        post_policy: Support::Yes,
        conditional_put: Support::Yes,
        checksum: Some(ChecksumAlgorithm::Sha256),
        max_key_bytes: 1024,
    },
    CUSTOM,
];
