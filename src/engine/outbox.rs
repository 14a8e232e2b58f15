use std::collections::VecDeque;

use super::sorted::SortedSet;
use super::{Event, FileId, Output};

/// What the driver has yet to do, in order.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    outputs: VecDeque<Output>,
    /// Files with a `Changed` among the outputs: one is enough, for it only says to look again.
    changed: SortedSet<FileId>,
}

impl Outbox {
    pub(super) fn push(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    pub(super) fn extend(&mut self, outputs: impl IntoIterator<Item = Output>) {
        outputs.into_iter().for_each(|output| self.push(output));
    }

    pub(super) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    pub(super) fn changed(&mut self, file: FileId) {
        if self.changed.insert(file) {
            self.push(Output::Changed(file));
        }
    }

    pub(super) fn pop(&mut self) -> Option<Output> {
        let output = self.outputs.pop_front()?;
        if let Output::Changed(file) = &output {
            self.changed.remove(file);
        }
        Some(output)
    }
}
