"""The learning rate's schedule."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def linear_warmup_and_decay(
    optimizer: Optimizer, num_updates: int, warmup_share: float
) -> LambdaLR:
    """Return a schedule that rises in a line to the optimiser's own rate, then falls to zero.

    It rises in the share `warmup_share`, in (0, 1), of the updates. L. N. Smith and N. Topin,
    "Super-convergence: very fast training of neural networks using large learning rates", 2018.
    """

    def factor(update: int) -> float:
        progress = (update + 1) / (num_updates + 1)
        return min(progress / warmup_share, (1 - progress) / (1 - warmup_share))

    return LambdaLR(optimizer, factor)
