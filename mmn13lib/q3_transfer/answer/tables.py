"""Question 3's tables, in Markdown, made from the results."""

from statistics import mean, stdev

from mmn13lib.q3_transfer.answer.comparison import ModelComparison, total_seconds
from mmn13lib.q3_transfer.results.records import MODELS, ModelName, Results
from mmn13lib.writing.numbers import big_number, duration, p_value, percent_with_interval, signed
from mmn13lib.writing.tables import markdown_table

HEADERS = ("measure", "new head, frozen ResNet-18", "`SmallResNet`, from scratch")
MEASURES = (
    "test accuracy (95% interval)",
    "expected calibration error",
    "parameters, trained of all",
    "epochs, batch size",
    "peak learning rate, weight decay",
    "training time",
    "training and test images together",
    "multiply-adds per image",
    "images classified per second",
)


def comparison_table(results: Results, comparison: ModelComparison) -> str:
    """Put both models side by side: how well they do, how they were trained, what they cost."""
    columns = [_measures(results, comparison, name) for name in MODELS]
    accuracy, *others = zip(MEASURES, *columns, strict=True)
    seeds = results.head_seeds
    spread = f"{mean(seeds):.2%} ± {stdev(seeds):.2%} ({len(seeds)} runs)"
    beside = ("head minus SmallResNet", _difference(comparison), "")
    all_seeds = ("all seeds, mean ± standard deviation", spread, "one run")
    return markdown_table(HEADERS, [accuracy, beside, all_seeds, *others])


def _measures(results: Results, comparison: ModelComparison, name: ModelName) -> tuple[str, ...]:
    model, score = getattr(results, name), getattr(comparison, name)
    recipe = results.experiment[name]
    return (
        percent_with_interval(score.accuracy, score.low, score.high),
        f"{score.calibration_error:.3f}",
        f"{model.trained_parameters:,} of {model.total_parameters:,}",
        f"{recipe['num_epochs']}, {recipe['batch_size']}",
        f"{recipe['max_lr']:g}, {recipe['weight_decay']:g}",
        duration(model.training_seconds),
        duration(total_seconds(results, name)),
        big_number(model.multiply_adds),
        f"{model.inference_images_per_second:,.0f}",
    )


def _difference(comparison: ModelComparison) -> str:
    values = (comparison.difference, comparison.low, comparison.high)
    difference, low, high = (signed(100 * value, 2) for value in values)
    return f"{difference} points ({low} to {high}), p {p_value(comparison.p_value)}"


def trap_table(results: Results) -> str:
    """Put beside each other what eval mode and train mode of the backbone led to."""
    trap, of_all = results.trap, results.experiment
    gain = 100 * (trap["accuracy_frozen"] - trap["accuracy_trap"])
    low, high = (signed(100 * value, 1) for value in trap["difference_interval"])
    cells = (
        f"{of_all['trap_images']:,}, {of_all['trap_validation']:,}",
        f"{trap['accuracy_frozen']:.1%}",
        f"{trap['accuracy_trap']:.1%}",
        f"{signed(gain, 1)} points ({low} to {high})",
    )
    headers = ["training, validation images", "eval mode", "train mode", "difference"]
    return markdown_table(headers, [cells], align="cccc")
