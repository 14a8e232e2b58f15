use super::resuming::{going_on, interrupted, list, resumed, resumption};
use super::world::{World, limit};
use super::world_in_parts::{PART, number};
use crate::engine::{CallFailure, Engine, Input, Interrupted, Resumed, Status};
use crate::s3::{Checksum, ChecksumAlgorithm, FileInfo, Part, PartPlan, Refusal, UploadToken};

/// Lists the parts of an upload without checksums as a store does whose `ETag`s are MD5s.
fn list_md5s(world: &mut World, parts: &[(u16, &str)]) {
    let call = world.lists.pop_front().unwrap();
    let part = |(part, value): &(u16, &str)| {
        let checksum = Checksum { algorithm: ChecksumAlgorithm::Md5, value: (*value).into() };
        Part { number: number(*part), size: PART, checksum: Some(checksum) }
    };
    world.input(Input::Listed { call, result: Ok(parts.iter().map(part).collect()) });
}

#[test]
fn parts_of_an_earlier_page_are_noted_once_they_are_compared() {
    let (mut world, _) = going_on(&[(1, "c0")]);
    list(&mut world, &[(1, PART, Some("c0")), (2, PART, Some("c5"))]);
    assert_eq!(world.remembered(), []);
    (0..2).for_each(|_| world.read());
    assert_eq!(world.remembered(), [(2, Some("c5"))], "of the first the journal knows");
}

#[test]
fn a_part_that_is_no_longer_what_the_store_has_is_sent_again_and_no_other() {
    let (mut world, file) = going_on(&[(1, "c0"), (2, "old")]);
    world.told();
    list(&mut world, &[(1, PART, Some("c0")), (2, PART, Some("old")), (3, PART, Some("c10")), (4, PART, Some("c15"))]);
    (0..4).for_each(|_| world.read());
    let told = world.told();
    assert!(told.contains("forget part 2") && told.ends_with("read 1 5M..10M"), "{told}");
    assert_eq!(resumption(&world, file), Some(Resumed::Differs));
    world.read();
    world.sign();
    world.store_part(file, 2);
    let told = world.told();
    assert!(
        told.ends_with("sign parts 2 of u9; send 1 5M..10M as #1; part 1.2 uploaded; join u9 as c0 c5 c10 c15"),
        "{told}"
    );
}

#[test]
fn the_store_is_given_checksums_of_bytes_that_this_page_has_read_and_never_its_own() {
    let (mut world, _) = going_on(&[(1, "c0")]);
    world.told();
    list(
        &mut world,
        &[(1, PART, Some("c0")), (2, PART, Some("theirs")), (3, PART, Some("c10")), (4, PART, Some("c15"))],
    );
    (0..4).for_each(|_| world.read());
    assert!(!world.told().contains("join"), "the second is of nobody here");
}

#[test]
fn where_the_store_gives_no_checksum_the_file_is_compared_with_the_journal() {
    let (mut world, file) = going_on(&[(1, "c0"), (2, "old")]);
    world.told();
    list(&mut world, &[(1, PART, None), (2, PART, None)]);
    assert_eq!(world.told(), "read 1 0..5M; read 1 5M..10M; read 1 10M..15M; read 1 15M..20M");
    (0..2).for_each(|_| world.read());
    assert_eq!(world.told(), "forget part 2");
    assert_eq!(resumption(&world, file), Some(Resumed::Differs));
}

#[test]
fn a_part_without_any_checksum_is_sent_again() {
    for (upload, told) in [
        (interrupted(&[(1, "c0")]), "read 1 0..5M; read 1 5M..10M; read 1 10M..15M"),
        (interrupted(&[]), "sign parts 1 2 3 4 of u9"),
    ] {
        let (mut world, file) = resumed(upload);
        world.told();
        world.list(&[1, 2]);
        assert_eq!(world.told(), told);
        assert_eq!(resumption(&world, file), Some(Resumed::Unproven));
    }
}

#[test]
fn without_checksums_parts_are_compared_by_the_md5_that_an_etag_is() {
    let (mut world, file) = going_on(&[]);
    world.told();
    list_md5s(&mut world, &[(1, "c0"), (2, "old")]);
    assert_eq!(world.told(), "read 1 0..5M; read 1 5M..10M; sign parts 3 4 of u9");
    world.sign();
    (0..2).for_each(|_| world.read());
    assert_eq!(resumption(&world, file), Some(Resumed::Differs));
    world.store_part(file, 3);
    world.store_part(file, 4);
    world.sign();
    world.store_part(file, 2);
    assert!(world.told().ends_with("join u9"), "an object that was begun without checksums has none");
}

#[test]
fn missing_parts_are_sent_while_others_are_compared() {
    let (mut world, file) = going_on(&[]);
    list_md5s(&mut world, &[(1, "c0"), (2, "c5")]);
    assert_eq!(world.status(file), Status::Verifying, "nothing moves yet but the disk");
    world.sign();
    assert_eq!(world.status(file), Status::Uploading);
    world.store_part(file, 3);
    assert!(world.told().ends_with("part 1.3 uploaded"));
    assert_eq!((world.reads.len(), world.progress_of(file).sent), (2, 3 * PART));
}

#[test]
fn comparing_has_a_status_of_its_own_and_no_speed() {
    let (mut world, file) = going_on(&[]);
    list_md5s(&mut world, &[(1, "c0"), (2, "c5"), (3, "c10"), (4, "c15")]);
    for _ in 0..3 {
        world.wait(1.0);
        world.read();
        assert_eq!(world.status(file), Status::Verifying);
        let progress = world.progress_of(file);
        assert_eq!((progress.sent, progress.speed, progress.time_left), (4 * PART - 1, 0.0, None));
    }
    world.read();
    assert_eq!(world.status(file), Status::Finishing);
}

#[test]
fn two_parts_are_compared_at_one_time_and_files_take_turns() {
    let mut world = World::new(limit(2));
    let plan = PartPlan::new(4 * PART, PART).unwrap();
    let info = FileInfo { size: 4 * PART, ..FileInfo::default() };
    let files = ["u8", "u9"].map(|token| {
        let upload = Interrupted { token: UploadToken::new(token.into()), ..interrupted(&[]) };
        let file = world.engine.add_interrupted(info.clone(), plan, upload, true);
        world.act(|engine, _| engine.reopen(file, info.clone()));
        file
    });
    world.act(Engine::resume_all);
    for _ in files {
        list_md5s(&mut world, &[(1, "c0"), (2, "c5"), (3, "c10"), (4, "c15")]);
    }
    world.told();
    (0..4).for_each(|_| world.read());
    assert_eq!(world.told(), "read 2 0..5M; read 2 5M..10M; read 1 10M..15M; read 2 10M..15M");
    assert_eq!(world.reads.len(), 2);
}

#[test]
fn a_pause_stops_the_comparison_and_a_late_read_counts_no_more() {
    let (mut world, file) = going_on(&[(1, "c0")]);
    list(&mut world, &[(1, PART, Some("c0")), (2, PART, Some("c5")), (3, PART, Some("c10")), (4, PART, Some("c15"))]);
    world.act(|engine, now| engine.pause(file, now));
    world.told();
    (0..2).for_each(|_| world.read());
    assert_eq!(world.told(), "", "nothing more is read");
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "read 1 0..5M; read 1 5M..10M");
}

#[test]
fn a_removed_file_is_not_compared_any_more() {
    let (mut world, file) = going_on(&[(1, "c0")]);
    list(&mut world, &[(1, PART, Some("c0")), (2, PART, Some("c5")), (3, PART, Some("c10"))]);
    world.act(|engine, now| engine.remove(file, now));
    world.told();
    (0..2).for_each(|_| world.read());
    assert_eq!(world.told(), "");
}

#[test]
fn a_file_that_cannot_be_compared_because_it_cannot_be_read_fails() {
    let (mut world, file) = going_on(&[(1, "c0")]);
    list(&mut world, &[(1, PART, Some("c0"))]);
    world.fail_to_read();
    assert!(world.error(file).starts_with("This file can't be read"));
}

#[test]
fn a_replaced_part_whose_answer_was_lost_is_not_taken_for_stored_by_its_size() {
    let parts = [(1, PART, None), (2, PART, None), (3, PART, None), (4, PART, None)];
    let (mut world, file) = going_on(&[(1, "old"), (2, "c5"), (3, "c10"), (4, "c15")]);
    list(&mut world, &parts);
    (0..5).for_each(|_| world.read());
    world.sign();
    world.part_sent(file, 1);
    world.break_part(file, 1);
    assert!(world.told().ends_with("list u9"));
    list(&mut world, &parts);
    assert_eq!(world.told(), "");
    world.wait(1.0);
    assert_eq!(world.told(), "sign parts 1 of u9");
}

#[test]
fn an_object_that_an_earlier_page_completed_is_compared_with_the_file_before_it_is_taken_for_it() {
    let (mut world, file) = going_on(&[(1, "c0")]);
    world.told();
    world.fail_to_list(CallFailure::Refused(Refusal::UploadMissing));
    assert_eq!(world.told(), "read 1 0..5M; read 1 5M..10M");
    (0..4).for_each(|_| world.read());
    assert_eq!(world.told(), "read 1 10M..15M; read 1 15M..20M; join u9 as c0 c5 c10 c15");
    world.refuse_to_confirm(Refusal::ChecksumMismatch);
    assert_eq!(world.told(), "discard u9");
    assert_eq!(resumption(&world, file), Some(Resumed::Lost));
}

#[test]
fn what_looks_like_an_md5_and_is_none_costs_a_comparison_and_the_part_is_sent_again() {
    let upload = Interrupted { algorithm: Some(ChecksumAlgorithm::Md5), ..interrupted(&[]) };
    let (mut world, _) = resumed(upload);
    list_md5s(&mut world, &[(1, "m"), (2, "m"), (3, "m"), (4, "m")]);
    world.told();
    (0..2).for_each(|_| world.read());
    let told = world.told();
    assert!(
        told.contains("forget part 1") && told.contains("forget part 2") && told.contains("read 1 0..5M"),
        "{told}"
    );
}
