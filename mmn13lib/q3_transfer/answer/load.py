"""The experiment's stored results, as the report reads them.

This imports the experiment, so that what shows results depends on the code that made them.
"""

from typing import Any

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import conclusions, portable
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import ModelResult, Results

__all__ = ["ModelResult", "Results", "load", "summary"]


def load(settings: Settings) -> Results:
    """Read the results that belong to these inputs and this code, or those that travel here.

    Parameters
    ----------
    settings
        The run's settings.

    Returns
    -------
    Results

    Raises
    ------
    UserError
        If the experiment has not been run, or its files are damaged.
    """
    try:
        travelled = portable.load(settings)
        if travelled is not None:
            return travelled
        # measures memory as Linux and macOS do; where results travel to, it is not needed
        from mmn13lib.q3_transfer.experiment.run import results_folder

        return records.read(results_folder(settings), resolve(settings))
    except storage.Damaged as error:
        raise UserError(
            f"Question 3 has no results to show ({error}): run `mmn13 experiment`."
        ) from error


def summary(settings: Settings) -> dict[str, Any]:
    """Answer question 3 in two sentences and a few numbers, computed from the results.

    Parameters
    ----------
    settings
        The run's settings.

    Returns
    -------
    dict
        ``question`` and ``answer`` (Markdown), ``numbers`` (pairs of label and value).

    Raises
    ------
    UserError
        As `load` does.
    """
    return conclusions.summary(load(settings))
