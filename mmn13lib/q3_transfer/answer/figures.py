"""Question 3's figures: they take results and draw, and compute nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from mmn13lib.q3_transfer.answer.comparison import (
    MODELS,
    ModelComparison,
    ModelName,
    Score,
    StudyPoint,
)
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.writing.plotting import PALETTE, TEXT_WIDTH, new_figure, stamp

BLUE, ORANGE, *_ = PALETTE
COLOURS = {"head": BLUE, "small_resnet": ORANGE}
NAMES = {"head": "new head on frozen ResNet-18", "small_resnet": "SmallResNet from scratch"}
UNFINISHED = "training accuracy still changing"
MARKERS = {"head": "o", "small_resnet": "s"}
PERCENT = PercentFormatter(1, decimals=0)
IMAGE = 0.9
"""Width of an image among the mistakes, in inches (2.3 cm)."""


def mistakes(results: Results) -> Figure:
    """Draw the most blatant mistakes, three a row: image, heat map, both classes beneath."""
    shown, columns = results.mistakes, 3
    rows = max(1, -(-len(shown) // columns))
    pair, row_height = 2 * IMAGE + 0.04, IMAGE + 0.36
    figure = Figure(figsize=(TEXT_WIDTH, rows * row_height))
    figure.set_layout_engine("none")
    size = np.array([TEXT_WIDTH, rows * row_height] * 2)
    for rank, mistake in enumerate(shown):
        left = (rank % columns) * (TEXT_WIDTH - pair) / (columns - 1)
        bottom = (rows - 1 - rank // columns) * row_height + 0.34
        corners = [(left, bottom, IMAGE, IMAGE), (left + IMAGE + 0.04, bottom, IMAGE, IMAGE)]
        picture, heat = (figure.add_axes(tuple(corner / size)) for corner in corners)
        _image_and_heat(picture, heat, mistake)
        for line, (text, colour) in enumerate(_labels(rank, mistake, results.classes)):
            place = (left / size[0], (bottom - 0.12 - 0.13 * line) / size[1])
            figure.text(*place, text, fontsize=7.5, color=colour)
    if len(shown) % columns:  # the last row has room for the key to the colours
        corner = np.array([TEXT_WIDTH - pair, 0.34 + IMAGE / 2, pair, 0.1]) / size
        colours = ScalarMappable(Normalize(0, 1), "inferno")
        key = figure.colorbar(colours, cax=figure.add_axes(tuple(corner)), orientation="horizontal")
        key.set_ticks([0, 1], labels=["no evidence", "most of this map"], fontsize=7.5)
        none, most = key.ax.get_xticklabels()
        none.set_horizontalalignment("left")
        most.set_horizontalalignment("right")
    return stamp(figure, results.inputs.stamp)


def _image_and_heat(picture: Axes, heat: Axes, mistake: dict[str, Any]) -> None:
    picture.imshow(mistake["image"])
    heat.imshow(mistake["image"].mean(axis=2), cmap="gray", vmin=0, vmax=255)
    heat.imshow(
        mistake["gradcam"], cmap="inferno", alpha=0.6, vmin=0, vmax=1,
        interpolation="bilinear", extent=(-0.5, 31.5, 31.5, -0.5),
    )  # fmt: skip
    for axis in (picture, heat):
        axis.axis("off")


def _labels(
    rank: int, mistake: dict[str, Any], classes: Sequence[str]
) -> tuple[tuple[str, str], tuple[str, str]]:
    predicted, true = classes[mistake["predicted"]], classes[mistake["true"]]
    return (
        (
            f"{rank + 1}. predicted {predicted}, {_percent(mistake['predicted_probability'])}",
            "#B03A00",
        ),
        (f"true class {true}, {_percent(mistake['true_probability'])}", "#005A8C"),
    )


def _percent(probability: float) -> str:
    return "< 0.01%" if probability < 1e-4 else f"{probability:.2%}"


def learning_curves(results: Results) -> Figure:
    """Draw accuracy by epoch, on training and on validation images, a panel for each model."""
    figure, axes = new_figure(1, 2, height=2.1, sharey=True)
    for axis, name in zip(axes, MODELS, strict=True):
        history = getattr(results, name).history
        for key, style, label in (
            ("validation_accuracy", "-", "validation images"),
            ("train_accuracy", ":", "training images"),
        ):
            values = [record[key] for record in history]
            epochs = [record["epoch"] for record in history]
            axis.plot(epochs, values, style, color=COLOURS[name], label=label)
        axis.set(title=NAMES[name], xlabel="epoch")
        axis.grid(alpha=0.3)
        axis.locator_params(axis="x", integer=True)
    _legend_below(figure, axes[0], "training images", "validation images", colour="dimgrey")
    axes[0].set_ylabel("accuracy")
    axes[0].yaxis.set_major_formatter(PERCENT)
    return stamp(figure, results.inputs.stamp)


def confusion_matrices(results: Results, comparison: ModelComparison) -> Figure:
    """Draw both models' confusion matrices, with the number of images in each cell."""
    figure, axes = new_figure(1, 2, height=3.1, sharey=True)
    for axis, name in zip(axes, MODELS, strict=True):
        _confusion_matrix(axis, getattr(comparison, name).confusion, results.classes)
        axis.set(title=NAMES[name], xlabel="predicted class")
    axes[0].set_ylabel("true class")
    return stamp(figure, results.inputs.stamp)


def _confusion_matrix(axis: Axes, matrix: np.ndarray, classes: Sequence[str]) -> None:
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    # the square root makes the few mistakes visible beside the many correct answers
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


def reliability(results: Results, comparison: ModelComparison) -> Figure:
    """Draw accuracy against stated probability, as trained and after the temperature."""
    figure, axes = new_figure(1, 2, height=2.1, sharey=True)
    for axis, name in zip(axes, MODELS, strict=True):
        score: Score = getattr(comparison, name)
        axis.plot([0, 1], [0, 1], "--", color="grey", linewidth=1, label="calibrated")
        for bins, style, label in (
            (score.reliability, "-", "as trained"),
            (score.calibrated, ":", "after the temperature"),
        ):
            filled = bins.counts >= max(1, 0.002 * bins.counts.sum())
            axis.plot(
                bins.confidence[filled], bins.accuracy[filled], style, marker=MARKERS[name],
                markersize=4, color=COLOURS[name], label=label,
            )  # fmt: skip
        axis.set(title=NAMES[name], xlabel="probability of the predicted class", xlim=(0, 1.02))
    labels = ("calibrated", "as trained", "after the temperature")
    _legend_below(figure, axes[0], *labels, colour="dimgrey")
    axes[0].set(ylabel="share classified correctly", ylim=(0, 1.05))
    axes[0].yaxis.set_major_formatter(PERCENT)
    return stamp(figure, results.inputs.stamp)


def label_study(results: Results, comparison: ModelComparison) -> Figure:
    """Draw test accuracy against the number of labelled images, for both models."""
    figure, axis = new_figure(height=2.4)
    _label_study(axis, comparison)
    _legend_below(figure, axis, *NAMES.values(), UNFINISHED)
    return stamp(figure, results.inputs.stamp)


def _label_study(axis: Axes, comparison: ModelComparison) -> None:
    for name in MODELS:
        points = [point for point in comparison.study if point.model == name]
        counts, means = [_apart(point) for point in points], [point.mean for point in points]
        below = [point.mean - point.low for point in points]
        above = [point.high - point.mean for point in points]
        axis.errorbar(
            counts, means, (below, above), capsize=3, color=COLOURS[name], marker=MARKERS[name],
            markersize=5, label=NAMES[name],
        )  # fmt: skip
        for point in points:
            single = [_apart(point)] * len(point.runs)
            axis.plot(single, point.runs, "_", color=COLOURS[name], markersize=12, alpha=0.6)
        _hollow(axis, name, [point for point in points if not point.plateau])
    axis.set_xscale("log")
    axis.set_xticks(sorted({point.count for point in comparison.study}))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    axis.minorticks_off()
    axis.yaxis.set_major_formatter(PERCENT)
    axis.set(xlabel="labelled images (log scale)", ylabel="test accuracy")
    axis.grid(alpha=0.3)


def _apart(point: StudyPoint) -> float:
    """Shift the two models' points a little to either side, so that no bar hides another."""
    return point.count * (0.95 if point.model == "head" else 1.05)


def _hollow(axis: Axes, name: ModelName, unfinished: Sequence[Any]) -> None:
    """Mark the points at which training had not levelled off."""
    if unfinished:
        counts, means = [_apart(p) for p in unfinished], [p.mean for p in unfinished]
        axis.plot(
            counts, means, MARKERS[name], color=COLOURS[name], markerfacecolor="white",
            markersize=5, zorder=5, label=UNFINISHED,
        )  # fmt: skip


def _legend_below(figure: Figure, axis: Axes, *labels: str, colour: str | None = None) -> None:
    """Put the axis's labels, in this order, below the figure; in one colour for all panels."""
    handles, found = axis.get_legend_handles_labels()
    known = dict(zip(found, handles, strict=True))
    shown = [label for label in labels if label in known]
    legend = figure.legend(
        [known[label] for label in shown], shown, loc="outside lower center", ncols=len(shown),
        fontsize=7.5, columnspacing=1.2,
    )  # fmt: skip
    if colour:
        for line in legend.get_lines():
            line.set_color(colour)


def first_page(results: Results, comparison: ModelComparison) -> Figure:
    """Draw accuracy against labelled images beside the most blatant mistake with its heat map."""
    figure, (study, picture, heat) = new_figure(
        1, 3, height=2.5, gridspec_kw={"width_ratios": [2.6, 1, 1]}
    )
    _label_study(study, comparison)
    _legend_below(figure, study, *NAMES.values())
    for axis in (picture, heat):
        axis.axis("off")
    for mistake in results.mistakes[:1]:
        _image_and_heat(picture, heat, mistake)
        picture.set_title(f"true class {results.classes[mistake['true']]}", fontsize=8)
        heat.set_title(f"predicted {results.classes[mistake['predicted']]}", fontsize=8)
    return stamp(figure, results.inputs.stamp)
