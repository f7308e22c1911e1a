"""Requests to vLLM, the completions read from its output, and vLLM itself if it is installed."""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from phases.generation.completion import Completion, PromptGroup, Sampling
from phases.generation.engine import EngineChoice, open_engine
from phases.generation.generate import generate
from phases.generation.replicas import FinishedRequest
from phases.generation.transformers_engine import TransformersEngine
from phases.generation.vllm_engine import ServedModel, VllmEngine
from phases.models.loader import LoadedModel, load_model
from phases.models.source import ModelError


class ScriptedBackend:
    """A backend that finishes requests in reverse order, a few in each step, with given ids."""

    def __init__(self, answers: Mapping[tuple[int, ...], list[int]], per_step: int = 2) -> None:
        self.answers = answers
        self.per_step = per_step
        self.requests: dict[str, tuple[list[int], Mapping[str, Any], bool]] = {}
        self.pending: list[str] = []
        self.cancelled: list[str] = []
        self.closed = False

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        self.requests[name] = ids, sampling, adapted
        self.pending.append(name)

    def step(self) -> list[FinishedRequest]:
        names = [self.pending.pop() for _ in range(min(self.per_step, len(self.pending)))]
        return [
            FinishedRequest(
                name, self.answers.get(tuple(self.requests[name][0]), []), {7: -0.5, 9: -1.5, 3: -0.1}
            )
            for name in names
        ]

    def cancel(self, names: Iterable[str]) -> None:
        self.cancelled += names

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


def make_engine(
    loaded: LoadedModel, backend: ScriptedBackend, ticks: float = 10.0, max_tokens: int = 512
) -> VllmEngine:
    now = iter(float(n) * ticks for n in range(10**6))
    model = ServedModel(loaded.source, loaded.tokenizer, "bfloat16", "a GPU")
    end_ids = [loaded.tokenizer.eos_id]
    return VllmEngine(backend, model, end_ids, {"name": "vllm"}, max_tokens=max_tokens, clock=now.__next__)


def test_completions_are_decoded_as_with_transformers(loaded: LoadedModel) -> None:
    encode, end = loaded.tokenizer.encode, loaded.tokenizer.eos_id
    prompts = ["one", "two", "three"]
    answers = {
        tuple(loaded.tokenizer.encode_prompt("one")): [*encode(" red"), end],
        tuple(loaded.tokenizer.encode_prompt("two")): encode(" blue\nInstruction:"),
        tuple(loaded.tokenizer.encode_prompt("three")): encode(" and so on"),
    }
    backend = ScriptedBackend(answers)
    group = PromptGroup(prompts, [1, 2, 3], Sampling(40, stop=("\nInstruction:",)))
    completions = dict(row for batch in make_engine(loaded, backend).generate([group]) for row in batch)
    assert completions == {
        0: Completion(" red", True, len(encode(" red")) + 1),
        1: Completion(" blue", True, len(encode(" blue\nInstruction:")), stopped=True),
        2: Completion(" and so on", False, len(encode(" and so on"))),
    }


def test_a_request_has_the_sampling_parameters(loaded: LoadedModel) -> None:
    backend = ScriptedBackend({})
    engine = make_engine(loaded, backend)
    groups = [
        PromptGroup(["a"], [1], Sampling(5)),
        PromptGroup(["a", "b"], [1, 1], Sampling(9, 0.9, 0.95, ("\n\n",))),
    ]
    list(engine.generate(groups, base=True))
    greedy, one, other = (sampling for _, sampling, _ in backend.requests.values())
    assert [ids for ids, _, _ in backend.requests.values()] == [
        loaded.tokenizer.encode_prompt(t) for t in "aab"
    ]
    assert not any(adapted for _, _, adapted in backend.requests.values())
    assert (greedy["max_tokens"], greedy["temperature"], greedy["seed"]) == (5, 0.0, None)
    assert not greedy["detokenize"]
    assert (one["max_tokens"], one["temperature"], one["top_p"], one["stop"]) == (9, 0.9, 0.95, ["\n\n"])
    assert one["detokenize"]
    assert one["stop_token_ids"] == [loaded.tokenizer.eos_id]
    assert one["seed"] != other["seed"]  # the same seed, but another prompt
    assert 0 <= one["seed"] < 2**63


def test_skipped_rows_are_not_requested_but_count_for_indices(loaded: LoadedModel) -> None:
    backend = ScriptedBackend({})
    group = PromptGroup(["a", "b", "c", "d"], [0] * 4, Sampling(5))
    completions = [
        row for batch in make_engine(loaded, backend).generate([group], skip={0, 2}) for row in batch
    ]
    assert sorted(index for index, _ in completions) == [1, 3]
    assert len(backend.requests) == 2


@pytest.mark.parametrize(("ticks", "batch_sizes"), [(10.0, [2, 2, 1]), (0.0, [5])])
def test_completions_are_yielded_about_once_a_second(
    loaded: LoadedModel, ticks: float, batch_sizes: list[int]
) -> None:
    steps: list[int] = []
    group = PromptGroup(["a"] * 5, [0] * 5, Sampling(5))
    engine = make_engine(loaded, ScriptedBackend({}), ticks)
    assert [len(x) for x in engine.generate([group], on_step=lambda: steps.append(1))] == batch_sizes
    assert len(steps) == 3


def test_requests_are_cancelled_when_the_consumer_stops(loaded: LoadedModel) -> None:
    backend = ScriptedBackend({})
    batches = make_engine(loaded, backend).generate([PromptGroup(["a"] * 5, [0] * 5, Sampling(5))])
    next(batches)
    batches.close()  # type: ignore[attr-defined]
    assert backend.cancelled == ["0", "1", "2"]


def test_scores_are_those_of_the_requested_tokens(loaded: LoadedModel) -> None:
    backend = ScriptedBackend({})
    with make_engine(loaded, backend) as engine:
        assert engine.score_next_tokens([[1, 2], [3]], [9, 7], base=True) == [[-1.5, -0.5]] * 2
    assert [ids for ids, _, _ in backend.requests.values()] == [[1, 2], [3]]
    for _, sampling, _ in backend.requests.values():
        assert (sampling["max_tokens"], sampling["logprob_token_ids"]) == (1, [9, 7])
    assert backend.closed


def test_a_prompt_that_is_too_long_is_an_error(loaded: LoadedModel) -> None:
    engine = make_engine(loaded, ScriptedBackend({}), max_tokens=3)
    with pytest.raises(ModelError, match=r"tokens, but the engine reads 3"):
        list(engine.generate([PromptGroup(["The capital of France is"], [0], Sampling(5))]))


def test_a_failed_start_is_a_model_error(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **more: object) -> None:
        raise RuntimeError("Engine backend initialization failed")

    monkeypatch.setattr("phases.generation.vllm_engine.VllmReplica", fail)
    with pytest.raises(ModelError, match=r"does not start: Engine backend.*--engine transformers"):
        open_engine(EngineChoice("vllm", "a test"), loaded.source, batch_size=1)


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
def test_vllm_and_transformers_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONOGO_ENGINE_ARGS", '{"enforce_eager": true, "dtype": "float32"}')
    loaded = load_model("embedded")
    prompts = ["1, 2,", "The capital of France is", "Translate"]
    expected = dict(generate(loaded, prompts, seeds=[0] * 3, max_new_tokens=12, stop=("e",)))
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in prompts]
    sampled = PromptGroup(prompts * 4, range(12), Sampling(12, 0.9, 0.95))
    with open_engine(EngineChoice("vllm", "a test"), loaded.source, batch_size=1) as engine:
        requests = [PromptGroup(prompts, [0] * 3, Sampling(12, stop=("e",))), sampled]
        completions = dict(row for some in engine.generate(requests) for row in some)
        repeated = dict(row for some in engine.generate([sampled], skip=range(0, 12, 2)) for row in some)
        scores = engine.score_next_tokens(rows, [5, 9])
    assert {index: completions[index] for index in range(3)} == expected
    assert repeated == {index: completions[3 + index] for index in range(1, 12, 2)}
    for row, other in zip(scores, TransformersEngine(loaded, 4).score_next_tokens(rows, [5, 9]), strict=True):
        assert row == pytest.approx(other, abs=1e-3)
