"""The fixture of made-up results."""

from support.made_up_results import made_up_results  # noqa: F401 - a fixture
