"""Question 3's tables, in Markdown, made from the results."""

from statistics import mean, stdev
from typing import Any

from mmn13lib.q3_transfer.answer.comparison import MODELS, ModelComparison
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.writing.numbers import big_number, duration, p_value, percent_with_interval, signed
from mmn13lib.writing.tables import markdown_table

HEADERS = ("new head, frozen ResNet-18", "`SmallResNet`, from scratch")


def comparison_table(results: Results, comparison: ModelComparison) -> str:
    """Put both models side by side: how well they do, how they were trained, what they cost."""
    models = [getattr(results, name) for name in MODELS]
    scores = [getattr(comparison, name) for name in MODELS]
    seeds = results.head_seeds
    recipes = [results.experiment[name] for name in MODELS]
    rows = [
        (
            "test accuracy (95% interval)",
            *(percent_with_interval(s.accuracy, s.low, s.high) for s in scores),
        ),
        ("head minus SmallResNet", _difference(comparison), ""),
        (
            "accuracy, all seeds",
            f"{mean(seeds):.2%} ± {stdev(seeds):.2%} ({len(seeds)} runs)",
            "one run",
        ),
        ("expected calibration error", *(f"{s.calibration_error:.3f}" for s in scores)),
        (
            "parameters, trained of all",
            *(f"{m.trained_parameters:,} of {m.total_parameters:,}" for m in models),
        ),
        (
            "epochs, images a batch",
            *(f"{recipe['num_epochs']}, {recipe['batch_size']}" for recipe in recipes),
        ),
        (
            "highest learning rate, weight decay",
            *(f"{recipe['max_lr']:g}, {recipe['weight_decay']:g}" for recipe in recipes),
        ),
        ("training time", *(duration(m.training_seconds) for m in models)),
        ("multiply-adds per image", *(big_number(m.multiply_adds) for m in models)),
        (
            "images classified per second",
            *(f"{m.inference_images_per_second:,.0f}" for m in models),
        ),
    ]
    return markdown_table(["measure", *HEADERS], rows)


def _difference(comparison: ModelComparison) -> str:
    values = (comparison.difference, comparison.low, comparison.high)
    difference, low, high = (signed(100 * value, 2) for value in values)
    return f"{difference} points ({low} to {high}), p {p_value(comparison.p_value)}"


def trap_table(trap: dict[str, Any]) -> str:
    """Put beside each other what eval mode and train mode of the backbone led to."""
    gain = 100 * (trap["accuracy_frozen"] - trap["accuracy_trap"])
    low, high = (signed(100 * value, 1) for value in trap["difference_interval"])
    cells = (
        f"{trap['accuracy_frozen']:.1%}",
        f"{trap['accuracy_trap']:.1%}",
        f"{signed(gain, 1)} points ({low} to {high})",
    )
    headers = ["backbone in eval mode", "in train mode", "difference (95% interval)"]
    return markdown_table(headers, [cells], align="ccc")
