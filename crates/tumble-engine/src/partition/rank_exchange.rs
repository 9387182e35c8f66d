//! The exchange of rows between ranks: before a stage, all replicas send the rows of their borders in one message to each
//! partner.
//!
//! Rows from other ranks count as one more tile in the exchange between stages. They are kept as long as the tensor that
//! they belong to, so that each tensor travels once.

use bytemuck::Pod;
use tumble_core::domain::{Border, Domain};
use tumble_core::error::Result;
use tumble_ops::Real;

use crate::partition::executor::Evaluation;
use crate::partition::message_exchange::width;
use crate::partition::partitioner::ExchangeKind;
use crate::partition::pruning::NarrowEdges;
use crate::partition::{Exchange, Origin, PartitionedModel};

/// Rows of a tensor from other ranks, or its sum over all ranks.
pub(crate) struct Received<T> {
    kind: ExchangeKind,
    pub origin: Origin,
    /// Shape of the rows, `[rows, width]`.
    pub shape: Vec<i64>,
    pub rows: Vec<T>,
}

/// Exchanges the tensors of a stage with other ranks. A collective call.
pub(crate) fn communicate<T: Real + Pod>(
    partitioned: &PartitionedModel,
    stage: usize,
    runs: &mut [Evaluation<T>],
    domain: &Domain,
) -> Result<()> {
    let sent = partitioned.stages[stage].sent();
    let (sums, rows): (Vec<_>, Vec<_>) = sent.partition(|exchange| exchange.kind == ExchangeKind::Sum);
    exchange_rows(&rows, runs, domain)?;
    add_over_ranks(&sums, runs, domain)
}

fn exchange_rows<T: Real + Pod>(exchanges: &[&Exchange], runs: &mut [Evaluation<T>], domain: &Domain) -> Result<()> {
    if exchanges.is_empty() {
        return Ok(());
    }
    let mut outgoing = vec![Vec::new(); domain.borders.len()];
    for exchange in exchanges {
        runs.iter().try_for_each(|run| run.send(exchange, &mut outgoing))?;
    }
    let incoming = domain.ranks.exchange(outgoing)?;
    let mut rest: Vec<&[u8]> = incoming.iter().map(Vec::as_slice).collect();
    for exchange in exchanges {
        runs.iter_mut().for_each(|run| run.receive(exchange, &mut rest));
    }
    Ok(())
}

fn add_over_ranks<T: Real + Pod>(exchanges: &[&Exchange], runs: &mut [Evaluation<T>], domain: &Domain) -> Result<()> {
    if exchanges.is_empty() {
        return Ok(());
    }
    let own = exchanges.iter().flat_map(|exchange| runs.iter().map(|run| run.own_sum(exchange)));
    let own = own.collect::<Result<Vec<_>>>()?;
    let whole = domain.ranks.sum(own.concat())?;
    let mut whole = whole.into_iter().map(T::from_f64);
    let mut widths = own.iter().map(Vec::len);
    for exchange in exchanges {
        for run in &mut *runs {
            let rows: Vec<T> = whole.by_ref().take(widths.next().unwrap_or(0)).collect();
            let (kind, origin, shape) = (exchange.kind, exchange.data, vec![1, rows.len() as i64]);
            run.received.push(Received { kind, origin, shape, rows });
        }
    }
    Ok(())
}

impl<T: Real + Pod> Evaluation<'_, T> {
    /// Returns what other ranks have sent for an exchange.
    pub fn received(&self, exchange: &Exchange) -> Option<&Received<T>> {
        self.received.iter().find(|received| (received.kind, received.origin) == (exchange.kind, exchange.data))
    }

    /// Returns the borders of an exchange's rows; a rank without partners has none.
    fn borders(&self, exchange: &Exchange) -> &[Border] {
        self.edges(exchange).whole.domain.as_ref().map_or(&[], |domain| &domain.borders)
    }

    /// Appends the rows of each border to the message for its partner.
    fn send(&self, exchange: &Exchange, outgoing: &mut [Vec<u8>]) -> Result<()> {
        let (tiles, edges) = (self.views(exchange)?, self.edges(exchange));
        let width = *exchange.width.get_or_init(|| width(&tiles));
        let rows = match exchange.kind {
            ExchangeKind::Neighbor => self.center_rows(exchange, &tiles).map(|()| None)?,
            _ => Some(self.rows(exchange, edges, &tiles)?),
        };
        for (border, message) in self.borders(exchange).iter().zip(outgoing) {
            let mut put = |(tile, row): (usize, usize)| {
                message.extend_from_slice(bytemuck::cast_slice(&tiles[tile].1[row * width..(row + 1) * width]));
            };
            match rows {
                Some(rows) => border.edges.iter().for_each(|&edge| put(edges.place(edge, rows))),
                None => border.centers.iter().for_each(|&center| put(edges.place_of_center(center))),
            }
        }
        Ok(())
    }

    /// Takes the rows of an exchange from the front of each partner's message.
    fn receive(&mut self, exchange: &Exchange, rest: &mut [&[u8]]) {
        let width = exchange.width.get().copied().unwrap_or(0);
        let mut rows: Vec<T> = Vec::new();
        for (border, rest) in self.borders(exchange).iter().zip(rest) {
            let count = if exchange.kind == ExchangeKind::Neighbor { border.received } else { border.edges.len() };
            let (bytes, after) = rest.split_at(count * width * size_of::<T>());
            rows.extend(bytes.chunks_exact(size_of::<T>()).map(bytemuck::pod_read_unaligned::<T>));
            *rest = after;
        }
        let (kind, origin) = (exchange.kind, exchange.data);
        let shape = vec![rows.len().checked_div(width).unwrap_or(0) as i64, width as i64];
        self.received.push(Received { kind, origin, shape, rows });
    }
}

/// Finds the narrow edges of all replicas from the marks of their edges, with the marks of other ranks. A collective
/// call on ranks that share a structure.
pub(crate) fn prune<T: Real + Pod>(runs: &mut [Evaluation<T>], keep: Origin, domain: Option<&Domain>) -> Result<()> {
    let marked: Vec<_> = runs.iter().map(|run| run.marked(keep)).collect::<Result<_>>()?;
    let received = match domain {
        Some(domain) => exchange_marks(&marked, domain)?,
        None => vec![Vec::new(); runs.len()],
    };
    for ((run, marked), received) in runs.iter_mut().zip(&marked).zip(&received) {
        run.narrow = Some(NarrowEdges::new(&run.tiles, marked, received, |tile| run.atoms(tile)));
    }
    Ok(())
}

/// Returns the marks of the reversed edges on other ranks, by replica.
fn exchange_marks(marked: &[Vec<bool>], domain: &Domain) -> Result<Vec<Vec<bool>>> {
    let own = domain.borders.iter().map(|border| {
        let marks = marked.iter().flat_map(|marked| border.edges.iter().map(|&edge| u8::from(marked[edge])));
        marks.collect::<Vec<_>>()
    });
    let incoming = domain.ranks.exchange(own.collect())?;
    let of_run = |run: usize| {
        let of_border = |(border, marks): (&Border, &Vec<u8>)| {
            let count = border.edges.len();
            marks[run * count..(run + 1) * count].iter().map(|&mark| mark != 0).collect::<Vec<_>>()
        };
        domain.borders.iter().zip(&incoming).flat_map(of_border).collect()
    };
    Ok((0..marked.len()).map(of_run).collect())
}
