"""Measured models that enter the calibration of verification."""

from pathlib import Path

import msgspec

from phases.verification.calibration import load_calibration
from tools.verification.collect import collect_cases


def test_a_model_that_is_measured_again_replaces_the_earlier_one(tmp_path: Path) -> None:
    earlier = load_calibration()
    again, *others = earlier
    signals = msgspec.structs.replace(again.signals, stop_excess=0.1234567)
    row = {
        "name": again.name,
        "family": again.family,
        "kind": again.kind,
        "recipe": {"rows": again.rows},
        "signals": signals,
        "positions": [],
    }
    new = row | {"name": "another"}
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"\n".join(map(msgspec.json.encode, (row, new))) + b"\n")
    cases = collect_cases([path], earlier)
    rounded = msgspec.structs.replace(signals, stop_excess=0.12346)
    replaced = msgspec.structs.replace(again, signals=rounded)
    assert {case for case in cases if case not in others} == {
        replaced,
        msgspec.structs.replace(replaced, name="another"),
    }
    assert len(cases) == len(earlier) + 1
