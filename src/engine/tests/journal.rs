use std::collections::BTreeMap;

use super::chance::Chance;
use super::pacing::Pacing;
use super::referee::Referee;
use super::store::{key_of, upload_of};
use super::trial::{PART_SIZE, Trial};
use crate::engine::{Engine, FileId, Input, Interrupted, Output};
use crate::s3::{Checksum, FileInfo, PartNumber, PartPlan, UploadToken};

/// What a driver keeps for the page after this one.
#[derive(Default)]
pub(super) struct Journal {
    pages: u64,
    /// By token.
    entries: BTreeMap<String, Entry>,
    /// Parts noted in the last call: a page that goes now may not have written them.
    unwritten: Vec<(UploadToken, PartNumber)>,
}

struct Entry {
    size: u64,
    upload: Interrupted,
    parts: BTreeMap<PartNumber, Option<Checksum>>,
}

impl Entry {
    /// As the journal reads it back.
    fn interrupted(&self) -> Interrupted {
        let known = self.parts.iter().filter_map(|(part, checksum)| Some((*part, checksum.clone()?)));
        let parts = u16::try_from(self.parts.len()).unwrap();
        Interrupted { checksums: known.collect(), parts, ..self.upload.clone() }
    }
}

impl Journal {
    pub(super) fn note(&mut self, engine: &Engine, output: &Output) {
        match output {
            Output::Remember { file, .. } => {
                let file = engine.file(*file).unwrap();
                let upload = file.interrupted().unwrap();
                let entry = Entry { size: file.info().size, upload, parts: BTreeMap::new() };
                self.entries.insert(entry.upload.token.as_str().to_owned(), entry);
            }
            Output::RememberPart { token, part, checksum } => {
                self.entry(token).parts.insert(*part, checksum.clone());
                self.unwritten.push((token.clone(), *part));
            }
            Output::ForgetPart { token, part } => _ = self.entry(token).parts.remove(part),
            Output::Forget { token } => {
                assert!(self.entries.remove(token.as_str()).is_some(), "what is forgotten was remembered");
            }
            Output::Discard { token } => _ = self.entries.remove(token.as_str()),
            _ => {}
        }
    }

    /// Another call of the engine begins: what it said before is written.
    pub(super) fn is_written(&mut self) {
        self.unwritten.clear();
    }

    fn entry(&mut self, token: &UploadToken) -> &mut Entry {
        self.entries.get_mut(token.as_str()).expect("parts are of an upload that is remembered")
    }

    /// The page goes, and with it what was not written.
    fn lose_unwritten(&mut self) {
        for (token, part) in std::mem::take(&mut self.unwritten) {
            if let Some(entry) = self.entries.get_mut(token.as_str()) {
                entry.parts.remove(&part);
            }
        }
    }

    /// How many pages there were before this one.
    pub(super) fn page(&self) -> u64 {
        self.pages
    }
}

impl Trial {
    /// The page is loaded anew, and offers the uploads that were interrupted. What was on the way may arrive or not, and
    /// files may have changed.
    pub(super) fn reload(&mut self, chance: &mut Chance) {
        if self.is_loud {
            println!("reload");
        }
        if chance.percent(50) {
            self.journal.lose_unwritten();
        }
        self.let_go(&mut || chance.percent(50));
        let earlier = std::mem::take(&mut self.contents);
        self.engine = Engine::new(self.engine.options().clone());
        self.referee = Referee::default();
        self.pacing = Pacing::default();
        self.journal.pages += 1;
        let entries: Vec<_> = self.journal.entries.values().map(|entry| (entry.size, entry.interrupted())).collect();
        for (size, upload) in entries {
            let plan = PartPlan::new(size, PART_SIZE).unwrap();
            let info = FileInfo { size, ..FileInfo::default() };
            let token = upload.token.clone();
            let file = self.engine.add_interrupted(info, plan, upload, true);
            let id = self.owners.insert(key_of(&token).to_owned(), file).unwrap();
            self.contents.take_over(file, &earlier, id);
            if chance.percent(40) {
                self.contents.change(file, chance);
            }
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
            let confirm = self.confirms.remove(0);
            if arrives() {
                drop(self.object(&confirm));
            } else if confirm.joining.is_some() {
                self.complete_later(confirm);
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
        let known: Vec<_> = self.journal.entries.values().map(|entry| entry.upload.token.clone()).collect();
        let is_known = |key: &str| known.iter().any(|token| key_of(token) == key && upload_of(token).is_some());
        let keys = self.store.objects().chain(self.store.uploads()).map(str::to_owned);
        let unknown: Vec<_> = keys.filter(|key| !is_known(key) && !self.successful.contains(key)).collect();
        for key in unknown {
            self.store.discard(&key);
        }
    }
}
