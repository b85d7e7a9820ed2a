"""Checkpoints: a training that is killed goes on after its last finished epoch.

On a CPU with the same number of threads it ends with the same bits as one that was left alone.
"""

import io
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.training.history import EpochRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Training:
    """All that changes during a training, and thus all that it needs to go on."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler
    generator: torch.Generator
    history: list[EpochRecord]

    def save(self, path: Path) -> None:
        """Write the checkpoint atomically."""
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "generator": self.generator.get_state(),
            "history": [asdict(record) for record in self.history],
        }
        content = io.BytesIO()
        torch.save(state, content)
        whole = np.frombuffer(content.getvalue(), np.uint8)
        storage.write_arrays(path, {"state": whole})

    def restore(self, path: Path) -> None:
        """Take the state of this training's checkpoint, where there is a whole one."""
        if not path.exists():
            return
        try:
            content = io.BytesIO(storage.read_arrays(path)[0]["state"].tobytes())
        except storage.Damaged as damage:
            logger.warning("%s: the training starts again.", damage)
            return
        state = torch.load(content, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        self.generator.set_state(state["generator"])
        self.history[:] = [EpochRecord(**record) for record in state["history"]]
