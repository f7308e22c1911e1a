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


class Scripted:
    """Stands for vLLM: answers requests in reverse order, some in each step, with given ids."""

    def __init__(self, answers: Mapping[tuple[int, ...], list[int]], at_once: int = 2) -> None:
        self.answers = answers
        self.at_once = at_once
        self.asked: dict[str, tuple[list[int], Mapping[str, Any], bool]] = {}
        self.waiting: list[str] = []
        self.cancelled: list[str] = []
        self.closed = False

    def add(self, name: str, ids: list[int], sampling: Mapping[str, Any], *, adapted: bool) -> None:
        self.asked[name] = ids, sampling, adapted
        self.waiting.append(name)

    def step(self) -> list[FinishedRequest]:
        done = [self.waiting.pop() for _ in range(min(self.at_once, len(self.waiting)))]
        return [
            FinishedRequest(
                name, self.answers.get(tuple(self.asked[name][0]), []), {7: -0.5, 9: -1.5, 3: -0.1}
            )
            for name in done
        ]

    def cancel(self, names: Iterable[str]) -> None:
        self.cancelled += names

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


def engine_of(loaded: LoadedModel, core: Scripted, ticks: float = 10.0, longest: int = 512) -> VllmEngine:
    now = iter(float(n) * ticks for n in range(10**6))
    served = ServedModel(loaded.source, loaded.tokenizer, "bfloat16", "a card")
    ends = [loaded.tokenizer.eos_id]
    return VllmEngine(core, served, ends, {"name": "vllm"}, max_tokens=longest, clock=now.__next__)


def test_ids_are_read_as_transformers_reads_them(loaded: LoadedModel) -> None:
    encode, end = loaded.tokenizer.encode, loaded.tokenizer.eos_id
    prompts = ["one", "two", "three"]
    answers = {
        tuple(loaded.tokenizer.encode_prompt("one")): [*encode(" red"), end],
        tuple(loaded.tokenizer.encode_prompt("two")): encode(" blue\nInstruction:"),
        tuple(loaded.tokenizer.encode_prompt("three")): encode(" and so on"),
    }
    core = Scripted(answers)
    group = PromptGroup(prompts, [1, 2, 3], Sampling(40, stop=("\nInstruction:",)))
    made = dict(row for landed in engine_of(loaded, core).generate([group]) for row in landed)
    assert made == {
        0: Completion(" red", True, len(encode(" red")) + 1),
        1: Completion(" blue", True, len(encode(" blue\nInstruction:")), stopped=True),
        2: Completion(" and so on", False, len(encode(" and so on"))),
    }


def test_what_a_request_says(loaded: LoadedModel) -> None:
    core = Scripted({})
    engine = engine_of(loaded, core)
    groups = [
        PromptGroup(["a"], [1], Sampling(5)),
        PromptGroup(["a", "b"], [1, 1], Sampling(9, 0.9, 0.95, ("\n\n",))),
    ]
    list(engine.generate(groups, base=True))
    greedy, one, other = (sampling for _, sampling, _ in core.asked.values())
    assert [ids for ids, _, _ in core.asked.values()] == [loaded.tokenizer.encode_prompt(t) for t in "aab"]
    assert not any(adapted for _, _, adapted in core.asked.values())
    assert (greedy["max_tokens"], greedy["temperature"], greedy["seed"]) == (5, 0.0, None)
    assert not greedy["detokenize"]
    assert (one["max_tokens"], one["temperature"], one["top_p"], one["stop"]) == (9, 0.9, 0.95, ["\n\n"])
    assert one["detokenize"]
    assert one["stop_token_ids"] == [loaded.tokenizer.eos_id]
    assert one["seed"] != other["seed"]  # the same seed, but another prompt
    assert 0 <= one["seed"] < 2**63


def test_known_rows_are_not_asked_and_places_count_them(loaded: LoadedModel) -> None:
    core = Scripted({})
    group = PromptGroup(["a", "b", "c", "d"], [0] * 4, Sampling(5))
    made = [row for landed in engine_of(loaded, core).generate([group], skip={0, 2}) for row in landed]
    assert sorted(place for place, _ in made) == [1, 3]
    assert len(core.asked) == 2


@pytest.mark.parametrize(("ticks", "portions"), [(10.0, [2, 2, 1]), (0.0, [5])])
def test_rows_are_handed_on_about_once_a_second(
    loaded: LoadedModel, ticks: float, portions: list[int]
) -> None:
    steps: list[int] = []
    group = PromptGroup(["a"] * 5, [0] * 5, Sampling(5))
    engine = engine_of(loaded, Scripted({}), ticks)
    assert [len(x) for x in engine.generate([group], on_step=lambda: steps.append(1))] == portions
    assert len(steps) == 3


def test_requests_that_nobody_waits_for_are_cancelled(loaded: LoadedModel) -> None:
    core = Scripted({})
    landing = engine_of(loaded, core).generate([PromptGroup(["a"] * 5, [0] * 5, Sampling(5))])
    next(landing)
    landing.close()  # type: ignore[attr-defined]
    assert core.cancelled == ["0", "1", "2"]


def test_scores_are_those_of_the_asked_tokens(loaded: LoadedModel) -> None:
    core = Scripted({})
    with engine_of(loaded, core) as engine:
        assert engine.score_next_tokens([[1, 2], [3]], [9, 7], base=True) == [[-1.5, -0.5]] * 2
    assert [ids for ids, _, _ in core.asked.values()] == [[1, 2], [3]]
    for _, sampling, _ in core.asked.values():
        assert (sampling["max_tokens"], sampling["logprob_token_ids"]) == (1, [9, 7])
    assert core.closed


def test_a_prompt_that_is_too_long_is_named(loaded: LoadedModel) -> None:
    engine = engine_of(loaded, Scripted({}), longest=3)
    with pytest.raises(ModelError, match=r"tokens, but the engine reads 3"):
        list(engine.generate([PromptGroup(["The capital of France is"], [0], Sampling(5))]))


def test_vllm_that_does_not_start_is_a_message(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **more: object) -> None:
        raise RuntimeError("Engine core initialization failed")

    monkeypatch.setattr("phases.generation.vllm_engine.VllmReplica", broken)
    with pytest.raises(ModelError, match=r"does not start: Engine core.*--engine transformers"):
        open_engine(EngineChoice("vllm", "a test"), loaded.source, batch_size=1)


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
def test_vllm_itself_says_what_transformers_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONOGO_ENGINE_ARGS", '{"enforce_eager": true, "dtype": "float32"}')
    loaded = load_model("embedded")
    prompts = ["1, 2,", "The capital of France is", "Translate"]
    expected = dict(generate(loaded, prompts, seeds=[0] * 3, max_new_tokens=12, stop=("e",)))
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in prompts]
    drawn = PromptGroup(prompts * 4, range(12), Sampling(12, 0.9, 0.95))
    with open_engine(EngineChoice("vllm", "a test"), loaded.source, batch_size=1) as engine:
        asked = [PromptGroup(prompts, [0] * 3, Sampling(12, stop=("e",))), drawn]
        made = dict(row for some in engine.generate(asked) for row in some)
        again = dict(row for some in engine.generate([drawn], skip=range(0, 12, 2)) for row in some)
        scores = engine.score_next_tokens(rows, [5, 9])
    assert {place: made[place] for place in range(3)} == expected
    assert again == {place: made[3 + place] for place in range(1, 12, 2)}
    for row, other in zip(scores, TransformersEngine(loaded, 4).score_next_tokens(rows, [5, 9]), strict=True):
        assert row == pytest.approx(other, abs=1e-3)
