//! Runs: the replicas of a batch divided among the workers.

use super::{Part, Share};

/// Splits a batch into at most `count` runs of about equal numbers of edges, in the order of the batch; none is empty.
pub fn split_into_runs(batch: &[Part], count: usize) -> Vec<Vec<Share>> {
    let cost = |part: &Part| part.size.edges + part.size.centers;
    let total: usize = batch.iter().map(|part| cost(part) * part.rotations).sum();
    let (mut runs, mut before) = (vec![Vec::new(); count], 0);
    for (work, part) in batch.iter().enumerate() {
        let (rotations, each) = (part.rotations, cost(part));
        // A replica belongs where its middle falls.
        let place = |i: usize| (2 * (before + i * each) + each) * count / (2 * total);
        let mut start = 0;
        for (run, some) in runs.iter_mut().enumerate() {
            let end = start + (start..rotations).take_while(|&i| place(i) == run).count();
            if end > start {
                some.push(Share { work, replicas: start..end });
            }
            start = end;
        }
        before += each * rotations;
    }
    runs.retain(|run| !run.is_empty());
    runs
}

#[cfg(test)]
mod tests {
    use super::super::GraphSize;
    use super::*;

    fn counts(batch: &[Part], count: usize) -> Vec<Vec<usize>> {
        split_into_runs(batch, count).iter().map(|run| run.iter().map(|share| share.replicas.len()).collect()).collect()
    }

    #[test]
    fn runs_are_even_and_in_order() {
        let lone = GraphSize { atoms: 1, centers: 1, ..GraphSize::default() };
        let three = GraphSize { atoms: 3, centers: 3, ..GraphSize::default() };
        let of = |size, rotations| Part { size, rotations };
        assert_eq!(counts(&[of(lone, 12)], 2), [[6], [6]]);
        assert_eq!(counts(&[of(lone, 3)], 2), [[1], [2]]);
        assert_eq!(counts(&[of(lone, 2)], 4), [[1], [1]]);
        assert_eq!(counts(&[of(three, 2), of(lone, 6)], 2), [vec![2], vec![6]]);
        assert_eq!(counts(&[of(lone, 4), of(three, 4)], 2), [vec![4, 1], vec![3]]);
        assert_eq!(counts(&[of(lone, 0), of(lone, 1)], 2), [[1]]);
    }
}
