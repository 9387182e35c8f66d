//! Replies out of a stream of bytes.

use std::io::{self, ErrorKind, Read};

use crate::message::{self, Fault, Layout, Reply};

/// What keeps a reply from coming.
#[derive(Debug)]
pub enum ReadError {
    /// The connection.
    Connection(io::Error),
    /// What came through it.
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

/// Bytes that have come and were not used yet: the first `filled`.
#[derive(Debug)]
pub struct ReplyReader {
    bytes: Vec<u8>,
    filled: usize,
}

impl ReplyReader {
    /// With room for a reply of so many bytes; it grows when more come.
    pub fn new(room: usize) -> Self {
        Self { bytes: vec![0; room.max(message::HEADER)], filled: 0 }
    }

    /// The next reply, waiting for it.
    ///
    /// # Errors
    /// [`ReadError`]; the stream is of no more use then.
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
            // A signal of the host program is none of our business.
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_come_whole_however_they_were_cut() {
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

    /// Bytes that come so many at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let limit = self.1.min(buffer.len());
            self.0.read(&mut buffer[..limit])
        }
    }
}
