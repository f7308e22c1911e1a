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
from phases.training.packing import Layout
from phases.training.probe import MicroBatchProbe

FITS, TIGHT, OUT_OF_MEMORY = (False, False), (False, True), (True, False)
LAYERS = 64


def make_probe(folder: Path, optimizer: str = "adamw_torch", *, resumed: bool = False, **values: Any) -> Any:
    parameters = Parameters(train_file=["x"], output_dir=folder, batch_size=100, **values)
    model = SimpleNamespace(parameters=lambda: [torch.zeros(100, requires_grad=True), torch.zeros(900)])
    args = SimpleNamespace(device=SimpleNamespace(type="cuda"), optim=optimizer)
    trainer = SimpleNamespace(model=model, args=args, layout=Layout(1024), setting=None)
    log = logging.getLogger("test")
    return MicroBatchProbe(trainer, [100] * 100, parameters, log, is_resumed=resumed)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that receives each number of recomputed layers that is tried."""
    layers: list[int] = []
    monkeypatch.setattr(probe, "set_activation_checkpointing", lambda model, count: layers.append(count))
    monkeypatch.setattr(probe, "count_layers", lambda model: LAYERS)
    return layers


def answer_with(outcomes: Sequence[tuple[bool, bool]], monkeypatch: pytest.MonkeyPatch) -> None:
    results = iter(outcomes)
    monkeypatch.setattr(MicroBatchProbe, "_try_largest", lambda self: next(results))


@pytest.mark.parametrize(
    ("values", "outcomes", "setting"),
    [
        ({}, [FITS], (10_000, 0)),
        ({}, [TIGHT, FITS], (8192, 0)),
        ({}, [OUT_OF_MEMORY] * 3 + [FITS], (4096, 8)),
        ({}, [TIGHT] * 4 + [FITS], (4096, 16)),
        ({}, [OUT_OF_MEMORY] * 11 + [FITS], (2048, 32)),
        ({}, [TIGHT] * 17, (100, 64)),
        ({"gradient_checkpointing": "off"}, [OUT_OF_MEMORY, OUT_OF_MEMORY, FITS], (4096, 0)),
        ({"gradient_checkpointing": "on"}, [FITS], (10_000, 64)),
        ({"shard_weights": True}, [TIGHT], (4096, 64)),
        ({"shard_weights": True, "gradient_checkpointing": "off"}, [FITS], (4096, 0)),
    ],
)
def test_the_first_setting_that_fits_is_kept(  # noqa: PLR0917
    values: dict[str, Any],
    outcomes: Sequence[tuple[bool, bool]],
    setting: tuple[int, int],
    tried: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answer_with(outcomes, monkeypatch)
    chosen = make_probe(tmp_path, **values)
    chosen.on_train_begin(None, None, None)
    assert chosen._trainer.setting == MicroBatchSetting(*setting)
    assert len(tried) == len(outcomes)
    assert tried[-1] == setting[1]


def test_a_resumed_training_tries_its_previous_setting_first(
    tried: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with([OUT_OF_MEMORY] * 4 + [FITS], monkeypatch)
    make_probe(tmp_path).on_train_begin(None, None, None)
    answer_with([FITS], monkeypatch)
    resumed = make_probe(tmp_path, resumed=True)
    resumed.on_train_begin(None, None, None)
    assert resumed._trainer.setting == MicroBatchSetting(4096, 16)
    # Another training starts from the fastest setting.
    answer_with([FITS], monkeypatch)
    other = make_probe(tmp_path)
    other.on_train_begin(None, None, None)
    assert other._trainer.setting == MicroBatchSetting(10_000, 0)


def test_a_setting_of_another_training_or_a_damaged_file_is_not_used(
    tried: list[int], tmp_path: Path
) -> None:
    everything = make_probe(tmp_path).list_settings()
    path = tmp_path / "checkpoints" / probe.SETTING_FILE
    path.parent.mkdir()
    for content in ('{"tokens": 77, "recomputed_layers": 3}', '{"tokens": 4', "{}"):
        path.write_text(content)
        assert make_probe(tmp_path, resumed=True).list_settings() == everything


def test_a_step_that_never_fits_fails_the_phase(
    tried: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with([OUT_OF_MEMORY] * 17, monkeypatch)
    with pytest.raises(PhaseFailedError, match="100 tokens, the smallest possible, does not fit"):
        make_probe(tmp_path).on_train_begin(None, None, None)


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
    assert sizes(5000, 300) == [5000, 4096, 2048, 1024, 300]
    assert sizes(20_000, 9000) == [20_000, 16_384, 9000]


@pytest.mark.parametrize(
    ("optimizer", "peak", "is_tight"),
    [
        ("adamw_torch", 9500 - 800, False),
        ("adamw_torch", 9500 - 799, True),
        ("paged_adamw_8bit", 9500 - 200, False),
        ("paged_adamw_8bit", 9500 - 199, True),
    ],
)
def test_memory_is_kept_for_the_optimizer(
    optimizer: str, peak: int, is_tight: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 10,000 bytes 95 % are usable; 100 trained parameters need 8 or 2 bytes of optimizer state each."""
    for name, value in {
        "reset_peak_memory_stats": None,
        "mem_get_info": (4_000, 20_000),
        "memory_reserved": 6_000,
        "get_per_process_memory_fraction": 1.0,
        "max_memory_allocated": peak,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(MicroBatchProbe, "_runs_out_of_memory", lambda self: False)
    assert make_probe(tmp_path, optimizer)._try_largest() == (False, is_tight)
