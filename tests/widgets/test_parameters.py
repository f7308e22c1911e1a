import pytest

from widgets.parameters import ParameterTable


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (4, 2, "4 → 2"),
        ("artifacts/models/sft_model", "x", "…s/models/sft_model → x"),
        ("x", "artifacts/models/sft_model", "x → …s/models/sft_model"),
        ("artifacts/models/sft_model", "artifacts/models/dpo_model", "…sft_model → …dpo_model"),
    ],
)
def test_a_change_shows_both_values(before: int | str, after: int | str, shown: str) -> None:
    table = ParameterTable({"value": before}, {})
    table.changes["value"] = after
    row = table.render_rows(27 + 23, 9)[1].plain
    assert row == f"  {'value':<24} {shown}"


def test_all_remedies_are_shown_where_there_are_few_parameters() -> None:
    table = ParameterTable({"rate": 4}, {"nan": [{"rate": 2}, {"rate": 1}]})
    assert [row.plain[:6] for row in table.render_rows(60, table.content_rows)[2:]] == ["1 nan:", "2 nan:"]
