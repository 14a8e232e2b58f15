//! [`Options`]: how an app wants its files uploaded.

use std::time::Duration;

use crate::browser::{Companion, FileMeta, GetUploadParameters, Setup, UploadServer, is_available};
use crate::engine::{self, Restrictions, RetryPolicy};
use crate::s3::{FileInfo, MAX_REQUEST_SIZE, MIN_PART_SIZE, Meta, PartPlan, UploadParameters, chunk_size};

/// How to upload. Names are those of Uppy's `AwsS3`. What the uploader has no setter for is fixed when it starts.
pub struct Options {
    /// No progress for this long while bytes remain: the request is aborted and tried again. Zero disables the check.
    /// Default: 30 s.
    pub timeout: Duration,
    /// Uploads going on at the same time; zero is no limit. Default: 0.
    pub limit: usize,
    /// Whether files start as soon as they are added. Default: true.
    pub auto_proceed: bool,
    /// When and how often a failed step is retried. Fixed, but for `max_retries`.
    pub retry: RetryPolicy,
    /// What may be added at all. Fixed.
    pub restrictions: Restrictions,
    /// Whether the files that operating systems keep in folders for themselves are left out when a folder is dropped or
    /// picked: `.DS_Store`, `Thumbs.db`, `desktop.ini` and their like. [`Uploader::not_added`](crate::Uploader::not_added)
    /// counts them. One that is picked by itself is uploaded. Default: true. Fixed.
    pub ignore_system_files: bool,
    /// Metadata of every file, besides `name`, `type` and `relativePath`. Fixed; that of one file can be changed.
    pub meta: Meta,
    /// Which names of a file's metadata go to the signer, and from there into the object's. Default: none, since each is
    /// a request header, `x-amz-meta-…`, that the bucket's CORS rules have to allow. Fixed.
    pub allowed_meta_fields: Vec<String>,
    /// Which files go in parts, where the server can do that. Default: those above 16 MiB, as in AWS's own transfer
    /// manager: a connection that breaks then costs a part and not a file. Fixed.
    pub should_use_multipart: ShouldUseMultipart,
    /// Bytes of each part of a file but the last. What S3 would not take (5 MiB to 5 GiB, 10,000 parts) becomes the
    /// nearest that it does. Default: [`chunk_size`]. Fixed.
    pub get_chunk_size: Box<dyn Fn(&FileInfo) -> u64>,
    /// Whether bytes are read and signed with their checksum before they are sent, so that the store refuses any others;
    /// only where the server signs checksums, and the browser computes them: without HTTPS it has no SHA-256, except on
    /// `localhost`. Default: true.
    pub integrity: bool,
    /// The name of the `IndexedDB` database where uploads in parts are noted, so that they go on after a reload or a
    /// crash; `None` notes nothing. Uploaders with lists of their own need names of their own. Default: `leptos-aws-s3`.
    /// Fixed.
    pub journal: Option<String>,
    /// Who signs, and confirms. Fixed, and what it says of parts and checksums is asked for once.
    pub server: Box<dyn UploadServer>,
}

impl Options {
    /// Uploads signed by `get_upload_parameters`, which is called for each file. An `Err` of a text fails that file
    /// with it; [`CallFailure::Unreachable`](engine::CallFailure::Unreachable) is worth another try.
    pub fn new<F, Answer, Failure>(get_upload_parameters: F) -> Self
    where
        F: Fn(FileInfo) -> Answer + 'static,
        Answer: Future<Output = Result<UploadParameters, Failure>> + 'static,
        Failure: Into<engine::CallFailure> + 'static,
    {
        Self::with_server(GetUploadParameters(get_upload_parameters))
    }

    /// Uploads signed by the Companion, Uppy's own signer, whose root URL `host` is: small files by `/s3/params`, large
    /// ones in parts by `/s3/multipart`. It has to allow this page's origin, and so has the bucket.
    pub fn with_host(host: &str) -> Self {
        Self::with_server(Companion::new(host))
    }

    /// Uploads signed in batches, and confirmed, by a server.
    pub fn with_server(server: impl UploadServer) -> Self {
        let defaults = engine::Options::default();
        Self {
            timeout: defaults.timeout,
            limit: defaults.limit,
            auto_proceed: true,
            retry: defaults.retry,
            restrictions: defaults.restrictions,
            ignore_system_files: true,
            meta: Meta::default(),
            allowed_meta_fields: Vec::new(),
            should_use_multipart: ShouldUseMultipart::default(),
            get_chunk_size: Box::new(|file| chunk_size(file.size)),
            integrity: true,
            journal: Some("leptos-aws-s3".into()),
            server: Box::new(server),
        }
    }

    /// What the engine has to know, and what its driver.
    pub(crate) fn split(self, seed: u64) -> (engine::Options, Setup) {
        let has_parts = self.server.has_parts();
        let (wanted, get_chunk_size) = (self.should_use_multipart, self.get_chunk_size);
        let max_parts = self.server.max_parts();
        let plan = move |file: &FileInfo| {
            let in_parts = has_parts && file.size > 0 && wanted.includes(file);
            in_parts.then(|| plan(file.size, get_chunk_size(file), max_parts)).flatten()
        };
        let engine = engine::Options {
            timeout: self.timeout,
            limit: self.limit,
            max_part_requests: self.server.max_part_requests().into(),
            retry: self.retry,
            restrictions: self.restrictions,
            checksum: self.server.checksum().filter(|algorithm| self.integrity && is_available(*algorithm)),
            seed,
        };
        let meta = FileMeta { of_all: self.meta, allowed: self.allowed_meta_fields };
        let journal = self.journal.filter(|_| has_parts);
        (engine, Setup { meta, plan: Box::new(plan), journal, server: self.server })
    }
}

/// Where there would be too many parts, they are as much larger as it takes, in whole MiB. What is more than S3 stores the
/// server refuses.
fn plan(size: u64, chunk_size_wanted: u64, max_parts: u16) -> Option<PartPlan> {
    let least = size.div_ceil(max_parts.max(1).into()).div_ceil(MIB) * MIB;
    let part_size = chunk_size_wanted.max(least).clamp(MIN_PART_SIZE, MAX_REQUEST_SIZE);
    PartPlan::new(size, part_size).ok()
}

const MIB: u64 = 1 << 20;

/// Which files go in parts. Empty files never do.
pub enum ShouldUseMultipart {
    /// Files of more bytes than this.
    Above(u64),
    /// All files.
    Always,
    /// No file.
    Never,
    /// Those of which this is true.
    If(Box<dyn Fn(&FileInfo) -> bool>),
}

impl ShouldUseMultipart {
    fn includes(&self, file: &FileInfo) -> bool {
        match self {
            Self::Above(size) => file.size > *size,
            Self::Always => true,
            Self::Never => false,
            Self::If(includes) => includes(file),
        }
    }
}

impl Default for ShouldUseMultipart {
    fn default() -> Self {
        Self::Above(16 << 20)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::browser::LocalFuture;
    use crate::engine::CallFailure;
    use crate::s3::{Object, PartNumber, SignRequest, SignedUpload, UploadToken};

    struct Server {
        has_parts: bool,
        max_parts: u16,
    }

    impl UploadServer for Server {
        fn sign(
            &self,
            _: Vec<SignRequest>,
        ) -> LocalFuture<Result<Vec<Result<SignedUpload, CallFailure>>, CallFailure>> {
            unreachable!("nothing is uploaded here")
        }

        fn confirm(&self, _: UploadToken) -> LocalFuture<Result<Object, CallFailure>> {
            unreachable!("nothing is uploaded here")
        }

        fn discard(&self, _: UploadToken) -> LocalFuture<()> {
            unreachable!("nothing is uploaded here")
        }

        fn has_parts(&self) -> bool {
            self.has_parts
        }

        fn max_parts(&self) -> u16 {
            self.max_parts
        }
    }

    /// Parts of files of so many MiB, and MiB of the first.
    fn plans<const LEN: usize>(options: Options, mib: [u64; LEN]) -> [Option<(u16, u64)>; LEN] {
        let (_, Setup { plan, .. }) = options.split(0);
        let plan = |mib: u64| plan(&FileInfo { size: mib << 20, ..FileInfo::default() });
        mib.map(|mib| plan(mib).map(|plan| (plan.parts(), plan.part_size() >> 20)))
    }

    fn options() -> Options {
        Options::with_server(Server { has_parts: true, max_parts: PartNumber::MAX })
    }

    #[test]
    fn every_option_has_a_setter_or_says_that_it_is_fixed() {
        let (fields, _) = include_str!("options.rs").split_once("\nimpl Options {").unwrap();
        let (_, fields) = fields.split_once("pub struct Options {").unwrap();
        let setters = include_str!("uploader.rs");
        let mut docs = String::new();
        let mut unclear = Vec::new();
        for line in fields.lines().map(str::trim) {
            if let Some(doc) = line.strip_prefix("///") {
                docs.push_str(doc);
            } else if let Some((name, _)) = line.strip_prefix("pub ").and_then(|field| field.split_once(':')) {
                let is_clear = setters.contains(&format!("pub fn set_{name}(")) != docs.contains("Fixed");
                unclear.extend((!is_clear).then_some(name));
                docs.clear();
            }
        }
        assert_eq!(unclear, Vec::<&str>::new());
    }

    #[test]
    fn files_above_16_mib_go_in_parts_where_the_server_can_do_that() {
        assert_eq!(plans(options(), [0, 16, 17, 200]), [None, None, Some((3, 8)), Some((18, 11))]);
        assert_eq!(plans(Options::with_server(Server { has_parts: false, max_parts: 1 }), [200]), [None]);
    }

    #[test]
    fn an_app_chooses_which_files_go_in_parts() {
        let with = |should_use_multipart| {
            let plans = plans(Options { should_use_multipart, ..options() }, [0, 1, 100]);
            plans.map(|plan| plan.map(|(parts, _)| parts))
        };
        assert_eq!(with(ShouldUseMultipart::Always), [None, Some(1), Some(12)]);
        assert_eq!(with(ShouldUseMultipart::Never), [None, None, None]);
        assert_eq!(with(ShouldUseMultipart::If(Box::new(|file| file.size == 1 << 20))), [None, Some(1), None]);
    }

    #[test]
    fn a_chunk_size_that_s3_would_refuse_becomes_one_that_it_takes() {
        let with = |size: u64, mib| plans(Options { get_chunk_size: Box::new(move |_| size), ..options() }, [mib]);
        assert_eq!(with(0, 20), [Some((4, 5))]);
        assert_eq!(with(6 << 20, 20), [Some((4, 6))]);
        assert_eq!(with(u64::MAX, 6 << 10), [Some((2, 5 << 10))]);
        assert_eq!(with(5 << 20, 80_000), [Some((10_000, 8))], "5 MiB would make too many");
        let few = Options::with_server(Server { has_parts: true, max_parts: 1_000 });
        assert_eq!(plans(few, [8_000, 8_001]), [Some((1_000, 8)), Some((889, 9))], "where a store takes fewer");
    }
}
