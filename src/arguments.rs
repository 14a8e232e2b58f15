//! What may be written after `leptos-aws-s3`; the comments are the help that people read in a terminal.

#![expect(clippy::doc_markdown, reason = "a terminal shows no Markdown")]

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
    /// Leave out the rule that lets every page read what everybody may read
    #[arg(long)]
    private: bool,
}

impl From<Rules> for CorsOptions {
    fn from(rules: Rules) -> Self {
        Self { origins: rules.origin, meta: rules.meta, private: rules.private }
    }
}
