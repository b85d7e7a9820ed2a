"""Chapter 3's cells, executed with made-up results: its words follow from the numbers."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import IPython.display
import pytest
import torch
from IPython.display import Markdown
from support.made_up_results import make_results
from torchvision import transforms

from mmn13lib.foundation import storage
from mmn13lib.q3_transfer.answer import load, portable, stand_ins
from mmn13lib.q3_transfer.experiment import run
from mmn13lib.q3_transfer.results import metrics
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.q3_transfer.training import from_scratch

PROJECT = Path(__file__).parents[3]
CELL = re.compile(r"^```\{python\}\n(.*?)^```", flags=re.M | re.S)


def execute(chapter: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Execute a chapter's cells in one namespace and give all text that they show."""
    names: dict[str, Any] = {}
    shown: list[str] = []
    names["print"] = lambda *values: shown.append(" ".join(map(str, values)))
    monkeypatch.setattr(IPython.display, "display", lambda value: shown.append(text_of(value)))
    for cell in CELL.findall(chapter.read_text("utf-8")):
        tree = ast.parse(cell)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, chapter.name, "exec"), names)
        if isinstance(last, ast.Expr):
            shown.append(
                text_of(eval(compile(ast.Expression(last.value), chapter.name, "eval"), names))
            )
    return " ".join("\n".join(shown).split())


def text_of(value: object) -> str:
    return str(value.data) if isinstance(value, Markdown) else type(value).__name__


def mistaken(results: Results) -> Results:
    """Let the mistakes be those of the logits, as the chapter asserts."""
    worst = metrics.blatant_mistakes(results.head.test_logits, results.head.test_labels)
    pairs = zip(results.mistakes, worst, strict=True)
    return replace(results, mistakes=[{**mistake, "index": int(n)} for mistake, n in pairs])


@pytest.fixture
def chapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Execute a chapter as in an unzipped submission, with the results given."""
    parts = {
        "images": torch.randint(256, (10, 32, 32, 3), dtype=torch.uint8),
        "labels": torch.arange(10),
    }
    stored = {
        f"{part}.{name}": t.clone() for part in ("train", "test") for name, t in parts.items()
    }
    storage.write_tensors(tmp_path / portable.IMAGES, stored)
    (tmp_path / "_quarto.yml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "stored_features", lambda _: None)
    monkeypatch.setattr(stand_ins, "stand_in", lambda _: stand_ins.PortableCIFAR10)
    # no words depend on what the networks make of the images: the smallest that they take will do
    monkeypatch.setattr(transforms, "Resize", lambda size, resize=transforms.Resize: resize(56))

    def read(results: Results, name: str = "report/q3-transfer.qmd") -> str:
        inputs = replace(results.inputs, data=tmp_path, weights=None)
        logits = torch.from_numpy(results.small_resnet.test_logits)
        monkeypatch.setattr(from_scratch, "predict_logits", lambda _, i, __: logits[: len(i)])
        monkeypatch.setattr(load, "load", lambda _: mistaken(replace(results, inputs=inputs)))
        return execute(PROJECT / name, monkeypatch)

    return read


HEAD = "I prefer **the new head**"
SMALL = "I prefer **SmallResNet**"
FEW = {100: (0.60, 0.25), 2000: (0.80, 0.60)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("made_up", "said", "not_said"),
    [
        pytest.param(
            {"head": 0.87, "small_resnet": 0.80},
            ("For CIFAR-10 I prefer", HEAD, "It classifies more test images correctly",
             "the new head is ahead with 100 and 2,000 labelled images, by 20.0 to 35.0 points"),
            ("I would choose", "callout-warning", "not CIFAR-10", "Whether more updates",
             "no lead counts"),
            id="the head is better",
        ),
        pytest.param(
            {"head": 0.84, "small_resnet": 0.90, "unfinished": 2000,
             "study": {**FEW, 45_000: (0.84, 0.90)}},
            (SMALL, "−6.00 points", "With only 100 and 2,000 labelled images I would choose the "
             "new head instead: with 100 it is 35.0 points ahead",
             "A star in the table", "Whether more updates would help"),
            (HEAD, "do not tell the two apart"),
            id="SmallResNet is better",
        ),
        pytest.param(
            {"head": 0.850, "small_resnet": 0.852, "mode": "other-weights",
             "study": {100: (0.6, 0.602), 45_000: (0.846, 0.852)}},
            ("For CIFAR-10, with these weights,", HEAD, "do not tell the two apart",
             "so cost decides", "no lead counts with 100 labelled images",
             "callout-warning", "weights.safetensors", "had been folded"),
            ("I would choose", "more test images correctly", "trained on ImageNet",
             "Most heat lies"),
            id="a tie",
        ),
        pytest.param(
            {"mode": "sample"},
            ("On this sample, which says nothing about CIFAR-10,", "callout-important",
             "Missing on this machine: CIFAR-10 and the ResNet-18 weights", "weights: RANDOM"),
            ("For CIFAR-10 I", "trained on ImageNet"),
            id="the sample",
        ),
    ],
)  # fmt: skip
def test_the_words_follow_from_the_numbers(
    chapter: Callable[..., str],
    made_up: dict[str, Any],
    said: tuple[str, ...],
    not_said: tuple[str, ...],
) -> None:
    text = chapter(make_results(**made_up))
    for words in said:
        assert words in text
    for words in not_said:
        assert words not in text


@pytest.mark.slow
def test_the_trap_is_not_said_to_harm_where_it_does_not(chapter: Callable[..., str]) -> None:
    made = make_results()
    turned = {"accuracy_frozen": 0.74, "accuracy_trap": 0.75, "difference_interval": (-0.03, 0.01)}
    text = chapter(replace(made, trap=made.trap | turned))
    assert "a difference of −1.0 points (95% interval" in text
    assert "−3.0 to +1.0; it includes zero" in text


@pytest.mark.slow
@pytest.mark.parametrize("load", [{"busy": True}, {"others": None}])
def test_times_of_a_busy_machine_are_called_rough_and_give_no_break_even(
    chapter: Callable[..., str], load: dict[str, Any]
) -> None:
    made = make_results()
    assert "times are rough" not in chapter(made)
    steps = made.steps | {"features": made.steps["features"] | load}
    busy = replace(made, steps=steps)
    text = chapter(busy)
    assert "times are rough" in text and "pays off after" not in text
    assert "(rough)" in chapter(busy, "index.qmd")


@pytest.mark.parametrize(
    ("made_up", "said"),
    [
        ({"head": 0.87, "small_resnet": 0.80}, "I prefer **the new head on the frozen ResNet-18"),
        ({"head": 0.84, "small_resnet": 0.90}, "I prefer **SmallResNet, trained from scratch"),
        ({"mode": "sample"}, "which say nothing about CIFAR-10"),
        ({"mode": "other-weights"}, "(weights from a file, not torchvision's)"),
    ],
)
def test_the_first_page_says_the_same(
    chapter: Callable[..., str], made_up: dict[str, Any], said: str
) -> None:
    text = chapter(make_results(**made_up), "index.qmd")
    assert said in text
