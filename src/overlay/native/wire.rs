//! Messages on a stream: protobuf behind its length as an unsigned varint, and the blocks of a content.
//!
//! A length is checked against the limit of the message that is due before a byte of it is taken in.

use std::io;

use bytes::BytesMut;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::Stream;
use prost::Message;

/// Bytes taken from the stream at once while messages are read.
const READ_AHEAD: usize = 8 << 10;
/// Bytes taken from the stream at once while a content is read.
const READ_AHEAD_BULK: usize = 256 << 10;
/// Longest length prefix: 21 bits are 2 MiB, more than any message may have.
const MAX_PREFIX: usize = 3;

/// A stream with what was read from it ahead of time.
pub(super) struct Wire {
    stream: Stream,
    ahead: Vec<u8>,
    taken: usize,
    filled: usize,
}

impl Wire {
    /// Around a fresh stream.
    pub fn new(stream: Stream) -> Self {
        Self { stream, ahead: vec![0; READ_AHEAD], taken: 0, filled: 0 }
    }

    /// Writes one message.
    pub async fn send(&mut self, message: &impl Message) -> io::Result<()> {
        self.stream.write_all(&message.encode_length_delimited_to_vec()).await?;
        self.stream.flush().await
    }

    /// Writes bytes as they are.
    pub async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Writes bytes as they are, and sees them off.
    pub async fn send_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Says that nothing more will be written.
    pub async fn close(&mut self) -> io::Result<()> {
        self.stream.close().await
    }

    /// Reads one message of at most `limit` bytes.
    ///
    /// # Errors
    /// `UnexpectedEof` when the stream ends first, `InvalidData` when the message is longer or malformed.
    pub async fn receive<M: Message + Default>(&mut self, limit: usize) -> io::Result<M> {
        let length = self.receive_length().await?;
        if length > limit {
            return Err(invalid(format!("a message has {length} bytes, the limit is {limit}")));
        }
        let mut message = BytesMut::with_capacity(length);
        self.receive_raw(length, &mut message).await?;
        M::decode(message.freeze()).map_err(|error| invalid(format!("a message is malformed: {error}")))
    }

    async fn receive_length(&mut self) -> io::Result<usize> {
        let mut length = 0;
        for place in 0..MAX_PREFIX {
            let byte = self.receive_byte().await?;
            length |= usize::from(byte & 0x7f) << (7 * place);
            if byte & 0x80 == 0 {
                return Ok(length);
            }
        }
        Err(invalid(format!("a length has more than {MAX_PREFIX} bytes")))
    }

    async fn receive_byte(&mut self) -> io::Result<u8> {
        self.fill().await?;
        let byte = self.ahead[self.taken];
        self.taken += 1;
        Ok(byte)
    }

    /// Reads the length of a block: four bytes, big-endian.
    pub async fn receive_block_length(&mut self) -> io::Result<usize> {
        let mut length = 0;
        for _ in 0..4 {
            length = length << 8 | usize::from(self.receive_byte().await?);
        }
        Ok(length)
    }

    /// Reads exactly `length` bytes to the end of `out`.
    pub async fn receive_raw(&mut self, mut length: usize, out: &mut BytesMut) -> io::Result<()> {
        while length > 0 {
            length -= self.receive_some(length, out).await?;
        }
        Ok(())
    }

    /// Reads what is there, at least one and at most `limit` bytes, to the end of `out`; says how many.
    pub async fn receive_some(&mut self, limit: usize, out: &mut BytesMut) -> io::Result<usize> {
        self.fill().await?;
        let count = limit.min(self.filled - self.taken);
        out.extend_from_slice(&self.ahead[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }

    /// Returns when the other side has ended the stream; it has nothing more to say.
    pub async fn gone(&mut self) {
        while self.fill().await.is_ok() {
            self.taken = self.filled;
        }
    }

    /// Takes more at once from now on.
    pub fn expect_bulk(&mut self) {
        self.ahead.resize(READ_AHEAD_BULK, 0);
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.taken == self.filled {
            let count = self.stream.read(&mut self.ahead).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            (self.taken, self.filled) = (0, count);
        }
        Ok(())
    }
}

pub(super) fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}
