//! The driver's side of the protocol: messages in any order, cut at any place, with its answers in between.

use tumble_ipi::driver::{Driver, Event};
use tumble_ipi::message::{self, Answer, Layout, Reply, Transport};

/// Result of a conversation. Events are compared as text, since structures may contain NaN.
#[derive(Debug, Default, PartialEq)]
struct Conversation {
    events: Vec<String>,
    output: Vec<u8>,
    fault: Option<String>,
}

/// Target: events and output do not depend on how the messages are cut, nor on how many are handled at a time.
pub fn driver(bytes: &[u8]) {
    let Some((layout, bytes)) = super::layout(bytes) else { return };
    let Some((&cut, messages)) = bytes.split_first() else { return };
    let whole = converse(&layout, messages, messages.len().max(1), usize::MAX);
    let pieces = converse(&layout, messages, 1 + usize::from(cut), 1);
    assert_eq!(whole, pieces);
    check_output(&whole, &layout);
}

fn converse(layout: &Layout, messages: &[u8], piece: usize, most: usize) -> Conversation {
    let mut driver = Driver::new(layout.max_text);
    let mut found = Conversation::default();
    for piece in messages.chunks(piece) {
        driver.feed(piece);
        if !listen(&mut driver, layout, most, &mut found) {
            break;
        }
    }
    found
}

/// Handles all received messages; returns whether the driver expects more.
fn listen(driver: &mut Driver, layout: &Layout, most: usize, found: &mut Conversation) -> bool {
    loop {
        let mut left = most;
        let event = driver.proceed_within(&mut left);
        found.output.append(&mut driver.output);
        match event {
            Ok(None) if left > 0 => return true,
            Ok(None) => {}
            Ok(Some(event)) => {
                found.events.push(format!("{event:?}"));
                if event == Event::Exit {
                    return false;
                }
                serve(driver, &event, layout);
            }
            Err(fault) => {
                found.fault = Some(fault.to_string());
                return false;
            }
        }
    }
}

/// Answers an event; the driver does nothing else before that.
fn serve(driver: &mut Driver, event: &Event, layout: &Layout) {
    assert!(driver.busy());
    assert_eq!(driver.proceed(), Ok(None));
    assert!(driver.output.is_empty());
    match event {
        Event::Init { text } => {
            assert!(text.len() <= layout.max_text);
            return driver.begin(layout.atoms, layout.batch, layout.transport);
        }
        Event::Evaluate(structures) => {
            assert!(layout.transport == Transport::Socket && structures.len() == layout.batch);
            assert!(structures.iter().all(|structure| structure.positions.len() == layout.atoms));
        }
        Event::EvaluateShared(names) => assert!(layout.transport != Transport::Socket && names.iter().len() <= 1),
        Event::Exit => {}
    }
    assert!(driver.begun());
    driver.answer(&vec![Answer { forces: vec![[0.0; 3]; layout.atoms], ..Answer::default() }; layout.batch]);
}

/// Checks that the output consists of replies, with no more results than structures received.
fn check_output(found: &Conversation, layout: &Layout) {
    let (mut rest, mut results) = (&found.output[..], 0);
    while !rest.is_empty() {
        let (reply, used) = message::reply(rest, layout).expect("replies").expect("whole ones");
        results += usize::from(matches!(reply, Reply::ForceReady(_)));
        rest = &rest[used..];
    }
    assert!(results <= found.events.iter().filter(|event| event.starts_with("Evaluate")).count());
}
