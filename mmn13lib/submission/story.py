"""What the video says, scene by scene, with the numbers of the report."""

from dataclasses import dataclass

from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.answer.conclusions import conclude
from mmn13lib.q3_transfer.results.metrics import most_confused_pairs
from mmn13lib.q3_transfer.results.records import Results
from mmn13lib.writing.numbers import duration


@dataclass(frozen=True)
class Scene:
    """One stretch of the video.

    Parameters
    ----------
    title
        What it is about.
    show
        What is on the screen.
    run
        Labels of the notebook's cells to run.
    say
        The words.
    """

    title: str
    show: str
    run: tuple[str, ...]
    say: str


def scenes(results: Results) -> list[Scene]:
    """Tell the whole story.

    Parameters
    ----------
    results
        Question 3's.

    Returns
    -------
    list of Scene
        In the order of the notebook.
    """
    return [_opening(), *_question_1(), *_question_2(), *_question_3(results), _closing(results)]


def _opening() -> Scene:
    return Scene(
        "Opening",
        "the top of the notebook",
        ("set-up",),
        "Hello. This is my solution of assignment thirteen. There are three questions: a "
        "convolution layer of my own, the error's way back through a convolution, and transfer "
        "learning. Everything is in this one notebook; I shall explain the code, run it, and say "
        "what the output means.",
    )


def _question_1() -> list[Scene]:
    return [
        Scene(
            "Question 1: the idea and the code",
            "“The layer”: the cells `q1-class` and `q1-arithmetic`",
            ("q1-class", "q1-arithmetic"),
            "The layer inherits from Module and uses no other layer or function of torch dot nn. "
            "The window stands at every position of the padded image. What it sees there, I write "
            "as one column. That is the function patches: it pads, and unfold gives all windows "
            "without copying. Then the weights, one row for each output channel, times the "
            "columns gives all outputs at once: a matrix product. The batch is cut into tiles, so "
            "that the columns are still in the processor's cache when they are used. The backward "
            "pass is written by hand, because autograd would keep all columns in memory.",
        ),
        Scene(
            "Question 1: run it against nn.Conv2d",
            "“The same as nn.Conv2d”: `q1-live`, then the table",
            ("q1-live", "tbl-q1-comparison"),
            "I run it beside PyTorch's own layer with the same weights. The difference is the "
            "rounding of double precision, nothing more. The table does the same for other "
            "shapes, strides and paddings: the output, and the gradients by the input, the "
            "weights and the bias, all agree. The loop over configurations in the tests goes much "
            "further.",
        ),
    ]


def _question_2() -> list[Scene]:
    return [
        Scene(
            "Question 2: the derivation",
            "“The derivation by hand” and its equations",
            (),
            "An image of three by three, a kernel of two by one, so the output is two by three. "
            "The cost depends on a pixel only through the outputs, so the chain rule has six "
            "terms. A kernel element is used at all six places: all six terms stay. A pixel is "
            "used where the kernel covers it. The pixels of the middle row lie under both "
            "elements of the kernel, and have two terms; those of the outer rows have one.",
        ),
        Scene(
            "Question 2: sympy and the check",
            "`q2-source`, `q2-live`, the eleven derivatives, the table of numbers",
            ("q2-source", "q2-live", "q2-kernel-derivatives", "q2-image-derivatives"),
            "The same without my hands. The cost is an undefined function, and sympy's own chain "
            "rule gives the two derivatives by the kernel and the nine by the pixels. This table "
            "compares them with autograd and with finite differences, on random numbers: they "
            "agree. And there is a pattern: the kernel's gradient is the image correlated with "
            "the output's gradient, and the image's gradient is again a convolution, with the "
            "kernel turned round.",
        ),
    ]


def _question_3(results: Results) -> list[Scene]:
    comparison = compare(results)
    head, small_resnet = comparison.head, comparison.small_resnet
    counts, trap = results.counts, results.trap
    pairs = most_confused_pairs(head.confusion, 1)
    confused = (
        f" What it confuses most is {results.classes[pairs[0][0]]}, taken for "
        f"{results.classes[pairs[0][1]]}, {pairs[0][2]} times."
        if pairs
        else ""
    )
    better = "transferred" if head.accuracy >= small_resnet.accuracy else "small"
    worst = results.mistakes[0] if results.mistakes else None
    blatant = (
        f" The worst: it says {results.classes[worst['predicted']]} with a probability of "
        f"{worst['predicted_probability']:.1%}, and it is {results.classes[worst['true']]}."
        if worst
        else ""
    )
    return [
        Scene(
            "Question 3: the data",
            "“The data”: `q3-dataset-code` and the figure",
            ("q3-dataset", "fig-q3-samples"),
            f"The Dataset enlarges each image to 224 by 224 and normalises it as the pretrained "
            f"network knows it. {counts['train']:,} images are for training, "
            f"{counts['validation']:,} for validation and {counts['test']:,} for the test. Here "
            f"are five of each class. I use {results.inputs.label}.",
        ),
        Scene(
            "Question 3: frozen means frozen",
            "`q3-backbone-code`, `q3-freezing-live`, and the figure of the trap",
            ("q3-backbone-code", "q3-freezing-live"),
            "The head is replaced by a linear layer with ten outputs, and all else is frozen. "
            "Requires grad false alone does not freeze BatchNorm: its running statistics would "
            "move at every forward pass. That is why train, in my class, leaves the backbone in "
            f"eval mode. Without that, {trap['moved_buffers']} of {trap['total_buffers']} buffers "
            f"moved, and the accuracy after one epoch was {trap['accuracy_trap']:.1%} in place of "
            f"{trap['accuracy_frozen']:.1%}.",
        ),
        Scene(
            "Question 3: the training",
            "`q3-training-code`, `q3-training-live`, then the four cells of SmallResNet",
            (
                "q3-training-code",
                "q3-training-live",
                "q3-small-resnet-code",
                "q3-small-resnet-live",
                "q3-small-resnet-training-code",
                "q3-small-resnet-training-live",
            ),
            "Since the backbone never changes, its 512 features of each image are computed once, "
            "and the head is trained on them. I run the same function on a few images: the loss "
            "falls, and only the head has moved. SmallResNet has three residual blocks, each makes "
            "height and width smaller; all of its "
            f"{results.small_resnet.total_parameters:,} weights are trained from scratch. "
            f"The head with its features took {duration(results.head.training_seconds)}, the "
            f"small network {duration(results.small_resnet.training_seconds)}.",
        ),
        Scene(
            "Question 3: the results",
            "the table of both models and the confusion matrices",
            ("tbl-q3-comparison", "fig-q3-confusion"),
            f"On the test images the new head is right in {head.accuracy:.2%}, the small network "
            f"in {small_resnet.accuracy:.2%}. The {better} network is ahead by "
            f"{100 * abs(head.accuracy - small_resnet.accuracy):.1f} points; the intervals in "
            f"the table say how far chance may move that.{confused}",
        ),
        Scene(
            "Question 3: the most blatant mistakes",
            "`q3-mistakes-code`, `q3-mistakes-live` and the figure",
            ("q3-mistakes-code", "q3-mistakes-live", "fig-q3-mistakes"),
            "A blatant mistake is a wrong answer that was given with high probability. The "
            f"function sorts the wrong ones by that, and takes ten.{blatant} The heat maps show "
            "where the model looked.",
        ),
    ]


def _closing(results: Results) -> Scene:
    comparison = compare(results)
    fewest = min(comparison.study, key=lambda point: point.count).count if comparison.study else 0
    at_fewest = {p.model: p.mean for p in comparison.study if p.count == fewest}
    few = (
        f" With only {fewest:,} labelled images it is {at_fewest['head']:.1%} against "
        f"{at_fewest['small_resnet']:.1%}."
        if len(at_fewest) == 2
        else ""
    )
    names = {"head": "the new head", "small_resnet": "SmallResNet"}
    preferred = f"I prefer {names[conclude(results, comparison).preferred]}."
    return Scene(
        "Which model I prefer, and the end",
        "“Which do I prefer?”: the figure and the answer",
        ("fig-q3-labels", "q3-answer"),
        "Which do I prefer? The figure trains both models on fewer and fewer labelled images."
        f"{few} {preferred} Thank you for watching.",
    )
