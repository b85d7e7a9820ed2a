"""All images' features for question 3's cells: stored ones, or computed where there are none."""

from torch import Tensor
from torchvision.datasets import CIFAR10
from torchvision.models import ResNet
from tqdm import tqdm

from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data.datasets import as_tensors, stratified_split
from mmn13lib.q3_transfer.experiment.run import stored_features
from mmn13lib.q3_transfer.models.devices import choose_device, choose_dtype
from mmn13lib.q3_transfer.models.features import extract, feature_network
from mmn13lib.q3_transfer.results.records import Results


def all_features(
    model: ResNet, train_set: CIFAR10, test_set: CIFAR10, results: Results, settings: Settings
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the features (N, 512) and labels of ``train``, ``validation`` and ``test`` images.

    Where none are stored, as in an unzipped submission, a bar shows how far the network is.
    """
    stored = stored_features(settings, results.inputs)
    if stored is not None:
        return stored
    device = choose_device()
    network = feature_network(model, device, choose_dtype(device))
    images, labels = _first(train_set, results.experiment["num_train"])
    test_images, test_labels = _first(test_set, results.experiment["num_test"])
    total = len(images) + len(test_images)
    with tqdm(total=total, desc="features", unit=" images", ncols=78) as bar:

        def done(count: int) -> None:
            bar.update(count)

        features = extract(network, images, done)
        test_features = extract(network, test_images, done)
    held_out = results.counts["validation"], results.experiment["split_seed"]
    train, validation = stratified_split(labels, *held_out)
    return {
        "train": (features[train], labels[train]),
        "validation": (features[validation], labels[validation]),
        "test": (test_features, test_labels),
    }


def _first(images: CIFAR10, count: int | None) -> tuple[Tensor, Tensor]:
    pixels, labels = as_tensors(images)
    return pixels[:count], labels[:count]
