use std::time::Duration;

use crate::s3::ChecksumAlgorithm;

/// More parts of one file than this are no quicker.
pub(crate) const MAX_PART_REQUESTS: u16 = 16;

/// What the engine may do, and how long it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// No progress for this long while bytes remain: the request is aborted, signed again and retried. Zero
    /// disables the check.
    pub timeout: Duration,
    /// Data requests at one time, over all files together; zero is no limit.
    pub limit: usize,
    /// Parts of one file on their way at one time, whatever the limit; zero counts as one. Some stores refuse more.
    pub max_part_requests: usize,
    /// When and how often a failed step is tried again.
    pub retry: RetryPolicy,
    /// What may be added at all.
    pub restrictions: Restrictions,
    /// What bytes are read and signed with, so that the store refuses any others; `None` leaves them unread.
    pub checksum: Option<ChecksumAlgorithm>,
    /// The randomness of this engine's retry delays: same seed, same delays.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            limit: 0,
            max_part_requests: MAX_PART_REQUESTS.into(),
            retry: RetryPolicy::default(),
            restrictions: Restrictions::default(),
            checksum: None,
            seed: 0,
        }
    }
}

/// Exponential back-off with full jitter above a floor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Failures of one step that are tried again before the file fails; a step that succeeds resets the count.
    pub max_retries: u32,
    /// The shortest delay.
    pub min_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_retries: 8, min_delay: Duration::from_millis(500), max_delay: Duration::from_secs(30) }
    }
}

/// Checks before anything is signed, as in Uppy. The server checks again by rules of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restrictions {
    /// Bytes a file may have at most.
    pub max_file_size: Option<u64>,
    /// Bytes a file must have at least.
    pub min_file_size: Option<u64>,
    /// Bytes all files together may have at most.
    pub max_total_file_size: Option<u64>,
    /// Files there may be at most.
    pub max_number_of_files: Option<usize>,
    /// Accepted types, as in an input's `accept`: `image/*`, `application/pdf` or `.pdf`. Empty accepts all.
    pub allowed_file_types: Vec<String>,
}
