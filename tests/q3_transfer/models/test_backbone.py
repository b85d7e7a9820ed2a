"""The frozen network: weights from anywhere, and nothing but the head ever changes."""

import pickle
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision.models import resnet18

from mmn13lib.foundation.errors import UserError
from mmn13lib.q3_transfer.models.backbone import FrozenResNet18


@cache
def random_weights() -> dict[str, torch.Tensor]:
    return resnet18(num_classes=100).state_dict()


def outside_head(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: tensor.clone()
        for name, tensor in model.state_dict().items()
        if not name.startswith("fc.")
    }


def test_no_parameter_and_no_buffer_outside_the_head_changes_in_training() -> None:
    model = FrozenResNet18()
    before, head = outside_head(model), model.fc.weight.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        model.train()
        optimizer.zero_grad()
        model(torch.randn(4, 3, 64, 64)).square().sum().backward()
        optimizer.step()
    after = outside_head(model)
    assert len(after) == 120
    assert [name for name in after if not torch.equal(after[name], before[name])] == []
    assert not torch.equal(model.fc.weight, head)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors", ".SAFETENSORS"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_weights_come_from_either_format_in_any_precision(
    suffix: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    given = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor
        for name, tensor in random_weights().items()
    }
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(given, path)
    else:
        save_file(given, path)
    model = FrozenResNet18.from_weights(path)
    assert torch.equal(model.layer4[1].conv2.weight, given["layer4.1.conv2.weight"].float())
    assert model.conv1.weight.dtype == torch.float32
    assert model.fc.out_features == 10


ONE = {"conv1.weight": torch.zeros(64, 3, 7, 7)}


def half(save, path: Path) -> None:
    save(ONE, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "make", "words"),
    [
        ("b.pth", lambda path: path.write_text("something else"), "truncated or something else"),
        ("c.pth", lambda path: half(torch.save, path), "truncated or something else"),
        ("d.safetensors", lambda path: half(save_file, path), "truncated or something else"),
        ("e.pth", lambda path: torch.save(ONE, path), "does not hold a ResNet-18"),
        ("f.pth", lambda path: torch.save([1, 2], path), "holds no state dict .* but a list"),
        ("g.pth", lambda path: torch.save({0: ONE}, path), "holds no state dict .* but a dict"),
    ],
)
def test_a_wrong_file_is_an_error_in_a_sentence(name, make, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(UserError, match=words) as raised:
        FrozenResNet18.from_weights(path)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def spoil(name: str, change) -> dict[str, torch.Tensor]:
    return random_weights() | {name: change(random_weights()[name])}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("layer2.0.conv1.weight", lambda it: it.index_fill(0, torch.tensor(7), torch.nan), "NaN"),
        ("conv1.weight", lambda it: -torch.inf * it, "infinite"),
        ("layer3.1.bn2.running_mean", lambda it: it.double() + 1e300, "infinite"),  # as float32
        ("bn1.running_var", lambda it: it - 1.01, "not finite"),  # negative
        ("layer4.0.downsample.0.weight", torch.Tensor.cfloat, "torch.complex64"),
        ("layer1.0.conv2.weight", torch.Tensor.char, "torch.int8"),
        ("layer1.0.bn2.bias", torch.Tensor.bool, "torch.bool"),
        ("conv1.weight", torch.Tensor.to_sparse, "torch.sparse_coo"),
        ("conv1.weight", lambda it: it.to("meta"), "meta"),
        ("conv1.weight", lambda it: it.to(torch.float8_e4m3fn), "torch.float8_e4m3fn"),
        ("conv1.weight", lambda it: 1e37 + it, "not finite"),
        ("conv1.weight", torch.zeros_like, "the same of any image"),
    ],
)
def test_numbers_that_no_network_has_are_refused_before_anything_is_trained(
    name: str, change, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(spoil(name, change), path)
    with pytest.raises(UserError, match=f"weights.pth can't be used as weights, .*{words}"):
        FrozenResNet18.from_weights(path)


def test_a_heads_numbers_in_the_file_do_not_matter(tmp_path: Path) -> None:
    torch.save(spoil("fc.weight", torch.Tensor.cfloat), tmp_path / "weights.pth")
    FrozenResNet18.from_weights(tmp_path / "weights.pth")


class Intruder:
    """Unpickling this would make a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


@pytest.mark.parametrize(
    "save", [torch.save, lambda value, path: path.write_bytes(pickle.dumps(value))]
)
def test_code_in_a_weights_file_is_not_executed(save, tmp_path: Path) -> None:
    trace = tmp_path / "executed"
    save({"conv1.weight": Intruder(trace)}, tmp_path / "weights.pth")
    with pytest.raises(UserError):
        FrozenResNet18.from_weights(tmp_path / "weights.pth")
    assert not trace.exists()
