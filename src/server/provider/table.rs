use std::time::Duration;

use super::{Addressing, ConditionalPut, Cors, Lifecycle, PostPolicies, Provider, RegionRule};
use crate::s3::ChecksumAlgorithm;

/// The longest life that Signature Version 4 has.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
const WEEK: Duration = Duration::from_hours(7 * 24);

const MD5: Option<ChecksumAlgorithm> = Some(ChecksumAlgorithm::Md5);
const SHA256: Option<ChecksumAlgorithm> = Some(ChecksumAlgorithm::Sha256);

/// A store of which nothing is known but that it speaks S3; what a bare `S3_ENDPOINT` means.
pub const CUSTOM: Provider = Provider {
    name: "custom",
    title: "Any other",
    endpoint: None,
    account: None,
    region: RegionRule::Default("us-east-1"),
    addressing: Addressing::Path,
    post_policy: PostPolicies::Unknown,
    conditional_put: ConditionalPut::Unknown,
    checksum: MD5,
    max_parts: 10_000,
    max_part_requests: None,
    max_expires: WEEK,
    cors: Cors::Unknown,
    lifecycle: Lifecycle::Unknown,
    max_key_bytes: 1024,
};

/// Amazon S3.
pub const AWS: Provider = Provider {
    name: "aws",
    title: "Amazon S3",
    endpoint: Some("https://s3.{region}.amazonaws.com"),
    region: RegionRule::Required,
    addressing: Addressing::VirtualHosted,
    post_policy: PostPolicies::Yes,
    conditional_put: ConditionalPut::Honoured,
    checksum: SHA256,
    cors: Cors::Bucket,
    lifecycle: Lifecycle::Bucket,
    ..CUSTOM
};

/// The store inside this process. s3s-fs keeps an object's attributes in a file whose name holds
/// the key in Base64, and a file's name has at most 255 bytes.
pub const EMBEDDED: Provider = Provider {
    name: "embedded",
    title: "The embedded store",
    post_policy: PostPolicies::Yes,
    conditional_put: ConditionalPut::Honoured,
    checksum: SHA256,
    cors: Cors::Store,
    lifecycle: Lifecycle::None,
    max_key_bytes: 128,
    ..CUSTOM
};

/// A row says what is known; the rest is as for [`CUSTOM`].
pub(super) const PROVIDERS: &[Provider] = &[
    AWS,
    // https://developers.cloudflare.com/r2/api/s3/presigned-urls/ and …/api/s3/api/
    Provider {
        name: "r2",
        title: "Cloudflare R2",
        endpoint: Some("https://{account}.r2.cloudflarestorage.com"),
        account: Some("the account's id"),
        region: RegionRule::Fixed("auto"),
        post_policy: PostPolicies::No,
        conditional_put: ConditionalPut::Honoured,
        checksum: SHA256,
        cors: Cors::Bucket,
        lifecycle: Lifecycle::Bucket,
        ..CUSTOM
    },
    // https://docs.digitalocean.com/products/spaces/details/limits/ and …/reference/s3-compatibility/
    Provider {
        name: "digitalocean",
        title: "DigitalOcean Spaces",
        endpoint: Some("https://{region}.digitaloceanspaces.com"),
        region: RegionRule::Fixed("us-east-1"),
        addressing: Addressing::VirtualHosted,
        post_policy: PostPolicies::Yes,
        max_part_requests: Some(10),
        cors: Cors::Bucket,
        lifecycle: Lifecycle::Bucket,
        ..CUSTOM
    },
    // https://www.backblaze.com/docs/cloud-storage-enable-cors-with-the-s3-compatible-api
    // POST: https://github.com/transloadit/uppy/issues/5052
    Provider {
        name: "b2",
        title: "Backblaze B2",
        endpoint: Some("https://s3.{region}.backblazeb2.com"),
        region: RegionRule::Required,
        post_policy: PostPolicies::No,
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://docs.wasabi.com/docs/cross-origin-resource-sharing-cors
    Provider {
        name: "wasabi",
        title: "Wasabi",
        endpoint: Some("https://s3.{region}.wasabisys.com"),
        region: RegionRule::Required,
        addressing: Addressing::VirtualHosted,
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://github.com/minio/minio/blob/master/docs/minio-limits.md, and its `cmd/api-router.go` for CORS
    Provider {
        name: "minio",
        title: "MinIO",
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Honoured,
        checksum: SHA256,
        cors: Cors::Store,
        lifecycle: Lifecycle::Other("MinIO removes them itself after a day (MINIO_API_STALE_UPLOADS_EXPIRY)."),
        ..CUSTOM
    },
    // https://docs.ceph.com/en/latest/radosgw/s3/
    // If-None-Match: https://github.com/open-rails/contentkit/releases/tag/v0.58.1
    Provider {
        name: "ceph",
        title: "Ceph RGW",
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Ignored,
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://garagehq.deuxfleurs.fr/documentation/reference-manual/s3-compatibility/
    Provider {
        name: "garage",
        title: "Garage",
        region: RegionRule::Default("garage"),
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Ignored,
        checksum: SHA256,
        cors: Cors::Bucket,
        lifecycle: Lifecycle::Bucket,
        ..CUSTOM
    },
    // https://github.com/rustfs/rustfs/blob/main/docs/architecture/s3-compatibility-matrix.md
    Provider {
        name: "rustfs",
        title: "RustFS",
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Honoured,
        checksum: SHA256,
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://github.com/seaweedfs/seaweedfs/wiki/Amazon-S3-API
    Provider {
        name: "seaweedfs",
        title: "SeaweedFS",
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Honoured,
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://cloud.google.com/storage/docs/xml-api/post-object-forms and …/reference-headers
    Provider {
        name: "gcs",
        title: "Google Cloud Storage",
        endpoint: Some("https://storage.googleapis.com"),
        region: RegionRule::Fixed("auto"),
        cors: Cors::OtherApi,
        lifecycle: Lifecycle::Other(
            "Set the action AbortIncompleteMultipartUpload with `gcloud storage buckets update --lifecycle-file`.",
        ),
        ..CUSTOM
    },
    // https://www.scaleway.com/en/docs/object-storage/api-cli/object-operations/
    Provider {
        name: "scaleway",
        title: "Scaleway",
        endpoint: Some("https://s3.{region}.scw.cloud"),
        region: RegionRule::Required,
        addressing: Addressing::VirtualHosted,
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Honoured,
        checksum: SHA256,
        max_parts: 1_000,
        cors: Cors::Bucket,
        lifecycle: Lifecycle::Bucket,
        ..CUSTOM
    },
    // https://docs.hetzner.com/storage/object-storage/supported-actions/
    Provider {
        name: "hetzner",
        title: "Hetzner",
        endpoint: Some("https://{region}.your-objectstorage.com"),
        region: RegionRule::Required,
        addressing: Addressing::VirtualHosted,
        ..CUSTOM
    },
    // https://www.tigrisdata.com/docs/objects/presigned/ and …/objects/upload-via-html-form/
    Provider {
        name: "tigris",
        title: "Tigris",
        endpoint: Some("https://t3.storage.dev"),
        region: RegionRule::Fixed("auto"),
        addressing: Addressing::VirtualHosted,
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Honoured,
        checksum: SHA256,
        max_expires: Duration::from_hours(90 * 24),
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://github.com/ovh/docs (Object Storage, POST policies take the bucket's own host only)
    Provider {
        name: "ovh",
        title: "OVHcloud",
        endpoint: Some("https://s3.{region}.io.cloud.ovh.net"),
        region: RegionRule::Required,
        addressing: Addressing::VirtualHosted,
        post_policy: PostPolicies::Yes,
        conditional_put: ConditionalPut::Honoured,
        cors: Cors::Bucket,
        lifecycle: Lifecycle::Bucket,
        ..CUSTOM
    },
    // https://storj.dev/dcs/api/s3/s3-compatibility
    Provider {
        name: "storj",
        title: "Storj",
        endpoint: Some("https://gateway.storjshare.io"),
        region: RegionRule::Fixed("us-1"),
        conditional_put: ConditionalPut::Honoured,
        cors: Cors::Open,
        lifecycle: Lifecycle::None,
        ..CUSTOM
    },
    // https://techdocs.akamai.com/cloud-computing/docs/object-storage-product-limits
    Provider {
        name: "linode",
        title: "Linode (Akamai)",
        endpoint: Some("https://{region}.linodeobjects.com"),
        region: RegionRule::Required,
        addressing: Addressing::VirtualHosted,
        cors: Cors::Bucket,
        ..CUSTOM
    },
    // https://supabase.com/docs/guides/storage/s3/compatibility
    // Sizes of forms: https://github.com/supabase/storage/blob/master/src/storage/protocols/s3/policy.ts
    Provider {
        name: "supabase",
        title: "Supabase",
        endpoint: Some("https://{account}.storage.supabase.co/storage/v1/s3"),
        account: Some("the project's ref"),
        region: RegionRule::Required,
        post_policy: PostPolicies::NoSizeLimit,
        conditional_put: ConditionalPut::Ignored,
        checksum: None,
        cors: Cors::Open,
        lifecycle: Lifecycle::None,
        ..CUSTOM
    },
    // https://docs.oracle.com/en-us/iaas/Content/Object/s3-virtual-style.htm
    // POST: https://blogs.oracle.com/cloud-infrastructure/?p=13419
    // CORS: https://github.com/cvisionai/tator/issues/944
    Provider {
        name: "oracle",
        title: "Oracle Cloud",
        endpoint: Some("https://{account}.compat.objectstorage.{region}.oci.customer-oci.com"),
        account: Some("the namespace of the object storage"),
        region: RegionRule::Required,
        post_policy: PostPolicies::Yes,
        cors: Cors::None,
        ..CUSTOM
    },
    CUSTOM,
];
