"""What the experiment runs on is found, named and checked."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.provenance import file_digest
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.data import inputs
from mmn13lib.q3_transfer.data.inputs import resolve


def known(path: Path, name: str = "") -> inputs.KnownFile:
    return inputs.KnownFile(name or path.name, path.stat().st_size, file_digest(path))


@pytest.fixture
def real(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that name files which stand in for CIFAR-10 and for weights."""
    batches = settings.root / "data" / inputs.BATCHES
    batches.mkdir(parents=True)
    for file in inputs.CIFAR10_FILES:
        (batches / file.name).write_text(f"the bytes of {file.name}")
    files = tuple(known(batches / file.name) for file in inputs.CIFAR10_FILES)
    monkeypatch.setattr(inputs, "CIFAR10_FILES", files)
    weights = settings.root / "somebody.safetensors"
    weights.write_text("weights")
    return replace(settings, data=batches.parent, weights=weights)


@pytest.fixture
def imagenet(real: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same, with the weights counted as the ImageNet ones."""
    assert real.weights is not None
    genuine = known(real.weights, inputs.IMAGENET_WEIGHTS.name)
    monkeypatch.setattr(inputs, "IMAGENET_WEIGHTS", genuine)
    return real


def test_the_sample_stands_in_where_nothing_is_there(settings: Settings) -> None:
    found = resolve(settings)
    assert found.mode == "sample"
    assert found.weights is None
    assert "not CIFAR-10" in found.stamp
    assert found.missing == "CIFAR-10 and the ResNet-18 weights"


def test_weights_that_somebody_gave_are_named_by_name_and_digest(real: Settings) -> None:
    found = resolve(real)
    assert found.mode == "other-weights"
    digits = found.fingerprint["weights"][:8]
    assert found.weights_words == f"weights from somebody.safetensors (SHA-256 {digits}…)"
    assert found.label == f"CIFAR-10, {found.weights_words}"
    assert (found.stamp, found.missing) == ("", "")


def test_a_renamed_weights_file_has_its_new_name_in_the_texts_and_the_same_key(
    real: Settings,
) -> None:
    assert real.weights is not None
    before = resolve(real)
    after = resolve(replace(real, weights=real.weights.rename(real.root / "renamed.pth")))
    assert "renamed.pth" in after.weights_words
    assert "somebody" not in f"{after.weights_words} {after.label}"
    assert after.fingerprint == before.fingerprint


@pytest.mark.parametrize(
    ("description", "quoted"),
    [
        ("trained on cats", ", which describes itself as “trained on cats”"),
        ("two\nlines\tof it", "“two lines of it”"),
        ("a\x1b[2J bell\a \u202eturned", "“a[2J bell turned”"),
        ("x" * 10_000, "“" + "x" * 200 + "…”"),
        ("", "…)"),
    ],
)
def test_what_a_safetensors_file_says_of_itself_is_quoted(
    description, quoted, real: Settings
) -> None:
    save_file({"a": np.zeros(1)}, real.weights, {"description": description})
    assert resolve(real).weights_words.endswith(quoted)


def test_a_file_that_claims_to_be_the_imagenet_weights_only_says_so(real: Settings) -> None:
    claim = real.root / inputs.IMAGENET_WEIGHTS.name
    save_file({"a": np.zeros(1)}, claim, {"description": "ImageNet weights, IMAGENET1K_V1"})
    found = resolve(replace(real, weights=claim))
    assert found.mode == "other-weights"
    assert "describes itself as “ImageNet" in found.weights_words


def test_downloads_are_found_without_being_named(imagenet: Settings) -> None:
    assert imagenet.data is not None
    assert imagenet.weights is not None
    imagenet.downloads.parent.mkdir()
    imagenet.data.rename(imagenet.downloads)
    imagenet.weights.rename(imagenet.downloads / inputs.IMAGENET_WEIGHTS.name)
    assert resolve(replace(imagenet, data=None, weights=None)).mode == "imagenet"


def spoil_batch(change) -> Callable[[Settings], Settings]:
    def spoil(settings: Settings) -> Settings:
        assert settings.data is not None
        file = settings.data / inputs.BATCHES / "data_batch_3"
        text = file.read_text()
        file.unlink()
        change(file, text)
        return settings

    return spoil


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            spoil_batch(lambda file, text: file.write_text(text.upper())),
            r"data_batch_3 is corrupted \(it differs",
        ),
        (
            spoil_batch(lambda file, text: file.write_text("the")),
            r"data_batch_3 is corrupted \(it has 3 bytes instead of 25\)",
        ),
        (
            spoil_batch(lambda file, _: file.symlink_to("/dev/zero")),
            "data_batch_3 is no regular file",
        ),
        (spoil_batch(lambda *_: None), "data_batch_3 is missing"),
        (
            lambda good: replace(good, data=Path("/nowhere")),
            "no folder cifar-10-batches-py to read",
        ),
        (lambda good: replace(good, weights=Path("/nowhere.pth")), "no file /nowhere.pth"),
    ],
)
def test_a_wrong_input_is_an_error_that_says_what_to_do(spoil, words, real: Settings) -> None:
    with pytest.raises(UserError, match=words) as raised:
        resolve(spoil(real))
    assert "MMN13_" in str(raised.value)


def test_other_content_under_the_same_name_has_another_fingerprint(real: Settings) -> None:
    assert real.weights is not None
    before = resolve(real).fingerprint
    real.weights.write_text("other weights")
    after = resolve(real).fingerprint
    assert after != before and after["data"] == before["data"]
    assert resolve(replace(real, weights=None)).fingerprint["weights"] == "random"
