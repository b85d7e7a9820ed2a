"""The chapters' cells, executed with made-up results and small images."""

import ast
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython.display
import pytest
import torch
from IPython.display import Markdown
from matplotlib.figure import Figure
from support.made_up_results import make_results
from torch import Tensor
from torchvision import models, transforms
from torchvision.datasets import VisionDataset

from mmn13lib.q3_transfer.answer import load, stand_ins, test_set
from mmn13lib.q3_transfer.experiment import run
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.q3_transfer.training import from_scratch

PROJECT = Path(__file__).parents[3]
CELL = re.compile(r"^```\{python\}\n(.*?)^```", flags=re.M | re.S)


def execute(chapter: Path) -> tuple[str, dict[str, Any]]:
    """Execute a chapter's cells in one namespace; give all text that they show, and the names."""
    shown: list[str] = []
    names: dict[str, Any] = {"print": lambda *values: shown.append(" ".join(map(str, values)))}
    for cell in CELL.findall(chapter.read_text("utf-8")):
        tree = ast.parse(cell)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, chapter.name, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), chapter.name, "eval"), names)
            shown.append(str(value.data) if isinstance(value, Markdown) else "")
    return " ".join("\n".join(shown).split()), names


class FewImages(VisionDataset):
    """Ten images in CIFAR-10's interface, one a class, or all of one class."""

    classes = make_results().classes

    def __init__(self, root: Path, train: bool, download: bool, transform: Any) -> None:
        super().__init__(root, transform=transform)
        self.data = torch.randint(256, (10, 32, 32, 3), dtype=torch.uint8).numpy()
        self.targets = [0] * 10 if root.name == "one class" else list(range(10))

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = transforms.functional.to_pil_image(self.data[index])
        return self.transform(image), self.targets[index]


@pytest.fixture
def chapter(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, dict[str, Any]]]:
    """Execute a chapter with the results given."""
    # no words depend on what the networks make of the images: the smallest that they take will do
    monkeypatch.setattr(transforms, "Resize", lambda size, resize=transforms.Resize: resize(56))
    monkeypatch.setattr(IPython.display, "display", lambda value: None)
    monkeypatch.setattr(from_scratch, "predict_logits", lambda _, i, __: torch.eye(len(i)))

    made: dict[str, Any] = {}

    def resnet18(weights: models.ResNet18_Weights) -> models.ResNet:
        made["model"] = models.resnet18()
        return made["model"]

    def few_images(*arguments: Any, **options: Any) -> FewImages:
        made["images"] = FewImages(*arguments, **options)
        return made["images"]

    def few_features(*_: Any) -> dict[str, tuple[Tensor, Tensor]]:
        backbone = torch.nn.Sequential(*list(made["model"].children())[:-1], torch.nn.Flatten())
        with torch.no_grad():
            features = backbone(torch.stack([made["images"][i][0] for i in range(10)]))
        labels = torch.tensor(made["images"].targets)
        return dict.fromkeys(("train", "validation", "test"), (features, labels))

    def read(
        results: Results, name: str = "report/q3-transfer.qmd", folder: str = "ten classes"
    ) -> tuple[str, dict[str, Any]]:
        random = SimpleNamespace(resnet18=resnet18, ResNet18_Weights=models.ResNet18_Weights)
        data = SimpleNamespace(CIFAR10=few_images)
        bound = (data, random, Path(folder), results.inputs)
        monkeypatch.setattr(stand_ins, "bind", lambda _: bound)
        monkeypatch.setattr(run, "all_features", few_features)
        monkeypatch.setattr(test_set, "the_test_set", lambda *_: {})
        monkeypatch.setattr(load, "load", lambda _: results)
        return execute(PROJECT / name)

    return read


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


@pytest.mark.slow
def test_the_mistakes_are_drawn_with_both_classes_and_their_probabilities(chapter) -> None:
    text, names = chapter(make_results(head=0.87, small_resnet=0.80))
    assert "I prefer **the new head on the frozen ResNet-18**" in text
    assert "callout-warning" not in text and "loaded: ImageNet weights, IMAGENET1K_V1" in text
    worst, labels, predicted = names["worst"], names["labels"], names["predicted"]
    assert all(labels[i] != predicted[i] for i in worst)
    for i, shown in zip(worst, texts(names["figure"]), strict=True):
        lines = shown.splitlines()
        chance = names["confidence"][i].item()
        assert lines[0] == f"{names['classes'][predicted[i]]}: {chance:.2%}"
        assert lines[1].startswith(f"true: {names['classes'][labels[i]]}, ")
        assert lines[2] == f"test image {i}"
    assert len(names["figure"].axes) == 2 * len(worst)


@pytest.mark.slow
def test_without_a_mistake_none_is_drawn_and_the_sample_says_what_it_is(chapter) -> None:
    results = make_results(mode="sample")
    results.experiment["head"]["num_epochs"] = 300  # of one update
    text, names = chapter(results, folder="one class")
    assert names["worst"] == []
    assert texts(names["figure"]) == ["sample, not CIFAR-10"]  # the stamp
    assert text.count("callout-important") == 2  # the sample's, and the answer
    assert "loaded: random weights" in text


def test_the_first_page_gives_the_same_answer(chapter) -> None:
    results = make_results(head=0.84, small_resnet=0.90)
    text, _ = chapter(results, "index.qmd")
    assert "I prefer **SmallResNet**" in text and "84.00%" in text and "90.00%" in text
