"""The choice of an engine."""

import pytest

from phases.generation.engine import VLLM_MIN_PARAMETERS, EngineChoice, choose_engine
from phases.models.source import ModelError


@pytest.mark.parametrize(
    ("wish", "parameters", "cuda", "vllm", "expected"),
    [
        ("auto", 32 * 10**9, True, True, "vllm"),
        ("auto", VLLM_MIN_PARAMETERS - 1, True, True, "transformers"),
        ("auto", 32 * 10**9, False, True, "transformers"),
        ("auto", 32 * 10**9, True, False, "transformers"),
        ("transformers", 32 * 10**9, True, True, "transformers"),
        ("vllm", 10**6, True, True, "vllm"),
    ],
)
def test_vllm_is_chosen_if_it_is_installed_and_pays_off(
    wish: str, parameters: int, cuda: bool, vllm: bool, expected: str
) -> None:
    choice = choose_engine(wish, lambda: parameters, cuda=cuda, vllm=vllm)  # type: ignore[arg-type]
    assert choice.name == expected
    assert choice.why


def test_parameters_are_counted_only_if_the_choice_depends_on_them() -> None:
    def count() -> int:
        raise AssertionError

    assert choose_engine("auto", count, cuda=False, vllm=True) == EngineChoice("transformers", "no CUDA GPU")


def test_requesting_vllm_without_installing_it_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"install gonogo\[gpu\]"):
        choose_engine("vllm", lambda: 1, cuda=True, vllm=False)
