"""The experiment's stored results, as the report reads them.

This imports the experiment, so that what shows results depends on the code that made them.
"""

from mmn13lib.foundation import storage
from mmn13lib.foundation.errors import UserError
from mmn13lib.foundation.settings import Settings
from mmn13lib.q3_transfer.answer import portable
from mmn13lib.q3_transfer.data.inputs import resolve
from mmn13lib.q3_transfer.experiment import completion
from mmn13lib.q3_transfer.results import records
from mmn13lib.q3_transfer.results.records import Results


def load(settings: Settings) -> Results:
    """Read the results that belong to these inputs and this code, or those that travel here.

    Raises `UserError` if the experiment has not been run, or its files are damaged.
    """
    try:
        travelled = portable.load(settings)
        if travelled is not None:
            return travelled
        known = completion.recall(settings)
        if known is not None:
            return records.read((settings.root / known["results"]).parent, resolve(settings))
        # what the experiment needs takes a second to import, and does not travel with results
        from mmn13lib.q3_transfer.experiment.run import results_folder

        return records.read(results_folder(settings), resolve(settings))
    except storage.Damaged as error:
        raise UserError(
            f"Question 3 has no results to show ({error}): run `mmn13 experiment`."
        ) from error
