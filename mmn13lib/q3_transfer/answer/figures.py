"""Question 3's figures: they take results and draw, and compute nothing."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from mmn13lib.q3_transfer.answer.comparison import MODELS, ModelComparison
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.writing.plotting import PALETTE, new_figure, stamp

BLUE, ORANGE, GREEN, *_ = PALETTE
COLOURS = {"head": BLUE, "small_resnet": ORANGE, "together": GREEN}
NAMES = {"head": "new head on frozen ResNet-18", "small_resnet": "SmallResNet from scratch"}
MARKERS = {"head": "o", "small_resnet": "s"}
ASIDE = {"head": 0.95, "small_resnet": 1.05}  # no bar hides another at the same count


def label_study(results: Results, comparison: ModelComparison) -> Figure:
    """Draw test accuracy against the number of labelled images, for both models."""
    figure, axis = new_figure(height=2.2)
    means = {(point.model, point.count): point.mean for point in comparison.study}
    for name, rival in zip(MODELS, reversed(MODELS), strict=True):
        points = [point for point in comparison.study if point.model == name]
        places, colour = [point.count * ASIDE[name] for point in points], COLOURS[name]
        look = {"color": colour, "marker": MARKERS[name], "markersize": 5, "label": NAMES[name]}
        axis.plot(places, [point.mean for point in points], **look)
        for point, place in zip(points, places, strict=True):
            runs = [place] * len(point.runs), point.runs
            axis.plot(*runs, "_", color=colour, markersize=12, alpha=0.6)
            up = 1 if point.mean >= means.get((rival, point.count), 0) else -1
            axis.annotate(
                f"{point.mean:.1%}", (place, point.mean), (0, 13 * up), textcoords="offset points",
                ha="center", va="center", fontsize=7.5,
            )  # fmt: skip
    axis.margins(y=0.2)
    axis.set_xscale("log")
    axis.set_xticks(sorted({point.count for point in comparison.study}))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axis.set(xlabel="labelled images (log scale)", ylabel="test accuracy")
    axis.grid(alpha=0.3)
    axis.legend(loc="lower right")
    return stamp(figure, results.inputs.stamp)


def confusion_matrices(results: Results, comparison: ModelComparison) -> Figure:
    """Draw both models' confusion matrices, with the number of images in each cell."""
    figure, axes = new_figure(1, 2, height=2.4, sharey=True)
    for axis, name in zip(axes, MODELS, strict=True):
        matrix = getattr(comparison, name).confusion
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        # the square root makes the few mistakes visible beside the many correct answers
        axis.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1, aspect="auto")
        for (row, column), images in np.ndenumerate(matrix):
            if images:
                colour = "white" if shares[row, column] > 0.4 else "black"
                axis.text(column, row, images, ha="center", va="center", fontsize=6, color=colour)
        axis.set_xticks(range(10), results.classes, rotation=60, ha="right", rotation_mode="anchor")
        axis.set_yticks(range(10), results.classes)
        axis.spines[:].set_visible(False)
        axis.tick_params(length=0, labelsize=7)
        axis.set(title=NAMES[name], xlabel="predicted class")
    axes[0].set_ylabel("true class")
    return stamp(figure, results.inputs.stamp)


def agreement(results: Results, comparison: ModelComparison) -> Figure:
    """Draw how many test images both, one or neither gets right, and what their mean reaches."""
    figure, (square, scores) = new_figure(1, 2, height=1.4, gridspec_kw={"width_ratios": [1, 1.3]})
    cells = np.reshape([*comparison.agreement.values()], (2, 2))
    square.imshow(np.sqrt(cells), cmap="Blues", vmin=0, vmax=1.6 * cells[0, 0] ** 0.5)
    for (row, column), images in np.ndenumerate(cells):
        square.text(column, row, f"{images:,}", ha="center", va="center")
    square.set_xticks([0, 1], ["SmallResNet\nright", "SmallResNet\nwrong"])
    square.set_yticks([0, 1], ["head right", "head wrong"])
    square.set_aspect("auto")
    square.spines[:].set_visible(False)
    square.tick_params(length=0)
    labels = {"together": "mean of both", "small_resnet": "SmallResNet", "head": "new head"}
    for place, name in enumerate(labels):
        score = getattr(comparison, name)
        error = [[score.accuracy - score.low], [score.high - score.accuracy]]
        scores.errorbar(score.accuracy, place, xerr=error, fmt="o", capsize=3, color=COLOURS[name])
        scores.text(score.accuracy, place + 0.18, f"{score.accuracy:.2%}", ha="center", fontsize=8)
    scores.set_yticks(range(3), labels.values())
    scores.set(ylim=(-0.5, 2.7), xlabel="test accuracy and its 95% interval")
    scores.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    return stamp(figure, results.inputs.stamp)
