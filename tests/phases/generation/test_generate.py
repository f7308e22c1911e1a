"""Generation and scoring: what a row is must not depend on its neighbours."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from phases.generation import decoder
from phases.generation import scoring as score
from phases.generation.generate import Completion, completing, generate
from phases.generation.scoring import log_probabilities, next_token_log_probabilities
from phases.models.loader import LoadedModel, load_model

PROMPTS = [
    "The capital of France is",
    "1, 2,",
    "Instruction: Name three colours.\nResponse:",
    "a",
    "Translate",
]


@pytest.fixture(scope="module")
def loaded(tiny_model: Path) -> LoadedModel:
    return load_model(str(tiny_model))


def sampled(loaded: LoadedModel, indices: list[int], **more: object) -> dict[int, Completion]:
    found = generate(
        loaded,
        [PROMPTS[i] for i in indices],
        seeds=[100 + i for i in indices],
        max_new_tokens=12,
        temperature=1.0,
        **more,  # type: ignore[arg-type]
    )
    return {indices[n]: completion for n, completion in found}


def test_a_sampled_row_depends_on_its_prompt_and_seed_alone(loaded: LoadedModel) -> None:
    everything = sampled(loaded, [0, 1, 2, 3, 4])
    assert everything == sampled(loaded, [4, 2, 0, 1, 3], batch_size=2)
    assert everything[2] == sampled(loaded, [2])[2]


def test_another_seed_gives_another_row(loaded: LoadedModel) -> None:
    rows = generate(loaded, ["a"] * 8, seeds=list(range(8)), max_new_tokens=12, temperature=1.0)
    assert len({completion.text for _, completion in rows}) > 4


def test_sampling_follows_the_distribution(loaded: LoadedModel) -> None:
    ids = loaded.tokenizer.encode_prompt("a")
    expected = next_token_log_probabilities(loaded, [ids])[0].exp()
    texts = [loaded.tokenizer.decode([token]) for token in range(len(expected))]
    word = texts[int(expected.argmax())]
    rows = generate(
        loaded, ["a"] * 2000, seeds=list(range(2000)), max_new_tokens=1, temperature=1.0, batch_size=500
    )
    share = sum(completion.text == word for _, completion in rows) / 2000
    p = sum(float(q) for q, text in zip(expected, texts, strict=True) if text == word)
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / 2000)


def test_a_nucleus_of_nothing_is_greedy(loaded: LoadedModel) -> None:
    greedy = dict(generate(loaded, PROMPTS, seeds=[0] * 5, max_new_tokens=8))
    nucleus = generate(loaded, PROMPTS, seeds=[1] * 5, max_new_tokens=8, temperature=1.0, top_p=1e-6)
    assert greedy == dict(nucleus)


def test_a_stop_string_ends_the_row_and_is_not_part_of_it(loaded: LoadedModel) -> None:
    [(_, long)] = generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=20)
    stop = long.text[5:8]
    [(_, short)] = generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=20, stop=(stop,))
    assert short.text == long.text[: long.text.find(stop)]
    assert short.finished
    assert short.tokens <= long.tokens


@pytest.mark.parametrize("stop", [("\n\n",), ("\nInstruction:",), ("s", ": "), ("é",)])
def test_no_token_that_completes_a_stop_string_is_missed(loaded: LoadedModel, stop: tuple[str, ...]) -> None:
    tokenizer = loaded.tokenizer
    may = completing(tokenizer, stop)
    assert len(may) == len(tokenizer.hf)
    text = "one:\n\nTwo s: é\nInstruction: 1é"
    ids = tokenizer.encode(text)
    for n in range(1, len(ids) + 1):
        before, now = (sum(tokenizer.decode(ids[:m]).count(string) for string in stop) for m in (n - 1, n))
        assert now == before or may[ids[n - 1]]


def test_rows_of_a_batch_end_each_at_its_own_stop_string(loaded: LoadedModel) -> None:
    alone = {
        i: dict(generate(loaded, [prompt], seeds=[i], max_new_tokens=30, temperature=1.0, stop=("e", "1")))[0]
        for i, prompt in enumerate(PROMPTS)
    }
    together = generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=30, temperature=1.0, stop=("e", "1"))
    assert dict(together) == alone
    assert any(row.stopped for row in alone.values())


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_rows_that_have_ended_are_not_read_on(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, attention: str
) -> None:
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", attention)
    read: list[int] = []
    hook = loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    together = generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=30, temperature=1.0, stop=("e", "1"))
    tokens = sorted(row.tokens for _, row in together)
    hook.remove()
    assert read[0] == 5
    for step, rows in enumerate(read[1:], 1):
        assert rows < 2 * sum(count > step for count in tokens) or rows == 1
    assert min(read) < 5


def test_a_row_that_is_cut_off_is_not_finished(loaded: LoadedModel) -> None:
    [(_, row)] = generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=3)
    assert row.finished == (row.tokens < 3) or loaded.tokenizer.eos not in row.text


def test_every_step_is_reported(loaded: LoadedModel) -> None:
    steps: list[int] = []
    list(generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=5, on_step=lambda: steps.append(1)))
    assert 1 <= len(steps) <= 5


def test_scores_agree_with_the_plain_model(loaded: LoadedModel) -> None:
    prompts, tails = (
        [PROMPTS[0], PROMPTS[1], PROMPTS[2]],
        [" Paris", " 3, 4", " red, green, blue<|endoftext|>"],
    )
    scores = log_probabilities(loaded, prompts, tails)
    for prompt, tail, found in zip(prompts, tails, scores, strict=True):
        head, end = loaded.tokenizer.encode(prompt), loaded.tokenizer.encode(tail)
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([head + end])).logits[0].log_softmax(-1)
        expected = sum(float(logits[len(head) + n - 1, token]) for n, token in enumerate(end))
        assert found.log_probability == pytest.approx(expected, abs=1e-3)
        assert found.tokens == len(end)


def test_a_shared_beginning_is_read_once_and_changes_no_score(loaded: LoadedModel) -> None:
    prompts, tails = [PROMPTS[0], PROMPTS[2], PROMPTS[0]], [" Paris", " red, green", " a town in the north"]
    shared = "Instruction: Name a fruit.\nResponse: Apple\n\n"
    apart = log_probabilities(loaded, [shared + prompt for prompt in prompts], tails)
    read = []
    hook = loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append((args or (kwargs["input_ids"],))[0].numel()),
        with_kwargs=True,
    )
    once = log_probabilities(loaded, prompts, tails, shared=shared)
    hook.remove()
    assert [score.mean for score in once] == pytest.approx([score.mean for score in apart], abs=1e-4)
    assert read[0] == len(loaded.tokenizer.encode_prompt(shared))
    longest = max(
        len(loaded.tokenizer.encode(p)) + len(loaded.tokenizer.encode(t))
        for p, t in zip(prompts, tails, strict=True)
    )
    assert read[1:] == [3 * longest]


def test_logits_of_few_rows_are_held_at_once(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, tails = [PROMPTS[0]] * 4, [" a b c d", " Paris", " x", " red, green, blue"]
    expected = log_probabilities(loaded, prompts, tails)
    monkeypatch.setattr(score, "_LOGITS_BYTES", 1)
    batches: list[int] = []
    assert [s.mean for s in log_probabilities(loaded, prompts, tails, on_step=lambda: batches.append(1))] == (
        pytest.approx([s.mean for s in expected], abs=1e-4)
    )
    assert len(batches) == 4


def test_a_cache_that_grows_writes_what_one_in_place_does(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    grown = []
    begin = decoder._Growing.__init__

    def note(self: decoder._Growing, *args: Any) -> None:
        grown.append(self)
        begin(self, *args)

    monkeypatch.setattr(decoder._Growing, "__init__", note)
    in_place = write()
    assert not grown
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", "eager")
    assert write() == in_place
    assert len(grown) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_recorded_steps_write_what_launched_ones_do(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write() -> dict[int, Completion]:
        return dict(generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=20, temperature=0.7))

    recorded = write()
    monkeypatch.setattr(decoder, "_WORTH_RECORDING", 100)
    assert write() == recorded


def test_nothing_to_score_is_an_error(loaded: LoadedModel) -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        log_probabilities(loaded, ["a"], [""])
