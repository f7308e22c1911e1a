"""The probe: which setting it chooses, in which order, and what counts as too little memory."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from phases.contract.errors import PhaseFailedError
from phases.contract.micro_batch import MicroBatchSetting, list_settings
from phases.sft_training.spec import Parameters
from phases.training import probe
from phases.training.arguments import FOUR_BIT_OPTIMIZER
from phases.training.packing import WHOLE_MICRO_BATCH, Layout
from phases.training.probe import MicroBatchProbe

LAYERS = 64
WEIGHTS = 20_000
"""The memory that a training needs before a micro-batch, in the units of `Gpu.memory`."""


class Gpu:
    """A GPU. A token takes one unit of its memory; recomputation in all layers saves nine tenths of it."""

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.tried: list[tuple[int, int]] = []

    def run(self, chosen: Any) -> Any:
        setting = chosen._trainer.setting
        self.tried.append((setting.tokens, setting.recomputed_layers))
        tokens = chosen._count_largest(setting.tokens)
        need = WEIGHTS + tokens * (1 - 0.9 * setting.recomputed_layers / LAYERS)
        chosen.peak_gib = need
        if need > 0.95 * self.memory:
            return probe._Trial(need > self.memory, need <= self.memory)
        return probe._Trial(False, False, int(tokens * (0.95 * self.memory - WEIGHTS) / (need - WEIGHTS)))


def make_probe(
    folder: Path,
    optimizer: str = "adamw_torch",
    *,
    resumed: bool = False,
    row_lengths: Sequence[int] = (100,) * 100,
    **values: Any,
) -> Any:
    parameters = Parameters(train_file=["x"], output_dir=folder, batch_size=100, **values)
    model = SimpleNamespace(parameters=lambda: [torch.zeros(100, requires_grad=True), torch.zeros(900)])
    args = SimpleNamespace(device=SimpleNamespace(type="cuda"), optim=optimizer)
    trainer = SimpleNamespace(
        model=model,
        args=args,
        layout=Layout(WHOLE_MICRO_BATCH),
        optimizer=SimpleNamespace(state={}),
        setting=None,
    )
    log = logging.getLogger("test")
    return MicroBatchProbe(trainer, row_lengths, parameters, log, is_resumed=resumed)


@pytest.fixture
def applied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that receives each number of recomputed layers that is applied."""
    layers: list[int] = []
    monkeypatch.setattr(probe, "set_activation_checkpointing", lambda model, count: layers.append(count))
    monkeypatch.setattr(probe, "count_layers", lambda model: LAYERS)
    return layers


def choose(chosen: Any, memory: int, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Let a probe choose on a GPU with this memory; return what it tried."""
    gpu = Gpu(memory)
    monkeypatch.setattr(MicroBatchProbe, "_run_largest", lambda self: gpu.run(self))  # noqa: PLW0108
    chosen.on_train_begin(None, None, None)
    return gpu.tried


@pytest.mark.parametrize(
    ("values", "memory", "setting", "tries"),
    [
        ({}, 40_000, (10_000, 0), 2),
        ({}, 30_000, (8192, 0), 2),
        ({}, 28_200, (6656, 0), 2),
        ({}, 26_000, (4608, 0), 2),
        # More tokens do not fit.
        ({}, 25_300, (4096, 0), 1),
        ({}, 24_900, (4096, 8), 2),
        ({}, 24_700, (4096, 16), 3),
        ({}, 22_400, (4096, 56), 8),
        ({}, 21_368, (2048, 64), 11),
        ({}, 21_065, (100, 64), 15),
        ({"gradient_checkpointing": "off"}, 25_950, (4608, 0), 2),
        ({"gradient_checkpointing": "off"}, 24_000, (2048, 0), 2),
        ({"gradient_checkpointing": "on"}, 25_000, (10_000, 64), 2),
        # A sharded model cannot be tried twice.
        ({"shard_weights": True}, 21_000, (4096, 64), 1),
        ({"shard_weights": True, "gradient_checkpointing": "off"}, 40_000, (4096, 0), 1),
    ],
)
def test_the_fastest_setting_that_fits_is_found_with_few_tries(  # noqa: PLR0917
    values: dict[str, Any],
    memory: int,
    setting: tuple[int, int],
    tries: int,
    applied: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = make_probe(tmp_path, **values)
    tried = choose(chosen, memory, monkeypatch)
    assert chosen._trainer.setting == MicroBatchSetting(*setting)
    assert applied[-1] == setting[1]
    assert len(tried) == tries, tried
    expected = chosen._count_largest(setting[0]) * (1 - 0.9 * setting[1] / LAYERS)
    assert chosen.peak_gib == pytest.approx(WEIGHTS + expected)


@pytest.mark.parametrize(
    ("memory", "tried"),
    [
        (60_000, [(6000, 0), (24_000, 0)]),
        (36_000, [(6000, 0), (13_824, 0)]),
        (29_000, [(6000, 0), (7168, 0)]),
        (26_000, [(6000, 0), (6000, 8), (6000, 16)]),
    ],
)
def test_rows_longer_than_an_efficient_micro_batch_need_few_tries_too(
    memory: int,
    tried: list[tuple[int, int]],
    applied: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chosen = make_probe(tmp_path, row_lengths=[6000] * 4)
    assert choose(chosen, memory, monkeypatch) == tried
    assert chosen._trainer.setting == MicroBatchSetting(*tried[-1])


def test_a_larger_micro_batch_that_does_not_fit_after_all_is_not_used(
    applied: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpu = Gpu(40_000)

    def run(chosen: Any) -> Any:
        trial = gpu.run(chosen)
        return trial if chosen._trainer.setting.tokens <= 4096 else probe._Trial(True, False)

    monkeypatch.setattr(MicroBatchProbe, "_run_largest", run)
    chosen = make_probe(tmp_path)
    chosen.on_train_begin(None, None, None)
    assert chosen._trainer.setting == MicroBatchSetting(4096, 0)
    assert chosen.peak_gib == WEIGHTS + chosen._count_largest(4096)


def test_a_resumed_training_tries_its_previous_setting_first(
    applied: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(make_probe(tmp_path), 24_700, monkeypatch)
    resumed = make_probe(tmp_path, resumed=True)
    assert choose(resumed, 40_000, monkeypatch) == [(4096, 16)]
    assert resumed._trainer.setting == MicroBatchSetting(4096, 16)
    # Another training does not use it.
    other = make_probe(tmp_path)
    choose(other, 40_000, monkeypatch)
    assert other._trainer.setting == MicroBatchSetting(10_000, 0)
    # A setting that no longer fits is not used.
    smaller = make_probe(tmp_path, resumed=True)
    assert choose(smaller, 25_300, monkeypatch) == [(10_000, 0), (4096, 0)]


def test_a_setting_of_another_training_or_a_damaged_file_is_not_used(
    applied: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoints" / probe.SETTING_FILE
    path.parent.mkdir()
    for content in ('{"tokens": 77, "recomputed_layers": 3}', '{"tokens": 4', "{}"):
        path.write_text(content)
        assert choose(make_probe(tmp_path, resumed=True), 40_000, monkeypatch) == [(4096, 0), (10_000, 0)]


def test_a_step_that_never_fits_fails_the_phase(
    applied: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PhaseFailedError, match="100 tokens, the smallest possible, does not fit"):
        choose(make_probe(tmp_path), 20_000, monkeypatch)


def test_without_a_gpu_the_whole_step_is_used(
    applied: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MicroBatchProbe, "_runs_out_of_memory", lambda self: False)
    chosen = make_probe(tmp_path)
    chosen._trainer.args.device.type = "cpu"
    chosen.on_train_begin(None, None, None)
    assert chosen._trainer.setting == MicroBatchSetting(10_000, 0)
    assert chosen.peak_gib is None


def test_settings_of_small_steps_and_long_rows_are_tried_once_each() -> None:
    def sizes(step: int, sequence: int) -> list[int]:
        settings = list_settings(
            4, step_tokens=step, sequence_tokens=sequence, checkpointing="auto", sharded=False
        )
        assert len(set(settings)) == len(settings)
        assert settings[0].recomputed_layers == 0
        assert settings[-1] == MicroBatchSetting(sequence, 4)
        return list(dict.fromkeys(setting.tokens for setting in settings))

    assert sizes(600, 600) == [600]
    assert sizes(600, 200) == [600, 200]
    assert sizes(5000, 300) == [5000, 4608, 4096, 2048, 1024, 300]
    assert sizes(10_000, 9000) == [10_000, 9728, 9216, 9000]


@pytest.mark.parametrize(
    ("optimizer", "peak", "is_tight", "tokens_that_fit"),
    [
        ("adamw_torch", 9500 - 800, False, 10_000),
        ("adamw_torch", 9500 - 799, True, 0),
        (FOUR_BIT_OPTIMIZER, 9500 - 200, False, 10_000),
        (FOUR_BIT_OPTIMIZER, 9500 - 199, True, 0),
        # Half of what is left after the 1,300 bytes of the weights is used.
        (FOUR_BIT_OPTIMIZER, 1300 + 4000, False, 20_000),
    ],
)
def test_memory_is_kept_for_the_optimizer(  # noqa: PLR0917
    optimizer: str,
    peak: int,
    is_tight: bool,
    tokens_that_fit: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 10,000 bytes 95 % are usable; 100 trained parameters need 8 or 2 bytes of optimizer state each."""
    for name, value in {
        "reset_peak_memory_stats": None,
        "mem_get_info": (4_000, 20_000),
        "memory_reserved": 6_000,
        "memory_allocated": 1300,
        "get_per_process_memory_fraction": 1.0,
        "max_memory_allocated": peak,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(MicroBatchProbe, "_runs_out_of_memory", lambda self: False)
    chosen = make_probe(tmp_path, optimizer)
    chosen._trainer.setting = MicroBatchSetting(10_000, 0)
    assert chosen._run_largest() == probe._Trial(False, is_tight, tokens_that_fit)
    # A resumed training has loaded its optimizer, which then is part of the peak.
    chosen._trainer.optimizer.state = {"a parameter": "its state"}
    assert not chosen._run_largest().is_tight
