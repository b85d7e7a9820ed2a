"""The tables and sentences of question 3's chapter, made from the results."""

import numpy as np
import torch
from torch import Tensor, nn

from mmn13lib.q3_transfer.answer.comparison import Comparison, Score
from mmn13lib.q3_transfer.models.costs import count_parameters
from mmn13lib.q3_transfer.results import metrics
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.writing.numbers import big_number, duration, percent_with_interval
from mmn13lib.writing.tables import markdown_table

ANIMALS = {"bird", "cat", "deer", "dog", "frog", "horse"}


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
        f"Both networks were trained for one epoch on {trap['images']:,} images. Each BatchNorm "
        "layer has three buffers: the running mean, the running variance and a count of batches. "
        f"With `requires_grad = False` alone {trap['moved_buffers']} of the "
        f"{trap['total_buffers']} moved, in eval mode {trap['moved_buffers_frozen'] or 'none'}. "
        f"@fig-q3-trap shows what that does to the accuracy on {trap['validation_images']:,} "
        f"validation images: {trap['accuracy_trap']:.1%} against {trap['accuracy_frozen']:.1%}."
    )
    if trap["folded"]:
        text += (
            " These weights exaggerate the effect: their BatchNorm was folded into the "
            "convolutions before they were stored, so in train mode what is normalised already is "
            "normalised a second time."
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
    settings = results.experiment["head"]
    text = (
        f"The features of all images took {duration(results.timings['features'])}, at "
        f"{results.extraction_images_per_second:,.0f} images per second and with "
        f"{results.peak_memory_bytes / 1e9:.1f} GB of memory at the most; the head's training with "
        f"AdamW, {len(results.head.history)} epochs in batches of {settings['batch_size']} with "
        f"rates up to {settings['max_lr']:g}, took {duration(seconds)}."
    )
    if precision["used_name"] != "float32":
        text += (
            f" The features are computed in {precision['used_name']}. With the features of "
            f"{precision['images']:,} test images in float32 instead, the mean test accuracy of "
            f"{len(seeds)} heads goes from {precision['used']:.2%} to {precision['float32']:.2%}."
        )
    return (
        f"{text} The head's first weights and the order of the images depend on a seed. Over "
        f"{len(seeds)} seeds its test accuracy is **{np.mean(seeds):.2%} ± "
        f"{np.std(seeds, ddof=1):.2%}** (mean and standard deviation). The comparison and the "
        "mistakes are of seed 0."
    )


def small_resnet_training_text(results: Results) -> str:
    """Say how the small network is trained, and where its settings come from.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    str
        Markdown, which refers to the figure of both trainings.
    """
    settings = results.experiment["small_resnet"]
    return (
        f"It is trained for {settings['num_epochs']} epochs in batches of "
        f"{settings['batch_size']} by SGD, with Nesterov momentum {settings['momentum']:g}, weight "
        f"decay {settings['weight_decay']:g} and rates up to {settings['max_lr']:g}. The rates, "
        "here and for the head, were chosen on the validation images; the number of epochs is what "
        "half an hour on two cores allows. @fig-q3-curves shows both trainings."
    )


def mistakes_text(results: Results) -> str:
    """Say of what kind the most blatant mistakes are.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    str
        Markdown; empty if there are no mistakes, or the classes aren't CIFAR-10's.
    """
    if not results.mistakes or results.inputs.mode == "sample":
        return ""
    kinds = [
        (
            results.classes[mistake["true"]] in ANIMALS,
            results.classes[mistake["predicted"]] in ANIMALS,
        )
        for mistake in results.mistakes
    ]
    least = min(mistake["predicted_probability"] for mistake in results.mistakes)
    return (
        f"Of these {len(kinds)}, {kinds.count((True, True))} take an animal for another animal, "
        f"{kinds.count((False, False))} a vehicle for another vehicle, and "
        f"{sum(true != given for true, given in kinds)} one for the other. The model gives each of "
        f"its wrong answers a probability of at least {least:.1%}."
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
    models, scores = (
        (results.head, results.small_resnet),
        (comparison.head, comparison.small_resnet),
    )
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
            f"{comparison.small_resnet.per_class[true]:.1%}",
            _taken_for(comparison.small_resnet, true, results.classes),
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
        found = metrics.most_confused_pairs(score.confusion, count)
        words = [
            f"{results.classes[true]} taken for {results.classes[given]} ({images})"
            for true, given, images in found
        ]
        return ", ".join(words) or "none"

    return (
        f"The new head's most frequent confusions are {pairs(comparison.head)}; those of "
        f"`SmallResNet` are {pairs(comparison.small_resnet)}."
    )
