use std::collections::BTreeMap;

use super::pacing::Pacing;
use super::referee::Referee;
use super::store::{key_of, upload_of};
use super::trial::{PART_SIZE, Trial};
use crate::engine::{Engine, FileId, Input, Interrupted, Output};
use crate::s3::{FileInfo, PartPlan};

/// What a driver keeps for the page after this one.
#[derive(Default)]
pub(super) struct Journal {
    pages: u64,
    /// By token, with the file's bytes.
    entries: BTreeMap<String, (u64, Interrupted)>,
}

impl Journal {
    pub(super) fn note(&mut self, engine: &Engine, output: &Output) {
        match output {
            Output::Remember { file, .. } => {
                let file = engine.file(*file).unwrap();
                let upload = file.interrupted().unwrap();
                self.entries.insert(upload.token.as_str().to_owned(), (file.info().size, upload));
            }
            Output::RememberPart { token, part, checksum } => {
                let (_, upload) =
                    self.entries.get_mut(token.as_str()).expect("parts are of an upload that is remembered");
                upload.parts += 1;
                upload.checksums.extend(checksum.clone().map(|checksum| (*part, checksum)));
            }
            Output::Forget { token } => {
                assert!(self.entries.remove(token.as_str()).is_some(), "what is forgotten was remembered");
            }
            Output::Discard { token } => _ = self.entries.remove(token.as_str()),
            _ => {}
        }
    }

    /// How many pages there were before this one.
    pub(super) fn page(&self) -> u64 {
        self.pages
    }
}

impl Trial {
    /// The page is loaded anew, and offers the uploads that were interrupted. What was on the way may arrive or not.
    pub(super) fn reload(&mut self, mut arrives: impl FnMut() -> bool) {
        if self.is_loud {
            println!("reload");
        }
        self.let_go(&mut arrives);
        self.engine = Engine::new(self.engine.options().clone());
        self.referee = Referee::default();
        self.pacing = Pacing::default();
        self.journal.pages += 1;
        for (size, upload) in self.journal.entries.clone().into_values() {
            let plan = PartPlan::new(size, PART_SIZE).unwrap();
            let info = FileInfo { size, ..FileInfo::default() };
            let token = upload.token.clone();
            let file = self.engine.add_interrupted(info, plan, upload, true);
            self.owners.insert(key_of(&token).to_owned(), file);
        }
        self.act("add what was interrupted", |_, _| {});
        if self.is_offline {
            self.input(Input::Offline);
        }
    }

    /// The visitor chooses an interrupted file again.
    pub(super) fn reopen(&mut self, file: FileId) {
        let info = self.engine.file(file).unwrap().info().clone();
        self.act(&format!("reopen {file}"), |engine, _| engine.reopen(file, info));
    }

    /// Nobody hears of anything that is open.
    fn let_go(&mut self, arrives: &mut impl FnMut() -> bool) {
        for request in std::mem::take(&mut self.requests) {
            if arrives() {
                self.land(&request);
            }
        }
        while !self.confirms.is_empty() {
            let is_joining = self.confirms[0].joining.is_some();
            let confirm = self.confirms.remove(0);
            if is_joining || arrives() {
                drop(self.object(&confirm));
            }
        }
        self.creates.clear();
        self.reads.clear();
        self.signs.clear();
        self.lists.clear();
        self.over.clear();
        self.answered.clear();
        self.forget_what_nobody_knows();
    }

    /// What the store has of files that no page knows: a lifecycle rule's work.
    fn forget_what_nobody_knows(&mut self) {
        let known: Vec<_> = self.journal.entries.values().map(|(_, upload)| upload.token.clone()).collect();
        let is_known = |key: &str| known.iter().any(|token| key_of(token) == key && upload_of(token).is_some());
        let keys = self.store.objects().chain(self.store.uploads()).map(str::to_owned);
        let unknown: Vec<_> = keys.filter(|key| !is_known(key) && !self.successful.contains(key)).collect();
        for key in unknown {
            self.store.discard(&key);
        }
    }
}
