"""The rival: what it is made of, what it sees, and that its training loses nothing."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.transforms.functional import to_pil_image

from mmn13lib import storage
from mmn13lib.transfer.costs import count_multiply_adds, count_parameters
from mmn13lib.transfer.preprocessing import STD, per_image
from mmn13lib.transfer.rival import (
    ResidualBlock,
    RivalSettings,
    SmallResNet,
    crop_and_flip,
    enlarge,
    predict_logits,
    train_rival,
)

TINY = RivalSettings(channels=(4, 8, 8), num_epochs=3, batch_size=8, max_lr=0.05)


@pytest.fixture(autouse=True)
def one_thread():
    """Keep tiny tensors from waiting for a second thread when the machine is busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tiny_images(num_images: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    """Two classes, dark and bright."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(num_images) % 2
    images = torch.randint(0, 100, (num_images, 3, 32, 32), generator=generator)
    return (images + 120 * labels[:, None, None, None]).to(torch.uint8), labels


def test_the_network_is_three_residual_blocks_and_small_enough():
    model = SmallResNet(channels=RivalSettings().channels)
    blocks = [module for module in model.modules() if isinstance(module, ResidualBlock)]
    assert len(blocks) == 3
    assert count_parameters(model) <= 600_000
    for block in blocks:
        kinds = [type(module) for module in block.modules()]
        assert kinds.count(nn.Conv2d) == 3  # two and the shortcut's
        assert kinds.count(nn.BatchNorm2d) == 3


def test_every_block_reduces_height_and_width():
    x = torch.zeros(1, 3, 224, 224)
    sizes = []
    for block in SmallResNet().blocks:
        x = block(x)
        sizes.append(x.shape[-1])
    assert sizes == [32, 16, 8]


@pytest.mark.parametrize(("kernel_size", "stride", "padding"), [(7, 7, 0), (3, 2, 1)])
def test_the_shortcut_is_a_strided_convolution_at_the_windows_centres(kernel_size, stride, padding):
    block = ResidualBlock(2, 2, kernel_size, stride, padding).eval()
    centre = kernel_size // 2
    with torch.no_grad():
        block.conv2.weight.zero_()
        strided = torch.zeros_like(block.conv1.weight)
        strided[:, :, centre, centre] = block.shortcut[0].weight[:, :, 0, 0]
        x = torch.rand(1, 2, 28, 28)
        expected = nn.functional.conv2d(x, strided, stride=stride, padding=padding)
        expected = (expected / (1 + 1e-5) ** 0.5).relu()
        torch.testing.assert_close(block(x), expected)


def test_the_network_sees_the_pixels_of_the_questions_transforms():
    images = torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    expected = torch.stack([per_image()(to_pil_image(image)) for image in images])
    grey_level = 1 / 255 / torch.tensor(STD)[:, None, None]
    difference = (enlarge(images) - expected).abs() / grey_level
    assert difference.max() < 0.001
    in_bfloat16 = (enlarge(images, torch.bfloat16).float() - expected).abs() / grey_level
    assert in_bfloat16.max() < 0.5


@given(st.integers(0, 2**32), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_a_crop_is_a_window_of_the_padded_image_or_its_mirror_image(seed, padding):
    image = torch.arange(2 * 6 * 6, dtype=torch.uint8).view(1, 2, 6, 6)
    crop = crop_and_flip(image, padding, torch.Generator().manual_seed(seed))[0]
    padded = nn.functional.pad(image.float(), [padding] * 4, mode="reflect").to(torch.uint8)[0]
    windows = padded.unfold(1, 6, 1).unfold(2, 6, 1).permute(1, 2, 0, 3, 4).reshape(-1, 2, 6, 6)
    assert any(torch.equal(crop, w) or torch.equal(crop.flip(-1), w) for w in windows)


def test_it_learns_to_tell_dark_from_bright():
    images, labels = tiny_images()
    model, records = train_rival(
        images, labels, replace(TINY, num_epochs=8), 0, "cpu", validation=(images, labels)
    )
    assert records[-1].validation_accuracy == 1
    assert not model.training


def test_a_seed_gives_the_same_bits_and_another_seed_others():
    images, labels = tiny_images()
    first, _ = train_rival(images, labels, TINY, 0, "cpu")
    torch.rand(3)  # the caller's own random numbers do not matter
    second, _ = train_rival(images, labels, TINY, 0, "cpu")
    other, _ = train_rival(images, labels, TINY, 1, "cpu")
    assert torch.equal(first.head.weight, second.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_the_images_already_trained_on_are_counted_over_all_epochs():
    images, labels = tiny_images(20)  # two full batches of 8 in each epoch
    counts = []
    train_rival(images, labels, TINY, 0, "cpu", on_batch=lambda *count: counts.append(count))
    assert counts == [(8 * step, 48) for step in range(1, 7)]


KILLED_RUNS = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from mmn13lib import storage
from mmn13lib.transfer.rival import train_rival
sys.path.insert(0, sys.argv[1])
from test_rival import TINY, tiny_images

torch.set_num_threads(1)
folder = Path(sys.argv[2])

def start(name):
    process = os.fork()
    if process:
        return process
    model, _ = train_rival(*tiny_images(), TINY, 0, "cpu", folder / f"{name}.checkpoint")
    storage.write_tensors(folder / name, model.state_dict())
    os._exit(0)

moments = random.Random(0)
for _ in range(5):
    process = start("killed")
    time.sleep(moments.uniform(0, 0.2))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
for name in ("killed", "undisturbed"):
    assert os.waitpid(start(name), 0)[1] == 0
"""


def test_killed_again_and_again_it_ends_with_the_bits_of_an_undisturbed_run(tmp_path):
    command = [sys.executable, "-c", KILLED_RUNS, str(Path(__file__).parent), str(tmp_path)]
    subprocess.run(command, check=True)
    killed = storage.read_tensors(tmp_path / "killed")
    for name, tensor in storage.read_tensors(tmp_path / "undisturbed").items():
        assert torch.equal(tensor, killed[name]), name


def test_logits_do_not_depend_on_how_the_images_are_batched():
    images, _ = tiny_images(6)
    model = SmallResNet(channels=(4, 8, 8))
    torch.testing.assert_close(
        predict_logits(model, images, "cpu", batch_size=4),
        predict_logits(model, images, "cpu"),
        rtol=1e-2,
        atol=1e-2,
    )
    assert predict_logits(model, images, "cpu").dtype == torch.float32


def test_multiply_adds_are_counted_as_by_hand_and_leave_the_model_alone():
    model = SmallResNet()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = 32 * 32 * (147 * 32 + 9 * 32 * 32 + 3 * 32)
    second = 16 * 16 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64)
    third = 8 * 8 * (9 * 64 * 128 + 9 * 128 * 128 + 64 * 128)
    assert count_multiply_adds(model, (3, 224, 224)) == first + second + third + 1280
    assert model.training
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_few_labelled_images_are_seen_more_often_in_smaller_batches():
    adapted = [RivalSettings().for_images(count) for count in (100, 500, 2000, 10_000, 45_000)]
    assert [a.num_epochs for a in adapted] == sorted((a.num_epochs for a in adapted), reverse=True)
    assert [a.batch_size for a in adapted] == sorted(a.batch_size for a in adapted)
    assert adapted[-1] == RivalSettings()
