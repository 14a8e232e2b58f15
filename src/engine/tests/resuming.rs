use super::world::{World, limit};
use super::world_in_parts::{PART, number};
use crate::engine::{CallFailure, Engine, FileId, Input, Interrupted, Options, Resumed, Status};
use crate::s3::{Checksum, ChecksumAlgorithm, FileInfo, Part, PartPlan, Refusal, UploadToken};

fn checksum(value: &str) -> Checksum {
    Checksum { algorithm: ChecksumAlgorithm::Sha256, value: value.into() }
}

/// An upload of which the journal knows the checksums of these parts.
pub(super) fn interrupted(checksums: &[(u16, &str)]) -> Interrupted {
    Interrupted {
        token: UploadToken::new("u9".into()),
        key: "up/9".into(),
        location: None,
        algorithm: (!checksums.is_empty()).then_some(ChecksumAlgorithm::Sha256),
        checksums: checksums.iter().map(|(part, value)| (number(*part), checksum(value))).collect(),
        parts: 2,
    }
}

fn offered(upload: Interrupted) -> (World, FileId) {
    let mut world = World::new(limit(2));
    let plan = PartPlan::new(4 * PART, PART).unwrap();
    let info = FileInfo { size: 4 * PART, ..FileInfo::default() };
    let file = world.engine.add_interrupted(info, plan, upload, true);
    (world, file)
}

/// A file of four parts, chosen again after its page was gone.
pub(super) fn resumed(upload: Interrupted) -> (World, FileId) {
    let (mut world, file) = offered(upload);
    let info = FileInfo { size: 4 * PART, ..FileInfo::default() };
    world.act(|engine, _| engine.reopen(file, info));
    world.act(|engine, now| engine.resume(file, now));
    (world, file)
}

pub(super) fn going_on(checksums: &[(u16, &str)]) -> (World, FileId) {
    resumed(interrupted(checksums))
}

pub(super) fn list(world: &mut World, parts: &[(u16, u64, Option<&str>)]) {
    let call = world.lists.pop_front().unwrap();
    let part = |(part, size, value): &(u16, u64, Option<&str>)| Part {
        number: number(*part),
        size: *size,
        checksum: value.map(checksum),
    };
    world.input(Input::Listed { call, result: Ok(parts.iter().map(part).collect()) });
}

pub(super) fn resumption(world: &World, file: FileId) -> Option<Resumed> {
    world.engine.file(file).unwrap().resumed()
}

#[test]
fn an_interrupted_upload_sends_what_the_store_does_not_have_and_compares_the_rest() {
    let (mut world, file) = going_on(&[(1, "c0"), (3, "c10")]);
    assert_eq!(world.told(), "added 1; start 1; list u9");
    assert_eq!(world.status(file), Status::Preparing);
    list(&mut world, &[(1, PART, Some("c0")), (3, PART, Some("c10"))]);
    assert_eq!(world.told(), "read 1 0..5M; read 1 10M..15M; read 1 5M..10M; read 1 15M..20M");
    (0..4).for_each(|_| world.read());
    assert_eq!(world.told(), "sign parts 2 of u9; sign parts 4 of u9");
    assert_eq!(world.progress_of(file).sent, 2 * PART);
    world.sign();
    world.sign();
    world.store_part(file, 2);
    world.store_part(file, 4);
    assert!(world.told().ends_with("join u9 as c0 c5 c10 c15"));
    world.confirm();
    assert_eq!(world.told(), "forget u9; success 1; complete [1] failed []");
    assert_eq!(resumption(&world, file), Some(Resumed::GoesOn));
}

#[test]
fn an_upload_of_which_the_store_has_everything_is_only_compared_and_put_together() {
    let (mut world, file) = going_on(&[(1, "c0")]);
    world.told();
    list(&mut world, &[(1, PART, Some("c0")), (2, PART, Some("c5")), (3, PART, Some("c10")), (4, PART, Some("c15"))]);
    (0..4).for_each(|_| world.read());
    assert_eq!(
        world.told(),
        "read 1 0..5M; read 1 5M..10M; read 1 10M..15M; read 1 15M..20M; join u9 as c0 c5 c10 c15"
    );
    world.confirm();
    assert_eq!(world.status(file), Status::Complete);
}

#[test]
fn the_store_is_believed_and_not_the_journal() {
    let (mut world, _) = going_on(&[(1, "c0"), (2, "c5"), (3, "c10")]);
    world.told();
    // The second is not there, the third is shorter; of the fourth the journal does not know.
    list(&mut world, &[(1, PART, Some("c0")), (3, PART - 1, Some("c10")), (4, PART, Some("c15"))]);
    assert_eq!(world.told(), "read 1 0..5M; read 1 15M..20M; read 1 5M..10M; read 1 10M..15M");
    (0..2).for_each(|_| world.read());
    assert_eq!(world.told(), "", "these two are there");
    world.read();
    assert_eq!(world.told(), "sign parts 2 of u9");
}

/// Of a part that an earlier page left with other bytes, its size in the store proves nothing.
#[test]
fn an_upload_that_is_gone_starts_over_when_its_object_is_not_there_either() {
    let (mut world, file) = going_on(&[]);
    world.fail_to_list(CallFailure::Refused(Refusal::UploadMissing));
    assert_eq!(world.told(), "added 1; start 1; list u9; join u9");
    world.refuse_to_confirm(Refusal::UploadMissing);
    assert_eq!(world.told(), "forget u9");
    assert_eq!(world.engine.file(file).unwrap().resumed(), Some(Resumed::Lost));
    world.wait(1.0);
    assert_eq!(world.told(), "sign 1");
    world.sign();
    world.create();
    assert_eq!(world.told(), "create 1; remember 1; sign parts 1 2 3 4 of u1");
}

#[test]
fn an_upload_whose_token_is_too_old_starts_over() {
    let (mut world, file) = going_on(&[]);
    world.fail_to_list(CallFailure::Refused(Refusal::TokenExpired));
    assert_eq!(world.engine.file(file).unwrap().resumed(), Some(Resumed::Lost));
    world.wait(1.0);
    assert_eq!(world.told(), "added 1; start 1; list u9; discard u9; sign 1");
}

#[test]
fn an_interrupted_upload_waits_for_its_file_whatever_is_asked_of_all() {
    let (mut world, file) = offered(interrupted(&[]));
    for verb in [Engine::upload, Engine::resume_all, Engine::retry_all, Engine::pause_all, Engine::cancel_all] {
        world.act(verb);
    }
    assert_eq!(world.told(), "added 1; cancel all");
    assert_eq!(world.status(file), Status::Interrupted { can_reopen: true });
    assert_eq!(world.progress_of(file).sent, 2 * PART, "as the journal has it");
    world.act(|engine, _| engine.lose_sight(file));
    assert_eq!(world.status(file), Status::Interrupted { can_reopen: false });
}

#[test]
fn an_interrupted_upload_that_another_page_has_taken_up_is_left_alone() {
    let (mut world, file) = offered(interrupted(&[]));
    world.act(|engine, now| engine.leave(file, now));
    assert_eq!(world.told(), "added 1; removed 1");
}

#[test]
fn what_is_read_for_a_resumed_upload_is_bounded_without_checksums_and_limits_too() {
    let mut world = World::new(Options::default());
    let plan = PartPlan::new(40 * PART, PART).unwrap();
    let info = FileInfo { size: 40 * PART, ..FileInfo::default() };
    let file = world.engine.add_interrupted(info.clone(), plan, interrupted(&[(1, "a")]), true);
    world.act(|engine, _| engine.reopen(file, info));
    world.act(|engine, now| engine.resume(file, now));
    world.list(&[]);
    assert_eq!(world.reads.len(), 6);
}

#[test]
fn nothing_is_reopened_but_what_is_interrupted() {
    let mut world = World::new(limit(1));
    let file = world.sending(100);
    world.act(|engine, _| {
        engine.reopen(file, FileInfo::default());
        engine.lose_sight(file);
    });
    assert_eq!(world.status(file), Status::Uploading);
}

#[test]
fn an_interrupted_upload_that_is_cancelled_leaves_nothing_behind() {
    let (mut world, file) = going_on(&[]);
    world.told();
    world.act(|engine, now| engine.remove(file, now));
    assert_eq!(world.told(), "discard u9; removed 1");
    world.list(&[1]);
    assert_eq!(world.told(), "");
}

#[test]
fn a_part_whose_bytes_had_all_left_before_a_pause_is_looked_for_and_not_sent_again() {
    let mut world = World::new(limit(2));
    let file = world.sending_parts(3);
    world.part_sent(file, 2);
    world.act(|engine, now| engine.pause(file, now));
    world.told();
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "list u1");
    world.list(&[2]);
    assert_eq!(world.told(), "sign parts 1 3 of u1");
}

#[test]
fn without_such_a_part_nobody_asks() {
    let mut world = World::new(limit(2));
    let file = world.sending_parts(3);
    world.part_progress(file, 2, PART / 2);
    world.act(|engine, now| engine.pause(file, now));
    world.told();
    world.act(|engine, now| engine.resume(file, now));
    assert_eq!(world.told(), "sign parts 1 2 3 of u1");
}

#[test]
fn what_a_later_page_needs_is_told_as_soon_as_the_store_knows_the_upload() {
    let mut world = World::new(Options::default());
    let file = world.begun(1);
    let upload = world.engine.file(file).unwrap().interrupted().unwrap();
    assert_eq!((upload.token.as_str(), upload.key.as_str()), ("u1", "up/1"));
    assert_eq!(world.told(), "remember 1; sign parts 1 of u1");
}
