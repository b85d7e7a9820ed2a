"""The chapter's tables hold what the results hold."""

from dataclasses import replace

from mmn13lib.q3_transfer.answer import tables
from mmn13lib.q3_transfer.answer.comparison import compare


def cells(table: str) -> dict[str, list[str]]:
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in table.splitlines()]
    return {row[0]: row[1:] for row in rows if len(row) > 1}


def test_the_comparison_has_a_row_for_every_figure_and_every_cost(made_up_results):
    results = made_up_results(head=0.87, small_resnet=0.80)
    comparison = compare(results)
    rows = cells(tables.comparison_table(results, comparison))
    assert rows["test accuracy (95% interval)"] == ["87.00% (85.5–88.4)", "80.00% (78.2–81.7)"]
    assert rows["head minus SmallResNet (95% paired interval)"][0].startswith("+7.00 (+4.")
    assert rows["runs on all labels"] == ["5", "1"]
    assert rows["parameters, trained of all"] == ["5,130 of 11,181,642", "308,394 of 308,394"]
    assert rows["multiply-adds per image"] == ["1.81 billion", "50.0 million"]
    assert rows["training time"] == ["7.0 min", "30.0 min"]
    assert rows["images classified per second"] == ["170", "900"]
    assert rows["precision"][0] == "features bfloat16, head float32"
    assert rows["label smoothing"] == ["none", "0.1"]


def test_behind_the_label_study_stand_updates_and_training_accuracy(made_up_results):
    results = made_up_results(study={100: (0.6, 0.2), 45_000: (0.85, 0.9)}, unfinished=100)
    rows = [row for row in results.label_study if (row["model"], row["count"]) != ("head", 45_000)]
    table = cells(tables.study_table(compare(replace(results, label_study=rows))))
    assert table["100"] == ["60.50%", "1,000", "90.0%", "20.50%", "1,000", "90.0%\\*"]
    assert table["45,000"] == ["–", "–", "–", "90.00%", "1,000", "90.0%"]
