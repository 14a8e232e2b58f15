//! The embedded store's server is killed, or loses its power, after each single change of its directory: what it answered
//! is there, and what it did not answer is absent or right, and can be sent again.
//!
//! The power is cut in a model: a library that is preloaded into the server stops it after each change, and the test works
//! out which names and bytes a file system has to keep by then, and which it may keep or lose. A server is started on each
//! directory that a crash may leave.

mod disk;
mod recorder;
mod uploads;

use std::{collections::HashMap, fmt::Write, sync::atomic::Ordering};

use futures::{StreamExt, stream};

use self::{
    disk::{Crash, Files},
    recorder::{Moment, Recorder, restore},
    uploads::{Browser, PUT, SENT_AGAIN, Upload},
};
use crate::support::TestServer;

/// What one server did, and what crashes may have left of it.
struct Recording {
    cookie: String,
    uploads: Vec<Upload>,
    moments: Vec<Moment>,
    contents: Vec<Vec<u8>>,
}

impl Recording {
    async fn make(syncs: bool) -> Self {
        let recorder = Recorder::start(syncs).await;
        let browser = Browser::open(&recorder.page).await;
        let mut uploads = Upload::all();
        for upload in &mut uploads {
            upload.run(&browser, &|| recorder.moments()).await;
        }
        let cookie = browser.cookie;
        let (moments, contents) = recorder.stop().await;
        Self { cookie, uploads, moments, contents }
    }

    /// One upload: the server is killed at this moment, and all that is not answered is sent to the next.
    async fn of_two_servers(mut upload: Upload, last: usize) -> Self {
        let mut recorder = Recorder::start_until(true, Some(last)).await;
        let moments = recorder.counter();
        let browser = Browser::open(&recorder.page).await;
        let count = || moments.load(Ordering::SeqCst);
        tokio::select! {
            () = upload.run(&browser, &count) => panic!("there is no moment {last}"),
            () = recorder.until_stopped() => {}
        }
        recorder.restart().await;
        let browser = Browser::with_cookie(&recorder.page, &browser.cookie);
        upload.resume(&browser, last).await.unwrap();
        let (moments, contents) = recorder.stop().await;
        Self { cookie: browser.cookie, uploads: vec![upload], moments, contents }
    }

    /// The directories that differ, each where the most was answered; and after how many calls that was.
    fn crashes(&self) -> Vec<(&Files, usize, Crash)> {
        let mut crashes = HashMap::new();
        for (moment, at) in self.moments.iter().zip(1..) {
            for (crash, files) in moment.left.iter().rev() {
                crashes.insert(files, (at, *crash));
            }
        }
        let mut crashes: Vec<_> = crashes.into_iter().map(|(files, (at, crash))| (files, at, crash)).collect();
        crashes.sort_by_key(|(_, at, _)| *at);
        crashes
    }

    /// Starts a server on what a crash left, and takes up the uploads there.
    async fn check(&self, files: &Files, at: usize) -> Result<(), String> {
        let server = TestServer::start_in(restore(files, &self.contents), &[("UPLOAD_META", "page")]).await;
        let page = server.url("");
        let browser = Browser::with_cookie(&page, &self.cookie);
        for upload in &self.uploads {
            upload.check(&browser, at).await.map_err(|error| format!("{}: {error}", upload.name()))?;
        }
        if !self.uploads[0].has_begun(at) {
            let fresh = Browser::open(&page).await;
            Upload::all().remove(PUT).run(&fresh, &|| 0).await;
        }
        server.stop().await;
        Ok(())
    }

    fn describe(&self, files: &Files, at: usize, crash: Crash, error: &str) -> String {
        let mut text = format!("{crash:?} after {at}, {}: {error}\n", self.moments[at - 1].call);
        for (path, content) in files {
            let size = content.map_or("/".to_owned(), |content| format!(" {} B", self.contents[content].len()));
            writeln!(text, "    {}{size}", path.display()).unwrap();
        }
        text
    }
}

/// All failed checks, with what the crash had left.
async fn failures(recording: Recording) -> Vec<String> {
    let recording: &'static Recording = Box::leak(Box::new(recording));
    let checks = recording.crashes().into_iter().map(|(files, at, crash)| async move {
        let checked = tokio::spawn(recording.check(files, at)).await;
        let checked = checked.unwrap_or_else(|error| Err(error.to_string()));
        checked.err().map(|error| recording.describe(files, at, crash, &error))
    });
    stream::iter(checks).buffered(4).filter_map(async |failure| failure).collect().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_a_kill_or_a_power_loss_at_every_step_and_the_rest_can_be_sent_again() {
    let recording = Recording::make(true).await;
    let calls = |name: &str| recording.moments.iter().filter(|moment| moment.call.starts_with(name)).count();
    // The server was really watched.
    for call in ["open64 ", "write ", "fdatasync ", "fsync ", "mkdir ", "rename ", "unlink", "ftruncate64 "] {
        assert!(calls(call) > 0, "no {call}");
    }
    let failures = failures(recording).await;
    assert!(failures.is_empty(), "{} failed:\n{}", failures.len(), failures.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_answers_after_another_was_killed_survives_a_power_loss() {
    for kind in [PUT, SENT_AGAIN] {
        let recorder = Recorder::start(true).await;
        let browser = Browser::open(&recorder.page).await;
        let begun = recorder.moments();
        Upload::all().remove(kind).run(&browser, &|| recorder.moments()).await;
        let (moments, _) = recorder.stop().await;
        // What a killed server leaves without a sync are names.
        let names = |moment: &Moment| moment.call.starts_with("mkdir ") || moment.call.starts_with("rename ");
        let last = moments.iter().zip(1..).filter(|(moment, at)| *at > begun && names(moment));
        let killed = last.map(|(moment, at)| async move {
            let recording = Recording::of_two_servers(Upload::all().remove(kind), at).await;
            let end = recording.moments.len();
            for (crash, files) in &recording.moments[end - 1].left {
                let checked = recording.check(files, end).await;
                assert_eq!(checked, Ok(()), "{crash:?}, killed after {}", moment.call);
            }
        });
        stream::iter(killed).for_each_concurrent(3, |check| check).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_that_is_deleted_is_whole_until_it_is_absent_and_stays_absent() {
    let recorder = Recorder::start(true).await;
    let browser = Browser::open(&recorder.page).await;
    let mut upload = Upload::all().remove(PUT);
    upload.run(&browser, &|| recorder.moments()).await;
    let stored = recorder.moments();
    upload.discard(&browser).await;
    let deleted = recorder.moments();
    let (moments, contents) = recorder.stop().await;
    for (at, moment) in (stored..=deleted).zip(&moments[stored - 1..]) {
        for (crash, files) in &moment.left {
            let server = TestServer::start_in(restore(files, &contents), &[("UPLOAD_META", "page")]).await;
            let is_there = upload.is_there(&Browser::with_cookie(&server.url(""), &browser.cookie)).await;
            let is_kept = is_there == Ok(at == stored) || at != stored && at != deleted && is_there.is_ok();
            assert!(is_kept, "{crash:?} after {}: {is_there:?}", moment.call);
            server.stop().await;
        }
    }
    // Others sync the directory of the attributes meanwhile, so that these are gone for good as soon as they are gone.
    let calls: Vec<_> = moments[stored..].iter().map(|moment| moment.call.split('/').next_back().unwrap()).collect();
    let first = |is_it: &dyn Fn(&str) -> bool| calls.iter().position(|call| is_it(call));
    let synced = moments[stored..].iter().position(|moment| moment.call.starts_with("fsync ")).unwrap();
    let attributes = first(&|call| call.starts_with(".bucket-")).unwrap();
    assert!(synced < attributes, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_syncing_a_power_loss_takes_what_was_answered_and_a_kill_does_not() {
    let recording = Recording::make(false).await;
    let at = recording.moments.len();
    for (crash, files) in &recording.moments[at - 1].left {
        let checked = recording.check(files, at).await;
        assert_eq!(checked.is_ok(), *crash == Crash::Killed, "{crash:?}: {checked:?}");
    }
}
