//! Threads that share the work of an operator: those of its session in ONNX Runtime.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Mutex;

use ort::operator::ComputeContext;
use tumble_core::parallel::locked;

/// The threads of an operator.
#[derive(Clone, Copy)]
pub(crate) enum Threads<'a> {
    /// The calling thread alone.
    One,
    /// All threads of the session that calls the operator.
    Session(&'a ComputeContext),
}

/// A part that no thread has taken yet.
type Waiting<P> = Mutex<Option<P>>;

impl Threads<'_> {
    /// Does the work of each part; a free thread takes the next one. If the parts do not depend on the number of
    /// threads, the results do not either.
    pub fn share<P: Send>(self, parts: Vec<P>, work: impl Fn(P) + Send + Sync) -> ort::Result<()> {
        match self {
            Self::Session(context) if parts.len() > 1 => share(context, parts, work),
            _ => {
                parts.into_iter().for_each(work);
                Ok(())
            }
        }
    }
}

fn share<P: Send>(context: &ComputeContext, parts: Vec<P>, work: impl Fn(P) + Send + Sync) -> ort::Result<()> {
    let parts: Vec<Waiting<P>> = parts.into_iter().map(|part| Mutex::new(Some(part))).collect();
    let panicked: Mutex<Option<Box<dyn Any + Send>>> = Mutex::new(None);
    context.par_for(parts.len(), 0, |number| {
        let part = locked(&parts[number]).take();
        // A panic may not cross ONNX Runtime.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| part.into_iter().for_each(&work))) {
            *locked(&panicked) = Some(panic);
        }
    })?;
    match locked(&panicked).take() {
        Some(panic) => resume_unwind(panic),
        None => Ok(()),
    }
}
