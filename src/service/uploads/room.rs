//! How much uploads may take together: their number, and their bytes on the disk.
//!
//! An upload of a declared size takes its room when it is begun, so nobody is refused half way; one of unknown size
//! takes it as its bytes come.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt;

use super::{Policy, Uploads};
use crate::{
    model::{ByteStream, Fault, FaultKind, Outcome},
    store::Upload,
};

impl Uploads {
    /// Whether one more may begin.
    ///
    /// # Errors
    /// TooLarge when it could never have room, LimitExceeded when it has none now; both name the limit.
    pub(super) fn has_room_for(&self, size: Option<u64>) -> Outcome<()> {
        let Policy { uploads: most, bytes, .. } = self.policy;
        let size = size.unwrap_or(0);
        if size > bytes {
            let message =
                format!("size is {size} and limits.upload_bytes is {bytes}; stream it to PUT /content instead");
            return Err(Fault::too_large(message));
        }
        if self.kept().under_way.len() >= most {
            let message = format!("{most} uploads are under way, which is limits.uploads; commit or abort one");
            return Err(Fault::new(FaultKind::LimitExceeded, message));
        }
        self.has_room(size)
    }

    /// The bytes of a part as they come, until there is no room for more. Where the size was declared there is.
    pub(super) fn metered(self: &Arc<Self>, upload: &Upload, data: ByteStream) -> ByteStream {
        if upload.size().is_some() {
            return data;
        }
        let uploads = Arc::clone(self);
        let checked = move |piece: Outcome<Bytes>| {
            let piece = piece?;
            uploads.has_room(piece.len() as u64)?;
            Ok(piece)
        };
        data.map(checked).boxed()
    }

    fn has_room(&self, wanted: u64) -> Outcome<()> {
        let bytes = self.policy.bytes;
        let taken: u64 = self.kept().under_way.values().map(|entry| entry.upload.reserved()).sum();
        if wanted <= bytes.saturating_sub(taken) {
            return Ok(());
        }
        let message =
            format!("the uploads under way take {taken} bytes of limits.upload_bytes, {bytes}; commit or abort one");
        Err(Fault::new(FaultKind::LimitExceeded, message))
    }
}
