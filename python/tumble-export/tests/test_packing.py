"""Rows without padding: there and back, the gradient of either way, and centers without edges."""

import pytest
import torch

from tumble_export.packing import Packing, Tokens, slots_of

MASKS = {
    "ragged": [[1, 1, 0], [0, 0, 0], [1, 1, 1], [1, 0, 0]],
    "no edge": [[0], [0]],
    "first center alone": [[0, 0], [1, 1]],
    "full": [[1, 1], [1, 1]],
}


@pytest.fixture(params=MASKS, name="tokens")
def _tokens(request):
    mask = torch.tensor(MASKS[request.param], dtype=torch.bool)
    return Tokens(mask, slots_of(mask))


def numbers(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def test_rows_come_back_to_their_slots(tokens):
    values = numbers(*tokens.mask.shape, 2)
    rows = tokens.rows(values)
    assert len(rows) == int(tokens.mask.sum()) + (not tokens.mask[0, 0])
    assert (tokens.padded(rows)[tokens.mask] == values[tokens.mask]).all()


def test_tokens_are_at_their_places_with_the_center_first(tokens):
    rows = numbers(sum(tokens.sizes), 2)
    placed = tokens.arrange(rows)
    centers, edges = tokens.split(rows)
    assert (placed[:, 0] == centers).all()
    assert (placed[:, 1:][tokens.mask] == tokens.padded(edges)[tokens.mask]).all()
    assert (tokens.collect(placed) == rows).all()


def test_gradients_are_slopes_and_padding_has_none(tokens):
    slots = numbers(*tokens.mask.shape, 2).requires_grad_()
    rows = numbers(sum(tokens.sizes), 2).requires_grad_()
    counts = torch.cat([torch.ones_like(tokens.mask[:, :1]), tokens.mask], dim=1).unsqueeze(2).double()
    assert torch.autograd.gradcheck(tokens.rows, slots)
    assert torch.autograd.gradcheck(lambda r: tokens.arrange(r.sin()) * counts, rows)
    (found,) = torch.autograd.grad(tokens.rows(slots).sum(), slots)
    empty = ~tokens.mask
    empty[0, 0] = False  # the first slot may have a row without an edge
    assert not found[empty].any()


def test_reversed_edges_of_a_pair_are_each_other():
    mask = torch.tensor([[True, False], [True, False]])
    reverse = torch.tensor([[2, 1], [0, 3]])
    assert Packing(mask, slots_of(mask)).reversed(reverse).tolist() == [1, 0]
