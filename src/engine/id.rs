use std::fmt;

use crate::s3::PartNumber;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }
    };
}

id! {
    /// A file of one engine's list; ids ascend in the order of adding and are never used again.
    FileId
}

id! {
    /// A call to the signing server; its answer carries the same id.
    CallId
}

id! {
    /// A request that carries data to the store; its answers carry the same id.
    RequestId
}

/// A file, or one of its parts: whatever has a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) file: FileId,
    pub(super) part: Option<PartNumber>,
}

impl From<FileId> for Piece {
    fn from(file: FileId) -> Self {
        Self { file, part: None }
    }
}

/// Where an engine's ids come from.
#[derive(Debug, Default)]
pub(super) struct Ids {
    files: u64,
    calls: u64,
    requests: u64,
}

impl Ids {
    pub(super) fn file(&mut self) -> FileId {
        self.files += 1;
        FileId(self.files)
    }

    pub(super) fn call(&mut self) -> CallId {
        self.calls += 1;
        CallId(self.calls)
    }

    pub(super) fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }
}
