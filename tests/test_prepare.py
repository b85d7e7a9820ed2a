"""What a render makes sure of before a chapter is executed."""

from types import SimpleNamespace

import pytest

from mmn13lib import prepare
from mmn13lib.benchmarks.measurements import measurement_path
from mmn13lib.foundation.settings import Settings


def test_what_was_measured_is_not_measured_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def benchmark(module: str) -> SimpleNamespace:
        return SimpleNamespace(run=lambda settings, quick: measured.append(module))

    monkeypatch.setattr(prepare, "import_module", benchmark)
    monkeypatch.setattr(prepare, "find", lambda *asked: "0" * 64)
    prepare.prepare(settings, progress=lambda line: None)
    assert measured == ["mmn13lib.benchmarks.convolution"]
    measurement_path(settings).parent.mkdir(parents=True)
    measurement_path(settings).write_text("{}")
    prepare.prepare(settings, progress=lambda line: None)
    assert len(measured) == 1
