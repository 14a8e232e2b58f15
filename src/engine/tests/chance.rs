use crate::engine::jitter::Jitter;

/// Random choices.
pub(super) struct Chance(Jitter);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(Jitter::new(seed))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    pub(super) fn below(&mut self, end: u64) -> u64 {
        (self.0.unit() * end as f64) as u64
    }

    pub(super) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap()
    }

    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.index(items.len())]
    }
}
