"""Which places of a padded batch count in the loss of the rank head."""

from __future__ import annotations

import torch
from torch import Tensor


def repeated_last(real: Tensor) -> Tensor:
    """float32[B, n]: how often each place counts if all rows are extended to the longest by repeating their last place.

    real: bool[B, n], false for padding. A row of padding alone has no place to repeat and stays empty.
    """
    number = real.sum(1)
    missing = (number.max() - number) * (number > 0)
    last = (real * torch.arange(real.shape[1], device=real.device)).amax(1)
    return real.float().scatter_add_(1, last.unsqueeze(1), missing.unsqueeze(1).float())
