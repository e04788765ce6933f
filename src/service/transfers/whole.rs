//! Pieces of foreign contents as the store takes them: whole groups.
//!
//! Native pieces are groups by their nature. What comes from elsewhere may be cut anywhere, so bytes are held back until
//! their group is complete.

use bytes::BytesMut;
use futures::StreamExt;

use crate::{
    model::{Fault, Outcome, Piece},
    overlay::Fetch,
    store::GROUP,
};

/// The fetch with pieces of whole groups; the last one ends with the content.
pub(super) fn whole_groups(fetch: Fetch) -> Fetch {
    let Fetch { size, source, pieces } = fetch;
    let mut regroup = Regroup { size, held: BytesMut::new(), position: None };
    let pieces = pieces.filter_map(move |piece| {
        let taken = piece.and_then(|piece| regroup.take(piece));
        std::future::ready(taken.transpose())
    });
    Fetch { size, source, pieces: pieces.boxed() }
}

struct Regroup {
    size: u64,
    /// Bytes of a group that is not complete.
    held: BytesMut,
    /// Where the bytes that are held begin.
    position: Option<u64>,
}

impl Regroup {
    fn take(&mut self, piece: Piece) -> Outcome<Option<Piece>> {
        let position = *self.position.get_or_insert(piece.offset);
        if piece.offset != position + self.held.len() as u64 || !position.is_multiple_of(GROUP) {
            return Err(Fault::unavailable("the source sends pieces that do not follow one another"));
        }
        let end = piece.offset + piece.data.len() as u64;
        let whole = if end == self.size { end } else { end / GROUP * GROUP };
        if self.held.is_empty() && whole == end {
            self.position = Some(end);
            return Ok(Some(piece));
        }
        self.held.extend_from_slice(&piece.data);
        let Some(length) = whole.checked_sub(position).filter(|length| *length > 0) else { return Ok(None) };
        self.position = Some(whole);
        let data = self.held.split_to(length as usize).freeze();
        Ok(Some(Piece { offset: position, data, parents: Vec::new() }))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::{TryStreamExt, stream};

    use super::*;

    async fn regrouped(size: u64, from: u64, cuts: &[u64]) -> Outcome<Vec<(u64, usize)>> {
        let mut offset = from;
        let pieces: Vec<_> = cuts
            .iter()
            .map(|length| {
                let data = Bytes::from(vec![7; *length as usize]);
                offset += length;
                Ok(Piece { offset: offset - length, data, parents: Vec::new() })
            })
            .collect();
        let fetch = Fetch { size, source: String::new(), pieces: stream::iter(pieces).boxed() };
        let pieces: Vec<Piece> = whole_groups(fetch).pieces.try_collect().await?;
        Ok(pieces.iter().map(|piece| (piece.offset, piece.data.len())).collect())
    }

    #[tokio::test]
    async fn pieces_are_cut_at_groups_and_at_the_end() {
        let group = GROUP as usize;
        let size = 3 * GROUP + 5;
        let cut = regrouped(size, 0, &[1, GROUP, GROUP, GROUP + 4]).await.unwrap();
        assert_eq!(cut, [(0, group), (GROUP, group), (2 * GROUP, group + 5)]);
        let cut = regrouped(size, GROUP, &[2 * GROUP, 5]).await.unwrap();
        assert_eq!(cut, [(GROUP, 2 * group), (3 * GROUP, 5)]);
        assert!(regrouped(size, 1, &[GROUP]).await.is_err());
    }
}
