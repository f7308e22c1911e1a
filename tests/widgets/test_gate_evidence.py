"""What stands beside the metrics of a gate."""

import msgspec

from tests.screens import fake
from widgets.gate import metric_rows


def test_only_phases_that_measured_the_same_are_compared() -> None:
    gate = msgspec.structs.replace(
        fake.GATE_PASS,
        metrics={**fake.GATE_PASS.metrics, "tokens_per_second": 168.0},
        earlier={
            **fake.GATE_PASS.earlier,
            "sft_training": {"tokens_per_second": 547.0, "final_train_loss": 0.2, "steps": 72},
        },
    )
    rows = [row.plain for row in metric_rows(fake.gate_passes(), gate, 78)]
    assert "Baseline" in rows[0]
    assert "SFT training" not in rows[0]
    assert rows[1].split() == ["success_rate", "0.742", "0.166"]
