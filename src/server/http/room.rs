use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Bytes of calls' bodies at one time, as they were received: eight of the largest. It bounds memory only up to a
/// factor: the buffer that a body is read into has room to grow, and what is made of it, as JSON, is not counted.
const BYTES: usize = 64 << 20;

/// Of each call the first bytes count apart, with as much room: nearly all calls have no more, and are not refused because of
/// a few large ones.
const SMALL_BYTES: usize = 64 << 10;

/// When a call that found no room is worth another try.
pub(in crate::server) const NO_ROOM_RETRY_SECS: u64 = 5;

/// How long a call may take to arrive.
const MAX_READ_TIME: Duration = Duration::from_secs(30);

/// Read on beyond what is taken and thrown away. An answer to a request whose body nobody read shows up in
/// a browser as a network error, without status and without words.
const MAX_DRAINED_BYTES: usize = 64 << 20;

/// The bytes of calls' bodies, of all callers together, from when they are received until the call is done with them:
/// whoever sends slowly has his for as long.
#[derive(Clone, Debug)]
pub(in crate::server) struct Room {
    small: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// A body, and the room that it takes.
#[derive(Debug, Default)]
pub(in crate::server) struct Held {
    pub(in crate::server) bytes: Vec<u8>,
    pub(in crate::server) taken: Taken,
}

/// Room that a call has, given back when this is dropped: not before what was made of the body is.
#[derive(Debug, Default)]
pub(in crate::server) struct Taken {
    small: Option<OwnedSemaphorePermit>,
    large: Option<OwnedSemaphorePermit>,
}

/// Why a body is not there.
#[derive(Debug)]
pub(in crate::server) enum Unread {
    TooLarge,
    /// Others have it.
    NoRoom,
    Late,
    Broken(axum::Error),
}

impl Room {
    fn new(bytes: usize) -> Self {
        let [small, large] = [bytes; 2].map(|bytes| Arc::new(Semaphore::new(bytes)));
        Self { small, large }
    }

    /// A body of at most `max` bytes.
    pub(in crate::server) async fn read(&self, body: Body, max: usize) -> Result<Held, Unread> {
        timeout(MAX_READ_TIME, self.read_all(body, max)).await.unwrap_or(Err(Unread::Late))
    }

    async fn read_all(&self, mut body: Body, max: usize) -> Result<Held, Unread> {
        let mut held = Ok(Held::default());
        let mut drained = 0;
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(data) = frame.map_err(Unread::Broken)?.into_data() else { continue };
            held = match held {
                Ok(held) => self.add(held, &data, max),
                Err(unread) => {
                    drained += data.len();
                    Err(unread)
                }
            };
            if drained > MAX_DRAINED_BYTES {
                break;
            }
        }
        held
    }

    fn add(&self, mut held: Held, data: &[u8], max: usize) -> Result<Held, Unread> {
        let (before, after) = (held.bytes.len(), held.bytes.len() + data.len());
        if after > max {
            return Err(Unread::TooLarge);
        }
        let small = after.min(SMALL_BYTES) - before.min(SMALL_BYTES);
        take(&self.small, small, &mut held.taken.small)?;
        take(&self.large, data.len() - small, &mut held.taken.large)?;
        held.bytes.extend_from_slice(data);
        Ok(held)
    }
}

fn take(room: &Arc<Semaphore>, bytes: usize, all: &mut Option<OwnedSemaphorePermit>) -> Result<(), Unread> {
    let bytes = u32::try_from(bytes).map_err(|_| Unread::NoRoom)?;
    let taken = Arc::clone(room).try_acquire_many_owned(bytes).map_err(|_| Unread::NoRoom)?;
    match all {
        Some(all) => all.merge(taken),
        none => *none = Some(taken),
    }
    Ok(())
}

impl Default for Room {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 2 * SMALL_BYTES;

    fn zeros(bytes: usize) -> Body {
        Body::from(vec![0; bytes])
    }

    #[tokio::test]
    async fn large_calls_share_the_room_and_leave_that_of_small_ones_to_them() {
        let room = Room::new(SMALL_BYTES * 3);
        let first = room.read(zeros(SMALL_BYTES * 4), usize::MAX).await.unwrap();
        assert_eq!(first.bytes.len(), SMALL_BYTES * 4);
        assert!(matches!(room.read(zeros(SMALL_BYTES + 1), LARGE).await, Err(Unread::NoRoom)));
        assert!(room.read(zeros(SMALL_BYTES), LARGE).await.is_ok());
        drop(first);
        assert!(room.read(zeros(LARGE), LARGE).await.is_ok());
    }

    #[tokio::test]
    async fn small_calls_have_no_more_room_than_there_is_however_many_they_are() {
        let room = Room::new(SMALL_BYTES * 3);
        let mut calls = Vec::new();
        for _ in 0..300 {
            calls.push(room.read(zeros(SMALL_BYTES / 100), LARGE).await.unwrap());
        }
        assert!(matches!(room.read(zeros(SMALL_BYTES / 10), LARGE).await, Err(Unread::NoRoom)));
        calls.truncate(290);
        assert!(room.read(zeros(SMALL_BYTES / 10), LARGE).await.is_ok());
    }

    #[tokio::test]
    async fn a_call_that_is_refused_takes_no_room() {
        let room = Room::new(LARGE);
        for _ in 0..3 {
            assert!(matches!(room.read(zeros(LARGE + 1), LARGE).await, Err(Unread::TooLarge)));
            assert!(room.read(zeros(LARGE), LARGE).await.is_ok());
        }
    }
}
