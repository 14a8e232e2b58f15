use std::cell::Cell;
use std::time::Duration;

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, EventTarget, File, ProgressEvent, XmlHttpRequest};

use super::clock::now;
use super::{body, response};
use crate::engine::{Instant, Response};
use crate::s3::UploadParameters;

/// What a browser stops by itself fails at once.
const MAX_BLOCK_TIME: Duration = Duration::from_secs(1);

/// One data request. Dropping it aborts it silently.
pub(super) struct Request {
    xhr: XmlHttpRequest,
    listeners: Vec<EventListener>,
    url: String,
    started: Instant,
    has_sent: Cell<bool>,
}

/// What a data request reports.
pub(super) enum Report {
    /// Bytes of the file that have left.
    Progress(u64),
    /// The last byte has left.
    BodySent,
    /// The answer.
    Response(Response),
    /// It ended without an answer.
    Failed,
}

impl Request {
    /// Sends `size` bytes of a file.
    ///
    /// # Errors
    /// What the browser throws for a URL or header that can't be sent.
    pub(super) fn send(
        file: &File,
        (body, size): (Blob, u64),
        parameters: &UploadParameters,
        report: impl Fn(Report) + Clone + 'static,
    ) -> Result<Self, JsValue> {
        let xhr = XmlHttpRequest::new()?;
        xhr.open_with_async(parameters.method.as_str(), &parameters.url, true)?;
        for (name, value) in parameters.headers.iter() {
            xhr.set_request_header(name, value)?;
        }
        let listeners = listeners(&xhr, size, report)?;
        body::send(&xhr, file, &body, parameters)?;
        Ok(Self { xhr, listeners, url: parameters.url.clone(), started: now(), has_sent: Cell::new(false) })
    }

    /// Bytes have left.
    pub(super) fn note_sent(&self) {
        self.has_sent.set(true);
    }

    /// The URL, where the request has failed in a way that a content blocker makes it fail.
    pub(super) fn suspect_url(&self) -> Option<String> {
        let is_suspect = !self.has_sent.get() && now().since(self.started) < MAX_BLOCK_TIME;
        is_suspect.then(|| self.url.clone())
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        // `abort` fires its events at once: nobody may hear them.
        self.listeners.clear();
        // It fails for a request that is over, which is what is wanted.
        let _ = self.xhr.abort();
    }
}

fn listeners(
    xhr: &XmlHttpRequest,
    size: u64,
    report: impl Fn(Report) + Clone + 'static,
) -> Result<Vec<EventListener>, JsValue> {
    let on = |target: &EventTarget, name: &'static str, read: fn(&web_sys::Event, u64) -> Report| {
        let report = report.clone();
        EventListener::new(target, name, move |event| report(read(event, size)))
    };
    let upload: EventTarget = xhr.upload()?.into();
    let answer = {
        let (report, finished) = (report.clone(), xhr.clone());
        EventListener::new(xhr, "load", move |_| report(Report::Response(response::read(&finished))))
    };
    Ok(vec![
        on(&upload, "progress", |event, size| Report::Progress(sent(event.unchecked_ref(), size))),
        on(&upload, "load", |_, _| Report::BodySent),
        answer,
        on(xhr, "error", |_, _| Report::Failed),
        // Nobody here aborts a request that still has listeners: Safari says `abort` when a connection breaks.
        on(xhr, "abort", |_, _| Report::Failed),
    ])
}

/// Bytes of the file among the bytes sent: a form has some before and after it.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "byte counts are whole and not negative")]
fn sent(event: &ProgressEvent, size: u64) -> u64 {
    let (loaded, total) = (event.loaded() as u64, event.total() as u64);
    loaded.saturating_sub(total.saturating_sub(size)).min(size)
}
