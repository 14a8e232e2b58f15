use std::time::Duration;

/// Where a file stands, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Added, and nobody has asked to upload it yet.
    Waiting,
    /// Waits for a free slot.
    Queued,
    /// The server is signing it.
    Preparing,
    /// Its bytes are read, and compared with what the store has of it.
    Verifying,
    /// Its bytes are on the way.
    Uploading,
    /// Bytes that were sent before are on the way again.
    Resending,
    /// All bytes are sent; the store or the server has yet to answer.
    Finishing,
    /// Something went wrong; the next try comes by itself.
    Retrying {
        /// The delay that was chosen when it went wrong.
        after: Duration,
    },
    /// Goes on as soon as there is a network.
    Offline,
    /// Stopped by the visitor.
    Paused,
    /// Begun by an earlier page that is gone.
    Interrupted {
        /// Whether the browser can open the file by itself; else the visitor has to choose it again.
        can_reopen: bool,
    },
    /// In the bucket.
    Complete,
    /// Stopped by an error.
    Failed,
}

impl Status {
    /// Whether the file is on its way: asked to upload, neither paused, interrupted nor ended.
    #[must_use]
    pub fn is_active(self) -> bool {
        !matches!(self, Self::Waiting | Self::Paused | Self::Interrupted { .. } | Self::Complete | Self::Failed)
    }

    /// Whether nothing more happens to the file by itself.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Complete | Self::Failed)
    }
}

/// How far a file is. `sent` never goes back, and reaches `size` only with the file's success.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Progress {
    /// Bytes.
    pub sent: u64,
    /// Bytes of the whole file.
    pub size: u64,
    /// Bytes a second, smoothed; zero while nothing moves.
    pub speed: f64,
    /// What is left at this speed, where there is one.
    pub time_left: Option<Duration>,
}

impl Progress {
    /// Whole percents, rounded down.
    #[must_use]
    pub fn percent(&self) -> u8 {
        #[expect(clippy::cast_precision_loss, reason = "a hundred steps need no more")]
        let percent = self.sent as f64 * 100.0 / self.size.max(1) as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100")]
        {
            percent as u8
        }
    }
}

/// All files together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Files in the list.
    pub files: usize,
    /// On their way.
    pub active: usize,
    /// Paused.
    pub paused: usize,
    /// Begun by an earlier page, and not reopened.
    pub interrupted: usize,
    /// In the bucket.
    pub complete: usize,
    /// Failed.
    pub failed: usize,
    /// Failed because they break a restriction: trying again does not help.
    pub restricted: usize,
    /// Bytes of all files that have not failed and are not interrupted, and how many are sent.
    pub progress: Progress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_happens_by_itself_to_what_ended_and_only_to_what_was_asked_for() {
        let (after, can_reopen) = (Duration::ZERO, true);
        for (status, is_active, is_terminal) in [
            (Status::Waiting, false, false),
            (Status::Queued, true, false),
            (Status::Preparing, true, false),
            (Status::Verifying, true, false),
            (Status::Uploading, true, false),
            (Status::Resending, true, false),
            (Status::Finishing, true, false),
            (Status::Retrying { after }, true, false),
            (Status::Offline, true, false),
            (Status::Paused, false, false),
            (Status::Interrupted { can_reopen }, false, false),
            (Status::Complete, false, true),
            (Status::Failed, false, true),
        ] {
            assert_eq!((status.is_active(), status.is_terminal()), (is_active, is_terminal), "{status:?}");
        }
    }
}
