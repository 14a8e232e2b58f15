use std::time::Duration;

use super::signature::{Claim, Signature};
use super::transfer::Transfer;
use super::{CallId, Instant, UploadError, Uploaded};
use crate::s3::Checksum;

/// Where a file stands. A variant holds only what is true then.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Added; nobody has asked to upload it.
    Waiting,
    /// On its way.
    Running(Box<Run>),
    /// Stopped by the visitor.
    Paused {
        /// Whether it was on its way.
        asked: bool,
    },
    /// Begun by an earlier page; its bytes are not at hand.
    Interrupted {
        /// Whether the visitor does not have to choose it again.
        can_reopen: bool,
    },
    /// In the bucket.
    Complete(Uploaded),
    /// Stopped by an error.
    Failed(UploadError),
}

/// A file from being asked to upload until the end or a pause, or one of its parts.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) step: Step,
    pub(super) failures: Failures,
}

impl Run {
    pub(super) fn new(step: Step) -> Self {
        Self { step, failures: Failures::default() }
    }
}

/// What a file on its way, or a part of one, does now.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// In a queue, to go on as soon as it may.
    Ready(Next),
    /// Goes on as soon as there is a network.
    Offline(Next),
    /// Goes on at `until`.
    BackingOff { until: Instant, after: Duration, next: Next },
    /// The browser reads its bytes and computes their checksum.
    Reading(CallId),
    /// The server is signing it.
    Signing(CallId, Option<Checksum>),
    /// The server is asking the store to begin an upload in parts.
    Creating(CallId),
    /// Its parts have ways of their own.
    InParts,
    /// A request carries its bytes.
    Sending(Transfer),
    /// The server looks whether the store has the part.
    Checking(CallId, Option<Checksum>),
    /// The server puts the parts together, and looks whether the object is there.
    Confirming(Claim),
}

impl Step {
    /// Whether the server is asked what the store has, or will be at once.
    pub(super) fn is_check(&self) -> bool {
        matches!(self, Self::Ready(Next::Check(_)) | Self::Checking(..))
    }

    /// Whether all bytes of a part have left, so that the store may have it; and what they are.
    #[expect(clippy::option_option, reason = "whether it may be there, and whether it has a checksum")]
    pub(super) fn may_be_stored(&self) -> Option<Option<&Checksum>> {
        match self {
            Self::Sending(transfer) if transfer.is_sent() => Some(transfer.signature.checksum.as_ref()),
            Self::Checking(_, checksum)
            | Self::Ready(Next::Check(checksum))
            | Self::Offline(Next::Check(checksum))
            | Self::BackingOff { next: Next::Check(checksum), .. } => Some(checksum.as_ref()),
            _ => None,
        }
    }

    /// Whether it is being made ready to send, or sent.
    pub(super) fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Reading(_) | Self::Ready(Next::Sign(_) | Next::Send(_)) | Self::Signing(..) | Self::Sending(_)
        )
    }
}

/// What a file or part that waits does next.
#[derive(Clone, Debug)]
pub(super) enum Next {
    /// Its bytes are read where they need a checksum, then it is signed.
    Prepare,
    Sign(Option<Checksum>),
    Create,
    Send(Signature),
    Check(Option<Checksum>),
    Confirm(Claim),
}

/// What can fail and be retried, each with a budget of its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    Sign,
    Send,
    Confirm,
    /// Complete a multipart upload.
    Complete,
    /// The browser reads the file.
    Read,
    /// The store or the server has shown that nothing of the upload can be used.
    StartOver,
    /// `HeadObject` after the bytes have left, of a file in one request.
    Head,
    /// The browser did not let a request out.
    Unblock,
    /// A signature was refused.
    Authorize,
}

impl Task {
    const COUNT: usize = Self::Authorize as usize + 1;
}

/// Failures since the last success of each task.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures([u32; Task::COUNT]);

impl Failures {
    /// Counts one more, and returns how many there are now.
    pub(super) fn count(&mut self, task: Task) -> u32 {
        let count = self.of(task);
        *count = count.saturating_add(1);
        *count
    }

    /// `task` did what it should.
    pub(super) fn forgive(&mut self, task: Task) {
        *self.of(task) = 0;
    }

    fn of(&mut self, task: Task) -> &mut u32 {
        &mut self.0[task as usize]
    }
}
