//! Unfinished uploads in parts, of which nobody will send the rest.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use aws_sdk_s3::primitives::DateTimeFormat;
use serde::Serialize;

use super::{CommandError, Connection, http::parse_date, store_says::StoreSays};
use crate::{
    s3::human_size,
    server::{
        causes::one_line,
        random::{is_random_id, random_id},
    },
};

/// Which uploads, and what to do with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReapOptions {
    /// Those that began at least this long ago; `None`: those that the server no longer knows.
    pub older_than: Option<Duration>,
    /// Also those whose keys this server did not make: other applications', and those of clients with temporary credentials.
    pub any_key: bool,
    /// Whether to abort them.
    pub abort: bool,
    /// Whether to abort them in the whole bucket, where the prefix is empty.
    pub whole_bucket: bool,
}

/// What was found under the prefix, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reaped {
    /// Where was looked.
    pub prefix: String,
    /// Those that are old enough.
    pub uploads: Vec<Unfinished>,
    /// How many are younger.
    pub younger: usize,
    /// How many were left alone, whatever their age, since this server did not make their keys.
    pub others: usize,
    /// How old is old enough, in seconds.
    pub older_than_seconds: u64,
    /// How long the server lets an upload take, in seconds.
    pub may_take_seconds: u64,
}

/// One unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unfinished {
    /// The object it would have become.
    pub key: String,
    /// S3's id of it.
    pub upload_id: String,
    /// When it began.
    pub initiated: String,
    /// How long ago that is.
    pub age_seconds: u64,
    /// What is there of it; `None` where the store does not say.
    pub size: Option<Size>,
    /// What became of it.
    pub state: State,
}

/// What is there of an unfinished upload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// How many parts.
    pub parts: usize,
    /// All their bytes.
    pub bytes: u64,
}

/// What became of an unfinished upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is as it was.
    Kept,
    /// It is gone.
    Aborted,
    /// The store did not abort it, and said so.
    Failed(String),
}

/// Lists what is unfinished under the prefix, the oldest first, and aborts it if `options` say so. Ages are by the store's
/// clock; `now` is this machine's time, for stores that do not say what time it is.
///
/// # Errors
///
/// If the store does not list its unfinished uploads; and [`CommandError::WholeBucket`] instead of aborting uploads in a whole
/// bucket that nobody asked for.
pub async fn reap(connection: &Connection, options: ReapOptions, now: SystemTime) -> Result<Reaped, CommandError> {
    let may_take = connection.config.token_expires;
    let older_than = options.older_than.unwrap_or(may_take);
    if options.abort && connection.config.prefix.is_empty() && !options.whole_bucket {
        return Err(CommandError::WholeBucket);
    }
    let now = store_time(connection).await.unwrap_or(now);
    let mut uploads = Vec::new();
    let (mut younger, mut others) = (0, 0);
    let listed = connection.store().unfinished_uploads(&connection.config.prefix).await;
    for listed in listed.map_err(|error| StoreSays::new("ListMultipartUploads", &error))? {
        let began = listed.initiated().and_then(|time| SystemTime::try_from(*time).ok());
        if !options.any_key && !listed.key().is_some_and(|key| is_own_key(key, &connection.config.prefix)) {
            others += 1;
            continue;
        }
        // A clock that is behind makes an upload new, not old.
        let age = began.map_or(Duration::ZERO, |began| now.duration_since(began).unwrap_or_default());
        if age < older_than {
            younger += 1;
        } else if let (Some(key), Some(upload_id)) = (listed.key(), listed.upload_id()) {
            let initiated = listed.initiated().and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
            let (key, upload_id, initiated) = (key.to_owned(), upload_id.to_owned(), initiated.unwrap_or_default());
            let size = size(connection, &key, &upload_id).await;
            let state = if options.abort { abort(connection, &key, &upload_id).await } else { State::Kept };
            uploads.push(Unfinished { key, upload_id, initiated, age_seconds: age.as_secs(), size, state });
        }
    }
    uploads.sort_by_key(|upload| std::cmp::Reverse(upload.age_seconds));
    Ok(Reaped {
        prefix: connection.config.prefix.clone(),
        uploads,
        younger,
        others,
        older_than_seconds: older_than.as_secs(),
        may_take_seconds: may_take.as_secs(),
    })
}

/// Whether this server may have made the key: `{prefix}{random id}`, and a name after `/`. Others may keep theirs under the
/// same prefix.
fn is_own_key(key: &str, prefix: &str) -> bool {
    let Some(rest) = key.strip_prefix(prefix) else { return false };
    match rest.split_once('/') {
        Some((id, name)) => is_random_id(id) && !name.is_empty() && !name.contains('/'),
        None => is_random_id(rest),
    }
}

/// What time it is for the store, which says when an upload began. An answer that an object is not there has it too.
async fn store_time(connection: &Connection) -> Option<SystemTime> {
    let store = connection.store();
    let key = format!("{}{}", connection.config.prefix, random_id());
    let answer = store.client.head_object().bucket(store.bucket.name()).key(key).send().await;
    parse_date(answer.err()?.raw_response()?.headers().get("date")?)
}

/// `None` where the store does not list the parts: it may be aborted all the same.
async fn size(connection: &Connection, key: &str, upload_id: &str) -> Option<Size> {
    let store = connection.store();
    let request = store.client.list_parts().bucket(store.bucket.name()).key(key).upload_id(upload_id);
    let mut size = Size::default();
    let mut pages = request.into_paginator().send();
    while let Some(page) = pages.next().await {
        let page = page.ok()?;
        size.parts += page.parts().len();
        size.bytes += page.parts().iter().filter_map(|part| u64::try_from(part.size()?).ok()).sum::<u64>();
    }
    Some(size)
}

async fn abort(connection: &Connection, key: &str, upload_id: &str) -> State {
    let store = connection.store();
    let request = store.client.abort_multipart_upload().bucket(store.bucket.name()).key(key);
    match request.upload_id(upload_id).send().await {
        Ok(_) => State::Aborted,
        Err(error) => match StoreSays::new("AbortMultipartUpload", &error) {
            says if says.is(&["NoSuchUpload"]) => State::Aborted,
            says => State::Failed(says.sentence()),
        },
    }
}

impl Reaped {
    /// Whether nothing went wrong.
    #[must_use]
    pub fn is_good(&self) -> bool {
        !self.uploads.iter().any(|upload| matches!(upload.state, State::Failed(_)))
    }

    /// For machines.
    #[must_use]
    pub fn to_json(&self) -> String {
        format!("{:#}\n", serde_json::json!(self))
    }
}

impl fmt::Display for Reaped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.prefix.is_empty() { "in the bucket" } else { self.prefix.as_str() };
        let place = if self.prefix.is_empty() { place.to_owned() } else { format!("under {place}") };
        let (age, bytes) = (
            human_age(self.older_than_seconds),
            self.uploads.iter().filter_map(|upload| upload.size).map(|size| size.bytes).sum(),
        );
        writeln!(
            formatter,
            "Unfinished uploads {place} that began {age} ago or before: {}, with {}. Younger ones: {}.",
            self.uploads.len(),
            human_size(bytes),
            self.younger
        )?;
        for Unfinished { key, initiated, age_seconds, size, state, .. } in &self.uploads {
            let size = size.map_or_else(
                || "of unknown size".to_owned(),
                |Size { parts, bytes }| {
                    format!("{} in {parts} part{}", human_size(bytes), if parts == 1 { "" } else { "s" })
                },
            );
            write!(formatter, "  {initiated}  {:>10}  {size:>20}  {}", human_age(*age_seconds), one_line(key))?;
            match state {
                State::Kept => writeln!(formatter)?,
                State::Aborted => writeln!(formatter, "  aborted")?,
                State::Failed(why) => writeln!(formatter, "\n    {why}")?,
            }
        }
        if self.others > 0 {
            writeln!(formatter, "Left alone, since this server did not make their keys: {}.", self.others)?;
        }
        if self.uploads.iter().any(|upload| upload.state == State::Kept) {
            if self.older_than_seconds < self.may_take_seconds {
                let may_take = human_age(self.may_take_seconds);
                writeln!(formatter, "Some may still go on: UPLOAD_TOKEN_EXPIRES gives them {may_take}.")?;
            }
            writeln!(formatter, "Run it again with --yes to abort them.")?;
        }
        Ok(())
    }
}

/// `3 days`, `5 hours`, `40 minutes`, `7 seconds`
pub(super) fn human_age(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3_600 => (seconds / 60, "minute"),
        3_600..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_this_servers_if_a_random_id_follows_the_prefix() {
        let id = random_id();
        for rest in [id.clone(), format!("{id}/film.mp4"), format!("{id}/Größe 1.txt")] {
            assert!(is_own_key(&format!("uploads/{rest}"), "uploads/"), "{rest}");
            assert!(is_own_key(&rest, ""), "{rest}");
        }
        let uuid = "0e37df36-f698-11e6-8dd4-cb9ced3df976/film.mp4";
        for rest in ["", "film.mp4", uuid, &format!("{id}/"), &format!("{id}/a/b"), &format!("a/{id}/b"), &id[1..]] {
            assert!(!is_own_key(&format!("uploads/{rest}"), "uploads/"), "{rest}");
        }
        assert!(!is_own_key(&format!("elsewhere/{id}/film.mp4"), "uploads/"));
    }

    #[test]
    fn an_age_has_one_unit() {
        let ages = [0, 1, 59, 60, 3_600, 172_800, 604_800].map(human_age);
        assert_eq!(ages, ["0 seconds", "1 second", "59 seconds", "1 minute", "1 hour", "2 days", "7 days"]);
    }
}
