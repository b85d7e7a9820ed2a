"""The experiment's stored results, as the report reads them.

This imports the experiment, so that what shows results depends on the code that made them.
"""

from typing import Any

from mmn13lib import storage
from mmn13lib.errors import UserError
from mmn13lib.settings import Settings
from mmn13lib.transfer import records, travelling
from mmn13lib.transfer.experiment import results_folder
from mmn13lib.transfer.inputs import resolve
from mmn13lib.transfer.records import ModelResult, Results

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
        travelled = travelling.load(settings)
        if travelled is not None:
            return travelled
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
    results = load(settings)
    head, rival = results.head.test_accuracy, results.rival.test_accuracy
    spread = _deviation(results.head_seeds)
    better, worse = ("transferred", "small") if head >= rival else ("small", "transferred")
    return {
        "question": "Does a network trained on other images help to classify CIFAR-10?",
        "answer": (
            f"A new head of {results.head.trained_parameters:,} parameters on a frozen ResNet-18 "
            f"classifies {head:.1%} of the {results.counts['test']:,} test images correctly; a "
            f"residual network of {results.rival.total_parameters:,} parameters trained from "
            f"scratch {rival:.1%}. The {better} network is ahead of the {worse} one by "
            f"{100 * abs(head - rival):.1f} points ({results.inputs.label})."
        ),
        "numbers": [
            ("Test accuracy, new head on a frozen ResNet-18", f"{head:.2%}"),
            (
                f"The same over {len(results.head_seeds)} seeds",
                f"{sum(results.head_seeds) / len(results.head_seeds):.2%} ± {spread:.2%}",
            ),
            ("Test accuracy, small residual network", f"{rival:.2%}"),
            ("Training time, head with its features", _minutes(results.head.training_seconds)),
            ("Training time, small network", _minutes(results.rival.training_seconds)),
        ],
    }


def _deviation(values: list[float]) -> float:
    mean = sum(values) / len(values)
    return (sum((value - mean) ** 2 for value in values) / max(1, len(values) - 1)) ** 0.5


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"
