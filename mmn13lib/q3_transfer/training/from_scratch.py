"""SmallResNet trained from scratch, as well as it can be."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.models.devices import choose_dtype
from mmn13lib.q3_transfer.models.small_resnet import SmallResNet
from mmn13lib.q3_transfer.training.loop import (
    EpochRecord,
    EpochResult,
    epoch_generator,
    fit,
    one_cycle,
)

# up to so many labelled images: so many epochs, in batches of so many. Fewer images are seen more
# often each, yet less often together; the rate falls with the batch (Goyal et al. 2017).
FEW_LABELS = ((250, 120, 25), (1000, 60, 25), (5000, 26, 50), (20_000, 20, 50))


@dataclass(frozen=True)
class SmallResNetSettings:
    """How SmallResNet is trained; the defaults were chosen on validation, for 45,000 images.

    Short trials (4 passes over 20,000 images, accuracy on 5,000 held out, its standard error 0.6
    points) gave 71.5% with these channels and a highest rate of 0.3, 70.8% with 0.15. Wider blocks
    cost a quarter more time and gave no more (32, 64, 192: 70.7%); they may in longer runs.

    Attributes
    ----------
    channels
        Of the three blocks.
    num_epochs, batch_size
        A last batch that is not full is left out (the order is new in each epoch).
    max_lr
        Highest learning rate of the one-cycle schedule, for SGD with Nesterov momentum.
    warmup
        The part of the steps in which the learning rate rises.
    momentum, weight_decay
        Of SGD; BatchNorm's parameters and the head's bias do not decay.
    label_smoothing
        The share of the target that goes to all classes alike.
    crop_padding
        Pixels by which the 32x32 image is padded (by reflection) before the random crop.
    """

    channels: tuple[int, int, int] = (32, 64, 128)
    num_epochs: int = 20
    batch_size: int = 100
    max_lr: float = 0.25
    warmup: float = 0.25
    momentum: float = 0.9
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    crop_padding: int = 4

    def for_images(self, num_images: int) -> "SmallResNetSettings":
        """Adapt epochs and batch size to a smaller number of labelled images.

        Parameters
        ----------
        num_images
            Labelled images to train on.

        Returns
        -------
        SmallResNetSettings
        """
        for limit, num_epochs, batch_size in FEW_LABELS:
            if num_images <= limit:
                return replace(
                    self,
                    num_epochs=num_epochs,
                    batch_size=batch_size,
                    max_lr=self.max_lr * batch_size / self.batch_size,
                )
        return self


def train_small_resnet(
    images: Tensor,
    labels: Tensor,
    settings: SmallResNetSettings,
    seed: int,
    device: torch.device | str,
    checkpoint: Path | None = None,
    validation: tuple[Tensor, Tensor] | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    on_batch: Callable[[int, int], None] | None = None,
) -> tuple[SmallResNet, list[EpochRecord]]:
    """Train SmallResNet from scratch, or go on with a training that was cut off.

    Parameters
    ----------
    images
        uint8 (N, 3, H, W), H = W = 32 for CIFAR-10.
    labels
        int64 (N,).
    settings
        Use `SmallResNetSettings.for_images` for few labelled images.
    seed
        Of the initial weights, the order and the augmentation.
    device
        Where to train.
    checkpoint
        The file to go on from, written after every epoch; None keeps nothing.
    validation
        Images and labels to measure the accuracy on after every epoch.
    on_epoch
        Called with each new record, once it is on disk.
    on_batch
        Called with the number of images trained on so far, over all epochs, and in all.

    Returns
    -------
    model : SmallResNet
        On the device, in eval mode.
    records : list of EpochRecord
        One per epoch, those of an earlier call included.
    """
    device = torch.device(device)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = SmallResNet(channels=settings.channels).to(device)
    optimizer = _optimizer(model, settings)
    batch_size = min(settings.batch_size, len(images))
    steps_per_epoch = len(images) // batch_size
    num_steps = settings.num_epochs * steps_per_epoch

    def train_one_epoch(epoch: int) -> EpochResult:
        model.train()
        loss_sum = torch.zeros((), device=device)
        num_correct = torch.zeros((), device=device, dtype=torch.int64)
        generator = epoch_generator(seed, epoch)
        order = torch.randperm(len(images), generator=generator)
        for batch in range(steps_per_epoch):
            step = epoch * steps_per_epoch + batch
            for group in optimizer.param_groups:
                group["lr"] = settings.max_lr * one_cycle((step + 1) / num_steps, settings.warmup)
            chosen = order[batch * batch_size : (batch + 1) * batch_size]
            crops = crop_and_flip(images[chosen], settings.crop_padding, generator)
            target = labels[chosen].to(device)
            with _autocast(device):
                logits = model(preprocess(crops.to(device), choose_dtype(device)))
            loss = F.cross_entropy(logits.float(), target, label_smoothing=settings.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * batch_size
            num_correct += (logits.argmax(1) == target).sum()
            if on_batch is not None:
                on_batch((step + 1) * batch_size, num_steps * batch_size)
        return EpochResult(loss_sum.item(), int(num_correct), steps_per_epoch * batch_size)

    def evaluate() -> float:
        assert validation is not None
        held_out, truth = validation
        return float((predict_logits(model, held_out, device).argmax(1) == truth).float().mean())

    records = fit(
        model,
        optimizer,
        settings.num_epochs,
        train_one_epoch,
        evaluate if validation is not None else None,
        checkpoint,
        _fingerprint(images, labels, settings, seed),
        on_epoch,
    )
    return model.eval(), records


@torch.no_grad()
def predict_logits(
    model: nn.Module, images: Tensor, device: torch.device | str, batch_size: int = 100
) -> Tensor:
    """Compute the logits of many images; the model is put into eval mode.

    Parameters
    ----------
    model
        Takes normalised images (N, 3, 224, 224).
    images
        uint8 (N, 3, H, W).
    device
        Where the model is.
    batch_size
        Images at a time.

    Returns
    -------
    Tensor
        float32 (N, num_classes), on the CPU.
    """
    device = torch.device(device)
    model.eval()
    logits = []
    for batch in images.split(batch_size):
        with _autocast(device):
            logits.append(model(preprocess(batch.to(device), choose_dtype(device))).float().cpu())
    return torch.cat(logits)


def crop_and_flip(images: Tensor, padding: int, generator: torch.Generator) -> Tensor:
    """Shift each image by up to `padding` pixels either way and mirror every second one.

    Parameters
    ----------
    images
        (N, C, H, W).
    padding
        Pixels, filled by reflection.
    generator
        Draws the shifts and the flips.

    Returns
    -------
    Tensor
        As `images`.
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


def _autocast(device: torch.device) -> torch.autocast:
    dtype = choose_dtype(device)
    return torch.autocast(device.type, dtype, enabled=dtype is torch.bfloat16)


def _optimizer(model: nn.Module, settings: SmallResNetSettings) -> torch.optim.SGD:
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=0.0, momentum=settings.momentum, nesterov=True)


def _fingerprint(images: Tensor, labels: Tensor, settings: SmallResNetSettings, seed: int) -> str:
    data = hashlib.sha256(images.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()
    return f"{data} {settings} {seed}"
