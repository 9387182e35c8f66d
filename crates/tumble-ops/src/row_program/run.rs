//! Evaluation of a program: the threads of the session share its blocks of rows.

use std::cell::RefCell;

use bytemuck::Pod;
use pulp::Arch;

use super::block::Dispatch;
use super::elementwise::Arithmetic;
use super::parts::Run;
use crate::Real;
use crate::threads::Threads;

thread_local! {
    /// The working memory of a block on this thread.
    static MEMORY: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
    /// The turned weights of the program that runs from this thread.
    static TURNED: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

impl<T: Real + Arithmetic + Pod> Run<'_, T> {
    /// Computes the outputs for all rows.
    pub fn on(&self, threads: Threads, outputs: Vec<&mut [T]>) -> ort::Result<()> {
        let mut memory = TURNED.take();
        let turned = self.turned(&mut memory);
        let done = threads.share(self.parts(outputs), |part| {
            // Only code that is inlined into the dispatch uses the machine's registers, and `LocalKey::with` is not.
            let mut memory = MEMORY.take();
            Arch::new().dispatch(Dispatch { run: self, turned: &turned, part, memory: &mut memory });
            MEMORY.set(memory);
        });
        TURNED.set(memory);
        done
    }
}
