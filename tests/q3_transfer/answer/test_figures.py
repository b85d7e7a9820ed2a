"""The figures show what the results hold, and say when it is only the sample."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmn13lib.q3_transfer.answer import figures
from mmn13lib.q3_transfer.answer.comparison import compare

OF_RESULTS = (figures.mistakes, figures.learning_curves)
OF_COMPARISON = (
    figures.confusion_matrices,
    figures.reliability,
    figures.label_study,
    figures.first_page,
)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(plt.Text) if text.get_text()]


@pytest.fixture(scope="module")
def drawn(made_up_results) -> dict[str, dict[str, Figure]]:
    def draw(mode: str) -> dict[str, Figure]:
        results = made_up_results(mode=mode)
        comparison = compare(results)
        plain = {function.__name__: function(results) for function in OF_RESULTS}
        return plain | {f.__name__: f(results, comparison) for f in OF_COMPARISON}

    return {mode: draw(mode) for mode in ("imagenet", "sample")}


def test_every_figure_of_the_sample_says_so_and_no_other_does(drawn):
    assert all("sample, not CIFAR-10" in texts(figure) for figure in drawn["sample"].values())
    assert not any("sample" in text for f in drawn["imagenet"].values() for text in texts(f))


def test_figures_fit_the_page_and_are_closed_in_pyplot(drawn):
    assert all(figure.get_figwidth() == 6.4 for figure in drawn["imagenet"].values())
    assert not plt.get_fignums()


def test_the_ten_mistakes_name_both_classes_and_probabilities(drawn, made_up_results):
    results = made_up_results()
    shown = texts(drawn["imagenet"]["mistakes"])
    for rank, mistake in enumerate(results.mistakes, start=1):
        predicted = results.classes[mistake["predicted"]]
        probability = f"{mistake['predicted_probability']:.2%}"
        assert f"{rank}. predicted {predicted}, {probability}" in shown
        assert any(
            line.startswith(f"true class {results.classes[mistake['true']]}") for line in shown
        )
    *pictures, key = drawn["imagenet"]["mistakes"].axes
    assert [len(axis.images) for axis in pictures] == [1, 2] * 10
    assert key.get_xticklabels()[0].get_text() == "no evidence"


def test_the_mistakes_are_at_least_22_millimetres_wide(drawn):
    figure = drawn["imagenet"]["mistakes"]
    width, height = figure.get_size_inches()
    for axis in figure.axes[:-1]:  # the last is the key to the colours
        box = axis.get_position()
        assert box.width * width == pytest.approx(box.height * height)  # the image is square
        assert box.width * width * 25.4 >= 22
        assert box.x0 >= 0 and box.x1 <= 1


def test_the_confusion_matrices_hold_every_test_image(drawn, made_up_results):
    for axis in drawn["imagenet"]["confusion_matrices"].axes:
        numbers = sum(int(text.get_text()) for text in axis.texts)
        assert numbers == made_up_results().counts["test"]


def test_the_label_study_has_a_point_for_every_count_on_a_log_scale(drawn):
    (axis,) = drawn["imagenet"]["label_study"].axes
    assert axis.get_xscale() == "log"
    assert {text.get_text() for text in axis.get_xticklabels()} == {"100", "2,000", "45,000"}


def test_a_training_that_was_still_improving_is_a_hollow_point(made_up_results):
    def hollow(**made_up):
        results = made_up_results(**made_up)
        (axis,) = figures.label_study(results, compare(results)).axes
        return [line for line in axis.lines if line.get_markerfacecolor() == "white"]

    assert not hollow()
    (points,) = hollow(unfinished=2000)
    assert points.get_xdata().tolist() == [pytest.approx(1.05 * 2000)]


def test_the_first_page_shows_the_first_mistake(drawn, made_up_results):
    study, picture, heat = drawn["imagenet"]["first_page"].axes
    mistake = made_up_results().mistakes[0]
    assert np.array_equal(picture.images[0].get_array(), mistake["image"])
    assert np.array_equal(heat.images[1].get_array(), mistake["gradcam"])
    assert study.get_xscale() == "log"


def test_both_reliability_curves_are_drawn_for_each_model(drawn):
    for axis in drawn["imagenet"]["reliability"].axes:
        labels = [line.get_label() for line in axis.lines]
        assert labels == ["calibrated", "as trained", "after the temperature"]


def test_without_a_mistake_nothing_is_drawn_of_one(made_up_results):
    results = replace(made_up_results(), mistakes=[])
    assert not figures.mistakes(results).axes
    assert len(figures.first_page(results, compare(results)).axes) == 3
