//! The computing side as a state machine: bytes in, bytes and events out. It does no I/O.

use crate::message::{self, Answer, Fault, Layout, Positions, Request, Transport};
use crate::wire::Structure;

/// An event for the driver's owner to handle.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An `INIT`: read the text, and call [`Driver::begin`].
    Init {
        /// The parameters.
        text: String,
    },
    /// Evaluate the structures, and call [`Driver::answer`].
    Evaluate(Vec<Structure>),
    /// Evaluate the structures in shared memory; with the names of the segments if they are new.
    EvaluateShared(Option<[String; 6]>),
    /// The peer has sent `EXIT`.
    Exit,
}

/// State of the conversation.
#[derive(Debug)]
enum State {
    /// No `INIT` yet.
    New,
    /// The owner is reading the `INIT`.
    Beginning,
    /// Ready for structures.
    Ready,
    /// The owner is evaluating structures.
    Busy,
    /// The results, as a message.
    HasData(Vec<u8>),
}

/// One conversation.
#[derive(Debug)]
pub struct Driver {
    layout: Layout,
    state: State,
    input: Vec<u8>,
    /// Processed bytes of the input.
    used: usize,
    /// Bytes to send.
    pub output: Vec<u8>,
}

impl Driver {
    /// A driver before its `INIT`, with at most `max_text` bytes of text.
    pub fn new(max_text: usize) -> Self {
        let layout = Layout { max_text, ..Layout::plain(0) };
        Self { layout, state: State::New, input: vec![], used: 0, output: vec![] }
    }

    /// Adds received bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.used > 0 {
            self.input.drain(..self.used);
            self.used = 0;
        }
        self.input.extend_from_slice(bytes);
    }

    /// Number of received bytes not processed yet.
    pub fn waiting(&self) -> usize {
        self.input.len() - self.used
    }

    /// Whether an `INIT` has been accepted.
    pub fn begun(&self) -> bool {
        !matches!(self.state, State::New | State::Beginning)
    }

    /// Whether the owner is reading an `INIT` or evaluating; no message is processed meanwhile.
    pub fn busy(&self) -> bool {
        matches!(self.state, State::Beginning | State::Busy)
    }

    /// Whether the unprocessed input ends with an `EXIT`.
    pub fn exit_pending(&self) -> bool {
        self.input[self.used..].ends_with(b"EXIT        ")
    }

    /// Sizes and transport of the messages.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Answers messages up to the next event.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn proceed(&mut self) -> Result<Option<Event>, Fault> {
        let mut all = usize::MAX;
        self.proceed_within(&mut all)
    }

    /// As [`Driver::proceed`], but processes `messages` messages at most, and subtracts the processed ones. At zero,
    /// input may remain.
    ///
    /// # Errors
    /// As [`Driver::proceed`].
    pub fn proceed_within(&mut self, messages: &mut usize) -> Result<Option<Event>, Fault> {
        while !self.busy() && *messages > 0 {
            // The length of the message is unknown before the `INIT`.
            if !self.begun() && self.input[self.used..].starts_with(b"POSDATA") {
                return Err(Fault::PositionsBeforeInit);
            }
            let Some((request, length)) = message::request(&self.input[self.used..], &self.layout)? else {
                return Ok(None);
            };
            let event = respond(request, &mut self.state, &mut self.output)?;
            self.used += length;
            *messages -= 1;
            if event.is_some() {
                return Ok(event);
            }
        }
        Ok(None)
    }

    /// Accepts an `INIT`.
    pub fn begin(&mut self, atoms: usize, batch: usize, transport: Transport) {
        self.layout = Layout { atoms, batch, transport, ..self.layout };
        self.state = State::Ready;
    }

    /// Takes the results of the last structures.
    pub fn answer(&mut self, answers: &[Answer]) {
        if self.layout.transport == Transport::Unnamed {
            self.layout.transport = Transport::Shared;
        }
        let mut message = vec![];
        message::put_answers(answers, self.layout.transport, &mut message);
        self.state = State::HasData(message);
    }
}

/// Answers one request.
fn respond(request: Request, state: &mut State, output: &mut Vec<u8>) -> Result<Option<Event>, Fault> {
    match (request, &mut *state) {
        (Request::Exit, _) => return Ok(Some(Event::Exit)),
        (Request::Status, State::New) => message::header("NEEDINIT", output),
        (Request::Status, State::HasData(_)) => message::header("HAVEDATA", output),
        (Request::Status, _) => message::header("READY", output),
        (Request::Init { text, .. }, State::New | State::Ready) => {
            *state = State::Beginning;
            return Ok(Some(Event::Init { text: text.into() }));
        }
        (Request::Init { .. }, _) => return Err(Fault::InitBetween),
        (Request::Positions(positions), State::Ready) => {
            *state = State::Busy;
            return Ok(Some(evaluation_event(positions)));
        }
        (Request::Positions(_), _) => return Err(Fault::PositionsTwice),
        (Request::GetForce, State::HasData(message)) => {
            output.append(message);
            *state = State::Ready;
        }
        (Request::GetForce, _) => return Err(Fault::ForcesBeforePositions),
    }
    Ok(None)
}

fn evaluation_event(positions: Positions) -> Event {
    match positions {
        Positions::Inline(inline) => Event::Evaluate(inline.structures().collect()),
        Positions::Shared(names) => Event::EvaluateShared(names.map(|names| names.map(String::from))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(input: &[u8]) -> Driver {
        let mut driver = Driver::new(100);
        driver.feed(input);
        driver
    }

    fn structure() -> Structure {
        Structure { cell: [[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]], positions: vec![[0.5; 3]] }
    }

    fn positions() -> Vec<u8> {
        let mut out = vec![];
        message::put_positions(&structure(), &mut out);
        out
    }

    fn begun() -> Driver {
        let mut driver = Driver::new(100);
        driver.begin(1, 1, Transport::Socket);
        driver
    }

    #[test]
    fn status_reports_the_state() {
        let mut driver = driver(b"STATUS      INIT        \0\0\0\0\x02\0\0\0hiSTATUS      ");
        assert_eq!(driver.proceed(), Ok(Some(Event::Init { text: "hi".into() })));
        assert_eq!((driver.output.as_slice(), driver.waiting()), (&b"NEEDINIT    "[..], 12));
        assert_eq!(driver.proceed(), Ok(None));
        driver.begin(1, 1, Transport::Socket);
        assert_eq!(driver.proceed(), Ok(None));
        assert_eq!(driver.output, b"NEEDINIT    READY       ");
    }

    #[test]
    fn results_are_kept_until_getforce_and_sent_once() {
        let mut driver = begun();
        driver.feed(&positions());
        let Ok(Some(Event::Evaluate(structures))) = driver.proceed() else { panic!("no structures") };
        assert_eq!(structures.len(), 1);
        driver.feed(b"STATUS      ");
        assert_eq!(driver.proceed(), Ok(None));
        assert!(driver.output.is_empty());
        let answer = Answer { energy: 1.0, forces: vec![[0.0; 3]], ..Answer::default() };
        driver.answer(&[answer]);
        assert_eq!(driver.proceed(), Ok(None));
        assert_eq!(std::mem::take(&mut driver.output), b"HAVEDATA    ");
        driver.feed(b"GETFORCE    STATUS      GETFORCE    ");
        assert_eq!(driver.proceed().unwrap_err().to_string(), "sent GETFORCE before POSDATA");
        assert!(driver.output.starts_with(b"FORCEREADY  ") && driver.output.ends_with(b"READY       "));
    }

    #[test]
    fn messages_out_of_turn_are_refused() {
        assert_eq!(driver(&positions()).proceed().unwrap_err().to_string(), "sent POSDATA before INIT");
        let mut twice = begun();
        twice.feed(&positions().repeat(2));
        assert!(matches!(twice.proceed(), Ok(Some(Event::Evaluate(_)))));
        twice.answer(&[Answer::default()]);
        assert_eq!(twice.proceed().unwrap_err().to_string(), "sent POSDATA twice without GETFORCE between");
        let mut again = begun();
        again.feed(&[positions(), b"INIT        \0\0\0\0\0\0\0\0".to_vec()].concat());
        assert!(matches!(again.proceed(), Ok(Some(Event::Evaluate(_)))));
        again.answer(&[Answer::default()]);
        assert_eq!(again.proceed().unwrap_err().to_string(), "sent INIT between POSDATA and GETFORCE");
    }

    #[test]
    fn segments_of_shared_memory_are_named_once() {
        let mut driver = Driver::new(100);
        driver.begin(1, 1, Transport::Unnamed);
        let names: Vec<u8> = (0..6).flat_map(|i| [1, 0, 0, 0, b'a' + i]).collect();
        driver.feed(&[b"POSDATA     \x01\0\0\0", names.as_slice(), b"GETFORCE    POSDATA     \x01\0\0\0"].concat());
        let expected = ["a", "b", "c", "d", "e", "f"].map(String::from);
        assert_eq!(driver.proceed(), Ok(Some(Event::EvaluateShared(Some(expected)))));
        driver.answer(&[Answer { extras: "{}".into(), ..Answer::default() }]);
        assert_eq!(driver.proceed(), Ok(Some(Event::EvaluateShared(None))));
        assert_eq!(driver.output, b"FORCEREADY  \x02\0\0\0{}");
    }
}
