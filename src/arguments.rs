//! What may be written after `leptos-aws-s3`; the comments are the help that people read in a terminal.

#![expect(clippy::doc_markdown, reason = "a terminal shows no Markdown")]

use std::{str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand};
use leptos_aws_s3::server::{command::cors::CorsOptions, config::Origin};

/// Files go from the browser straight to an S3 bucket; the server only signs.
///
/// The environment and `.env` say which bucket: `.env.example` documents every variable.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the upload page; what happens without a command
    Serve,
    /// The bucket's CORS rules, without which browsers send nothing
    #[command(subcommand)]
    Cors(Cors),
    /// Try whether uploads will work, and say what to do where they don't; exits with 0 if they will
    Doctor {
        #[command(flatten)]
        rules: Rules,
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// List unfinished uploads in parts under UPLOAD_PREFIX, which cost as much as objects do
    Reap {
        /// Those that began at least this long ago, as 7d, 12h, 30m or 0s. Else UPLOAD_TOKEN_EXPIRES, after which no upload
        /// goes on
        #[arg(long)]
        older_than: Option<Age>,
        /// Also those whose keys this server did not make: other applications', and those of clients with temporary
        /// credentials
        #[arg(long)]
        any_key: bool,
        /// Abort them
        #[arg(long)]
        yes: bool,
        /// Abort them in the whole bucket, where UPLOAD_PREFIX is its root
        #[arg(long)]
        whole_bucket: bool,
        /// For machines
        #[arg(long)]
        json: bool,
    },
    /// The bucket's own rule for unfinished uploads
    #[command(subcommand)]
    Lifecycle(Lifecycle),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lifecycle {
    /// Set the rule where S3's API can (AbortIncompleteMultipartUpload), and else say what to do
    Apply {
        /// Days after which an upload is removed. Else those of UPLOAD_TOKEN_EXPIRES
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        days: Option<u16>,
        /// Set it for the whole bucket, where UPLOAD_PREFIX is its root
        #[arg(long)]
        whole_bucket: bool,
    },
}

/// A time with a unit: `7d`, `12h`, `30m`, `90s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Age(pub(crate) Duration);

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let seconds = match &text[digits.len()..] {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            "s" => 1,
            _ => 0,
        };
        let count = digits.parse::<u64>().ok().filter(|_| seconds > 0);
        let age = count.and_then(|count| count.checked_mul(seconds)).map(|seconds| Self(Duration::from_secs(seconds)));
        age.ok_or_else(|| format!("`{text}` is not a time like 7d, 12h, 30m or 90s"))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cors {
    /// Print the rules that this configuration needs
    Print {
        #[command(flatten)]
        rules: Rules,
        /// As PutBucketCors takes them (the default)
        #[arg(long, conflicts_with = "json")]
        xml: bool,
        /// As consoles take them
        #[arg(long)]
        json: bool,
    },
    /// Set the rules where S3's API can, and else say what to do
    Apply(Rules),
    /// Ask the store as a browser would, and say what is missing
    Check {
        #[command(flatten)]
        rules: Rules,
        /// For machines
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// The origin of a page that uploads, as https://my-app.com; may be repeated. Else UPLOAD_ORIGINS, else the page on
    /// this machine
    #[arg(long)]
    origin: Vec<Origin>,
    /// Pages send metadata (`allowed_meta_fields`)
    #[arg(long)]
    meta: bool,
    /// Add a rule that lets every page read what its visitors may read
    #[arg(long)]
    public_read: bool,
}

impl From<Rules> for CorsOptions {
    fn from(rules: Rules) -> Self {
        Self { origins: rules.origin, meta: rules.meta, public_read: rules.public_read }
    }
}
