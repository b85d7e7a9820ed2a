"""SmallResNet trained from scratch, as well as it can be."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models.devices import choose_dtype
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.training.checkpoint import Training
from mmn13lib.q3_transfer.training.history import EpochMeter, EpochRecord
from mmn13lib.q3_transfer.training.schedule import linear_warmup_and_decay

# at most so many images, epochs, batch size; a budget of time, not a search: as many updates as
# an hour allows on a processor with bfloat16
FEW_LABELS = ((250, 200, 25), (1000, 150, 25), (5000, 80, 50), (20_000, 40, 50))


@dataclass(frozen=True)
class SmallResNetSettings:
    """How SmallResNet is trained; the defaults are for 45,000 images.

    Attributes
    ----------
    num_epochs, batch_size
        A last batch that is not full is left out (the order is new in each epoch).
    max_lr
        Highest learning rate, for SGD with Nesterov momentum.
    warmup_share
        The share of the updates in which the learning rate rises.
    momentum, weight_decay
        Of SGD; BatchNorm's parameters and the head's bias do not decay.
    crop_padding
        Pixels by which the 32x32 image is padded (by reflection) before the random crop.
    """

    channels: tuple[int, int, int] = (32, 64, 128)
    num_epochs: int = 20
    batch_size: int = 100
    max_lr: float = 0.25
    warmup_share: float = 0.25
    momentum: float = 0.9
    weight_decay: float = 5e-4
    crop_padding: int = 4

    def for_images(self, num_images: int) -> "SmallResNetSettings":
        """Adapt the training to few images: more epochs, smaller batches and a lower rate.

        The rate falls with the batch (P. Goyal et al., "Accurate, large minibatch SGD", 2017).
        """
        for most, num_epochs, batch_size in FEW_LABELS:
            if num_images <= most:
                max_lr = self.max_lr * batch_size / self.batch_size
                return replace(self, num_epochs=num_epochs, batch_size=batch_size, max_lr=max_lr)
        return self


def train_small_resnet(
    images: Tensor,
    labels: Tensor,
    settings: SmallResNetSettings,
    seed: int,
    device: torch.device | str,
    checkpoint: Path | None = None,
    on_batch: Callable[[int], None] | None = None,
) -> tuple[SmallResNet, list[EpochRecord]]:
    """Train SmallResNet from scratch, or go on with a training that was cut off.

    Parameters
    ----------
    images, labels
        uint8 (N, 3, H, W) and int64 (N,).
    settings
        Use `SmallResNetSettings.for_images` for few labelled images.
    seed
        Of the initial weights, the order and the augmentation.
    checkpoint
        This training's own file to go on from, written after every epoch; None keeps nothing.
    on_batch
        Called with the number of images just trained on, or found to be done already.

    Returns
    -------
    model : SmallResNet
        On the device, in eval mode.
    history : list of EpochRecord
        One per epoch, those of an earlier call included.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SmallResNet(channels=settings.channels)
    device = torch.device(device)
    model.to(device).to(memory_format=torch.channels_last)  # a tenth faster on a CPU
    updates_per_epoch = len(images) // settings.batch_size
    num_updates = settings.num_epochs * updates_per_epoch
    optimizer = _optimizer(model, settings)
    training = Training(
        model,
        optimizer,
        linear_warmup_and_decay(optimizer, num_updates, settings.warmup_share),
        torch.Generator().manual_seed(seed),
        history=[],
    )
    if checkpoint is not None:
        training.restore(checkpoint)
    if on_batch is not None:
        report, size = on_batch, settings.batch_size
        report(len(training.history) * updates_per_epoch * size)
        optimizer.register_step_post_hook(lambda *_: report(size))
    while len(training.history) < settings.num_epochs:
        meter = train_one_epoch(
            model, images, labels, settings, optimizer, training.schedule, training.generator
        )
        training.history.append(meter.record())
        if checkpoint is not None:
            training.save(checkpoint)
    return model.eval(), training.history


def train_one_epoch(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    settings: SmallResNetSettings,
    optimizer: torch.optim.Optimizer,
    schedule: LRScheduler,
    generator: torch.Generator,
) -> EpochMeter:
    """Train on each image once, shifted and perhaps mirrored, in a random order.

    Parameters
    ----------
    model
        Changed in place, on its device; takes (B, 3, 224, 224).
    images, labels
        uint8 (N, 3, H, W) and int64 (N,), on the CPU.
    optimizer, schedule
        Both take a step after every batch.
    generator
        Draws the order, the shifts and the mirroring.
    """
    device = next(model.parameters()).device
    dtype = choose_dtype(device)
    mixed = dtype is not torch.float32
    meter = EpochMeter()
    model.train()
    order = torch.randperm(len(images), generator=generator)
    for batch in order.split(settings.batch_size):
        if len(batch) < settings.batch_size:
            break  # the rest comes in another epoch, whose order is new
        crops = crop_and_flip(images[batch], settings.crop_padding, generator)
        target = labels[batch].to(device)
        with torch.autocast(device.type, dtype, enabled=mixed):
            logits = model(preprocess(crops.to(device), dtype)).float()
        loss = F.cross_entropy(logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        meter.add(loss, logits, target)
    return meter


@torch.inference_mode()
def predict_logits(model: nn.Module, images: Tensor, device: torch.device | str) -> Tensor:
    """Compute the logits (N, num_classes) of uint8 images (N, 3, H, W), float32 on the CPU.

    The model, which takes normalised images (N, 3, 224, 224), is put into eval mode.
    """
    model.eval()
    return torch.cat([model(preprocess(x.to(device))).cpu() for x in images.split(100)])


def crop_and_flip(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image (N, C, H, W) by up to `padding` pixels either way and mirror half of them.

    What comes in from outside is the image's reflection.
    """
    num_images, _, height, width = images.shape
    padded = F.pad(images.float(), [padding] * 4, mode="reflect").to(images.dtype)
    top, left = torch.randint(2 * padding + 1, (2, num_images, 1), generator=generator)
    flip = torch.randint(2, (num_images, 1), generator=generator).bool()
    rows = top + torch.arange(height)
    columns = left + torch.arange(width)
    columns = torch.where(flip, columns.flip(1), columns)
    which = torch.arange(num_images)[:, None, None]
    # indexed with the channels last, so that each pixel is moved as one
    return padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(
        0, 3, 1, 2
    )


def _optimizer(model: nn.Module, settings: SmallResNetSettings) -> torch.optim.SGD:
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=settings.max_lr, momentum=settings.momentum, nesterov=True)
