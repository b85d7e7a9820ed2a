"""What a render makes sure of before a chapter is executed."""

from types import SimpleNamespace

import pytest

from mmn13lib import prepare
from mmn13lib.benchmarks.measurements import measurement_path, save
from mmn13lib.foundation.settings import Settings


def test_a_damaged_measurement_is_measured_again_and_a_sound_one_is_kept(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def benchmark(module: str) -> SimpleNamespace:
        name = module.rsplit(".", 1)[-1]
        return SimpleNamespace(run=lambda settings, quick: measured.append(name))

    monkeypatch.setattr(prepare, "import_module", benchmark)
    monkeypatch.setattr(prepare, "_head_accuracy", lambda *asked: 0.9)
    save(settings, "convolution", {"quick": True})
    prepare.prepare(settings, progress=lambda line: None)
    assert measured == []
    path = measurement_path(settings, "convolution")
    path.write_bytes(path.read_bytes()[:-10])
    prepare.prepare(settings, progress=lambda line: None)
    assert measured == ["convolution"]
