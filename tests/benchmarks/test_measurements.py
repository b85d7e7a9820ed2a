"""A measurement is found by what was measured, and on what: another is measured again."""

import pytest

from mmn13lib.benchmarks import measurements
from mmn13lib.benchmarks.measurements import measurement_path
from mmn13lib.foundation import provenance
from mmn13lib.foundation.settings import Settings


@pytest.mark.parametrize("what", ["code", "processor", "versions"])
def test_a_measurement_of_other_code_or_another_machine_is_another(
    what: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = measurement_path(settings)
    if what == "code":
        real = provenance.code_digest
        monkeypatch.setattr(
            provenance, "code_digest", lambda *modules: "of another day" if modules else real()
        )
    elif what == "processor":
        monkeypatch.setattr(measurements, "cpu", lambda: "another")
    else:
        monkeypatch.setattr(measurements, "versions", lambda: {"torch": "9.9"})
    assert measurement_path(settings) != before
