use std::time::Duration;

use super::world::{World, limit};
use crate::engine::{Engine, Options, Restrictions, RetryPolicy, Status};
use crate::s3::ChecksumAlgorithm;

fn set(world: &mut World, options: Options) {
    world.act(|engine, now| engine.set_options(options, now));
}

/// A field that is added has to be looked at here, too.
#[test]
fn every_option_can_be_set_later_but_the_seed() {
    let Options { timeout: _, limit: _, max_part_requests: _, retry: _, restrictions: _, checksum: _, seed: _ } =
        Options::default();
    a_timeout_counts_at_once();
    a_limit_counts_for_what_starts();
    parts_of_a_file_at_one_time_can_become_more_and_fewer();
    retries_count_from_the_next_failure();
    restrictions_count_for_what_is_added();
    a_checksum_counts_for_what_is_prepared();
    a_seed_stays();
}

fn a_timeout_counts_at_once() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.progress(file, 1);
    world.told();
    set(&mut world, Options { timeout: Duration::from_secs(2), ..Options::default() });
    world.wait(2.0);
    assert!(world.told().starts_with("cancel #1; stalled 1"));
}

fn a_limit_counts_for_what_starts() {
    let mut world = World::new(limit(1));
    world.add_many(3, 100);
    world.act(Engine::upload);
    world.sign();
    world.told();
    set(&mut world, limit(2));
    assert!(world.told().starts_with("send 2 0..100 as #2"));
}

fn parts_of_a_file_at_one_time_can_become_more_and_fewer() {
    let mut world = World::new(Options { max_part_requests: 1, ..limit(4) });
    let file = world.sending_parts(6);
    assert!(world.was_part_sent(file, 1) && !world.was_part_sent(file, 2));
    set(&mut world, Options { max_part_requests: 3, ..limit(4) });
    world.sign();
    assert!(world.was_part_sent(file, 3) && !world.was_part_sent(file, 4), "more");
    set(&mut world, Options { max_part_requests: 2, ..limit(4) });
    world.store_part(file, 1);
    assert!(!world.has_signs(), "fewer: two are on their way");
    world.store_part(file, 2);
    world.sign();
    assert!(world.was_part_sent(file, 4) && !world.was_part_sent(file, 5), "as many as are left");
}

fn retries_count_from_the_next_failure() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    set(&mut world, Options { retry: RetryPolicy { max_retries: 0, ..RetryPolicy::default() }, ..Options::default() });
    world.break_connection(file);
    assert_eq!(world.status(file), Status::Failed);
}

fn restrictions_count_for_what_is_added() {
    let mut world = World::new(Options::default());
    let before = world.add(100);
    let restrictions = Restrictions { max_file_size: Some(1), ..Restrictions::default() };
    set(&mut world, Options { restrictions, ..Options::default() });
    let after = world.add(100);
    assert_eq!((world.status(before), world.status(after)), (Status::Waiting, Status::Failed));
}

fn a_checksum_counts_for_what_is_prepared() {
    let mut world = World::new(Options::default());
    world.add(100);
    set(&mut world, Options { checksum: Some(ChecksumAlgorithm::Sha256), ..Options::default() });
    world.act(Engine::upload);
    assert!(world.told().ends_with("read 1 0..100"));
}

fn a_seed_stays() {
    let delay = |set_seed: bool| {
        let mut world = World::new(Options::default());
        let file = world.sending(100);
        if set_seed {
            set(&mut world, Options { seed: 1, ..Options::default() });
        }
        world.break_connection(file);
        world.status(file)
    };
    assert_eq!(delay(true), delay(false));
}
