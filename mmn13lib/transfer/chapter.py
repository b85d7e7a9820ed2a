"""The tables and sentences of question 3's chapter, made from the results."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmn13lib.tables import markdown_table
from mmn13lib.transfer import evaluation
from mmn13lib.transfer.comparison import Comparison, Score
from mmn13lib.transfer.costs import count_parameters
from mmn13lib.transfer.records import Results
from mmn13lib.transfer.wording import big_number, duration, percent_with_interval


@torch.no_grad()
def children_table(model: nn.Module, image: Tensor) -> str:
    """List a network's children with the shape that each gives for one image.

    Parameters
    ----------
    model
        Left as it was.
    image
        (3, H, W).

    Returns
    -------
    str
        A Markdown table.
    """
    shapes: dict[nn.Module, torch.Size] = {}

    def note(child: nn.Module, inputs: object, output: Tensor) -> None:
        shapes[child] = output.shape[1:]

    handles = [child.register_forward_hook(note) for child in model.children()]
    model(image[None])
    for handle in handles:
        handle.remove()
    rows = [
        (
            f"`{name}`",
            f"`{type(child).__name__}`",
            " x ".join(map(str, shapes[child])),
            f"{count_parameters(child):,}",
            "**yes**" if count_parameters(child, trained_only=True) else "no",
        )
        for name, child in model.named_children()
    ]
    headers = ["name", "module", "output", "parameters", "trained"]
    return markdown_table(headers, rows, align="llrrr")


def trap_text(results: Results) -> str:
    """Say what the BatchNorm trap did.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    str
        Markdown, which refers to the figure of the trap.
    """
    trap = results.trap
    text = (
        f"Trained for one epoch on {trap['images']:,} images in either way, the network's buffers "
        f"tell the difference: with `requires_grad = False` alone {trap['moved_buffers']} of "
        f"{trap['total_buffers']} moved, in eval mode {trap['moved_buffers_frozen'] or 'none'}. "
        f"@fig-q3-trap shows what that does to the accuracy on {trap['validation_images']:,} "
        f"validation images: {trap['accuracy_trap']:.1%} against {trap['accuracy_frozen']:.1%}."
    )
    if trap["folded"]:
        text += (
            " These weights exaggerate the effect: their BatchNorm was folded into the "
            "convolutions before they were stored, so the batch statistics now normalise what "
            "was never meant to be normalised once more."
        )
    return text


def training_text(results: Results) -> str:
    """Say how long features and head took, and what precision and seed change.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    str
        Markdown.
    """
    precision, seeds = results.precision, results.head_seeds
    seconds = sum(record["seconds"] for record in results.head.history)
    text = (
        f"The features of all images took {duration(results.timings['features'])}, at "
        f"{results.extraction_images_per_second:,.0f} images per second and with "
        f"{results.peak_memory_bytes / 1e9:.1f} GB of memory at the most; the head's training, "
        f"{len(results.head.history)} epochs, took {duration(seconds)}."
    )
    if precision["used_name"] != "float32":
        text += (
            f" The features are computed in {precision['used_name']}: test accuracy "
            f"{precision['used']:.2%}, where float32 gives {precision['float32']:.2%} (on "
            f"{precision['images']:,} test images)."
        )
    return (
        f"{text} The head's first weights and the order of the images depend on a seed. Over "
        f"{len(seeds)} seeds its test accuracy is **{np.mean(seeds):.2%} ± "
        f"{np.std(seeds, ddof=1):.2%}** (mean and standard deviation). All that follows speaks of "
        "seed 0."
    )


def comparison_table(results: Results, comparison: Comparison) -> str:
    """Put both models side by side.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        The statistics.

    Returns
    -------
    str
        A Markdown table.
    """
    models, scores = (results.head, results.rival), (comparison.head, comparison.rival)
    rows = [
        (
            "test accuracy (95% interval)",
            *(percent_with_interval(s.accuracy, s.low, s.high) for s in scores),
        ),
        ("calibration error (ECE)", *(f"{s.calibration_error:.3f}" for s in scores)),
        ("trained parameters", *(f"{m.trained_parameters:,}" for m in models)),
        ("all parameters", *(f"{m.total_parameters:,}" for m in models)),
        ("multiply-adds per image", *(big_number(m.multiply_adds) for m in models)),
        ("training time", *(duration(m.training_seconds) for m in models)),
        (
            "images per second, inference",
            *(f"{m.inference_images_per_second:,.0f}" for m in models),
        ),
    ]
    return markdown_table(["", "new head, frozen ResNet-18", "`SmallResNet`, from scratch"], rows)


def class_table(results: Results, comparison: Comparison) -> str:
    """Give both models' accuracy for each class, and what the class is most often taken for.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        The statistics.

    Returns
    -------
    str
        A Markdown table.
    """
    rows = [
        [
            name,
            f"{comparison.head.per_class[true]:.1%}",
            _taken_for(comparison.head, true, results.classes),
            f"{comparison.rival.per_class[true]:.1%}",
            _taken_for(comparison.rival, true, results.classes),
        ]
        for true, name in enumerate(results.classes)
    ]
    headers = ["class", "new head", "taken for", "`SmallResNet`", "taken for"]
    return markdown_table(headers, rows, align="lrlrl")


def _taken_for(score: Score, true: int, classes: tuple[str, ...]) -> str:
    wrong = score.confusion[true].copy()
    wrong[true] = 0
    return f"{classes[wrong.argmax()]} ({wrong.max()})" if wrong.any() else "–"


def pairs_text(results: Results, comparison: Comparison, count: int = 3) -> str:
    """Name the pairs of classes that each model confuses most.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        The statistics.
    count
        Pairs of each model.

    Returns
    -------
    str
        Markdown.
    """

    def pairs(score: Score) -> str:
        found = evaluation.most_confused_pairs(score.confusion, count)
        words = [
            f"{results.classes[true]} taken for {results.classes[given]} ({images})"
            for true, given, images in found
        ]
        return ", ".join(words) or "none"

    return (
        f"The new head's most frequent confusions are {pairs(comparison.head)}; those of "
        f"`SmallResNet` are {pairs(comparison.rival)}."
    )


def speed_table(measured: dict[str, Any]) -> str:
    """Show what the benchmark of question 3 measured.

    Parameters
    ----------
    measured
        As ``mmn13 bench transfer`` stored it.

    Returns
    -------
    str
        A Markdown table.
    """
    few, many = (f"{size / 1e9:.2f} GB" for size in measured["peak_memory"])
    images = measured["images"]
    rows = [
        (
            "features, from 32 x 32 images",
            f"{measured['extraction_images_per_second']:,.0f} images/s",
        ),
        (
            "the same network alone, on ready tensors",
            f"{measured['ready_images_per_second']:,.0f} images/s",
        ),
        (f"memory at most, {images:,} and {4 * images:,} images", f"{few} and {many}"),
        ("60,000 images' features on disk", f"{measured['feature_bytes'] / 1e6:.0f} MB"),
        ("training the head, 20 epochs on 45,000 features", duration(measured["head_seconds"])),
        ("20 epochs with stored features, in all", duration(measured["our_seconds"])),
        ("20 epochs the usual way", duration(measured["usual_seconds"])),
    ]
    return markdown_table(["measured", ""], rows)


def speed_text(measured: dict[str, Any]) -> str:
    """Say what storing the features gains, and how that was measured.

    Parameters
    ----------
    measured
        As ``mmn13 bench transfer`` stored it.

    Returns
    -------
    str
        Markdown, which refers to the table of `speed_table`.
    """
    hardware = measured["hardware"]
    length = "in a short run of " if measured["quick"] else "with "
    return (
        f"@tbl-q3-speed compares this with the usual way, in which every epoch sends every image "
        f"through PIL transforms, a DataLoader and the whole network: **{measured['speedup']:.0f} "
        f"times** the speed. It was measured on {measured['date']} {length}`mmn13 bench transfer` "
        f"({hardware['cpu']}, {hardware['cores']} cores, {measured['device']}, "
        f"{measured['precision']})."
    )
