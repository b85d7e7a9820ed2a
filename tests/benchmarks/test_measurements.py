"""A measurement is found by what was measured, and on what: another is measured again."""

from datetime import date

import pytest

from mmn13lib.benchmarks import measurements
from mmn13lib.foundation import provenance
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings


def test_a_measurement_comes_back_with_hardware_and_date(settings: Settings) -> None:
    measurements.save(settings, "convolution", {"quick": True, "seconds": [0.5, 0.25]})
    loaded = measurements.load(settings, "convolution")
    assert loaded["quick"] is True and loaded["seconds"] == [0.5, 0.25]
    assert loaded["date"] == date.today().isoformat()
    assert {"cpu", "cores", "memory", "system", "python", "torch"} <= loaded["hardware"].keys()


@pytest.mark.parametrize("what", ["code", "processor", "versions"])
def test_a_measurement_of_other_code_or_another_machine_is_not_shown(
    what: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurements.save(settings, "convolution", {})
    if what == "code":
        real = provenance.code_digest
        monkeypatch.setattr(
            provenance, "code_digest", lambda *modules: "of another day" if modules else real()
        )
    elif what == "processor":
        monkeypatch.setattr(measurements, "cpu", lambda: "another")
    else:
        monkeypatch.setattr(measurements, "versions", lambda: {"torch": "9.9"})
    with pytest.raises(UserError, match="mmn13 bench convolution"):
        measurements.load(settings, "convolution")
