//! Memory of kept tensors, in slabs that outlive an evaluation: the system takes longer to provide fresh memory than we
//! take to fill it.
//!
//! Tensors with the same lifetime share slabs. Slabs are released as a whole, and any slab serves any tensors. So a
//! second evaluation of the same size allocates nothing.

use std::ops::Range;
use std::sync::Mutex;

use bytemuck::Pod;
use memmap2::MmapMut;
use tumble_core::parallel::locked;

/// Size of a slab, bytes, unless a single tensor takes more.
const SLAB: usize = 16 << 20;

/// Alignment of tensors, bytes: cache lines, as wide as the widest registers.
const LINE: usize = 64;

/// The system refused to allocate a slab.
#[derive(Debug, thiserror::Error)]
#[error("the system has no {bytes} bytes of memory left")]
pub(crate) struct OutOfMemory {
    bytes: usize,
}

/// The range of a tensor in an arena.
#[derive(Debug)]
pub(crate) struct TensorRange {
    slab: usize,
    bytes: Range<usize>,
}

/// Tensors with the same lifetime.
#[derive(Default)]
pub(crate) struct Arena {
    slabs: Vec<Slab>,
    bytes: usize,
}

struct Slab {
    memory: MmapMut,
    used: usize,
}

/// Free slabs.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<Slab>>);

impl Arena {
    /// Adds a tensor of `length` numbers, written by `fill`.
    pub fn add<T: Pod>(
        &mut self,
        length: usize,
        pool: &Pool,
        fill: impl FnOnce(&mut [T]),
    ) -> Result<TensorRange, OutOfMemory> {
        let bytes = length * size_of::<T>();
        if self.slabs.last().is_none_or(|slab| slab.memory.len() - slab.used < bytes) {
            self.slabs.push(pool.take(bytes)?);
        }
        let number = self.slabs.len() - 1;
        let slab = &mut self.slabs[number];
        let place = TensorRange { slab: number, bytes: slab.used..slab.used + bytes };
        fill(bytemuck::cast_slice_mut(&mut slab.memory[place.bytes.clone()]));
        slab.used = place.bytes.end.next_multiple_of(LINE).min(slab.memory.len());
        self.bytes += bytes;
        Ok(place)
    }

    /// Returns the numbers of a tensor.
    pub fn get<T: Pod>(&self, place: &TensorRange) -> &[T] {
        bytemuck::cast_slice(&self.slabs[place.slab].memory[place.bytes.clone()])
    }

    /// Returns the size of all tensors, bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of slabs.
    pub fn slabs(&self) -> usize {
        self.slabs.len()
    }
}

impl Pool {
    /// Takes the slabs of an arena and drops its tensors.
    pub fn give(&self, arena: &mut Arena) {
        let Arena { slabs, .. } = std::mem::take(arena);
        locked(&self.0).extend(slabs.into_iter().rev().map(|slab| Slab { used: 0, ..slab }));
    }

    /// Returns free slabs to the system beyond 1.25 times `slabs`.
    pub fn limit(&self, slabs: usize) {
        locked(&self.0).truncate(slabs + slabs.div_ceil(4));
    }

    /// Takes a free slab, or allocates one and drops a free one: so there are never more slabs than the most in use at
    /// a time.
    fn take(&self, bytes: usize) -> Result<Slab, OutOfMemory> {
        let mut spare = locked(&self.0);
        if let Some(fitting) = spare.iter().rposition(|slab| slab.memory.len() >= bytes) {
            return Ok(spare.swap_remove(fitting));
        }
        drop(spare.pop());
        Slab::new(bytes.max(SLAB))
    }
}

impl Slab {
    fn new(bytes: usize) -> Result<Self, OutOfMemory> {
        let memory = MmapMut::map_anon(bytes).map_err(|_| OutOfMemory { bytes })?;
        // Huge pages take the system a third of the time, and distant rows cost fewer TLB misses. Without them it is
        // only slower.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Ok(Self { memory, used: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(arena: &mut Arena, pool: &Pool, length: usize, number: f32) -> TensorRange {
        arena.add(length, pool, |free| free.fill(number)).unwrap()
    }

    #[test]
    fn tensors_of_an_arena_are_contiguous() {
        const LENGTH: usize = SLAB / 4 / 10 - 1;
        let (mut arena, pool) = (Arena::default(), Pool::default());
        let places: Vec<_> = (0..25u8).map(|n| numbered(&mut arena, &pool, LENGTH, n.into())).collect();
        for (number, place) in (0..25u8).zip(&places) {
            let numbers: &[f32] = arena.get(place);
            assert_eq!(numbers, [f32::from(number); LENGTH]);
            assert_eq!(numbers.as_ptr().align_offset(LINE), 0);
        }
        assert_eq!((arena.bytes(), arena.slabs()), (25 * 4 * LENGTH, 3));
    }

    #[test]
    fn arena_keeps_both_precisions_and_empty_tensors() {
        let (mut arena, pool) = (Arena::default(), Pool::default());
        let [single, none] = [3, 0].map(|length| numbered(&mut arena, &pool, length, 1.5));
        let double = arena.add(2, &pool, |free| free.copy_from_slice(&[0.1, 0.2])).unwrap();
        assert_eq!(arena.get::<f32>(&single), [1.5; 3]);
        assert_eq!(arena.get::<f64>(&double), [0.1, 0.2]);
        assert!(arena.get::<f32>(&none).is_empty());
    }

    #[test]
    fn slabs_are_reused() {
        let pool = Pool::default();
        let memory = |arena: &mut Arena| {
            let place = numbered(arena, &pool, SLAB / 4, 1.0);
            arena.get::<f32>(&place).as_ptr()
        };
        let (mut first, mut second) = (Arena::default(), Arena::default());
        let before = [memory(&mut first), memory(&mut first), memory(&mut second)];
        pool.give(&mut first);
        pool.give(&mut second);
        assert_eq!((first.slabs(), first.bytes(), locked(&pool.0).len()), (0, 0, 3));
        let mut after: Vec<_> = (0..3).map(|_| memory(&mut first)).collect();
        assert!(before.iter().all(|slab| after.contains(slab)));
        after.dedup();
        assert_eq!((after.len(), locked(&pool.0).len()), (3, 0));
    }

    #[test]
    fn large_tensor_has_a_slab_of_its_own() {
        let (mut arena, pool) = (Arena::default(), Pool::default());
        numbered(&mut arena, &pool, 1, 1.0);
        let large = numbered(&mut arena, &pool, SLAB, 2.0);
        assert_eq!((arena.get::<f32>(&large).len(), arena.slabs()), (SLAB, 2));
        pool.give(&mut arena);
        numbered(&mut arena, &pool, 2 * SLAB, 3.0);
        assert_eq!(locked(&pool.0).len(), 1);
    }

    #[test]
    fn allocation_beyond_the_memory_of_the_system_is_an_error() {
        let length = usize::MAX / 32;
        let why = Arena::default().add::<f64>(length, &Pool::default(), |_| {}).unwrap_err();
        assert_eq!(why.to_string(), format!("the system has no {} bytes of memory left", length * 8));
    }

    #[test]
    fn slabs_beyond_the_limit_return_to_the_system() {
        let (mut arena, pool) = (Arena::default(), Pool::default());
        (0..10).for_each(|_| assert_eq!(numbered(&mut arena, &pool, SLAB / 4, 1.0).bytes, 0..SLAB));
        pool.give(&mut arena);
        pool.limit(4);
        assert_eq!(locked(&pool.0).len(), 5);
    }
}
