"""Question 3's tables, in Markdown, made from the results."""

from mmn13lib.q3_transfer.answer.comparison import MODELS, ModelComparison, StudyPoint
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.writing.numbers import big_number, duration, percent_with_interval, signed
from mmn13lib.writing.tables import markdown_table

HEADERS = ("new head, frozen ResNet-18", "`SmallResNet`, from scratch")
WHAT = ("test", "updates", "training")


def comparison_table(results: Results, comparison: ModelComparison) -> str:
    """Put both models side by side: how well they do, how they were trained, what they cost."""
    models = [getattr(results, name) for name in MODELS]
    scores = [getattr(comparison, name) for name in MODELS]
    recipe, used = results.experiment["small_resnet"], results.precision["used_name"]
    difference, low, high = (
        signed(100 * value, 2) for value in (comparison.difference, comparison.low, comparison.high)
    )
    rows = [
        (
            "test accuracy (95% interval)",
            *(percent_with_interval(s.accuracy, s.low, s.high) for s in scores),
        ),
        (
            "head minus SmallResNet (95% paired interval)",
            f"{difference} ({low} to {high}) points",
            "",
        ),
        ("runs on all labels", len(results.head_seeds), 1),
        ("augmentation", "none", f"shifts up to {recipe['crop_padding']} pixels, mirroring"),
        ("label smoothing", "none", f"{recipe['label_smoothing']:g}"),
        ("precision", f"features {used}, head float32", f"{used}, test logits float32"),
        (
            "parameters, trained of all",
            *(f"{m.trained_parameters:,} of {m.total_parameters:,}" for m in models),
        ),
        ("multiply-adds per image", *(big_number(m.multiply_adds) for m in models)),
        (
            "training time (rough)" if results.rough_times else "training time",
            *(duration(m.training_seconds) for m in models),
        ),
        (
            "images classified per second",
            *(f"{m.inference_images_per_second:,.0f}" for m in models),
        ),
    ]
    return markdown_table(["", *HEADERS], rows)


def study_table(comparison: ModelComparison) -> str:
    """List what stands behind the figure of the label study."""
    points = {(point.model, point.count): point for point in comparison.study}
    rows = [
        (
            f"{count:,}",
            *(cell for name in MODELS for cell in _study_cells(points.get((name, count)))),
        )
        for count in sorted({point.count for point in comparison.study})
    ]
    headers = [f"{name} {what}" for name in ("head:", "SmallResNet:") for what in WHAT]
    return markdown_table(["labelled images", *headers], rows, align="r" * 7)


def _study_cells(point: StudyPoint | None) -> tuple[str, str, str]:
    if point is None:
        return "–", "–", "–"
    unfinished = "" if point.plateau else r"\*"
    return f"{point.mean:.2%}", f"{point.updates:,.0f}", f"{point.train_accuracy:.1%}{unfinished}"
