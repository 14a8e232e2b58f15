use crate::engine::{Event, FileId, Totals, UploadFile};

/// Who shows what the driver does.
pub trait Observer {
    /// These files changed, joined (a copy of the file) or left (`None`). Comes at most ten times a second.
    fn changed(&self, files: Vec<(FileId, Option<UploadFile>)>, totals: Totals);

    /// Something happened; comes at once.
    fn event(&self, event: &Event);
}
