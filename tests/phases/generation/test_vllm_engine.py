"""What vLLM is asked and how its answers are read; its settings; and vLLM itself where it is installed."""

import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from phases.generation.completion_cache import Sampling
from phases.generation.engine import Choice, Group, TransformersEngine, open_engine
from phases.generation.generate import Completion, generate
from phases.generation.replicas import Finished
from phases.generation.vllm_engine import (
    LONGEST,
    Card,
    Served,
    VllmEngine,
    adapter_rank,
    cache_bytes,
    given_arguments,
    groups,
    settle,
)
from phases.models.loader import LoadedModel, load_model
from phases.models.source import ModelError

GIB = 2**30
H100 = Card("NVIDIA H100 80GB HBM3", 81_559 * 2**20, 81_000 * 2**20, 9)
H200 = Card("NVIDIA H200", 143_771 * 2**20, 143_000 * 2**20, 9)
QWEN_32B = 32_763_876_352
CACHED_32B = 2 * 2 * 64 * 8 * 128


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

    def step(self) -> list[Finished]:
        done = [self.waiting.pop() for _ in range(min(self.at_once, len(self.waiting)))]
        return [
            Finished(name, self.answers.get(tuple(self.asked[name][0]), []), {7: -0.5, 9: -1.5, 3: -0.1})
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
    served = Served(loaded.source, loaded.tokenizer, "bfloat16", "a card")
    ends = [loaded.tokenizer.eos_id]
    return VllmEngine(core, served, ends, {"name": "vllm"}, longest=longest, clock=now.__next__)


def test_ids_are_read_as_transformers_reads_them(loaded: LoadedModel) -> None:
    encode, end = loaded.tokenizer.encode, loaded.tokenizer.eos_id
    prompts = ["one", "two", "three"]
    answers = {
        tuple(loaded.tokenizer.encode_prompt("one")): [*encode(" red"), end],
        tuple(loaded.tokenizer.encode_prompt("two")): encode(" blue\nInstruction:"),
        tuple(loaded.tokenizer.encode_prompt("three")): encode(" and so on"),
    }
    core = Scripted(answers)
    group = Group(prompts, [1, 2, 3], Sampling(40, stop=("\nInstruction:",)))
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
        Group(["a"], [1], Sampling(5)),
        Group(["a", "b"], [1, 1], Sampling(9, 0.9, 0.95, ("\n\n",))),
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
    group = Group(["a", "b", "c", "d"], [0] * 4, Sampling(5))
    made = [row for landed in engine_of(loaded, core).generate([group], known={0, 2}) for row in landed]
    assert sorted(place for place, _ in made) == [1, 3]
    assert len(core.asked) == 2


@pytest.mark.parametrize(("ticks", "portions"), [(10.0, [2, 2, 1]), (0.0, [5])])
def test_rows_are_handed_on_about_once_a_second(
    loaded: LoadedModel, ticks: float, portions: list[int]
) -> None:
    steps: list[int] = []
    group = Group(["a"] * 5, [0] * 5, Sampling(5))
    engine = engine_of(loaded, Scripted({}), ticks)
    assert [len(x) for x in engine.generate([group], on_step=lambda: steps.append(1))] == portions
    assert len(steps) == 3


def test_requests_that_nobody_waits_for_are_cancelled(loaded: LoadedModel) -> None:
    core = Scripted({})
    landing = engine_of(loaded, core).generate([Group(["a"] * 5, [0] * 5, Sampling(5))])
    next(landing)
    landing.close()  # type: ignore[attr-defined]
    assert core.cancelled == ["0", "1", "2"]


def test_scores_are_those_of_the_asked_tokens(loaded: LoadedModel) -> None:
    core = Scripted({})
    with engine_of(loaded, core) as engine:
        assert engine.next_token([[1, 2], [3]], [9, 7], base=True) == [[-1.5, -0.5]] * 2
    assert [ids for ids, _, _ in core.asked.values()] == [[1, 2], [3]]
    for _, sampling, _ in core.asked.values():
        assert (sampling["max_tokens"], sampling["logprob_token_ids"]) == (1, [9, 7])
    assert core.closed


def test_a_prompt_that_is_too_long_is_named(loaded: LoadedModel) -> None:
    engine = engine_of(loaded, Scripted({}), longest=3)
    with pytest.raises(ModelError, match=r"tokens: the engine reads 3"):
        list(engine.generate([Group(["The capital of France is"], [0], Sampling(5))]))


# Settings


def settled(
    *cards: Card, parameters: int = QWEN_32B, rank: int | None = None, heads: int = 40
) -> dict[str, Any]:
    return settle(
        "folder",
        cards,
        parameters=parameters,
        positions=131_072,
        heads=heads,
        cached=CACHED_32B,
        rank=rank,
    )


def test_a_model_that_fits_is_served_in_whole_weights_within_the_free_memory() -> None:
    found = settled(H100)
    assert found["dtype"] == "bfloat16"
    assert "quantization" not in found
    assert found["gpu_memory_utilization"] == 0.92
    assert found["max_model_len"] == LONGEST
    assert found["max_num_seqs"] == 256
    assert not found["trust_remote_code"]
    assert found["load_format"] == "safetensors"
    busy = settled(Card("a card", 80 * GIB, 75 * GIB, 8), parameters=7 * 10**9)
    assert busy["gpu_memory_utilization"] == 0.92
    busy = settled(Card("a card", 80 * GIB, 41 * GIB, 8), parameters=7 * 10**9)
    assert busy["gpu_memory_utilization"] == 0.5


def test_without_a_card_there_is_no_memory_to_share() -> None:
    found = settled()
    assert found["dtype"] == "float32"
    assert "gpu_memory_utilization" not in found


def test_more_rows_are_served_at_once_where_the_cache_has_room_for_them() -> None:
    assert settled(H100)["max_num_seqs"] == 256
    assert settled(H200)["max_num_seqs"] == 512
    assert settled(H100, parameters=7 * 10**9)["max_num_seqs"] == 512
    small = Card("a card", 48 * GIB, 47 * GIB, 8)
    assert settled(small)["max_num_seqs"] == 256
    assert settled(small, small)["max_num_seqs"] == 256
    assert settled(*[Card("a card", 64 * GIB, 63 * GIB, 8)] * 2)["max_num_seqs"] == 512


def test_the_cache_of_a_token_is_counted_from_the_shape() -> None:
    grouped = SimpleNamespace(
        num_hidden_layers=64, num_attention_heads=40, num_key_value_heads=8, hidden_size=5120
    )
    assert cache_bytes(grouped) == CACHED_32B
    own = SimpleNamespace(num_hidden_layers=18, num_attention_heads=4, num_key_value_heads=1, head_dim=256)
    assert cache_bytes(own) == 2 * 2 * 18 * 256


@pytest.mark.parametrize("generation", [8, 9, 10])
@pytest.mark.parametrize("gib", [80, 141])
def test_graphs_are_captured_for_batches_up_to_a_whole_one_and_prompts_beside_it(
    generation: int, gib: int
) -> None:
    found = settled(Card("a card", gib * GIB, gib * GIB, generation))
    sizes, rows = found["compilation_config"]["cudagraph_capture_sizes"], found["max_num_seqs"]
    assert sizes == sorted(set(sizes))
    assert {1, rows, 2 * rows} <= set(sizes)
    assert len(sizes) <= 24


def test_whole_steps_are_recorded_where_attention_can_be() -> None:
    def of(*generations: int) -> dict[str, Any]:
        cards = [Card("a card", 80 * GIB, 80 * GIB, generation) for generation in generations]
        made: dict[str, Any] = settled(*cards)["compilation_config"]
        return made

    assert (of(9)["mode"], of(9)["cudagraph_mode"]) == (0, "FULL")
    assert list(of(8)) == list(of(9, 8)) == ["cudagraph_capture_sizes"]


def test_weights_that_do_not_fit_are_made_smaller_or_refused() -> None:
    assert settled(Card("a card", 48 * GIB, 47 * GIB, 8))["quantization"] == "fp8"
    with pytest.raises(ModelError, match=r"do not fit.*transformers, which loads 4-bit weights"):
        settled(Card("a card", 24 * GIB, 23 * GIB, 8))


def test_gpus_share_weights_that_do_not_fit_one_of_them_before_these_are_made_smaller() -> None:
    small = Card("a card", 48 * GIB, 47 * GIB, 8)
    assert "tensor_parallel_size" not in settled(H100, H100)
    shared = settled(small, small, small)
    assert shared["tensor_parallel_size"] == 2
    assert "quantization" not in shared
    assert settled(small, small, heads=7)["quantization"] == "fp8"
    tiny = Card("a card", 24 * GIB, 23 * GIB, 8)
    assert settled(*[tiny] * 4)["quantization"] == "fp8"
    with pytest.raises(ModelError, match="on each of 2"):
        settled(tiny, tiny)


def test_each_engine_has_gpus_of_its_own() -> None:
    cards = [Card("a card", GIB, GIB, 8, device) for device in ("0", "2", "GPU-a", "3", "4")]
    assert groups(cards, 1) == ["0", "2", "GPU-a", "3", "4"]
    assert groups(cards, 2) == ["0,2", "GPU-a,3"]
    assert groups([], 1) == []


@pytest.mark.parametrize(("rank", "served"), [(4, 8), (8, 8), (32, 32), (33, 64)])
def test_an_adapter_is_served_at_the_next_rank_that_there_is(rank: int, served: int) -> None:
    found = settled(H100, rank=rank)
    assert found["enable_lora"]
    assert found["max_lora_rank"] == served


def test_an_adapter_of_a_rank_that_vllm_lacks_is_refused() -> None:
    with pytest.raises(ModelError, match="rank 600"):
        settled(H100, rank=600)


def test_vllm_that_does_not_start_is_a_message(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: object, **more: object) -> None:
        raise RuntimeError("Engine core initialization failed")

    monkeypatch.setattr("phases.generation.vllm_engine._Vllm", broken)
    with pytest.raises(ModelError, match=r"does not start: Engine core.*--engine transformers"):
        open_engine(Choice("vllm", "a test"), loaded.source, batch_size=1)


def test_the_rank_of_an_adapter_is_its_largest(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "rank_pattern": {"q_proj": 24}}))
    assert adapter_rank(tmp_path) == 24


def test_arguments_from_the_environment() -> None:
    assert given_arguments({}) == {}
    assert given_arguments({"GONOGO_ENGINE_ARGS": '{"enforce_eager": true}'}) == {"enforce_eager": True}
    for wrong in ("enforce_eager", "[1]"):
        with pytest.raises(ModelError, match="expected a JSON object"):
            given_arguments({"GONOGO_ENGINE_ARGS": wrong})


@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vllm is not installed")
def test_vllm_itself_says_what_transformers_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GONOGO_ENGINE_ARGS", '{"enforce_eager": true, "dtype": "float32"}')
    loaded = load_model("embedded")
    prompts = ["1, 2,", "The capital of France is", "Translate"]
    expected = dict(generate(loaded, prompts, seeds=[0] * 3, max_new_tokens=12, stop=("e",)))
    rows = [loaded.tokenizer.encode_prompt(prompt) for prompt in prompts]
    drawn = Group(prompts * 4, range(12), Sampling(12, 0.9, 0.95))
    with open_engine(Choice("vllm", "a test"), loaded.source, batch_size=1) as engine:
        asked = [Group(prompts, [0] * 3, Sampling(12, stop=("e",))), drawn]
        made = dict(row for some in engine.generate(asked) for row in some)
        again = dict(row for some in engine.generate([drawn], known=range(0, 12, 2)) for row in some)
        scores = engine.next_token(rows, [5, 9])
    assert {place: made[place] for place in range(3)} == expected
    assert again == {place: made[3 + place] for place in range(1, 12, 2)}
    for row, other in zip(scores, TransformersEngine(loaded, 4).next_token(rows, [5, 9]), strict=True):
        assert row == pytest.approx(other, abs=1e-3)
