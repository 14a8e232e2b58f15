use std::time::Duration;

use super::world::World;
use crate::engine::{Engine, Options, Output, Progress, Status};

#[test]
fn progress_never_goes_back() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.progress(file, 60);
    world.progress(file, 40);
    assert_eq!(world.progress_of(file).sent, 60);
    world.break_connection(file);
    world.wait(1.0);
    world.progress(file, 10);
    assert_eq!((world.progress_of(file).sent, world.status(file)), (60, Status::Resending));
    world.progress(file, 70);
    assert_eq!((world.progress_of(file).sent, world.status(file)), (70, Status::Uploading));
}

#[test]
fn a_hundred_percent_means_success() {
    let mut world = World::new(Options::default());
    let file = world.sending(1000);
    world.progress(file, 5000);
    world.sent(file);
    assert_eq!((world.progress_of(file).sent, world.progress_of(file).percent()), (999, 99));
    world.answer(file, 200);
    assert_eq!(world.progress_of(file).percent(), 99);
    world.confirm();
    assert_eq!((world.progress_of(file).sent, world.progress_of(file).percent()), (1000, 100));
}

#[test]
fn only_new_bytes_are_an_event() {
    let mut world = World::new(Options::default());
    let file = world.sending(100);
    world.progress(file, 0);
    world.progress(file, 50);
    world.progress(file, 50);
    world.sent(file);
    world.sent(file);
    assert_eq!(world.told(), "progress 1; progress 1");
}

#[test]
fn speed_and_time_left_follow_the_bytes() {
    let mut world = World::new(Options::default());
    let file = world.sending(100_000);
    for sent in 0..10 {
        world.progress(file, sent * 1000);
        world.wait(1.0);
    }
    let progress = world.progress_of(file);
    assert!((progress.speed - 1000.0).abs() < 1.0, "{}", progress.speed);
    assert_eq!(progress.time_left, Some(Duration::from_secs(91)));
    assert!((world.engine.totals().progress.speed - 1000.0).abs() < 1.0);
}

#[test]
fn nothing_moves_for_long_and_the_speed_is_zero() {
    let mut world = World::new(Options::default());
    let file = world.sending(100_000);
    world.progress(file, 1000);
    world.wait(1.0);
    world.progress(file, 2000);
    assert!(world.engine.totals().progress.speed > 0.0);
    world.wait(10.0);
    world.act(Engine::handle_timeout);
    assert_eq!(world.engine.totals().progress.time_left, None);
    world.wait(30.0);
    assert_eq!(world.progress_of(file).time_left, None);
}

#[test]
fn totals_leave_failed_files_out() {
    let mut world = World::without_tokens(Options::default());
    let files = [world.sending(100), world.sending(300)];
    world.progress(files[0], 50);
    world.progress(files[1], 150);
    let totals = world.engine.totals();
    assert_eq!((totals.files, totals.active, totals.progress.percent()), (2, 2, 50));
    world.answer(files[1], 400);
    let totals = world.engine.totals();
    assert_eq!((totals.active, totals.failed), (1, 1));
    assert_eq!((totals.progress.sent, totals.progress.size), (50, 100));
}

#[test]
fn a_file_is_said_to_have_changed_once_however_much_changed() {
    let mut world = World::new(Options::default());
    let file = world.add(100);
    world.act(Engine::upload);
    world.engine.upload(crate::engine::Instant::default());
    let mut changed = Vec::new();
    world.engine.pause(file, crate::engine::Instant::default());
    world.engine.resume(file, crate::engine::Instant::default());
    while let Some(output) = world.engine.poll_output() {
        changed.extend(matches!(output, Output::Changed(_)).then_some(output));
    }
    assert_eq!(changed, [Output::Changed(file)]);
}

#[test]
fn a_file_that_stands_still_loses_its_speed_before_it_has_stalled() {
    let mut world = World::new(Options::default());
    let file = world.sending(100_000);
    world.progress(file, 1000);
    world.wait(1.0);
    world.progress(file, 2000);
    assert!(world.progress_of(file).speed > 0.0);
    world.wait(5.0);
    let Progress { sent, speed, time_left, .. } = world.progress_of(file);
    assert_eq!((sent, speed.to_bits(), time_left), (2000, 0.0_f64.to_bits(), None));
    assert_eq!(world.status(file), Status::Uploading);
}
