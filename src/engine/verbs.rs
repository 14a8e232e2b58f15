use super::phase::{Next, Phase, Run};
use super::{Engine, Event, FileId, Instant, Output, Status, UploadError, UploadFile};

/// What people want. Of a file in another state than the verb is for, and of no file: nothing happens.
impl Engine {
    /// Starts every file that waits.
    pub fn upload(&mut self, now: Instant) {
        self.wake(now);
        let waiting = self.ids(|file| file.status() == Status::Waiting);
        self.start(waiting);
        self.settle(now);
    }

    /// Stops a file that waits or is on its way, and frees its slot at once. A file whose bytes have all left goes on:
    /// there is nothing to hold back.
    pub fn pause(&mut self, file: FileId, now: Instant) {
        self.wake(now);
        self.stop(file);
        self.settle(now);
    }

    /// Lets a paused file go on, at its place in the list.
    pub fn resume(&mut self, file: FileId, now: Instant) {
        self.wake(now);
        self.go_on(vec![file]);
        self.settle(now);
    }

    /// Starts a failed file anew, for the same key where it had one. Not one that breaks a restriction.
    pub fn retry(&mut self, file: FileId, now: Instant) {
        self.wake(now);
        self.start_again(vec![file]);
        self.settle(now);
    }

    /// Takes a file off the list and stops it. What it may have left in the store is discarded; an object that was
    /// uploaded stays.
    pub fn remove(&mut self, file: FileId, now: Instant) {
        self.wake(now);
        self.take_off(file, true);
        self.settle(now);
    }

    /// Sets a value of a file's own metadata, for signatures from now on. `key` is the server's and stays.
    pub fn set_meta(&mut self, file: FileId, name: &str, value: &str) {
        if name != "key" {
            self.update(file, |file| file.set_meta(name, value));
        }
    }

    /// Stops all files on their way whose bytes have not all left.
    pub fn pause_all(&mut self, now: Instant) {
        self.wake(now);
        for file in self.ids(|file| file.status().is_active()) {
            self.stop(file);
        }
        self.settle(now);
    }

    /// Lets all paused files go on.
    pub fn resume_all(&mut self, now: Instant) {
        self.wake(now);
        let paused = self.ids(|file| file.status() == Status::Paused);
        self.go_on(paused);
        self.settle(now);
    }

    /// Starts all failed files anew, but for those that break a restriction.
    pub fn retry_all(&mut self, now: Instant) {
        self.wake(now);
        let failed = self.ids(|file| file.status() == Status::Failed);
        self.start_again(failed);
        self.settle(now);
    }

    /// Removes every file that is not in the bucket, but for those that are interrupted.
    pub fn cancel_all(&mut self, now: Instant) {
        self.wake(now);
        for file in self.ids(|file| !matches!(file.status(), Status::Complete | Status::Interrupted { .. })) {
            self.take_off(file, true);
        }
        self.outbox.event(Event::CancelAll);
        self.settle(now);
    }

    fn ids(&self, wanted: fn(&UploadFile) -> bool) -> Vec<FileId> {
        self.files().filter(|file| wanted(file)).map(UploadFile::id).collect()
    }

    /// Begins a run of each file, as of now.
    fn start(&mut self, files: Vec<FileId>) {
        for file in &files {
            self.run(*file);
        }
        if !files.is_empty() {
            self.outbox.event(Event::UploadStart(files));
        }
    }

    fn start_again(&mut self, mut files: Vec<FileId>) {
        files.retain(|file| match self.file(*file).map(UploadFile::phase) {
            Some(Phase::Failed(error)) => !matches!(error, UploadError::Restricted(_)),
            _ => false,
        });
        for file in &files {
            self.ended.remove(file);
        }
        self.start(files);
    }

    fn go_on(&mut self, files: Vec<FileId>) {
        let mut first_started = Vec::new();
        for file in files {
            match self.file(file).map(UploadFile::phase) {
                Some(Phase::Paused { asked: true }) => self.run(file),
                Some(Phase::Paused { asked: false }) => first_started.push(file),
                _ => {}
            }
        }
        self.start(first_started);
    }

    fn run(&mut self, id: FileId) {
        let step = match self.file(id).and_then(UploadFile::multipart) {
            Some(multipart) => self.first_step_in_parts(id, multipart),
            None => self.waiting_for(Next::Prepare),
        };
        let run = Box::new(Run::new(step));
        self.update(id, |file| file.set_phase(Phase::Running(run)));
    }

    fn stop(&mut self, id: FileId) {
        let Some(file) = self.file(id).filter(|file| !file.is_claimed()) else { return };
        let status = file.status();
        if status.is_active() || status == Status::Waiting {
            self.halt(id);
            let asked = status.is_active();
            self.update(id, |file| file.set_phase(Phase::Paused { asked }));
        }
    }

    pub(super) fn take_off(&mut self, id: FileId, discards: bool) {
        self.halt(id);
        let Some(file) = self.files.remove(&id) else { return };
        self.queues.leave(&file);
        self.tally.leave(&file);
        self.ended.remove(&id);
        // Evidence: a person cancelled or removed the file.
        if let Some(token) = file.unconfirmed().filter(|_| discards) {
            self.outbox.push(Output::Discard { token: token.clone() });
        }
        self.outbox.changed(id);
        self.outbox.event(Event::FileRemoved(id));
    }
}
