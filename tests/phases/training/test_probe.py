"""The probe of the largest batch: which setting it chooses, and what counts as too little memory."""

import logging
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from phases.contract.errors import PhaseFailedError
from phases.sft_training.spec import Parameters
from phases.training import probe
from phases.training.probe import LargestBatchProbe

FITS, TIGHT, OUT_OF_MEMORY = (False, False), (False, True), (True, False)


def make_probe(optimizer: str = "adamw_torch", **values: Any) -> LargestBatchProbe:
    parameters = Parameters(train_file=["x"], output_dir=Path("o"), **values)
    model = SimpleNamespace(parameters=lambda: [torch.zeros(100, requires_grad=True), torch.zeros(900)])
    args = SimpleNamespace(device=SimpleNamespace(type="cuda"), optim=optimizer)
    return LargestBatchProbe(
        SimpleNamespace(model=model, args=args), range(4), parameters, logging.getLogger("test")
    )


@pytest.mark.parametrize(
    ("values", "outcomes", "setting"),
    [
        ({}, [FITS], "off"),
        ({}, [TIGHT, FITS], "every second layer"),
        ({}, [OUT_OF_MEMORY, OUT_OF_MEMORY, FITS], "on"),
        ({}, [TIGHT, TIGHT, TIGHT], "on"),
        ({"gradient_checkpointing": "off"}, [TIGHT], "off"),
        ({"gradient_checkpointing": "on"}, [FITS], "on"),
        ({"shard_weights": True}, [FITS], "on"),
    ],
)
def test_the_first_setting_that_fits_is_kept(
    values: dict[str, Any],
    outcomes: Sequence[tuple[bool, bool]],
    setting: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = []
    monkeypatch.setattr(probe, "set_activation_checkpointing", lambda model, value: tried.append(value))
    results = iter(outcomes)
    monkeypatch.setattr(LargestBatchProbe, "_try_batch", lambda self: next(results))
    chosen = make_probe(**values)
    chosen.on_train_begin(None, None, None)
    assert chosen.checkpointing == setting == tried[-1].value
    assert len(tried) == len(outcomes)


def test_a_batch_that_never_fits_fails_the_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "set_activation_checkpointing", lambda model, value: None)
    monkeypatch.setattr(LargestBatchProbe, "_try_batch", lambda self: OUT_OF_MEMORY)
    with pytest.raises(PhaseFailedError, match="does not fit into the GPU's memory"):
        make_probe().on_train_begin(None, None, None)


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
    optimizer: str, peak: int, is_tight: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 10,000 bytes 95 % are usable; 100 trained parameters need 8 or 2 bytes of optimizer state each."""
    for name, value in {
        "reset_peak_memory_stats": None,
        "mem_get_info": (4_000, 20_000),
        "memory_reserved": 6_000,
        "max_memory_allocated": peak,
    }.items():
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(LargestBatchProbe, "_runs_out_of_memory", lambda self: False)
    assert make_probe(optimizer)._try_batch() == (False, is_tight)
