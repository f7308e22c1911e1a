"""The schedule of a training's steps, and the optimizer of 4-bit models."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import Trainer, TrainingArguments

from phases.training.arguments import FOUR_BIT_OPTIMIZER, schedule_evaluations


@given(st.integers(1, 500), st.integers(1, 20))
def test_held_out_rows_are_measured_at_both_ends(steps: int, evaluations: int) -> None:
    due = schedule_evaluations(steps, evaluations)
    assert {0, steps} <= due
    assert len(due) <= evaluations + 1
    assert max(due) == steps


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_the_optimizer_of_4_bit_models_continues_from_a_state_loaded_to_the_gpu(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    arguments = TrainingArguments(output_dir=str(tmp_path), optim=FOUR_BIT_OPTIMIZER)
    optimizer_class, options = Trainer.get_optimizer_cls_and_kwargs(arguments)
    torch.manual_seed(0)
    gradients = torch.randn((2, 512, 512), device="cuda")
    weight = torch.nn.Parameter(torch.randn((512, 512), device="cuda"))
    optimizer = optimizer_class([weight], **options)
    weight.grad = gradients[0]
    optimizer.step()
    torch.save(optimizer.state_dict(), tmp_path / "optimizer.pt")

    resumed_weight = torch.nn.Parameter(weight.detach().clone())
    resumed = optimizer_class([resumed_weight], **options)
    resumed.load_state_dict(torch.load(tmp_path / "optimizer.pt", map_location="cuda", weights_only=True))
    weight.grad, resumed_weight.grad = gradients[1], gradients[1].clone()
    optimizer.step()
    resumed.step()
    assert torch.equal(weight, resumed_weight)
