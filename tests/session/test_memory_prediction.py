"""The memory that phases are predicted to need on the GPUs of this machine."""

from pathlib import Path

import app.plan.read
from app.memory.forecast import forecast_memory
from app.memory.needs import GpuBudget
from app.memory.shape import make_config_reader
from app.session.memory_prediction import predict_memory
from tests.tui.fake import GIB, gpu

PLAN = Path(__file__).parent.parent.parent / "session_plan.toml"


def test_the_prediction_is_that_of_the_check_for_this_machine() -> None:
    plan = app.plan.read.load_plan(PLAN)
    predicted = predict_memory(plan, (gpu(0), gpu(1)))
    forecasts = forecast_memory(plan, GpuBudget(2, 80 * GIB), make_config_reader(plan.folder))
    assert predicted == {name: each.need.total for name, each in forecasts.items() if each.need}
    assert 10 * GIB < predicted["sft_training"] < 80 * GIB


def test_without_a_gpu_whose_memory_is_known_nothing_is_predicted() -> None:
    plan = app.plan.read.load_plan(PLAN)
    assert predict_memory(plan, ()) == {}
    assert predict_memory(plan, (gpu(total=0),)) == {}
