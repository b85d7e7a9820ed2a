"""The chapter's tables and sentences hold what the results hold."""

import pytest
import torch

from mmn13lib.transfer import chapter
from mmn13lib.transfer.backbone import TransferResNet
from mmn13lib.transfer.comparison import compare


def test_only_the_head_is_listed_as_trained():
    table = chapter.children_table(TransferResNet(), torch.zeros(3, 224, 224))
    rows = table.strip().splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows][-3:] == ["`layer4`", "`avgpool`", "`fc`"]
    assert [row for row in rows if "**yes**" in row] == [
        "| `fc` | `Linear` | 10 | 5,130 | **yes** |"
    ]
    assert "| `layer4` | `Sequential` | 512 x 7 x 7 | 8,393,728 | no |" in rows


def test_folded_weights_are_said_to_exaggerate_the_trap(made_up_results):
    folded, whole = made_up_results(mode="other-weights"), made_up_results(mode="imagenet")
    assert "60 of 60 moved" in chapter.trap_text(whole)
    assert "in eval mode none" in chapter.trap_text(whole)
    assert "exaggerate" in chapter.trap_text(folded)
    assert "exaggerate" not in chapter.trap_text(whole)


def test_the_seeds_are_summed_up_by_mean_and_deviation(made_up_results):
    text = chapter.training_text(made_up_results(head=0.87))
    assert "**87.00% ± 0.16%**" in text
    assert "bfloat16" in text


def test_the_comparison_has_a_row_for_every_cost(made_up_results):
    results = made_up_results()
    table = chapter.comparison_table(results, compare(results))
    assert "| trained parameters | 5,130 | 308,394 |" in table
    assert "| training time | 7.0 min | 30.0 min |" in table
    assert "87.00% (85.5–88.4)" in table


def test_every_class_has_its_accuracy_and_its_most_frequent_confusion(made_up_results):
    results = made_up_results()
    comparison = compare(results)
    rows = chapter.class_table(results, comparison).strip().splitlines()[2:]
    assert len(rows) == 10
    cat = comparison.head.confusion[3]
    wrong = [images for given, images in enumerate(cat) if given != 3]
    assert f"| cat | {cat[3] / cat.sum():.1%} |" in rows[3]
    assert f"({max(wrong)})" in rows[3].split("|")[3]
    assert chapter.pairs_text(results, comparison).count("taken for") == 6


@pytest.mark.parametrize("quick", [True, False])
def test_the_speed_is_shown_with_how_it_was_measured(quick):
    measured = {
        "quick": quick,
        "date": "2026-11-23",
        "hardware": {"cpu": "some processor", "cores": 2},
        "device": "cpu",
        "precision": "bfloat16",
        "images": 1024,
        "extraction_images_per_second": 148.0,
        "ready_images_per_second": 160.0,
        "peak_memory": [1.0e9, 1.01e9],
        "feature_bytes": 122_880_000,
        "head_seconds": 11.0,
        "usual_seconds": 36_000.0,
        "our_seconds": 320.0,
        "speedup": 112.5,
    }
    table, text = chapter.speed_table(measured), chapter.speed_text(measured)
    assert "| features, from 32 x 32 images | 148 images/s |" in table
    assert "| memory at most, 1,024 and 4,096 images | 1.00 GB and 1.01 GB |" in table
    assert "| 20 epochs the usual way | 10.0 h |" in table
    assert "**112 times**" in text
    assert ("short run" in text) == quick
