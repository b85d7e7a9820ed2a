"""The run's settings: where things are, read once from the environment, at the edge."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmn13lib.foundation.errors import UserError

SUBMITTED = Path("artifacts/results/submitted")
"""Where results travel in a submission, which has no ``_quarto.yml``."""

YES, NO = ("1", "true", "yes", "on", "y", "t"), ("", "0", "false", "no", "off", "n", "f")


@dataclass(frozen=True)
class Settings:
    """Where a run finds its inputs and puts what it makes.

    Attributes
    ----------
    root
        The project's folder, the one with ``_quarto.yml``.
    data
        A folder that holds ``cifar-10-batches-py``; None means the download, where there is one.
    weights
        A ResNet-18 state dict (.pth or .safetensors); None means the ImageNet weights, where
        they were downloaded.
    offline
        True forbids every connection.
    """

    root: Path
    data: Path | None = None
    weights: Path | None = None
    offline: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read ``MMN13_DATA``, ``MMN13_WEIGHTS`` and ``MMN13_OFFLINE``; find the project's root.

        The root is the working folder or the nearest one above it with ``_quarto.yml``. Raises
        UserError if there is none, or if it has code of its own that is not what runs.
        """

        def path(name: str) -> Path | None:
            value = environment.get(name, "")
            return Path(value).expanduser().absolute() if value else None

        here = Path.cwd()
        for root in (here, *here.parents):
            if (root / "_quarto.yml").is_file() or (root / SUBMITTED).is_dir():
                break
        else:
            raise UserError(
                f"{here} is not inside this project (no _quarto.yml here or above): "
                "change to the folder that you cloned and try again."
            )
        code = Path(__file__).parents[2]
        if (root / "mmn13lib/cli.py").is_file() and not root.samefile(code):
            raise UserError(
                f"The code that runs is in {code}, and the project here is {root}, with code of "
                "its own: activate this one's environment (`make setup` makes it), or change to "
                "the other folder."
            )
        return cls(
            root=root,
            data=path("MMN13_DATA"),
            weights=path("MMN13_WEIGHTS"),
            offline=_is_yes(environment, "MMN13_OFFLINE"),
        )

    @property
    def artifacts(self) -> Path:
        """Everything that can be made again."""
        return self.root / "artifacts"

    @property
    def downloads(self) -> Path:
        """The data set and the weights, as downloaded."""
        return self.artifacts / "downloads"

    @property
    def results(self) -> Path:
        """The stored results of question 3's experiment."""
        return self.artifacts / "results"

    @property
    def cache(self) -> Path:
        """Executed chapters, and what they were executed from."""
        return self.artifacts / "cache"

    @property
    def report(self) -> Path:
        """The finished report."""
        return self.root / "_report"

    @property
    def submission(self) -> Path:
        """The ZIP to hand in and the video's script."""
        return self.root / "submission"


def _is_yes(environment: Mapping[str, str], name: str) -> bool:
    """Read a variable that says yes or no; UserError if it says something else."""
    value = environment.get(name, "").strip().lower()
    if value not in (*YES, *NO):
        raise UserError(f"{name} says neither yes nor no ({value[:40]}): let it be 1 or 0.")
    return value in YES
