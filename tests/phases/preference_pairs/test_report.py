"""Warnings about a batch of preference pairs."""

from phases.preference_pairs.report import find_warnings
from phases.preference_pairs.spec import METRICS


def test_warnings() -> None:
    calm = dict.fromkeys((metric.name for metric in METRICS), 0.0) | {
        "longer_chosen_share": 0.5,
        "judge_verifier_agreement": 0.9,
    }
    assert find_warnings(calm, 100) == []
    loud = calm | {
        "longer_chosen_share": 0.9,
        "judge_verifier_agreement": 0.5,
        "rejected_incomplete_share": 0.95,
        "alike_rate": 0.95,
    }
    assert len(find_warnings(loud, 100)) == 4
    assert len(find_warnings(loud, 10)) == 3
    for total, declining, answering, expected in (
        (10_000, 671, 1557, ["DPO may learn to decline nothing"]),
        (10_000, 1557, 671, ["DPO may learn to decline too much"]),
        (10_000, 671, 771, []),
        (50, 0, 10, []),
    ):
        lessons = {"total_pairs": total, "chosen_declines": declining, "rejected_declines": answering}
        assert [text.partition("; ")[2] for text in find_warnings(calm | lessons, 0)] == expected
    assert find_warnings(calm | {"longer_chosen_share": None, "judge_verifier_agreement": None}, 0) == []
