"""The chapter's tables and sentences hold what the results hold."""

from dataclasses import replace

import numpy as np
import torch

from mmn13lib.q3_transfer.answer import tables
from mmn13lib.q3_transfer.answer.comparison import compare
from mmn13lib.q3_transfer.models.backbone import TransferResNet


def test_only_the_head_is_listed_as_trained():
    table = tables.children_table(TransferResNet(), torch.zeros(3, 224, 224))
    rows = table.strip().splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows][-3:] == ["`layer4`", "`avgpool`", "`fc`"]
    assert [row for row in rows if "**yes**" in row] == [
        "| `fc` | `Linear` | 10 | 5,130 | **yes** |"
    ]
    assert "| `layer4` | `Sequential` | 512 x 7 x 7 | 8,393,728 | no |" in rows


def test_folded_weights_are_said_to_exaggerate_the_trap(made_up_results):
    folded, whole = made_up_results(mode="other-weights"), made_up_results(mode="imagenet")
    assert "60 of the 60 moved" in tables.trap_text(whole)
    assert "in eval mode none" in tables.trap_text(whole)
    assert "exaggerate" in tables.trap_text(folded)
    assert "exaggerate" not in tables.trap_text(whole)


def test_the_seeds_are_summed_up_by_mean_and_deviation(made_up_results):
    text = tables.training_text(made_up_results(head=0.87))
    assert "**87.00% ± 0.16%**" in text
    assert "bfloat16" in text


def test_the_comparison_has_a_row_for_every_cost(made_up_results):
    results = made_up_results()
    table = tables.comparison_table(results, compare(results))
    assert "| trained parameters | 5,130 | 308,394 |" in table
    assert "| training time | 7.0 min | 30.0 min |" in table
    assert "87.00% (85.5–88.4)" in table


def test_every_class_has_its_accuracy_and_its_most_frequent_confusion(made_up_results):
    results = made_up_results()
    comparison = compare(results)
    rows = tables.class_table(results, comparison).strip().splitlines()[2:]
    assert len(rows) == 10
    cat = comparison.head.confusion[3]
    wrong = [images for given, images in enumerate(cat) if given != 3]
    assert f"| cat | {cat[3] / cat.sum():.1%} |" in rows[3]
    assert f"({max(wrong)})" in rows[3].split("|")[3]


def test_confusions_are_named_from_the_true_class_to_the_given(made_up_results):
    results = made_up_results()
    comparison = compare(results)
    text = tables.pairs_text(results, comparison)
    assert text.count("taken for") == 6
    wrong = comparison.head.confusion - np.diag(comparison.head.confusion.diagonal())
    true, given = np.unravel_index(wrong.argmax(), wrong.shape)
    names = results.classes
    assert f"are {names[true]} taken for {names[given]} ({wrong.max()})" in text


def test_the_kinds_of_mistakes_add_up(made_up_results):
    results = made_up_results()  # true is three classes on from the predicted one
    text = tables.mistakes_text(results)
    assert "Of these 10, 3 take an animal for another animal, 1 a vehicle for another" in text
    assert "6 one for the other" in text
    assert "at least 90.9%" in text
    assert tables.mistakes_text(replace(results, mistakes=[])) == ""


def test_the_settings_of_both_trainings_are_named(made_up_results):
    results = made_up_results()
    assert "AdamW, 20 epochs in batches of 256 with rates up to 0.03" in (
        tables.training_text(results)
    )
    assert "20 epochs in batches of 100 by SGD" in tables.small_resnet_training_text(results)
