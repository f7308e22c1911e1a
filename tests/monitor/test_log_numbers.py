"""The grammar of numbers and named values, on the ways in which trainers print them."""

import math

import pytest

from app.monitor.log_numbers import complete_number, find_rank, find_values, normalize_name, parse_number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5", 1.5), ("-3", -3.0), (".5", 0.5), ("5.", 5.0), ("2.0e-05", 2e-05), ("1.5E+02", 150.0),
        ("12,345.6", 12345.6), ("2,513", 2513.0), ("1,234,567", 1234567.0), ("'1.501'", 1.501),
        ("np.float64(1.25)", 1.25), ("np.float32(-2e-3)", -0.002), ("tensor(1.25, device='cuda:0')", 1.25),
        ("tensor([0.5], grad_fn=<MeanBackward0>)", 0.5), ("Array(2., dtype=float32)", 2.0),
        ("inf", math.inf), ("-Infinity", -math.inf),
        ("", None), ("abc", None), ("1.2.3", None), ("nanoseconds", None), ("12:30", None),
    ],
)  # fmt: skip
def test_numbers(text: str, expected: float | None) -> None:
    assert parse_number(text) == expected


@pytest.mark.parametrize(
    "text", ["nan", "NaN", "-nan", "NAN", "np.float64(nan)", "tensor(nan, device='cuda:1')"]
)
def test_nan(text: str) -> None:
    number = parse_number(text)
    assert number is not None
    assert math.isnan(number)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("{'loss': '1.501', 'grad_norm': '0.5', 'epoch': '0.2'}", "loss", 1.501),
        ("{'loss': 1.234e-05, 'epoch': 3.0}", "loss", 1.234e-05),
        ("{'loss': np.float64(1.25)}", "loss", 1.25),
        ('{"train_loss": 2.5, "lr": 3e-4}', "lr", 3e-4),
        ("Train Loss = 2.75 (avg 2.8)", "train_loss", 2.75),
        ("LOSS 7", "loss", 7.0),
        ("2026-01-31 10:20:30,123 INFO trainer.py:12 - loss: 2.5", "loss", 2.5),
        ("INFO:root:Epoch 3 finished, average loss is 0.1234", "loss", 0.1234),
        ("loss -> 3.5 after 10 s", "loss", 3.5),
        ("Average Loss : 0.5", "loss", 0.5),
        ("throughput per GPU (TFLOP/s/GPU): 401.5 |", "throughput_per_gpu_tflop", 401.5),
        ("elapsed time per iteration (ms): 86545.2 |", "elapsed_time_per_iteration_ms", 86545.2),
        ("tok/sec: 640,112 | mfu: 48.2", "tok_sec", 640112.0),
        ("step=510, skipped=8, lr=[9.65e-06], mom=[(0.9, 0.95)]", "lr", 9.65e-06),
        ("horizon_bbox_loss: 0.28, loss: 1.9091", "loss", 1.9091),
        ("loss: tensor(1.5, device='cuda:0', grad_fn=<NllLossBackward0>) lr 1", "loss", 1.5),
        ("loss=1.2±0.3 acc=45%", "acc", 45.0),
    ],
)
def test_named_values(line: str, name: str, value: float) -> None:
    assert [each.value for each in find_values(line) if each.name == name] == [value]


def test_units_and_words_of_names() -> None:
    assert normalize_name("Tokens/sec") == "tokens_sec"
    assert normalize_name("INFO average loss is") == "loss"
    assert normalize_name("actor/pg_loss") == "actor_pg_loss"
    assert normalize_name("horizon_bbox_loss") == "horizon_bbox_loss"


@pytest.mark.parametrize(
    "line",
    ["started 2026-01-31 10:20:30", "loss: 10:30 left", "version 2.5.1", "loss: nanoseconds", "loss n/a", ""],
)
def test_text_without_a_named_number(line: str) -> None:
    assert [each for each in find_values(line) if "loss" in each.name or "version" in each.name] == []


def test_validation_is_distinguished_from_training_by_the_words_before_it() -> None:
    def is_validation(line: str) -> bool:
        return find_values(line)[-1].is_validation

    assert is_validation("val: [####] loss=2.4")
    assert is_validation("validation at step 10 | lm loss value: 2.1")
    assert is_validation("[eval] loss: 1.0")
    assert not is_validation("train: [####] loss=2.4")
    assert not is_validation("/home/test/run.py: loss: 2.4")
    assert not is_validation("evaluator ready, loss: 2.4")


@pytest.mark.parametrize(
    ("line", "rank"),
    [
        ("[rank1]: loss: 2.2", 1), ("[default3]:{'loss': 1.0}", 3), ("[Rank 2] step=10", 2),
        ("rank 5: loss 1", 5),
        ("[1,4]<stdout>:loss 1", 4), ("[rank0]: loss: 2.1", 0), ("loss: 2.1", 0), ("rank of matrix 7", 0),
    ],
)  # fmt: skip
def test_ranks(line: str, rank: int) -> None:
    assert find_rank(line) == rank


def test_a_number_that_a_pattern_cuts_is_completed() -> None:
    assert complete_number("loss: 2.0e-05", 6, 9) == "2.0e-05"
    assert complete_number("tokens 12,345", 7, 9) == "12,345"
    assert complete_number("loss: 2.25, x", 6, 10) == "2.25"
    assert complete_number("epoch 3/10", 6, 7) == "3"
    assert complete_number("at 10:30", 3, 5) == "10"
