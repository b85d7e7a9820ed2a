"""The experiment's stored results, as the report reads them: a project's, or a submission's."""

from dataclasses import asdict, replace

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import SUBMITTED, Settings
from mmn13lib.q3_transfer.data.inputs import Inputs, resolve
from mmn13lib.q3_transfer.experiment.find import results_folder
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results

INPUTS = "inputs.json"


def load(settings: Settings) -> Results:
    """Read the results that belong to these inputs and this code; of a submission, its own.

    Raises `UserError` if the experiment has not been run, or its files are damaged.
    """
    here = settings.root / SUBMITTED
    try:
        # in a project its own results count, whatever was unzipped into it
        if (here / INPUTS).is_file() and not (settings.root / "_quarto.yml").is_file():
            inputs = Inputs(**storage.read_json(here / INPUTS))
            # what the settings don't name is looked for, or downloaded, beside the notebook
            data = settings.data or settings.root
            weights = None if inputs.mode == "sample" else settings.weights
            return records.read(here, replace(inputs, data=data, weights=weights))
        inputs = resolve(settings)
        return records.read(results_folder(settings, inputs), inputs)
    except storage.Damaged as error:
        raise UserError(
            f"Question 3 has no results to show ({error}): run `mmn13 experiment`."
        ) from error


def pack(results: Results, settings: Settings) -> None:
    """Put results where `load` finds them, `settings` being those of the folder to submit."""
    here = settings.root / SUBMITTED
    records.write(here, results)
    # paths belong to this machine
    storage.write_json(here / INPUTS, asdict(results.inputs) | {"data": "", "weights": None})
