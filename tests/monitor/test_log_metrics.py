"""The reader of logs: patterns, ranks, progress, values that are not finite, patterns that fail."""

import os
import time
from pathlib import Path

import pytest

from app.monitor.log_format import LogFormat
from app.monitor.log_metrics import LogMetrics, read_log
from tests.monitor.tails import append, points, read_all


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def read(path: Path, text: str, *, preset: str = "", progress: str = "", **patterns: str) -> LogMetrics:
    path.write_text(text)
    return read_log(path, LogFormat(patterns, preset=preset, progress=progress))


def test_numbers_are_found_in_a_log(path: Path) -> None:
    numbers = LogMetrics(path, LogFormat({"loss": r"'loss': ([^,}]+)", "lr": r"lr=(\S+)"}))
    append(
        path,
        b"start\n 10%|#\r 20%|##\r{'loss': 2.5, 'x': 1}\n{'loss': nan}\r\x1b[1m{'los\x1b[0ms': 1.5}\nlr=x\n",
    )
    read_all(numbers)
    assert points(numbers.series["loss"]) == [(0, 2.5), (1, None), (2, 1.5)]
    assert numbers.results() == {"loss": 1.5, "first_loss": 2.5}
    append(path, b"{'loss': inf}\n")
    read_all(numbers)
    assert numbers.results() == {"loss": None, "first_loss": 2.5}


@pytest.mark.parametrize(
    ("text", "has_steps"),
    [
        ("{'loss': 2.5}\n{'loss': 1.5}\n", False),
        ("step 10: {'loss': 2.5}\n", True),
        (" 10%|#         | 10/100 [00:01<00:09, 9.9it/s]\r{'loss': 2.5}\n", True),
    ],
)
def test_values_are_counted_if_a_log_names_no_steps(path: Path, text: str, has_steps: bool) -> None:
    log = read(path, text, preset="hf-trainer")
    assert log.last_values["loss"] is not None
    assert log.has_steps == has_steps


def test_values_logged_at_other_intervals_are_next_to_those_of_the_same_time(path: Path) -> None:
    text = "".join(f"loss: {n}.5 lr: 0.1\n" + (f"val: {n}.75\n" if n in {3, 7} else "") for n in range(9))
    log = read(path, text, loss=r"loss: (\S+)", lr=r"lr: (\S+)", val=r"val: (\S+)")
    assert points(log.series["val"]) == [(3, 3.75), (7, 7.75)]
    assert [step for step, _ in points(log.series["lr"])] == list(range(9))


def test_a_line_counts_once_it_is_complete_or_the_log_has_ended(path: Path) -> None:
    log = LogMetrics(path, LogFormat({"loss": r"loss: ([0-9.]+)"}))
    append(path, b"loss: 2.5\nloss: 1.5\nloss: 0.")
    read_all(log)
    assert log.last_values == {"loss": 1.5}
    append(path, b"25")
    log.finish()
    assert log.last_values == {"loss": 0.25}
    log.finish()
    assert log.counts == {"loss": 3}


@pytest.mark.parametrize(
    ("pattern", "text", "values"),
    [
        (r"loss: ([0-9.]+)", "loss: 2.0e-05\nloss: 1.5e-02\n", [2.0e-05, 1.5e-02]),
        (r"loss: ([0-9.]+)", "loss: 1.5e-02\nloss: nan\nloss: -inf\n", [1.5e-02, None, None]),
        (r"'loss': '?([-+.e0-9]+)", "{'loss': np.float64(1.25)}\n{'loss': '1.501'}\n", [1.25, 1.501]),
        (r"loss.*?([0-9.]+)", "loss is nan after 12 steps\n", [None]),
        (r"tokens (\d+)", "tokens 2,513\ntokens 999\n", [2513, 999]),
        (r"loss: ([0-9.]+)", "horizon_bbox_loss: 0.28, loss: 1.9091\nbox_loss: 0.3\n", [1.9091]),
        (r"loss: ([0-9.]+)", "train_loss: 1.9\n", [1.9]),
        (r"loss (\S+)", "loss     4.1 (+nanz)| norm 0.3\n", []),
        (r"loss +(\S+)", "loss     4.1 (+nanz)| norm 0.3\n", [4.1]),
        (r"(?i)loss: ([0-9.]+)", "LOSS: 3\nLoss: 4\n", [3, 4]),
        (r"loss: (nan|[0-9.]+)", "loss: nan\n", [None]),
        (r"loss: ([0-9.]+)", "loss: unknown\n", []),
        (r"loss: (\S+)", "loss: 2.5, lr: 1\n[loss: 1.5]\n(loss: nan)\n", [2.5, 1.5, None]),
        (r"acc: (\S+)", "acc: 62.5%\nacc: 63%;\n", [62.5, 63]),
        (r"took (\S+)", "took 2.5s\ntook 6.80it/s\ntook 10:30\ntook 3/4\n", [2.5, 6.8]),
        (r"tok/s: (\S+)", "tok/s: 950\ntok/s: 1.2k\ntok/s: 3M,\n", [950, 1200, 3e6]),
        (r"tok/s: ([0-9.]+)", "tok/s: 950\ntok/s: 1.2k\n", [950, 1200]),
        (r"tokens (\d+) of", "tokens 1,250 of 25,120\n", [1250]),
        (r"tokens: (\d+)", "tokens: 1_250_000\n", [1250000]),
        (r"^loss: (\S+)", "\ufeffloss: 2.5\n", [2.5]),
    ],
)
def test_patterns_read_numbers(path: Path, pattern: str, text: str, values: list[float | None]) -> None:
    log = read(path, text, loss=pattern)
    series = log.series.get("loss")
    assert ([value for _, value in points(series)] if series else []) == values


def test_the_lowest_rank_counts(path: Path) -> None:
    text = "[rank1]: loss: 9\n[rank0]: loss: 2\n[rank1]: loss: 8\n[rank0]: loss: 1\n"
    assert read(path, text, loss=r"loss: (\d+)").results() == {"loss": 1, "first_loss": 2}
    # The log of a second host has no rank 0.
    text = "[rank9]: loss: 9\n[rank8]: loss: 2\n[rank9]: loss: 8\n"
    assert read(path, text, loss=r"loss: (\d+)").results() == {"loss": 2, "first_loss": 2}
    assert read(path, "loss: 3\n[rank1]: loss: 8\n", loss=r"loss: (\d+)").results()["loss"] == 3


def test_a_rank_may_be_named_after_the_step(path: Path) -> None:
    text = "".join(
        f"Epoch: 0, Step: 9, Rank: {rank}, loss = {loss}\n" for rank, loss in ((3, 7), (0, 2), (1, 8))
    )
    assert read(path, text, loss=r"loss = (\d+)").results() == {"loss": 2, "first_loss": 2}
    assert (
        read(path, "LoRA rank: 16, loss = 2\n[rank1]: loss = 3\n", loss=r"loss = (\d+)").results()["loss"]
        == 2
    )


def test_a_pattern_of_progress_reads_thousands(path: Path) -> None:
    log = read(path, "row 999 of 25,120\nrow 1,200 of 25,120\n", progress=r"row (\d+) of (\d+)")
    assert log.progress is not None
    assert (log.progress.done, log.progress.total) == (1200, 25120)


def test_the_step_of_a_value_is_the_progress(path: Path) -> None:
    text = "".join(f"\r {n}%|#| {n}/100 [00:10<01:00]\n{{'loss': {n}.5}}\n" for n in (10, 20))
    log = read(path, text, loss=r"'loss': ([0-9.]+)")
    assert points(log.series["loss"]) == [(10, 10.5), (20, 20.5)]
    log = read(path, "step 5 loss 3.0\nstep 7 loss 2.0\nstep 6 loss 1.0\n", loss=r"loss (\S+)")
    assert points(log.series["loss"]) == [(5, 3), (7, 2), (8, 1)]


def test_a_bar_that_is_drawn_again_adds_nothing(path: Path) -> None:
    bar = "16%|#6   | 4080/25120 [10:00<51:33, 6.80it/s, loss=1.2]\r"
    log = read(path, bar * 5, loss=r"loss=([\d.]+)")
    assert points(log.series["loss"]) == [(4080, 1.2)]
    assert log.progress is not None
    assert (log.progress.done, log.progress.total) == (4080, 25120)


def test_progress_has_a_rate(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = LogMetrics(path, LogFormat(progress=r"row (\d+) of (\d+)"))
    for seconds, rows in ((100, 10), (110, 30), (120, 50)):
        append(path, f"row {rows} of 90\n".encode())
        os.utime(path, (seconds, seconds))
        read_all(log)
    assert log.progress is not None
    assert (log.progress.done, log.progress.total, log.progress.at) == (50, 90, 120)
    assert log.progress.average == pytest.approx(2.0)


def test_a_log_that_is_read_late_does_not_raise_the_rate(path: Path) -> None:
    log = LogMetrics(path, LogFormat(progress=r"row (\d+) of (\d+)"))
    append(path, b"".join(b"row %d of 900\n" % row for row in range(1, 201)))
    for seconds, row in ((1000, 201), (1010, 221), (1020, 241)):
        append(path, f"row {row} of 900\n".encode())
        os.utime(path, (seconds, seconds))
        read_all(log)
    assert log.progress is not None
    assert log.progress.rate == log.progress.average == pytest.approx(2.0)


def test_losses_are_watched_without_a_pattern(path: Path) -> None:
    def causes(text: str) -> list[str]:
        return [finding.name for finding in read(path, text).find_not_finite() if finding.is_cause]

    assert causes("loss: 0.21\nloss: nan\n") == ["loss"]
    assert causes("{'loss': 0.0, 'grad_norm': nan, 'learning_rate': 1e-5}\n") == ["grad_norm"]
    assert causes("step 19/74 | loss     nan (+nanz)\n") == ["loss"]
    assert causes("[rank1]: eval_loss=inf\n") == ["eval_loss"]
    assert causes("[rank1]: grad_norm=inf\n[rank0]: grad_norm=1.0\n") == ["grad_norm"]
    assert causes("loss is NaN at step 3, skipping\nloss: 1.9\n") == ["loss"]
    assert causes("Loss NaN detected\n") == ["loss"]
    assert causes("step 19/74 | loss     4.1 (+nanz)\n") == []
    assert causes("Found information for 3 datasets\nInformation: loss is fine\n") == []
    assert causes("best loss: inf\nmax_grad_norm=inf\nloss_scale: inf\n") == []
    assert causes("step 1 grad_norm: nan\nOVERFLOW, skipping step\nstep 2 grad_norm: 1.5\n") == []
    assert causes("nan gradients are skipped\nloss function: infonce, loss: 2.0\n") == []


def test_a_metric_of_any_name_is_watched_if_it_has_a_pattern(path: Path) -> None:
    log = read(path, "reward=1.5\nreward=nan\n", reward=r"reward=([\d.]+)")
    assert [finding.name for finding in log.find_not_finite()] == ["reward"]
    assert read(path, "reward=1.5\nother=nan\n", reward=r"reward=([\d.]+)").find_not_finite() == ()


def test_a_catastrophic_pattern_is_switched_off(path: Path) -> None:
    started = time.thread_time()
    log = read(path, ("x" * 60 + "1z\n") * 500 + "loss: 3\n", slow=r"(?:x|x)+(\d)y", loss=r"loss: (\d+)")
    assert time.thread_time() - started < 3
    assert log.find_slow_patterns() == ["slow"]
    assert log.last_values == {"loss": 3}


def test_a_pattern_that_backtracks_on_thousands_is_harmless(path: Path) -> None:
    started = time.thread_time()
    log = read(path, ("9" * 5000 + " pers\n") * 20, slow=r"((?:[0-9]+,?)+) per ")
    assert time.thread_time() - started < 3
    assert log.last_values == {}


def test_ordinary_patterns_are_not_switched_off(path: Path) -> None:
    text = "".join(f"a line of a log, with loss: {n} and some more text behind it\n" for n in range(3000))
    log = read(path, text, loss=r"loss: (\d+)", rest=r"\bmore +text +(\w+)")
    assert log.find_slow_patterns() == []
    assert log.counts["loss"] == 3000


def test_patterns_without_a_match_are_named(path: Path) -> None:
    log = read(path, "loss: 1\n" * 10, progress=r"row (\d+)/(\d+)", loss=r"loss: (\d+)", lr=r"lr=(\d+)")
    assert log.find_unmatched() == ["lr", "progress"]
    assert log.has_enough_to_match()
    bars = "".join(f" 1%| | {n}/100 [00:10<01:00]\r" for n in range(1, 31))
    assert read(path, bars, loss=r"loss: (\d+)").has_enough_to_match()
    assert not read(path, bars.replace("/100", "/3000"), loss=r"loss: (\d+)").has_enough_to_match()
    tokenizing = bars.replace(" 1%", "Tokenizing train dataset: 1%")
    assert not read(path, tokenizing, loss=r"loss: (\d+)").has_enough_to_match()
    assert not read(path, "loading\n" * 10, loss=r"loss: (\d+)").has_enough_to_match()
    assert read(path, "hello\n", preset="mlx").find_unmatched() == ["mlx"]
    assert read(path, "Iter 1: Val loss 3.0\n", preset="mlx").find_unmatched() == []


def test_a_log_that_starts_over_is_read_from_its_start(path: Path) -> None:
    log = LogMetrics(path, LogFormat({"loss": r"loss: (\d+)"}))
    append(path, b"loss: 5\nloss: nan\n")
    read_all(log)
    path.write_bytes(b"loss: 7\n")
    read_all(log)
    assert log.results() == {"loss": 7, "first_loss": 7}
    assert log.find_not_finite() == ()
