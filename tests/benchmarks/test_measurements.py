"""Measurements carry their setting, and chapters only read them."""

import json
from datetime import date

import pytest

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation import provenance, storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.hardware import Load
from mmn13lib.foundation.settings import Settings


def test_a_measurement_comes_back_with_hardware_and_date(settings: Settings) -> None:
    path = measurements.save(settings, "convolution", {"quick": True, "seconds": [0.5, 0.25]})
    loaded = measurements.load(settings, "convolution")
    assert path == settings.benchmarks / "convolution.json"
    assert loaded["quick"] is True and loaded["seconds"] == [0.5, 0.25]
    assert loaded["date"] == date.today().isoformat()
    assert {"cpu", "cores", "memory", "system", "python", "torch"} <= loaded["hardware"].keys()
    json.dumps(loaded)


@pytest.mark.parametrize(("others", "busy"), [(0.05, False), (0.3, True)])
def test_a_measurement_says_whether_the_machine_was_busy(
    others: float, busy: bool, settings: Settings
) -> None:
    measurements.save(settings, "render", {}, load=Load(others))
    assert measurements.load(settings, "render")["busy"] is busy
    assert measurements.load(settings, "render")["others"] == others


def test_the_machine_is_described() -> None:
    hardware = measurements.hardware()
    assert hardware["cpu"] and hardware["cores"] >= 1 and hardware["memory"] >= 0


@pytest.mark.parametrize("damage", [None, b"{"])
def test_what_was_not_measured_says_how_to(damage: bytes | None, settings: Settings) -> None:
    if damage is not None:
        measurements.save(settings, "transfer", {}).write_bytes(damage)
    with pytest.raises(UserError, match="mmn13 bench transfer"):
        measurements.load(settings, "transfer")


def test_a_measurement_of_other_code_is_outdated(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurements.save(settings, "render", {}, modules=["mmn13lib.foundation.storage"])
    assert not measurements.is_outdated(settings, "render")
    monkeypatch.setattr(provenance, "code_digest", lambda *modules: "of another day")
    assert measurements.is_outdated(settings, "render")


def test_what_a_module_that_is_gone_measured_is_outdated(settings: Settings) -> None:
    path = measurements.save(settings, "transfer", {})
    assert not measurements.is_outdated(settings, "transfer")
    measured = storage.read_json(path)
    storage.write_json(path, {**measured, "modules": ["mmn13lib.gone"]})
    assert measurements.is_outdated(settings, "transfer")
