use super::simulation::{LIVES, Life};
use super::trial::PART_SIZE;
use crate::engine::Engine;

/// The pages of one life, at most.
const PAGES: u64 = 4;

/// Calls on one page, at most.
const STEPS: u64 = 100;

/// Of a seed alone: `SEED=123 cargo test change_between_pages -- --nocapture`.
#[test]
fn files_that_change_between_pages_end_as_one_version_and_no_mix() {
    match std::env::var("SEED") {
        Ok(seed) => live(Life::new(seed.parse().unwrap(), true)),
        Err(_) => (0..LIVES).for_each(|seed| live(Life::new(seed, false))),
    }
}

/// Uploads files in parts on one page after the other; what was said of the object is checked with each success.
fn live(mut life: Life) {
    life.trial.server.confirms = true;
    for _ in 0..=life.chance.below(2) {
        let size = 2 * PART_SIZE + life.chance.below(PART_SIZE);
        life.trial.add_in_parts(size);
    }
    life.trial.act("upload", Engine::upload);
    for _ in 0..=life.chance.below(PAGES) {
        for _ in 0..life.chance.below(STEPS) {
            match life.chance.below(100) {
                0..=49 => life.server_speaks(),
                50..=94 => life.store_speaks(),
                _ => _ = life.trial.pass_to_deadline(),
            }
        }
        life.reload();
        while life.reopen_one() {}
        life.trial.act("resume all", Engine::resume_all);
    }
    life.heal();
}
