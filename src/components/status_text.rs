use std::time::Duration;

use crate::engine::{Progress, Resumed, Status};
use crate::s3::human_size;

/// A status as the attribute that style sheets and tests select by.
pub(super) fn name(status: Status) -> &'static str {
    match status {
        Status::Waiting => "waiting",
        Status::Queued => "queued",
        Status::Preparing => "preparing",
        Status::Verifying => "verifying",
        Status::Uploading => "uploading",
        Status::Resending => "resending",
        Status::Finishing => "finishing",
        Status::Retrying { .. } => "retrying",
        Status::Offline => "offline",
        Status::Paused => "paused",
        Status::Interrupted { .. } => "interrupted",
        Status::Complete => "complete",
        Status::Failed => "failed",
    }
}

/// A status in words.
pub(super) fn words(status: Status) -> String {
    match status {
        Status::Waiting => "Ready to upload".into(),
        Status::Queued => "In the queue".into(),
        Status::Preparing => "Preparing".into(),
        Status::Verifying => "Checking what is already uploaded".into(),
        Status::Uploading => "Uploading".into(),
        Status::Resending => "Sending again".into(),
        Status::Finishing => "Finishing".into(),
        Status::Retrying { after } => format!("Connection trouble, trying again in {}", duration(after)),
        Status::Offline => "Offline, goes on when the network is back".into(),
        Status::Paused => "Paused".into(),
        Status::Interrupted { can_reopen: true } => "Interrupted".into(),
        Status::Interrupted { can_reopen: false } => "Interrupted, choose or drop this file again to go on".into(),
        Status::Complete => "Uploaded".into(),
        Status::Failed => "Failed".into(),
    }
}

/// What became of an upload of before; empty where there was none.
pub(super) fn resumed(resumed: Option<Resumed>) -> &'static str {
    match resumed {
        None => "",
        Some(Resumed::GoesOn) => "Resumed where it was interrupted.",
        Some(Resumed::Differs) => "Resumed. Parts of this file are not what was uploaded before: these are sent again.",
        Some(Resumed::Unproven) => {
            "Resumed. Parts that were uploaded before can't be compared with this file: these are sent again."
        }
        Some(Resumed::Changed) => "This file is not what it was when its upload was interrupted: it starts over.",
        Some(Resumed::Lost) => "What was sent of this file before can't be used any more: it starts over.",
    }
}

/// `1.5 MiB of 3.0 MiB, 200.0 KiB/s, 8 s left`, as far as it is known.
pub(super) fn progress(progress: &Progress) -> String {
    let mut parts = vec![format!("{} of {}", human_size(progress.sent), human_size(progress.size))];
    if progress.speed >= 1.0 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a speed is finite and not negative"
        )]
        let speed = human_size(progress.speed as u64);
        parts.push(format!("{speed}/s"));
    }
    parts.extend(progress.time_left.map(|left| format!("{} left", duration(left))));
    parts.join(", ")
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_millis() > 0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_reads_as_a_sentence_would() {
        let half = Progress { sent: 1536, size: 3072, speed: 1024.0, time_left: Some(Duration::from_millis(1500)) };
        assert_eq!(progress(&half), "1.5 KiB of 3.0 KiB, 1.0 KiB/s, 2 s left");
    }

    #[test]
    fn durations_stay_short() {
        assert_eq!([59, 61, 3_660].map(|s| duration(Duration::from_secs(s))), ["59 s", "1 min 1 s", "1 h 1 min"]);
    }
}
