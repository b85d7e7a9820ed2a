"""The machine is described, and its versions are named."""

from mmn13lib.foundation.hardware import cpu, hardware, versions


def test_the_machine_is_described() -> None:
    found = hardware()
    assert found["cpu"] == cpu() != ""
    assert found["cores"] >= 1 and found["memory"] >= 0
    assert {"cpu", "system", "python", "torch", "torchvision"} <= found.keys()
    assert found.items() >= versions().items()
