"""A whole experiment that takes seconds, and what of it must be the same every time."""

from typing import Any

from mmn13lib.q3_transfer.experiment.settings import ExperimentSettings
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.q3_transfer.training.from_scratch import SmallResNetSettings
from mmn13lib.q3_transfer.training.head import HeadSettings

TINY = ExperimentSettings(
    num_validation=6,
    head=HeadSettings(num_epochs=2, batch_size=5, fewest_updates=10),
    small_resnet=SmallResNetSettings(channels=(2, 2, 2), num_epochs=2, batch_size=5),
    num_head_seeds=2,
    label_counts=(5,),
    num_study_seeds=1,
    study_epochs=1,
    trap_images=3,
    trap_validation=3,
    trap=HeadSettings(num_epochs=1, batch_size=2),
    num_train=16,
    num_test=6,
    speed_batches=1,
    speed_batch_size=1,
)


def content(found: Results) -> dict[str, Any]:
    """Take what must be the same every time: everything but times."""
    kept: dict[str, Any] = {
        name: getattr(found, name)
        for name in ("classes", "counts", "head_seeds", "label_study", "trap")
    }
    for name in ("head", "small_resnet"):
        kept[f"{name} logits"] = getattr(found, name).test_logits.tobytes()
    kept["weights"] = {name: array.tobytes() for name, array in found.small_resnet_arrays.items()}
    return kept
