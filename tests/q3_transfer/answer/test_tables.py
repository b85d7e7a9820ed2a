"""The chapter's tables hold what the results hold."""

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
    assert rows["head minus SmallResNet"][0].startswith("+7.00 points (+4.")
    assert rows["head minus SmallResNet"][0].endswith("), p < 0.001")
    seeds = rows["all seeds, mean ± standard deviation"]
    assert seeds == ["87.00% ± 0.16% (5 runs)", "one run"]
    error = f"{comparison.head.calibration_error:.3f}"
    assert rows["expected calibration error"][0] == error
    assert rows["parameters, trained of all"] == ["5,130 of 11,181,642", "308,394 of 308,394"]
    assert rows["training time"] == ["7.0 min", "30.0 min"]
    assert rows["training and test images together"] == ["7.2 min", "30.0 min"]
    assert rows["multiply-adds per image"] == ["1.81 billion", "50.0 million"]
    assert rows["images classified per second"] == ["170", "900"]


def test_the_trap_is_two_accuracies_and_their_difference(made_up_results):
    table = tables.trap_table(made_up_results())
    assert cells(table)["1,440, 1,500"] == ["78.0%", "74.0%", "+4.0 points (+2.0 to +6.0)"]
