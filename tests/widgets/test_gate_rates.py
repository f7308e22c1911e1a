"""Rates as intervals on one axis, with thresholds and earlier phases, and by category."""

from msgspec.structs import replace

from app.plan.values import ConditionResult
from tests.tui import fake
from widgets.frame import Frame
from widgets.gate_rates import (
    CategoriesPanel,
    RatesPanel,
    find_category_rates,
    find_rate_groups,
    find_thresholds,
    has_categories,
    has_rates,
    render_groups,
)

GATE = fake.gate_evaluated().snapshot.gate
assert GATE is not None


def rows(frame: Frame, width: int = 70) -> list[str]:
    return [row.plain for row in RatesPanel().draw(frame, width, 99)]


def test_earlier_phases_and_solved_examples_are_on_the_same_axis() -> None:
    assert GATE is not None
    [group] = find_rate_groups(fake.gate_evaluated(), GATE)
    assert [row.label for row in group.rows] == ["Baseline", "Baseline + examples", "SFT"]
    assert [row.is_current for row in group.rows] == [False, False, True]
    heading, base, _, sft, axis = rows(fake.gate_evaluated())
    assert heading.split() == ["success", "rate", "┊", ">", "60", "%"]
    assert base.index("■") < base.index("┊") < sft.index("■")
    assert sft.rstrip().endswith("74.2 % [70, 78]")
    assert axis.split() == ["0", "25", "50", "75", "100", "%"]


def test_marks_are_where_the_axis_says() -> None:
    assert GATE is not None
    exact = replace(GATE, metrics={"r": 0.5, "r_low": 0.0, "r_high": 1.0}, earlier={}, criteria=())
    [group] = find_rate_groups(fake.gate_evaluated(), exact)
    _, track, axis = (row.plain for row in render_groups([group], 70, 9))
    assert track.index("├") == axis.index("0")
    assert track.index("┤") == axis.index("100") + 2
    assert abs(track.index("■") - axis.index("50")) <= 1


def test_only_numbers_that_the_metric_is_compared_with_are_thresholds() -> None:
    assert GATE is not None

    def thresholds(expression: str) -> dict[str, float]:
        criterion = ConditionResult("c", expression, True, {})
        return find_thresholds(replace(GATE, criteria=(criterion,)), "rate")  # type: ignore[type-var]

    assert thresholds("rate > 0.60") == {"> 60 %": 0.6}
    assert thresholds("rate_low >= .5 and rate < 1") == {">= 50 %": 0.5, "< 100 %": 1.0}
    assert thresholds("other_rate > 0.6") == {}
    assert thresholds("base.rate > 0.6") == {}
    assert thresholds("rate > 12") == {}
    assert thresholds("rate > other") == {}


def test_the_metric_of_the_criteria_comes_first() -> None:
    assert GATE is not None
    other = {"a_rate": 0.1, "a_rate_low": 0.0, "a_rate_high": 0.2}
    groups = find_rate_groups(fake.gate_evaluated(), replace(GATE, metrics={**other, **GATE.metrics}))
    assert [group.metric for group in groups] == ["success_rate", "a_rate"]


def test_following_and_stopping_share_an_axis_and_loose_rates_are_left_to_the_table() -> None:
    assert GATE is not None
    rates = {"following_rate": 0.6, "following_rate_loose": 0.7, "stopping_rate": 0.9, "success_rate": 0.5}
    metrics = {}
    for name, rate in rates.items():
        metrics |= {name: rate, f"{name}_low": rate - 0.1, f"{name}_high": rate + 0.1}
    gate = replace(GATE, metrics=metrics, earlier={"baseline_evaluation": metrics}, criteria=())
    groups = find_rate_groups(fake.gate_evaluated(), gate)
    drawn = [row.plain for row in render_groups(groups, 70, 9)]
    assert [line.rstrip() for line in drawn if "■" not in line][:2] == ["following rate", "stopping rate"]
    assert len(drawn) == 7, "one axis below both, and no room for the third"
    assert len(render_groups(groups, 70, 99)) == 10
    assert len(render_groups(groups, 70, 1)) == 4, "the first is always shown"


def test_categories_show_both_rates_and_the_direction() -> None:
    drawn = [row.plain for row in CategoriesPanel().draw(fake.gate_evaluated(), 70, 9)]
    assert len(drawn) == 6
    assert drawn[0].startswith("commands")
    assert drawn[0].endswith("21 → 83 % ▲")
    assert drawn[-1].endswith("61 → 55 % ▼")
    assert drawn[0].index("□") < drawn[0].index("■")
    assert drawn[-1].index("■") < drawn[-1].index("□")


def test_without_an_earlier_phase_categories_have_their_rate_alone() -> None:
    assert GATE is not None
    rates = find_category_rates(replace(GATE, earlier={}), "success_rate")
    assert [rate.before for rate in rates] == [None] * 6


def test_a_gate_without_rates_has_no_panel() -> None:
    frame = fake.gate_fails()
    assert not has_rates(frame)
    assert not has_categories(frame)
    assert rows(frame) == []
    assert not has_categories(fake.gate_passes()), "the rate is not known by category"


def test_a_missing_category_value_is_left_out() -> None:
    assert GATE is not None
    broken = replace(GATE, metrics=GATE.metrics | {"success_rate_commands": None, "success_rate_format": 7})
    assert [rate.category for rate in find_category_rates(broken, "success_rate")] == [
        "questions",
        "multi_step",
        "refusal",
        "harmless",
    ]
