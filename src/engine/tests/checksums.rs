use super::world::World;
use super::world_in_parts::{PART, number};
use crate::engine::{Engine, FileId, Input, Options, Status};
use crate::s3::{Checksum, ChecksumAlgorithm, Part, Refusal};

fn checked(limit: usize) -> World {
    World::new(Options { limit, checksum: Some(ChecksumAlgorithm::Sha256), ..Options::default() })
}

/// A world with a file whose parts are on their way, as many as `limit` of them.
fn sending(limit: usize, parts: u16) -> (World, FileId) {
    let mut world = checked(limit);
    let file = world.begun(parts);
    while !world.reads.is_empty() {
        world.read();
    }
    world.sign();
    world.told();
    (world, file)
}

#[test]
fn a_file_is_read_signed_for_its_checksum_and_sent() {
    let mut world = checked(1);
    let file = world.add(100);
    world.act(Engine::upload);
    assert_eq!(world.told(), "added 1; start 1; read 1 0..100");
    world.read();
    assert_eq!(world.engine.file(file).unwrap().checksum(None).unwrap().value, "c0");
    world.sign();
    world.answer(file, 200);
    assert_eq!(world.told(), "sign 1; send 1 0..100 as #1; confirm t1.1");
}

#[test]
fn each_part_is_read_and_the_whole_is_put_together_by_their_checksums() {
    let (mut world, file) = sending(2, 2);
    world.sign();
    world.told();
    world.store_part(file, 1);
    world.store_part(file, 2);
    assert_eq!(world.told(), "part 1.1 uploaded; part 1.2 uploaded; join u1 as c0 c5");
}

#[test]
fn an_upload_that_is_not_there_in_full_is_not_put_together_by_checksums() {
    let (mut world, file) = sending(1, 3);
    world.read();
    world.sign();
    world.store_part(file, 1);
    world.told();
    world.reject_part(file, 2, 404, "NoSuchUpload", "None.");
    assert!(world.told().ends_with("join u1"));
}

#[test]
fn no_more_is_read_ahead_than_the_limit() {
    let mut world = checked(1);
    world.begun(9);
    assert_eq!(world.told(), "remember 1; read 1 0..5M");
    world.read();
    world.sign();
    assert_eq!(world.told(), "sign parts 1 of u1; send 1 0..5M as #1; read 1 5M..10M");
    world.read();
    world.sign();
    assert_eq!(world.told(), "sign parts 2 of u1");
}

#[test]
fn without_a_limit_six_are_read_at_one_time() {
    let mut world = checked(0);
    world.add_many(40, 100);
    world.act(Engine::upload);
    assert_eq!(world.reads.len(), 6);
    world.read();
    world.sign();
    assert_eq!(world.reads.len(), 6);
}

#[test]
fn while_a_signing_call_is_out_what_is_read_gathers_for_the_next() {
    let mut world = checked(4);
    world.begun(9);
    world.told();
    (0..3).for_each(|_| world.read());
    assert_eq!(world.told(), "sign parts 1 of u1");
    world.sign();
    assert!(world.told().ends_with("sign parts 2 3 of u1"));
}

#[test]
fn bytes_that_arrived_changed_are_read_again() {
    let (mut world, file) = sending(1, 1);
    world.reject_part(file, 1, 400, "BadDigest", "The checksum did not match.");
    assert_eq!(world.told(), "");
    world.wait(1.0);
    assert_eq!(world.told(), "read 1 0..5M");
}

#[test]
fn an_expired_signature_is_renewed_without_reading_again() {
    let (mut world, file) = sending(1, 1);
    world.reject_part(file, 1, 403, "AccessDenied", "Request has expired");
    world.sign();
    assert_eq!(world.told(), "sign parts 1 of u1; send 1 0..5M as #2");
}

#[test]
fn what_was_read_before_the_network_went_is_not_read_again_and_what_was_read_before_a_pause_is() {
    let (mut world, file) = sending(1, 1);
    world.act(|engine, now| engine.pause(file, now));
    assert_eq!(world.told(), "cancel #1");
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "read 1 0..5M");
    world.read();
    world.told();
    world.input(Input::Offline);
    world.sign();
    assert_eq!(world.told(), "");
    world.input(Input::Online);
    assert_eq!(world.told(), "send 1 0..5M as #2");
}

#[test]
fn what_was_read_too_late_serves_nobody() {
    let mut world = checked(1);
    let file = world.begun(1);
    world.act(|engine, now| engine.remove(file, now));
    world.told();
    world.read();
    assert_eq!(world.told(), "");
}

#[test]
fn a_late_read_is_no_answer_to_the_next() {
    let mut world = checked(1);
    let file = world.begun(1);
    world.act(|engine, now| engine.pause(file, now));
    world.act(|engine, now| engine.resume(file, now));
    world.told();
    world.read();
    assert_eq!(world.told(), "");
    world.read();
    assert_eq!(world.told(), "sign parts 1 of u1");
}

#[test]
fn a_file_that_can_not_be_read_for_a_moment_is_read_again() {
    let mut world = checked(1);
    let file = world.begun(1);
    world.told();
    for _ in 0..3 {
        world.fail_to_read();
        assert!(matches!(world.status(file), Status::Retrying { .. }));
        world.wait(4.0);
        assert_eq!(world.told(), "read 1 0..5M");
    }
    world.read();
    world.sign();
    assert!(world.told().contains("send 1 0..5M as #1"));
}

#[test]
fn a_file_that_can_not_be_read_fails_after_four_attempts() {
    let mut world = checked(1);
    let file = world.begun(1);
    for _ in 0..3 {
        world.fail_to_read();
        world.wait(4.0);
    }
    world.fail_to_read();
    assert!(world.error(file).starts_with("This file can't be read"));
}

#[test]
fn a_file_above_64_mib_in_one_request_is_not_read() {
    let mut world = checked(1);
    let file = world.add((64 << 20) + 1);
    world.act(Engine::upload);
    assert_eq!(world.told(), "added 1; start 1; sign 1");
    assert_eq!(world.status(file), Status::Preparing);
    assert_eq!(world.engine.file(file).unwrap().checksum(None), None);
}

#[test]
fn wrong_bytes_in_the_store_are_discarded_and_sent_under_another_key() {
    let mut world = checked(1);
    let file = world.add(100);
    world.act(Engine::upload);
    world.read();
    world.sign();
    world.answer(file, 200);
    world.told();
    world.refuse_to_confirm(Refusal::ChecksumMismatch);
    assert_eq!(world.told(), "discard t1.1");
    assert_eq!(world.engine.file(file).unwrap().token(), None);
}

#[test]
fn without_a_network_one_file_is_read_and_signed_to_try_it() {
    let mut world = checked(1);
    let file = world.add(PART);
    world.input(Input::Offline);
    world.act(Engine::upload);
    world.told();
    world.wait(10.0);
    world.read();
    assert_eq!(world.told(), "read 1 0..5M; sign 1");
    world.lose_signing();
    assert_eq!(world.told(), "");
    assert_eq!(world.status(file), Status::Offline);
}

#[test]
fn a_lost_part_that_the_store_has_with_other_bytes_is_sent_again() {
    for (value, told) in [("c0", "part 1.1 uploaded; join u1 as c0"), ("other", "")] {
        let (mut world, file) = sending(1, 1);
        world.part_sent(file, 1);
        world.break_part(file, 1);
        assert_eq!(world.told(), "progress 1; list u1");
        let checksum = Some(Checksum { algorithm: ChecksumAlgorithm::Sha256, value: value.into() });
        let (call, part) = (world.lists.pop_front().unwrap(), Part { number: number(1), size: PART, checksum });
        world.input(Input::Listed { call, result: Ok(vec![part]) });
        assert_eq!(world.told(), told);
    }
}

#[test]
fn while_one_file_is_read_to_try_the_network_no_other_is() {
    let mut world = checked(0);
    world.add_many(2, 100);
    world.input(Input::Offline);
    world.act(Engine::upload);
    world.told();
    world.wait(60.0);
    assert_eq!(world.told(), "read 1 0..100");
}

#[test]
fn whether_parts_have_checksums_is_decided_before_the_upload_begins() {
    let mut world = checked(1);
    let file = world.begun(3);
    assert_eq!(world.engine.file(file).unwrap().part_algorithm(), Some(ChecksumAlgorithm::Sha256));
    let options = Options { checksum: None, ..world.engine.options().clone() };
    world.act(|engine, now| engine.set_options(options, now));
    world.told();
    world.read();
    world.sign();
    let told = world.told();
    assert!(told.contains("read 1 5M..10M"), "the store was told so: {told}");
}
