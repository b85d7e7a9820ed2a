"""The figures show what the results hold, and say when it is only the sample."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.figure import Figure

from mmn13lib.q3_transfer.answer import figures
from mmn13lib.q3_transfer.answer.comparison import compare


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(plt.Text) if text.get_text()]


@pytest.fixture(scope="module")
def drawn(made_up_results) -> dict[str, dict[str, Figure]]:
    def draw(mode: str) -> dict[str, Figure]:
        results = made_up_results(mode=mode)
        made_from = (figures.confusion_matrices, figures.label_study, figures.agreement)
        return {function.__name__: function(results, compare(results)) for function in made_from}

    return {mode: draw(mode) for mode in ("imagenet", "sample")}


def test_every_figure_of_the_sample_says_so_and_no_other_does(drawn):
    assert all("sample, not CIFAR-10" in texts(figure) for figure in drawn["sample"].values())
    assert not any("sample" in text for f in drawn["imagenet"].values() for text in texts(f))


def test_the_confusion_matrices_hold_every_test_image(drawn, made_up_results):
    for axis in drawn["imagenet"]["confusion_matrices"].axes:
        numbers = sum(int(text.get_text()) for text in axis.texts)
        assert numbers == made_up_results().counts["test"]


def test_the_label_study_has_a_point_for_every_count_on_a_log_scale(drawn):
    (axis,) = drawn["imagenet"]["label_study"].axes
    assert axis.get_xscale() == "log"
    assert {text.get_text() for text in axis.get_xticklabels()} == {"100", "2,000", "45,000"}
    assert {"60.5%", "25.5%", "87.5%", "80.0%"} <= {text.get_text() for text in axis.texts}


def test_the_agreement_holds_every_test_image_and_three_accuracies(drawn, made_up_results):
    square, scores = drawn["imagenet"]["agreement"].axes
    comparison = compare(made_up_results())
    numbers = [int(text.get_text().replace(",", "")) for text in square.texts]
    assert numbers == [comparison.agreement[k] for k in ("both", "head", "small_resnet", "neither")]
    assert [text.get_text() for text in scores.texts][1:] == ["80.00%", "87.00%"]
