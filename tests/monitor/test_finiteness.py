"""Which values that are not finite end a training, and which a loss scaler has skipped."""

import math

import pytest

from app.monitor.finiteness import FinitenessWatch, find_not_finite_series, is_loss_or_gradient
from app.monitor.series import SeriesBuilder


@pytest.mark.parametrize(
    "name",
    ["loss", "train_loss", "eval_loss", "lm_loss", "actor_pg_loss", "loss_step", "reduced_train_loss", "norm",
     "grad_norm", "actor_grad_norm", "gnorm", "gradient_norm", "total_grad_norm"],
)  # fmt: skip
def test_losses_and_gradients(name: str) -> None:
    assert is_loss_or_gradient(name)


@pytest.mark.parametrize(
    "name",
    ["best_loss", "best_val_loss", "min_loss", "loss_scale", "max_grad_norm", "clip_grad_norm", "lr",
     "lossless", "layer_norm", "reward_std", "loss_fn"],
)  # fmt: skip
def test_settings_and_other_values_may_be_infinite(name: str) -> None:
    assert not is_loss_or_gradient(name)


def find_causes(*values: tuple[str, float]) -> list[str]:
    watch = FinitenessWatch()
    for name, value in values:
        watch.add(name, value, f"{name}: {value}")
    return [finding.name for finding in watch.list_findings() if finding.is_cause]


def test_a_loss_that_was_nan_is_a_cause_and_a_gradient_only_if_it_stays_so() -> None:
    assert find_causes(("loss", 1.0), ("loss", math.nan)) == ["loss"]
    assert find_causes(("loss", 1.0), ("loss", math.inf), ("loss", 1.0)) == ["loss"]
    assert find_causes(("grad_norm", math.nan), ("grad_norm", 1.0)) == []
    assert find_causes(("grad_norm", 1.0), ("loss", 0.0), ("grad_norm", math.nan)) == ["grad_norm"]
    assert find_causes(("loss", 1.0), ("grad_norm", 2.0)) == []


def test_findings_name_the_first_line_and_the_causes_first() -> None:
    watch = FinitenessWatch()
    watch.add("grad_norm", math.nan, "step 1 grad_norm: nan")
    watch.add("grad_norm", 1.0, "step 2 grad_norm: 1")
    watch.add("loss", math.nan, "step 3 loss: nan")
    watch.add("loss", math.nan, "step 4 loss: nan")
    assert [finding.describe() for finding in watch.list_findings()] == [
        "2 values of loss not finite: step 3 loss: nan",
        "1 value of grad_norm not finite; later ones are finite: step 1 grad_norm: nan",
    ]


def test_reported_values_that_may_not_exist_yet_count_only_at_the_end() -> None:
    def causes(name: str, *values: float | None) -> list[str]:
        builder = SeriesBuilder(name)
        for step, value in enumerate(values):
            builder.add(step, value)
        return [each.name for each in find_not_finite_series({name: builder}) if each.is_cause]

    assert causes("reward", None, 1.0) == []
    assert causes("reward", 1.0, None) == ["reward"]
    assert causes("train_loss", None, 1.0) == ["train_loss"]
    assert causes("train_loss", 2.0, 1.0) == []
