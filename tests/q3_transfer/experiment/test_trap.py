"""The BatchNorm trap: what eval mode keeps, and train mode moves."""

import pytest
import torch

from mmn13lib.q3_transfer.data.datasets import as_tensors
from mmn13lib.q3_transfer.data.preprocessing import preprocess
from mmn13lib.q3_transfer.data.sample import SampleCIFAR10
from mmn13lib.q3_transfer.experiment import trap
from mmn13lib.q3_transfer.experiment.trap import TrappedResNet18
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18
from mmn13lib.q3_transfer.training.head import HeadSettings, train_classifier


def test_one_forward_pass_moves_every_buffer_of_the_trapped_network_alone() -> None:
    moved = []
    for network in (TrappedResNet18, FrozenResNet18):
        model = network.from_weights(None).train()
        before = {name: buffer.clone() for name, buffer in model.named_buffers()}
        model(torch.rand(2, 3, 32, 32))
        moved.append(sum(not b.equal(before[name]) for name, b in model.named_buffers()))
        trained = [name for name, weight in model.named_parameters() if weight.requires_grad]
        assert trained == ["fc.weight", "fc.bias"]
    assert moved == [60, 0]


def test_both_are_told_over_all_seeds_from_the_same_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[dict[str, torch.Tensor]] = []

    def train(model: torch.nn.Module, *given: object) -> None:
        starts.append({name: tensor.clone() for name, tensor in model.state_dict().items()})
        train_classifier(model, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(trap, "train_classifier", train)
    # a corner of each image is trap enough
    monkeypatch.setattr(trap, "preprocess", lambda them: preprocess(them)[..., :32, :32])
    images, labels = as_tensors(SampleCIFAR10())
    training, validation = (images[:12], labels[:12]), (images[20:32], labels[20:32])
    found, _ = trap.trap(None, training, validation, HeadSettings(num_epochs=2, batch_size=10))
    low, high = found["difference_interval"]
    assert -1 <= low <= found["accuracy_frozen"] - found["accuracy_trap"] <= high <= 1
    assert {12 * found[name] % 1 for name in ("accuracy_frozen", "accuracy_trap")} == {0}
    first, *others = starts  # no training has moved anything that the next one starts from
    assert len(others) == 5
    for start in others:
        assert all(start[name].equal(first[name]) for name in first if not name.startswith("fc."))
    assert [start["fc.bias"].equal(first["fc.bias"]) for start in others] == [True] + 4 * [False]
