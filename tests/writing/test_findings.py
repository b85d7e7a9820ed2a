"""A finding stands where the results support it; elsewhere the log says that it is left out."""

import pytest

from mmn13lib.writing.findings import supported


@pytest.mark.parametrize("condition", [True, False])
def test_a_sentence_stands_or_falls_with_its_condition(
    condition: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    assert supported(condition, "Cats look like dogs.") == "Cats look like dogs." * condition
    assert ("Cats look like dogs." in capsys.readouterr().err) is not condition
