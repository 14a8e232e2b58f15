use super::world::{World, limit};
use crate::engine::{Engine, Options, Status};

// How long these take is in `benches/engine.rs`.

#[test]
fn ten_thousand_files_in_a_row_all_complete_and_leave_nothing_due() {
    let mut world = World::new(limit(6));
    let files = world.add_many(10_000, 1000);
    world.act(Engine::upload);
    for file in files {
        while !world.was_sent(file) {
            world.sign();
        }
        world.progress(file, 500);
        world.sent(file);
        world.answer(file, 200);
        world.confirm();
    }
    let totals = world.engine.totals();
    assert_eq!((totals.complete, totals.progress.percent()), (10_000, 100));
    assert_eq!(world.engine.poll_timeout(), None);
}

#[test]
fn ten_thousand_parts_become_one_complete_file() {
    let mut world = World::new(limit(6));
    let file = world.sending_parts(10_000);
    for part in 1..=10_000 {
        while !world.was_part_sent(file, part) {
            world.sign();
        }
        world.part_progress(file, part, 1000);
        world.part_sent(file, part);
        world.store_part(file, part);
    }
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn ten_thousand_requests_in_flight_all_complete() {
    let mut world = World::without_tokens(Options::default());
    let files = world.add_many(10_000, 1000);
    world.act(Engine::upload);
    (0..100).for_each(|_| world.sign());
    for file in files {
        world.progress(file, 500);
        world.wait(0.01);
        world.answer(file, 200);
    }
    assert_eq!(world.engine.totals().complete, 10_000);
}
