"""Models that cannot be sharded. `tests/phases/training/test_several_processes.py` trains sharded models."""

from pathlib import Path

import pytest
import torch

from phases.models.fsdp import shard
from phases.models.loader import load_model
from phases.models.source import ModelError


@pytest.mark.parametrize(("packed", "why"), [(True, "quantized weights"), (False, "of an unknown type")])
def test_a_model_that_cannot_be_sharded_says_why(model_folder: Path, packed: bool, why: str) -> None:
    model = load_model(str(model_folder)).model
    if packed:
        model.hf_quantizer = object()
    else:
        model.model.layers = torch.nn.ModuleList()
    with pytest.raises(ModelError, match=why):
        shard(model, "cpu", None)
