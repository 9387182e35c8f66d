//! Reads the first message in a buffer, once it is complete.

use crate::message::{Answer, CELL, Fault, HEADER, Inline, Layout, Positions, Reply, Request, Transport};
use crate::wire;

/// The longest name of a shared memory segment on Linux.
const MAX_NAME: usize = 255;

/// The first request in `bytes` and its length; `None` if more bytes are needed.
///
/// # Errors
/// [`Fault`], as early as the bytes allow: an announced length above the layout's limits is refused at once.
pub fn request<'a>(bytes: &'a [u8], layout: &Layout) -> Result<Option<(Request<'a>, usize)>, Fault> {
    let mut bytes = Bytes::new(bytes);
    let read = bytes.header().map_or(Ok(None), |header| match header {
        b"STATUS      " => Ok(Some(Request::Status)),
        b"GETFORCE    " => Ok(Some(Request::GetForce)),
        b"EXIT        " => Ok(Some(Request::Exit)),
        b"INIT        " => init(&mut bytes, layout),
        b"POSDATA     " => Ok(positions(&mut bytes, layout)?.map(Request::Positions)),
        other => Err(unknown(other, "STATUS, INIT, POSDATA, GETFORCE or EXIT")),
    });
    Ok(read?.map(|request| (request, bytes.used)))
}

fn init<'a>(bytes: &mut Bytes<'a>, layout: &Layout) -> Result<Option<Request<'a>>, Fault> {
    let Some(id) = bytes.int() else { return Ok(None) };
    Ok(bytes.text("an INIT text", layout.max_text)?.map(|text| Request::Init { id, text }))
}

fn positions<'a>(bytes: &mut Bytes<'a>, layout: &Layout) -> Result<Option<Positions<'a>>, Fault> {
    let Layout { atoms, batch, transport, .. } = *layout;
    match transport {
        Transport::Socket if batch == 1 => {
            let Some(cells) = bytes.cells(1)? else { return Ok(None) };
            let Some(()) = bytes.atoms(atoms)? else { return Ok(None) };
            Ok(bytes.take(24 * atoms).map(|positions| Positions::Inline(Inline { cells, positions })))
        }
        Transport::Socket => {
            let Some(()) = bytes.atoms(atoms)? else { return Ok(None) };
            let Some(cells) = bytes.cells(batch)? else { return Ok(None) };
            Ok(bytes.take(24 * batch * atoms).map(|positions| Positions::Inline(Inline { cells, positions })))
        }
        Transport::Shared => Ok(bytes.atoms(atoms)?.map(|()| Positions::Shared(None))),
        Transport::Unnamed => {
            let Some(()) = bytes.atoms(atoms)? else { return Ok(None) };
            let mut names = [""; 6];
            for name in &mut names {
                let Some(text) = bytes.text("the name of a shared memory segment", MAX_NAME)? else { return Ok(None) };
                *name = text;
            }
            Ok(Some(Positions::Shared(Some(names))))
        }
    }
}

/// The first reply in `bytes` and its length; `None` if more bytes are needed. Results in shared memory are not read.
///
/// # Errors
/// [`Fault`].
pub fn reply(bytes: &[u8], layout: &Layout) -> Result<Option<(Reply, usize)>, Fault> {
    let mut bytes = Bytes::new(bytes);
    let read = bytes.header().map_or(Ok(None), |header| match header {
        b"NEEDINIT    " => Ok(Some(Reply::NeedInit)),
        b"READY       " => Ok(Some(Reply::Ready)),
        b"HAVEDATA    " => Ok(Some(Reply::HaveData)),
        b"FORCEREADY  " => Ok(answers(&mut bytes, layout)?.map(Reply::ForceReady)),
        b"ERROR       " => Ok(bytes.text("an error", 1 << 16)?.map(|text| Reply::Error(text.into()))),
        other => Err(unknown(other, "NEEDINIT, READY, HAVEDATA, FORCEREADY or ERROR")),
    });
    Ok(read?.map(|reply| (reply, bytes.used)))
}

fn answers(bytes: &mut Bytes, layout: &Layout) -> Result<Option<Vec<Answer>>, Fault> {
    let Layout { atoms, batch, transport, .. } = *layout;
    let mut answers = vec![Answer::default(); batch];
    if transport == Transport::Socket {
        let Some(energies) = bytes.take(8 * batch) else { return Ok(None) };
        let Some(()) = bytes.atoms(atoms)? else { return Ok(None) };
        let (Some(forces), Some(virials)) = (bytes.take(24 * atoms * batch), bytes.take(72 * batch)) else {
            return Ok(None);
        };
        for (i, answer) in answers.iter_mut().enumerate() {
            answer.energy = wire::energy(&energies[8 * i..]);
            answer.forces = wire::forces(&forces[24 * atoms * i..][..24 * atoms]);
            answer.virial = wire::virial(&virials[72 * i..][..72]);
        }
    }
    for answer in &mut answers {
        let Some(text) = bytes.text("extras", i32::MAX as usize)? else { return Ok(None) };
        answer.extras = text.into();
    }
    Ok(Some(answers))
}

fn unknown(header: &[u8; HEADER], expected: &'static str) -> Fault {
    Fault::Header { found: format!("\"{}\"", header.escape_ascii()), expected }
}

/// A cursor over the bytes.
struct Bytes<'a> {
    bytes: &'a [u8],
    used: usize,
}

impl<'a> Bytes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.used..self.used.checked_add(length)?)?;
        self.used += length;
        Some(taken)
    }

    fn header(&mut self) -> Option<&'a [u8; HEADER]> {
        self.take(HEADER)?.first_chunk()
    }

    fn int(&mut self) -> Option<i32> {
        Some(i32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    /// Cells and their inverses. Names of segments, sent by mistake, may be shorter than cells and would be waited on
    /// forever; as numbers they are implausibly large or subnormal.
    fn cells(&mut self, batch: usize) -> Result<Option<&'a [u8]>, Fault> {
        let first = self.bytes.get(self.used..).and_then(|rest| rest.first_chunk()).map(|x| f64::from_le_bytes(*x));
        match first {
            Some(x) if x.is_subnormal() || x.is_finite() && x.abs() > 1e100 => Err(Fault::Names),
            _ => Ok(self.take(batch * CELL)),
        }
    }

    /// Reads the number of atoms, and refuses any but the expected one.
    fn atoms(&mut self, expected: usize) -> Result<Option<()>, Fault> {
        let Some(found) = self.int() else { return Ok(None) };
        if usize::try_from(found) == Ok(expected) { Ok(Some(())) } else { Err(Fault::Atoms { found, expected }) }
    }

    fn text(&mut self, what: &'static str, limit: usize) -> Result<Option<&'a str>, Fault> {
        let Some(found) = self.int() else { return Ok(None) };
        let length = usize::try_from(found).ok().filter(|&length| length <= limit);
        let length = length.ok_or(Fault::Length { what, found, limit })?;
        let Some(bytes) = self.take(length) else { return Ok(None) };
        str::from_utf8(bytes).map(Some).map_err(|_| Fault::Text { what })
    }
}
