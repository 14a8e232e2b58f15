use std::{ops::RangeInclusive, time::SystemTime};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Serialize, Serializer};
use time::{format_description::BorrowedFormatItem, macros::format_description};

use super::format_time;

const ISO_8601: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");

/// What a form may hold, until when.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html>
#[derive(Serialize)]
pub(super) struct PolicyDocument<'a> {
    #[serde(serialize_with = "iso_8601")]
    pub(super) expiration: SystemTime,
    pub(super) conditions: Vec<Condition<'a>>,
}

/// What a field, or the file, may be.
pub(super) enum Condition<'a> {
    /// The field has this value.
    Is(&'a str, &'a str),
    /// The file has so many bytes.
    ContentLengthRange(&'a RangeInclusive<u64>),
}

impl PolicyDocument<'_> {
    /// The form's `policy` field, which is also what is signed.
    pub(super) fn encode(&self) -> String {
        BASE64.encode(serde_json::to_vec(self).expect("strings and numbers always become JSON"))
    }
}

impl Serialize for Condition<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Is(name, value) => serializer.collect_map([(name, value)]),
            Self::ContentLengthRange(range) => {
                ("content-length-range", range.start(), range.end()).serialize(serializer)
            }
        }
    }
}

fn iso_8601<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_time(*time, ISO_8601))
}
