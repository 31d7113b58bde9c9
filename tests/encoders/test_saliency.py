"""Gradient times input against a closed form."""

from __future__ import annotations

import numpy as np
import torch

from lightxml_core.encoders.saliency import gradient_times_input


def test_of_a_polynomial_each_token_gets_its_degree_times_its_term() -> None:
    """Of Σ a·e over the tokens that is a·e itself, of Σ (a·e)² twice that; the table need not be trained."""
    torch.manual_seed(0)
    table, a, ids = torch.nn.Embedding(9, 4), torch.randn(4), torch.tensor([[3, 1, 3, 8]])
    table.requires_grad_(False)
    with torch.no_grad():
        terms = (table(ids)[0] @ a).numpy()

    def scores() -> torch.Tensor:
        each = table(ids)[0] @ a
        return torch.stack([each.sum(), each.square().sum()])

    with torch.no_grad():
        found = gradient_times_input(table, scores)
    np.testing.assert_allclose(found, [terms, 2 * terms**2], rtol=1e-5)
