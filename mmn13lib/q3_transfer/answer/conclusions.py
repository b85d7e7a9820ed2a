"""Question 3's conclusions in words, made from the results, whichever model does better."""

from statistics import mean, stdev
from typing import Any

from mmn13lib.q3_transfer.answer.comparison import SIGNIFICANT, Comparison, Winner, compare
from mmn13lib.q3_transfer.results.records import ModelResult, Results
from mmn13lib.writing.numbers import big_number, duration, percent_with_interval

HEAD = "the new head on the frozen ResNet-18"
SMALL_RESNET = "`SmallResNet`"
WEIGHTS_FROM = "weights from "  # as the label of such inputs has it
NAMES: dict[Winner, str] = {"head": HEAD, "small_resnet": SMALL_RESNET}
QUESTION = "Train a new head on a network trained by others, or a network of one's own?"


def caveat(results: Results) -> str:
    """Say at the chapter's head what its numbers are not.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    str
        Markdown; empty where data and weights are those that the question asks for.
    """
    if results.inputs.mode == "sample":
        missing = " and ".join(results.inputs.missing)
        return _callout(
            "important",
            "These are not CIFAR-10 results",
            f"Missing on this machine: {missing}. So everything in this chapter was computed from "
            "a small sample of drawn images, made by the package itself, and from randomly "
            "initialised weights. It shows that the code runs; its numbers say nothing about "
            "CIFAR-10 or transfer from ImageNet. For the real results, run `mmn13 fetch` (170 MB "
            "of images, 45 MB of weights), or let `MMN13_DATA` name the folder that holds "
            "`cifar-10-batches-py` and `MMN13_WEIGHTS` a file with a ResNet-18's weights; then "
            "render again.",
        )
    if results.inputs.mode == "other-weights":
        file = results.inputs.label.partition(WEIGHTS_FROM)[2]
        return _callout(
            "warning",
            "The weights are not torchvision's ImageNet weights",
            f"The images are CIFAR-10's, but the ResNet-18's weights come from the file `{file}`, "
            f"named by `MMN13_WEIGHTS`. The accuracies of the "
            "transferred model hold for these weights: they are not ImageNet transfer. Where this "
            "chapter says *pretrained*, it means that file.",
        )
    return ""


def _callout(kind: str, title: str, text: str) -> str:
    return f'::: {{.callout-{kind} title="{title}"}}\n{text}\n:::\n'


def answer(results: Results, comparison: Comparison) -> str:
    """Say which model is preferred, why, and when the answer turns.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        Their statistics.

    Returns
    -------
    str
        Two paragraphs of Markdown.
    """
    preferred = preference(results, comparison)
    reasons = _reasons(preferred, results, comparison)
    turns = _turns(preferred, results, comparison)
    text = f"I prefer **{NAMES[preferred]}**{_place(results)}: {'; '.join(reasons)}."
    if not turns:
        return f"{text}\n\nNothing that was measured here speaks for the other model."
    return f"{text}\n\nThe answer turns {'; or '.join(turns)}."


def preference(results: Results, comparison: Comparison) -> Winner:
    """Choose the more accurate model, or the quicker to train where chance may be the winner.

    Parameters
    ----------
    results
        The experiment's.
    comparison
        Their statistics.

    Returns
    -------
    str
        ``head`` or ``small_resnet``.
    """
    quicker = results.head.training_seconds <= results.small_resnet.training_seconds
    return comparison.winner or ("head" if quicker else "small_resnet")


def _place(results: Results) -> str:
    return {
        "imagenet": " for CIFAR-10",
        "other-weights": " for CIFAR-10 with these weights",
        "sample": " on this sample (which says nothing about CIFAR-10)",
    }[results.inputs.mode]


def _reasons(preferred: Winner, results: Results, comparison: Comparison) -> list[str]:
    points = 100 * abs(comparison.head.accuracy - comparison.small_resnet.accuracy)
    mine, other = _pair(preferred, results)
    if comparison.winner is None:
        reasons = [
            f"the accuracies differ by {points:.1f} points, which may be chance "
            f"(p = {comparison.disagreement.p_value:.2f}), so cost decides"
        ]
    else:
        reasons = [f"its test accuracy is {points:.1f} points higher"]
    if mine.training_seconds < other.training_seconds:
        reasons.append(
            f"it is trained in {duration(mine.training_seconds)}, the other in "
            f"{duration(other.training_seconds)}"
        )
    if mine.multiply_adds < other.multiply_adds:
        reasons.append(
            f"it classifies an image with {big_number(mine.multiply_adds)} multiply-adds, where "
            f"the other needs {big_number(other.multiply_adds)}"
        )
    return reasons


def _turns(preferred: Winner, results: Results, comparison: Comparison) -> list[str]:
    mine, other = _pair(preferred, results)
    against = {
        count: lead
        for count, lead in comparison.lead.items()
        if (lead < 0 if preferred == "head" else lead > 0)
    }
    turns = []
    if against:
        count = max(against, key=lambda count: abs(against[count]))
        turns.append(
            f"where {_label_counts(against, comparison)} labelled images are at hand (with "
            f"{count:,} of them the other model is {100 * abs(against[count]):.1f} points ahead)"
        )
    if other.training_seconds < mine.training_seconds:
        turns.append(
            f"where training has to be quick (the other model takes "
            f"{duration(other.training_seconds)}, this one {duration(mine.training_seconds)})"
        )
    if other.multiply_adds < mine.multiply_adds:
        turns.append(
            f"where very many images are to be classified, or on a small device (the other model "
            f"needs {mine.multiply_adds / other.multiply_adds:.0f} times fewer multiply-adds for "
            "an image)"
        )
    return turns


def _label_counts(against: dict[int, float], comparison: Comparison) -> str:
    """Say at which numbers of labels the preference does not hold."""
    counts = sorted(comparison.lead)
    if set(against) == set(counts[: len(against)]):
        return f"only {max(against):,} or fewer" if len(against) < len(counts) else "few or many"
    if set(against) == set(counts[-len(against) :]):
        return f"{min(against):,} or more"
    return " or ".join(f"{count:,}" for count in sorted(against))


def _pair(preferred: Winner, results: Results) -> tuple[ModelResult, ModelResult]:
    pair = results.head, results.small_resnet
    return pair if preferred == "head" else (pair[1], pair[0])


def disagreement(comparison: Comparison) -> str:
    """Put McNemar's test into a sentence or two.

    Parameters
    ----------
    comparison
        The statistics.

    Returns
    -------
    str
        Markdown.
    """
    test = comparison.disagreement
    both = test.only_first + test.only_second
    p = f"p {f'= {test.p_value:.2g}' if test.p_value >= 0.001 else '< 0.001'}"
    verdict = (
        "That is hardly chance. It speaks of these two trained models: other seeds give others."
        if test.p_value < SIGNIFICANT
        else "That can well be chance: the test does not tell the two apart."
    )
    return (
        f"On {both:,} test images exactly one of the two is right: on {test.only_first:,} {HEAD}, "
        f"on {test.only_second:,} {SMALL_RESNET}. Were both equally good, each of these images "
        f"would be a fair coin's throw; a split at least as uneven would come with probability {p} "
        f"(McNemar's exact test [@mcnemar1947]). {verdict}"
    )


def labels(comparison: Comparison) -> str:
    """Say what the number of labelled images does to the comparison.

    Parameters
    ----------
    comparison
        The statistics.

    Returns
    -------
    str
        Markdown; empty without a study.
    """
    lead = comparison.lead
    if not lead:
        return ""
    few, many = min(lead), max(lead)
    text = f"With {few:,} labelled images {_ahead(lead[few])}; with {many:,} {_ahead(lead[many])}."
    signs = [lead[count] > 0 for count in sorted(lead)]
    changes = [i for i in range(1, len(signs)) if signs[i] != signs[i - 1]]
    if not changes:
        return f"{text} The order is the same at every number of labels tried."
    if len(changes) == 1:
        before, after = sorted(lead)[changes[0] - 1], sorted(lead)[changes[0]]
        return f"{text} The order changes between {before:,} and {after:,}."
    return f"{text} In between the order changes {len(changes)} times."


def _ahead(lead: float) -> str:
    return f"{'the head' if lead > 0 else SMALL_RESNET} is {100 * abs(lead):.1f} points ahead"


def summary(results: Results) -> dict[str, Any]:
    """Answer question 3 in a few sentences and numbers.

    Parameters
    ----------
    results
        The experiment's.

    Returns
    -------
    dict
        ``question`` and ``answer`` (Markdown), ``numbers`` (pairs of label and value).
    """
    comparison = compare(results)
    head, small_resnet = comparison.head, comparison.small_resnet
    stated = answer(results, comparison).split("\n\n")[0]
    caution = (
        "" if results.inputs.mode == "imagenet" else f" (Computed from {results.inputs.label}.)"
    )
    return {
        "question": QUESTION,
        "answer": (
            f"The new head on the frozen ResNet-18 classifies {head.accuracy:.1%} of the test "
            f"images rightly, {SMALL_RESNET}, trained from scratch, {small_resnet.accuracy:.1%}. "
            f"{stated}{caution}"
        ),
        "numbers": [
            (
                "test accuracy, new head on the frozen ResNet-18",
                percent_with_interval(head.accuracy, head.low, head.high),
            ),
            (
                f"the same, mean and deviation over {len(results.head_seeds)} seeds",
                f"{mean(results.head_seeds):.2%} ± {stdev(results.head_seeds):.2%}",
            ),
            (
                "test accuracy, `SmallResNet` from scratch",
                percent_with_interval(small_resnet.accuracy, small_resnet.low, small_resnet.high),
            ),
            ("training time, head (with its features)", duration(results.head.training_seconds)),
            ("training time, `SmallResNet`", duration(results.small_resnet.training_seconds)),
        ],
    }
