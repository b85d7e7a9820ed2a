"""Question 3's figures: they take results and draw, and compute nothing."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from mmn13lib.q3_transfer.answer.comparison import Comparison, Score
from mmn13lib.q3_transfer.results.records import ModelResult, Results
from mmn13lib.writing.plotting import PALETTE, new_figure, stamp

BLUE, ORANGE, GREEN, *_ = PALETTE
COLOURS = {"head": BLUE, "small_resnet": ORANGE}
NAMES = {"head": "new head on frozen ResNet-18", "small_resnet": "SmallResNet from scratch"}
MARKERS = {"head": "o", "small_resnet": "s"}
PERCENT = PercentFormatter(1, decimals=0)


def class_samples(
    images: np.ndarray, labels: np.ndarray, classes: Sequence[str], per_class: int = 5
) -> Figure:
    """Draw the first few images of each class, a class a column.

    Parameters
    ----------
    images
        (N, 3, 32, 32), uint8: the colour channel first, as PyTorch has it.
    labels
        (N,), int.
    classes
        Their names.
    per_class
        Images of each.

    Returns
    -------
    Figure
    """
    figure = plt.figure(figsize=(6.4, 0.62 * per_class + 0.2), layout="none")
    for column, name in enumerate(classes):
        chosen = np.flatnonzero(labels == column)[:per_class]
        for row, index in enumerate(chosen):
            position = row * len(classes) + column + 1
            plt.subplot(per_class, len(classes), position)
            # pyplot wants the colour channel last: (32, 32, 3)
            plt.imshow(images[index].transpose(1, 2, 0))
            plt.axis("off")
            if row == 0:
                plt.title(name, fontsize=7)
    plt.subplots_adjust(0, 0, 1, 0.93, wspace=0.05, hspace=0.05)
    plt.close(figure)  # shown once: as the cell's value
    return figure


def mistakes(results: Results) -> Figure:
    """Draw the most blatant mistakes: image, heat map, both classes with their probabilities.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    Figure
    """
    rows = (len(results.mistakes) + 1) // 2
    figure, axes = new_figure(
        rows, 6, height=0.72 * rows, squeeze=False, gridspec_kw={"width_ratios": [1, 1, 1.45] * 2}
    )
    for axis in axes.flat:
        axis.axis("off")
    for rank, mistake in enumerate(results.mistakes):
        row, half = rank % rows, 3 * (rank // rows)
        picture, heat, text = axes[row, half : half + 3]
        picture.imshow(mistake["image"])
        heat.imshow(mistake["image"].mean(axis=2), cmap="gray", vmin=0, vmax=255)
        heat.imshow(
            mistake["gradcam"],
            cmap="inferno",
            alpha=0.6,
            vmin=0,
            vmax=1,
            interpolation="bilinear",
            extent=(-0.5, 31.5, 31.5, -0.5),
        )
        lines = (
            (0.86, f"{rank + 1}.  test image {mistake['index']}", "#555555"),
            (0.58, f"said: {results.classes[mistake['predicted']]}", "#B03A00"),
            (0.40, f"          {_probability(mistake['predicted_probability'])}", "#B03A00"),
            (0.18, f"is: {results.classes[mistake['true']]}", "#005A8C"),
            (0.00, f"     {_probability(mistake['true_probability'])}", "#005A8C"),
        )
        for height, line, colour in lines:
            text.text(0, height, line, fontsize=7, color=colour, transform=text.transAxes)
    return stamp(figure, results.inputs.stamp)


def _probability(value: float) -> str:
    return "< 0.01%" if value < 1e-4 else f"{value:.2%}"


def learning_curves(results: Results) -> Figure:
    """Draw accuracy by epoch, on training and on validation images, a panel for each model.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    Figure
    """
    figure, axes = new_figure(1, 2, height=2.4, sharey=True)
    models = {"head": results.head, "small_resnet": results.small_resnet}
    for axis, (name, model) in zip(axes, models.items(), strict=True):
        _learning_curve(axis, model, COLOURS[name])
        axis.set_title(NAMES[name])
        axis.set_xlabel("epoch")
    axes[0].set_ylabel("accuracy")
    axes[0].yaxis.set_major_formatter(PERCENT)
    axes[1].legend(loc="lower right", fontsize=8)
    return stamp(figure, results.inputs.stamp)


def _learning_curve(axis: Axes, model: ModelResult, colour: str) -> None:
    epochs = [record["epoch"] for record in model.history]
    for key, style, label in (
        ("validation_accuracy", "-", "validation images"),
        ("train_accuracy", ":", "training images"),
    ):
        axis.plot(epochs, [record[key] for record in model.history], style, c=colour, label=label)
    axis.grid(alpha=0.3)
    axis.locator_params(axis="x", integer=True)


def confusion_matrices(results: Results, comparison: Comparison) -> Figure:
    """Draw both models' confusion matrices, with the number of images in each cell.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        The statistics.

    Returns
    -------
    Figure
    """
    figure, axes = new_figure(1, 2, height=3.3, sharey=True)
    for axis, name in zip(axes, NAMES, strict=True):
        score: Score = getattr(comparison, name)
        _confusion_matrix(axis, score.confusion, results.classes)
        axis.set_title(NAMES[name])
        axis.set_xlabel("predicted class")
    axes[0].set_ylabel("true class")
    return stamp(figure, results.inputs.stamp)


def _confusion_matrix(axis: Axes, matrix: np.ndarray, classes: Sequence[str]) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # the square root makes the few mistakes visible beside the many right answers
    axis.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1)
    for (row, column), images in np.ndenumerate(matrix):
        if images:
            colour = "white" if shares[row, column] > 0.4 else "black"
            axis.text(column, row, images, ha="center", va="center", fontsize=6, color=colour)
    ticks = range(len(classes))
    axis.set_xticks(ticks, classes, rotation=60, ha="right", rotation_mode="anchor", fontsize=7)
    axis.set_yticks(ticks, classes, fontsize=7)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)


def reliability(results: Results, comparison: Comparison) -> Figure:
    """Draw accuracy against stated probability, and how often each probability was stated.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        The statistics.

    Returns
    -------
    Figure
    """
    figure, (curve, histogram) = new_figure(1, 2, height=2.45)
    curve.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label="calibrated")
    for name, style in (("head", "-"), ("small_resnet", "--")):
        score: Score = getattr(comparison, name)
        bins, filled = score.reliability, score.reliability.counts > 0
        curve.plot(
            bins.confidence[filled], bins.accuracy[filled], marker=MARKERS[name], markersize=4,
            color=COLOURS[name], label=f"{NAMES[name]} (ECE {score.calibration_error:.3f})",
        )  # fmt: skip
        histogram.stairs(
            bins.counts / bins.counts.sum(), bins.edges, linestyle=style, linewidth=1.5,
            color=COLOURS[name],
        )  # fmt: skip
    curve.set(xlabel="probability of the predicted class", ylabel="share that is right")
    curve.legend(fontsize=6.5)
    histogram.set(xlabel="probability of the predicted class", ylabel="share of test images")
    for axis in (curve, histogram):
        axis.yaxis.set_major_formatter(PERCENT)
        axis.set_xlim(0, 1.02)
    return stamp(figure, results.inputs.stamp)


def label_study(results: Results, comparison: Comparison) -> Figure:
    """Draw test accuracy against the number of labelled images, for both models.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        The statistics.

    Returns
    -------
    Figure
    """
    figure, axis = new_figure(height=2.5)
    for name, label in NAMES.items():
        points = [point for point in comparison.study if point.model == name]
        counts, means = [point.count for point in points], [point.mean for point in points]
        below = [point.mean - point.low for point in points]
        above = [point.high - point.mean for point in points]
        axis.errorbar(
            counts, means, (below, above), capsize=3, color=COLOURS[name], marker=MARKERS[name],
            markersize=4, label=label,
        )  # fmt: skip
        for point in points:
            single = [point.count] * len(point.runs)
            axis.plot(single, point.runs, "_", color=COLOURS[name], markersize=9, alpha=0.6)
    axis.set_xscale("log")
    axis.set_xticks(sorted({point.count for point in comparison.study}))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(PERCENT)
    axis.set(xlabel="labelled images (log scale)", ylabel="test accuracy")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right", fontsize=8)
    return stamp(figure, results.inputs.stamp)


def trap(results: Results) -> Figure:
    """Draw the validation accuracy of a frozen backbone and of one that only seems frozen.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    Figure
    """
    figure, axis = new_figure(height=1.4)
    bars = {
        "requires_grad=False alone": (results.trap["accuracy_trap"], ORANGE),
        "eval mode as well": (results.trap["accuracy_frozen"], BLUE),
    }
    drawn = axis.barh(
        list(bars), [value for value, _ in bars.values()], color=[c for _, c in bars.values()]
    )
    axis.bar_label(drawn, fmt=lambda value: f"{value:.1%}", padding=3, fontsize=8)
    axis.set(xlabel="validation accuracy after one epoch", xlim=(0, 1))
    axis.xaxis.set_major_formatter(PERCENT)
    return stamp(figure, results.inputs.stamp)
