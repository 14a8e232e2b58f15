use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::body::{Body, HttpBody};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Bytes of large calls' bodies at one time, as they were received: eight of the largest. It bounds memory only up to a
/// factor: the buffer that a body is read into has room to grow, and what is made of it, as JSON, is not counted.
const BYTES: usize = 64 << 20;

/// What a call may have before it counts: nearly all have less, and are not refused because of others.
const FREE_BYTES: usize = 64 << 10;

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
pub(in crate::server) struct Room(Arc<Semaphore>);

/// A body, and the room that it takes.
#[derive(Debug, Default)]
pub(in crate::server) struct Held {
    pub(in crate::server) bytes: Vec<u8>,
    pub(in crate::server) taken: Taken,
}

/// Room that a call has, given back when this is dropped: not before what was made of the body is.
#[derive(Debug, Default)]
pub(in crate::server) struct Taken(Option<OwnedSemaphorePermit>);

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
        Self(Arc::new(Semaphore::new(bytes)))
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
        let counted = u32::try_from(after.saturating_sub(before.max(FREE_BYTES))).map_err(|_| Unread::NoRoom)?;
        let taken = Arc::clone(&self.0).try_acquire_many_owned(counted).map_err(|_| Unread::NoRoom)?;
        match &mut held.taken.0 {
            Some(all) => all.merge(taken),
            none => *none = Some(taken),
        }
        held.bytes.extend_from_slice(data);
        Ok(held)
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new(BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LARGE: usize = 2 * FREE_BYTES;

    fn zeros(bytes: usize) -> Body {
        Body::from(vec![0; bytes])
    }

    #[tokio::test]
    async fn large_calls_share_the_room_and_small_ones_need_none() {
        let room = Room::new(FREE_BYTES);
        let first = room.read(zeros(LARGE), LARGE).await.unwrap();
        assert_eq!(first.bytes.len(), LARGE);
        assert!(matches!(room.read(zeros(FREE_BYTES + 1), LARGE).await, Err(Unread::NoRoom)));
        assert!(room.read(zeros(FREE_BYTES), LARGE).await.is_ok());
        drop(first);
        assert!(room.read(zeros(LARGE), LARGE).await.is_ok());
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
