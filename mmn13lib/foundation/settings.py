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
        offline = environment.get("MMN13_OFFLINE", "").strip().lower()
        if offline not in (*YES, *NO):
            raise UserError(f"MMN13_OFFLINE should be 1 or 0, yes or no, not {offline[:40]!r}.")
        return cls(
            root=root,
            data=path("MMN13_DATA"),
            weights=path("MMN13_WEIGHTS"),
            offline=offline in YES,
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
