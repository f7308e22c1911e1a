"""The training benchmark: every way trains on the same rows, and padding is not counted."""

import math
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from benchmarks import gpu_cards, gpu_model, gpu_packed, gpu_report, gpu_training
from tests.benchmarks.test_gpu import ROWS


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """Return the rows of the training benchmark on a tiny shape."""
    return list(gpu_training.measure("tiny", seconds=0.0))


def test_every_way_is_measured(rows: list[dict[str, Any]]) -> None:
    measured = [row for row in rows if row["what"] in ("SFT", "DPO")]
    assert [(row["what"], row["engine"].split(":")[0], row.get("lengths")) for row in measured] == [
        ("SFT", "naive", None),
        *[(what, "ours", lengths) for lengths in gpu_packed.LENGTHS for what in ("SFT", "DPO")],
        ("SFT", "TRL", None),
        ("DPO", "naive", None),
    ]
    for row in measured:
        assert 0 < row["tokens_per_second"] < row["ceiling_recomputed"]
        assert row["predicted_gib"] > 0
        is_ours = row["engine"].startswith("ours")
        # Without gradients of the weights a token takes 4N operations, and 6N if all layers recompute.
        assert row["ceiling"] / row["ceiling_recomputed"] == pytest.approx(1 if is_ours else 1.5)
    [reference, *_] = [row for row in rows if row["what"].startswith("reference")]
    assert reference["both_rows_per_second"] > reference["tokens_per_second"] > 0


def test_the_report_reads_the_rows_of_training(rows: list[dict[str, Any]]) -> None:
    trained = [{**row, "device": ROWS[0]["device"]} for row in rows]
    rest = [row for row in ROWS if row["what"] not in ("SFT", "DPO")]
    assert "Not predicted" in gpu_report.format_page(rest, {})
    assert "A100, baseline" in gpu_report.format_page([*rest, *trained], {})
    assert "A100, gonogo" in gpu_report.format_page([*rest, *trained], {})
    speeds = gpu_report.predict_speeds([*rest, *trained], gpu_cards.CARDS["H100"])
    assert speeds is not None
    assert speeds.has_reference_pass


def test_padding_is_not_counted() -> None:
    cpu, sizes = torch.device("cpu"), gpu_training.SMALL
    lengths = gpu_training._draw_lengths(sizes, 8 * sizes.rows)
    padded = gpu_training.make_padded_batches(sizes, 100, 99, cpu)
    assert sum(map(gpu_training._count_tokens, padded)) == sum(lengths)


def test_both_losses_of_a_batch_are_one_number() -> None:
    cpu, sizes = torch.device("cpu"), gpu_training.SMALL
    model = get_peft_model(
        gpu_model.build_model("tiny", "cpu", nf4=False, dtype="float32"),
        LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    (batch, *_) = gpu_training.make_padded_batches(sizes, 8191, 8191, cpu)
    whole, chunked = (
        loss(model, batch)
        for loss in (gpu_training._compute_full_logits_loss, gpu_training._compute_chunked_loss)
    )
    assert whole.item() == pytest.approx(chunked.item(), abs=1e-5)
    assert whole.item() == pytest.approx(math.log(8192), abs=0.1)
