"""The figures show what the results hold, and say when it is only the sample."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from mmn13lib.q3_transfer.answer import figures
from mmn13lib.q3_transfer.answer.comparison import compare

OF_RESULTS = (figures.mistakes, figures.learning_curves, figures.trap)
OF_COMPARISON = (figures.confusion_matrices, figures.reliability, figures.label_study)


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
    shown = " ".join(texts(drawn["imagenet"]["mistakes"]))
    for mistake in results.mistakes:
        assert f"test image {mistake['index']}" in shown
        assert f"said: {results.classes[mistake['predicted']]}" in shown
        assert f"is: {results.classes[mistake['true']]}" in shown
        assert f"{mistake['predicted_probability']:.2%}" in shown
    images = [axis.images for axis in drawn["imagenet"]["mistakes"].axes]
    assert [len(shown) for shown in images] == [1, 2, 0] * 10


def test_the_confusion_matrices_hold_every_test_image(drawn, made_up_results):
    for axis in drawn["imagenet"]["confusion_matrices"].axes:
        numbers = sum(int(text.get_text()) for text in axis.texts)
        assert numbers == made_up_results().counts["test"]


def test_the_label_study_has_a_point_for_every_count_on_a_log_scale(drawn):
    (axis,) = drawn["imagenet"]["label_study"].axes
    assert axis.get_xscale() == "log"
    assert {text.get_text() for text in axis.get_xticklabels()} == {"100", "2,000", "45,000"}


def test_samples_stand_under_their_own_class_colour_channel_last():
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (40, 3, 32, 32), dtype=np.uint8)
    labels = generator.permutation(np.arange(40) % 4)
    names = ("a", "b", "c", "d")
    figure = figures.class_samples(images, labels, names, per_class=3)
    assert len(figure.axes) == 12
    assert [axis.get_title() for axis in figure.axes if axis.get_title()] == list(names)
    for axis in figure.axes:
        place = axis.get_subplotspec()
        number = np.flatnonzero(labels == place.colspan.start)[place.rowspan.start]
        shown = np.asarray(axis.images[0].get_array())
        assert np.array_equal(shown, images[number].transpose(1, 2, 0))
