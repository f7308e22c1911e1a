"""The training benchmark: every way trains on the same rows, and padding is not counted."""

import math
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model

from benchmarks import gpu_model, gpu_report, gpu_training
from tests.benchmarks.test_gpu import ROWS


@pytest.fixture(scope="module")
def measured() -> list[dict[str, Any]]:
    """The rows of every way of training, on a tiny shape."""
    rows = gpu_training.measure("tiny", seconds=0.0)
    return [row for row in rows if row["what"] in ("SFT", "DPO")]


def test_every_way_is_measured(measured: list[dict[str, Any]]) -> None:
    assert [(row["what"], row["engine"].split(":")[0]) for row in measured] == [
        ("SFT", "naive"),
        ("SFT", "ours"),
        ("DPO", "ours"),
        ("SFT", "TRL"),
        ("DPO", "naive"),
    ]
    assert all(0 < row["tokens_per_second"] < row["ceiling"] for row in measured)
    assert all(row["predicted_gib"] > 0 for row in measured)
    assert all("2 steps" in row["note"] for row in measured)
    assert ["recomputing: 0 layers" in row["note"] for row in measured] == [False, True, True, False, False]


def test_the_report_reads_the_rows_of_training(measured: list[dict[str, Any]]) -> None:
    trained = [{**row, "device": ROWS[0]["device"]} for row in measured]
    rest = [row for row in ROWS if row["what"] not in ("SFT", "DPO")]
    assert "Not predicted" in gpu_report.format_page(rest, {})
    assert "A100, baseline" in gpu_report.format_page([*rest, *trained], {})
    assert "A100, gonogo" in gpu_report.format_page([*rest, *trained], {})


def test_padding_is_not_counted() -> None:
    cpu, sizes = torch.device("cpu"), gpu_training.SMALL
    lengths = gpu_training._draw_lengths(sizes, 8 * sizes.rows)
    padded = gpu_training.make_padded_batches(sizes, 100, 99, cpu)
    assert sum(map(gpu_training._count_tokens, padded)) == sum(lengths)
    packed = gpu_training.make_packed_batches(sizes, 100, cpu)
    for batch in packed:
        rows = int((batch["position_ids"] == 0).sum())
        tokens = gpu_training._count_tokens(batch)
        # Tokens at position 0 start a row or are padding; padding is shorter than the shortest row.
        empty = batch["position_ids"].numel() - tokens
        assert empty < sizes.sequences * sizes.shortest
        assert rows - empty >= 2 * sizes.sequences
        assert ((batch["labels"] == -100) | (batch["position_ids"] > 0)).all()


def test_both_losses_of_a_batch_are_one_number() -> None:
    cpu, sizes = torch.device("cpu"), gpu_training.SMALL
    model = get_peft_model(
        gpu_model.build_model("tiny", "cpu", nf4=False, dtype="float32"),
        LoraConfig(target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    (batch, *_) = gpu_training.make_padded_batches(sizes, 8191, 8191, cpu)
    whole, chunked = (
        loss(model, batch) for loss in (gpu_training._full_logits_loss, gpu_training._chunked_loss)
    )
    assert whole.item() == pytest.approx(chunked.item(), abs=1e-5)
    assert whole.item() == pytest.approx(math.log(8192), abs=0.1)
