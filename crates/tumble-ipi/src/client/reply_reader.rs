//! Reads replies from a stream of bytes.

use std::io::{self, ErrorKind, Read};

use crate::message::{self, Fault, Layout, Reply};

/// An error in reading a reply.
#[derive(Debug)]
pub enum ReadError {
    /// The connection failed.
    Connection(io::Error),
    /// The server broke the protocol.
    Fault(Fault),
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A buffer of received, unread bytes: the first `filled`.
#[derive(Debug)]
pub struct ReplyReader {
    bytes: Vec<u8>,
    filled: usize,
}

impl ReplyReader {
    /// A reader with a buffer for a reply of `room` bytes; it grows for larger ones.
    pub fn new(room: usize) -> Self {
        Self { bytes: vec![0; room.max(message::HEADER)], filled: 0 }
    }

    /// Waits for the next reply.
    ///
    /// # Errors
    /// [`ReadError`]; the stream is unusable afterwards.
    pub fn next(&mut self, stream: &mut impl Read, layout: &Layout) -> Result<Reply, ReadError> {
        loop {
            if let Some((reply, used)) = message::reply(&self.bytes[..self.filled], layout)? {
                self.bytes.copy_within(used..self.filled, 0);
                self.filled -= used;
                return Ok(reply);
            }
            self.fill(stream)?;
        }
    }

    fn fill(&mut self, stream: &mut impl Read) -> io::Result<()> {
        if self.filled == self.bytes.len() {
            self.bytes.resize(2 * self.filled, 0);
        }
        match stream.read(&mut self.bytes[self.filled..]) {
            Ok(0) => Err(io::Error::new(ErrorKind::UnexpectedEof, "the server has closed it")),
            Ok(more) => {
                self.filled += more;
                Ok(())
            }
            // A signal of the host program is not an error.
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_whole_from_pieces_of_any_size() {
        let bytes = b"NEEDINIT    READY       ERROR       \x03\0\0\0no!";
        for size in 1..bytes.len() {
            let mut stream = Pieces(bytes, size);
            let mut reader = ReplyReader::new(0);
            let mut next = || reader.next(&mut stream, &Layout::plain(1));
            assert_eq!(next().unwrap(), Reply::NeedInit);
            assert_eq!(next().unwrap(), Reply::Ready);
            assert_eq!(next().unwrap(), Reply::Error("no!".into()));
            let ReadError::Connection(error) = next().unwrap_err() else { panic!("there is nothing more") };
            assert_eq!(error.to_string(), "the server has closed it");
        }
    }

    /// A stream that returns a limited number of bytes per read.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let limit = self.1.min(buffer.len());
            self.0.read(&mut buffer[..limit])
        }
    }
}
