"""Every choice of the experiment in one place; what differs on the sample differs here."""

from dataclasses import dataclass, field, replace
from typing import Self

from mmn13lib.q3_transfer.data.inputs import Mode
from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings
from mmn13lib.q3_transfer.training.head import HeadSettings


@dataclass(frozen=True)
class ExperimentSettings:
    """What the experiment does; the defaults are for CIFAR-10.

    Choose here, not in the modules that train: a value here repeats the steps that get another
    one, an edit of `training.from_scratch` all nine trainings of SmallResNet, whatever it is.

    Attributes
    ----------
    num_validation
        Images held out of the training set, by class; everything is chosen on them.
    num_head_seeds
        Heads trained on all labelled images; seed 0 is the model of the comparison.
    label_counts
        Labelled images in the study of few labels, below all of them.
    num_study_seeds, small_resnet_seeds_up_to
        Trainings for each of these counts, but one alone for SmallResNet above the second.
    study_epochs
        SmallResNet's epochs in that study; None lets `SmallResNetSettings.for_images` choose.
    trap_images, trap_validation, trap
        Of the BatchNorm trap's demonstration, shared out among its three seeds; the head's
        settings there, where features are not stored and not standardised.
    speed_batches, speed_batch_size
        Timed for the speed of classification, after one to warm up.
    num_train, num_test
        Use the first so many images only; None means all.
    """

    num_validation: int = 5000
    head: HeadSettings = field(default_factory=HeadSettings)
    small_resnet: SmallResNetSettings = field(default_factory=SmallResNetSettings)
    num_head_seeds: int = 5
    label_counts: tuple[int, ...] = (100, 500, 2000, 10_000)
    num_study_seeds: int = 3
    small_resnet_seeds_up_to: int = 500
    study_epochs: int | None = None
    trap_images: int = 1440
    trap_validation: int = 1500
    trap: HeadSettings = field(
        default_factory=lambda: HeadSettings(
            num_epochs=1, batch_size=32, max_lr=0.03, weight_decay=0.0
        )
    )
    speed_batches: int = 5
    speed_batch_size: int = 64
    num_train: int | None = None
    num_test: int | None = None

    @classmethod
    def for_mode(cls, mode: Mode) -> Self:
        """Return the settings for CIFAR-10 or for the sample."""
        if mode != "sample":
            return cls()
        return cls(
            num_validation=20,
            head=HeadSettings(batch_size=16, max_lr=0.003, weight_decay=0.03, fewest_updates=200),
            num_head_seeds=3,
            small_resnet=SmallResNetSettings(
                num_epochs=8, batch_size=8, max_lr=0.05, crop_padding=0
            ),
            label_counts=(10, 30),
            num_study_seeds=2,
            small_resnet_seeds_up_to=0,
            study_epochs=8,
            trap_images=12,
            trap_validation=9,
            trap=HeadSettings(num_epochs=1, batch_size=4, max_lr=0.03, weight_decay=0.0),
            speed_batches=1,
            speed_batch_size=4,
        )

    def small_resnet_for(self, count: int | None) -> SmallResNetSettings:
        """Return SmallResNet's settings for `count` labelled images, or for all (None)."""
        if count is None:
            return self.small_resnet
        if self.study_epochs is not None:
            return replace(self.small_resnet, num_epochs=self.study_epochs)
        return self.small_resnet.for_images(count)
