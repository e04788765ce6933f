//! Cuts a multipart body at its boundaries while it arrives, without a copy of what lies between them.
//!
//! multer was looked at first. It refuses multipart/related by name and only speaks of form fields, buffers with no bound
//! but one on the whole stream, knows neither transfer encodings nor a `start`, and copies each chunk into a buffer that
//! it searches from the beginning. Here a chunk of the socket is searched once and sliced; only a chunk that ends in what
//! may be the beginning of a boundary is joined with the next one.

use bytes::{Buf, Bytes, BytesMut};
use futures::StreamExt;
use memchr::memmem::Finder;

use crate::model::{ByteStream, Fault, Outcome};

/// Longest boundary that is taken; RFC 2046 section 5.1.1 permits 70 characters.
const MAX_BOUNDARY: usize = 256;
/// Most white space between a boundary and the end of its line.
const MAX_PADDING: usize = 256;

/// A multipart body up to where it has been read.
pub struct Scanner {
    body: ByteStream,
    /// What has come and was not taken.
    unread: Bytes,
    /// `--` and the boundary.
    dashed: Vec<u8>,
    /// What ends a part: a line end and `dashed`. Whether a line ends with CR LF or with LF alone, the first boundary
    /// says for all; otherwise a CR that is the last byte of a part could not be told from the end of a line.
    delimiter: Finder<'static>,
    place: Place,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Preamble,
    Head,
    Data,
    Epilogue,
}

impl Scanner {
    /// Reads this body, whose parts the boundary separates.
    ///
    /// # Errors
    /// InvalidRequest for a boundary that is empty or too long.
    pub fn new(boundary: &str, body: ByteStream) -> Outcome<Self> {
        if boundary.is_empty() || boundary.len() > MAX_BOUNDARY {
            let length = boundary.len();
            return Err(Fault::invalid(format!("the boundary has {length} characters, want 1 to {MAX_BOUNDARY}")));
        }
        let dashed = format!("--{boundary}").into_bytes();
        // The first boundary may be the first line of the body, or have a preamble in front of it.
        let (unread, delimiter) = (Bytes::from_static(b"\n"), finder(b"\n", &dashed));
        Ok(Self { body, unread, dashed, delimiter, place: Place::Preamble })
    }

    /// The head of the next part, without the empty line behind it; none when there are no more parts.
    ///
    /// # Errors
    /// TooLarge for a head of more than `limit` bytes, InvalidRequest for a body that breaks off.
    pub async fn head(&mut self, limit: usize) -> Outcome<Option<Bytes>> {
        debug_assert_ne!(self.place, Place::Data, "the part before was not read to its end");
        if self.place != Place::Head {
            return Ok(None);
        }
        let mut searched = 0;
        loop {
            let Some(found) = memchr::memchr(b'\n', &self.unread[searched..]) else {
                self.wait_for_head(limit).await?;
                continue;
            };
            let end = searched + found + 1;
            if end > limit {
                return Err(head_too_large(limit));
            }
            if matches!(&self.unread[searched..end], b"\n" | b"\r\n") {
                let head = self.unread.split_to(searched);
                self.unread.advance(end - searched);
                self.place = Place::Data;
                self.accept_missing_data().await?;
                return Ok(Some(head));
            }
            searched = end;
        }
    }

    async fn wait_for_head(&mut self, limit: usize) -> Outcome<()> {
        if self.unread.len() > limit {
            return Err(head_too_large(limit));
        }
        self.fill().await
    }

    /// RFC 2046 section 5.1.1 lets a part end with its head: the empty line then is already that of the delimiter.
    async fn accept_missing_data(&mut self) -> Outcome<()> {
        while self.unread.len() < self.dashed.len() && self.dashed.starts_with(&self.unread) {
            self.fill().await?;
        }
        if self.unread.starts_with(&self.dashed) {
            let (line_end, _) = self.delimiter.needle().split_at(self.delimiter.needle().len() - self.dashed.len());
            self.unread = [line_end, &self.unread].concat().into();
        }
        Ok(())
    }

    /// The next bytes in front of the next delimiter: of the part whose head was read, or of the preamble, which has to be
    /// passed first. None once behind the delimiter.
    ///
    /// # Errors
    /// InvalidRequest for a body that breaks off, and for a line that begins like a boundary and is none.
    pub async fn data(&mut self) -> Outcome<Option<Bytes>> {
        loop {
            if let Some(at) = self.delimiter.find(&self.unread) {
                if at > 0 {
                    return Ok(Some(self.unread.split_to(at)));
                }
                self.unread.advance(self.delimiter.needle().len());
                self.pass_delimiter().await?;
                return Ok(None);
            }
            let free = self.unread.len() - self.begun_delimiter();
            if free > 0 {
                return Ok(Some(self.unread.split_to(free)));
            }
            self.fill().await?;
        }
    }

    /// The bytes behind the last delimiter, which mean nothing; none at the end of the body.
    pub async fn epilogue(&mut self) -> Outcome<Option<Bytes>> {
        match std::mem::take(&mut self.unread) {
            rest if rest.is_empty() => self.body.next().await.transpose(),
            rest => Ok(Some(rest)),
        }
    }

    /// How many bytes at the end of `unread` may be the beginning of a delimiter.
    fn begun_delimiter(&self) -> usize {
        let (needle, unread) = (self.delimiter.needle(), &self.unread);
        let window = &unread[unread.len().saturating_sub(needle.len() - 1)..];
        let candidates = memchr::memchr_iter(needle[0], window);
        candidates.map(|at| &window[at..]).find(|end| needle.starts_with(end)).map_or(0, <[u8]>::len)
    }

    /// Reads what follows a boundary on its line: `--` behind the last part, otherwise white space and the line's end.
    async fn pass_delimiter(&mut self) -> Outcome<()> {
        let mut at = 0;
        loop {
            let rest = &self.unread[at.min(self.unread.len())..];
            match rest {
                [b'-', b'-', ..] if at == 0 => {
                    self.unread.advance(2);
                    self.place = Place::Epilogue;
                    return Ok(());
                }
                [b'\n', ..] => return self.begin_part(at + 1, b"\n"),
                [b'\r', b'\n', ..] => return self.begin_part(at + 2, b"\r\n"),
                [b' ' | b'\t', ..] if at < MAX_PADDING => at += 1,
                [] | [b'\r'] => self.fill().await?,
                [b'-'] if at == 0 => self.fill().await?,
                _ => return Err(Fault::invalid("a line begins with the boundary and goes on behind it")),
            }
        }
    }

    fn begin_part(&mut self, line_end: usize, style: &[u8]) -> Outcome<()> {
        self.unread.advance(line_end);
        if self.place == Place::Preamble {
            self.delimiter = finder(style, &self.dashed);
        }
        self.place = Place::Head;
        Ok(())
    }

    /// Waits for more of the body.
    async fn fill(&mut self) -> Outcome<()> {
        let more = self.body.next().await.ok_or_else(cut_off)??;
        if self.unread.is_empty() {
            self.unread = more;
            return Ok(());
        }
        let unread = std::mem::take(&mut self.unread);
        let mut joined = unread.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        joined.extend_from_slice(&more);
        self.unread = joined.freeze();
        Ok(())
    }
}

fn finder(line_end: &[u8], dashed: &[u8]) -> Finder<'static> {
    Finder::new(&[line_end, dashed].concat()).into_owned()
}

fn cut_off() -> Fault {
    Fault::invalid("the body ends in front of its closing boundary; nothing of it was taken")
}

fn head_too_large(limit: usize) -> Fault {
    Fault::too_large(format!("the head of a part has more than limits.mime_header_bytes, {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt, stream};

    use super::*;

    /// A body that comes in these pieces.
    pub fn body(pieces: impl IntoIterator<Item = Vec<u8>>) -> ByteStream {
        let pieces: Vec<_> = pieces.into_iter().map(|piece| Ok(Bytes::from(piece))).collect();
        stream::iter(pieces).boxed()
    }

    /// Heads and data of all parts, and whether the body is whole.
    fn cut(boundary: &str, pieces: impl IntoIterator<Item = Vec<u8>>) -> Outcome<Vec<(String, Vec<u8>)>> {
        let read = async {
            let mut scanner = Scanner::new(boundary, body(pieces))?;
            while scanner.data().await?.is_some() {}
            let mut parts = Vec::new();
            while let Some(head) = scanner.head(64).await? {
                let mut data = Vec::new();
                while let Some(piece) = scanner.data().await? {
                    assert!(!piece.is_empty());
                    data.extend_from_slice(&piece);
                }
                parts.push((String::from_utf8(head.to_vec()).unwrap(), data));
            }
            while scanner.epilogue().await?.is_some() {}
            Ok(parts)
        };
        read.now_or_never().expect("a body in memory is there at once")
    }

    fn whole(boundary: &str, text: &[u8]) -> Outcome<Vec<(String, Vec<u8>)>> {
        cut(boundary, [text.to_vec()])
    }

    fn part(head: &str, data: &[u8]) -> (String, Vec<u8>) {
        (head.to_owned(), data.to_vec())
    }

    const BODY: &[u8] = b"preamble\r\n--b\r\nA: 1\r\nB: 2\r\n\r\none\r\n--\r\n-b\r\n--\r\n--b \t\r\n\r\n\r\n\r\n--b\r\nC: 3\r\n\r\n\r\n--b--\r\nepilogue\r\n--b\r\n";

    #[test]
    fn rfc_2046_section_5_1_1_a_body_is_cut_the_same_wherever_it_is_split() {
        let want = vec![part("A: 1\r\nB: 2\r\n", b"one\r\n--\r\n-b\r\n--"), part("", b"\r\n"), part("C: 3\r\n", b"")];
        assert_eq!(whole("b", BODY).unwrap(), want);
        for size in 1..BODY.len() {
            assert_eq!(cut("b", BODY.chunks(size).map(<[u8]>::to_vec)).unwrap(), want, "in pieces of {size}");
        }
        for at in 0..BODY.len() {
            let (left, right) = BODY.split_at(at);
            assert_eq!(cut("b", [left.to_vec(), Vec::new(), right.to_vec()]).unwrap(), want, "split at {at}");
        }
    }

    #[test]
    fn a_part_may_end_with_its_head() {
        let text = b"--b\r\nA: 1\r\n\r\n--b\r\nB: 2\r\n\r\n--b--";
        let want = [part("A: 1\r\n", b""), part("B: 2\r\n", b"")];
        assert_eq!(whole("b", text).unwrap(), want);
        assert_eq!(cut("b", text.chunks(1).map(<[u8]>::to_vec)).unwrap(), want);
    }

    #[test]
    fn lines_may_end_with_lf_where_all_of_them_do() {
        assert_eq!(whole("b", b"\n--b\nA: 1\n\none\r\n--b--\n").unwrap(), [part("A: 1\n", b"one\r")]);
        // With CR LF, a bare LF in front of the boundary's text belongs to the data.
        assert_eq!(whole("b", b"--b\r\n\r\none\n--b--\r\n--b--").unwrap(), [part("", b"one\n--b--")]);
    }

    #[test]
    fn a_body_without_its_closing_boundary_is_refused_wherever_it_ends() {
        let closing = BODY.len() - b"\r\nepilogue\r\n--b\r\n".len();
        for end in 0..closing {
            let fault = whole("b", &BODY[..end]).unwrap_err();
            assert!(fault.message.contains("closing boundary"), "cut at {end}: {fault}");
        }
        assert_eq!(whole("b", &BODY[..closing]).unwrap().len(), 3);
    }

    #[test]
    fn a_line_that_goes_on_behind_the_boundary_is_refused() {
        assert!(whole("b", b"--b\r\n\r\none\r\n--bc\r\n--b--").is_err());
        assert!(whole("b", &[b"--b".as_slice(), &[b' '; 1000], b"\r\n\r\n\r\n--b--"].concat()).is_err());
        assert!(whole("", b"----").is_err() && whole(&"b".repeat(257), b"").is_err());
    }

    #[test]
    fn the_head_of_a_part_is_bounded_even_when_it_never_ends() {
        let endless = stream::repeat_with(|| Ok(Bytes::from_static(b"X: y\r\n")));
        let first = stream::iter([Ok(Bytes::from_static(b"--b\r\n"))]);
        let mut scanner = Scanner::new("b", first.chain(endless).boxed()).unwrap();
        assert_eq!(scanner.data().now_or_never().unwrap().unwrap().as_deref(), None);
        let fault = scanner.head(1000).now_or_never().unwrap().unwrap_err();
        assert!(fault.message.contains("limits.mime_header_bytes, 1000"), "{fault}");
        let long_line = [b"--b\r\nX: ".as_slice(), &[b'y'; 100], b"\r\n\r\n\r\n--b--"].concat();
        assert!(whole("b", &long_line).unwrap_err().message.contains("limits.mime_header_bytes"));
    }

    #[test]
    fn data_is_sliced_and_not_copied() {
        let data = Bytes::from([b"--b\r\n\r\n".as_slice(), &[b'x'; 1000]].concat());
        let mut scanner =
            Scanner::new("b", stream::iter([Ok(data), Ok(Bytes::from_static(&[b'y'; 500]))]).boxed()).unwrap();
        let read = async {
            assert!(scanner.data().await.unwrap().is_none() && scanner.head(64).await.unwrap().is_some());
            assert_eq!(scanner.data().await.unwrap().unwrap().len(), 1000);
            scanner.data().await.unwrap().unwrap()
        };
        let second = read.now_or_never().unwrap();
        assert_eq!(second.len(), 500);
    }
}
