"""Generation: each row depends only on its prompt and seed, and ends at its own stop string."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from phases.generation.completion import Completion
from phases.generation.generate import find_completing_tokens, generate
from phases.generation.scoring import score_next_tokens
from phases.models.loader import LoadedModel
from tests.phases.generation.prompts import PROMPTS


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
    all_rows = sampled(loaded, [0, 1, 2, 3, 4])
    assert all_rows == sampled(loaded, [4, 2, 0, 1, 3], batch_size=2)
    assert all_rows[2] == sampled(loaded, [2])[2]


def test_another_seed_gives_another_row(loaded: LoadedModel) -> None:
    rows = generate(loaded, ["a"] * 8, seeds=list(range(8)), max_new_tokens=12, temperature=1.0)
    assert len({completion.text for _, completion in rows}) > 4


def test_sampling_follows_the_distribution(loaded: LoadedModel) -> None:
    ids = loaded.tokenizer.encode_prompt("a")
    expected = score_next_tokens(loaded, [ids])[0].exp()
    texts = [loaded.tokenizer.decode([token]) for token in range(len(expected))]
    word = texts[int(expected.argmax())]
    rows = generate(
        loaded, ["a"] * 2000, seeds=list(range(2000)), max_new_tokens=1, temperature=1.0, batch_size=500
    )
    share = sum(completion.text == word for _, completion in rows) / 2000
    p = sum(float(q) for q, text in zip(expected, texts, strict=True) if text == word)
    assert abs(share - p) < 5 * math.sqrt(p * (1 - p) / 2000)


def test_an_empty_nucleus_is_greedy(loaded: LoadedModel) -> None:
    greedy = dict(generate(loaded, PROMPTS, seeds=[0] * 5, max_new_tokens=8))
    nucleus = generate(loaded, PROMPTS, seeds=[1] * 5, max_new_tokens=8, temperature=1.0, top_p=1e-6)
    assert greedy == dict(nucleus)


def test_a_stop_string_ends_the_row_and_is_excluded(loaded: LoadedModel) -> None:
    [(_, long)] = generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=20)
    stop = long.text[5:8]
    [(_, short)] = generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=20, stop=(stop,))
    assert short.text == long.text[: long.text.find(stop)]
    assert short.finished
    assert short.tokens <= long.tokens


@contextmanager
def recorded_shapes(loaded: LoadedModel) -> Iterator[list[tuple[int, int]]]:
    """Yield the numbers of rows and of tokens of each pass."""
    shapes: list[tuple[int, int]] = []
    hook = loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: shapes.append(tuple(kwargs["input_ids"].shape)), with_kwargs=True
    )
    yield shapes
    hook.remove()


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_samples_of_one_prompt_share_its_first_pass(
    loaded: LoadedModel, attention: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", attention)
    indices = [0, 1, 0, 3, 1, 0]
    prompts = [PROMPTS[i] for i in indices]

    def sample(first: int, last: int) -> list[str]:
        part, seeds = prompts[first:last], list(range(first, last))
        found = generate(loaded, part, seeds=seeds, max_new_tokens=12, temperature=1.0)
        return [completion.text for _, completion in sorted(found)]

    with recorded_shapes(loaded) as shapes:
        together = sample(0, 6)
    assert shapes[0][0] == 3
    assert together == [text for n in range(6) for text in sample(n, n + 1)]
    assert len(set(together)) == 6


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_prefix_of_many_prompts_is_read_once(
    loaded: LoadedModel, attention: str, temperature: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", attention)
    # Two prefixes of different lengths, a prompt without one, and one prompt twice.
    prompts = [example * 6 + prompt for example in ("A rose is red.\n", "1, 2, 3. ") for prompt in PROMPTS]
    prompts += ["Translate", prompts[0]]

    def sample(first: int, last: int) -> list[str]:
        found = generate(
            loaded,
            prompts[first:last],
            seeds=list(range(first, last)),
            max_new_tokens=12,
            temperature=temperature,
        )
        return [completion.text for _, completion in sorted(found)]

    with recorded_shapes(loaded) as shapes:
        together = sample(0, len(prompts))
    assert [rows for rows, _ in shapes[:2]] == [3, 11]
    longest = max(len(loaded.tokenizer.encode_prompt(prompt)) for prompt in prompts)
    assert sum(tokens for _, tokens in shapes[:2]) == longest
    assert together == [text for n in range(len(prompts)) for text in sample(n, n + 1)]


def test_a_model_that_counts_padding_reads_each_prompt_at_once(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", "eager")
    monkeypatch.setattr(loaded.model.config, "layer_types", ["sliding_attention"] * 2)
    monkeypatch.setattr(loaded.model.config, "sliding_window", 16)
    monkeypatch.setattr(loaded.model.model, "has_sliding_layers", True)
    prompts = ["A rose is red.\n" * 6 + prompt for prompt in PROMPTS]
    with recorded_shapes(loaded) as shapes:
        list(generate(loaded, prompts, seeds=[0] * 5, max_new_tokens=3))
    assert [tokens for _, tokens in shapes[1:]] == [1] * (len(shapes) - 1)


@pytest.mark.parametrize("stop", [("\n\n",), ("\nInstruction:",), ("s", ": "), ("é",)])
def test_no_token_that_completes_a_stop_string_is_missed(loaded: LoadedModel, stop: tuple[str, ...]) -> None:
    tokenizer = loaded.tokenizer
    can_complete = find_completing_tokens(tokenizer, stop)
    assert len(can_complete) == len(tokenizer.hf)
    text = "one:\n\nTwo s: é\nInstruction: 1é"
    ids = tokenizer.encode(text)
    for n in range(1, len(ids) + 1):
        before, now = (sum(tokenizer.decode(ids[:m]).count(string) for string in stop) for m in (n - 1, n))
        assert now == before or can_complete[ids[n - 1]]


def test_each_row_of_a_batch_ends_at_its_own_stop_string(loaded: LoadedModel) -> None:
    alone = {
        i: dict(generate(loaded, [prompt], seeds=[i], max_new_tokens=30, temperature=1.0, stop=("e", "1")))[0]
        for i, prompt in enumerate(PROMPTS)
    }
    together = generate(loaded, PROMPTS, seeds=range(5), max_new_tokens=30, temperature=1.0, stop=("e", "1"))
    assert dict(together) == alone
    assert any(row.stopped for row in alone.values())


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_finished_rows_leave_the_batch(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch, attention: str
) -> None:
    monkeypatch.setattr(loaded.model.config, "_attn_implementation", attention)
    with recorded_shapes(loaded) as shapes:
        together = generate(
            loaded, PROMPTS, seeds=range(5), max_new_tokens=30, temperature=1.0, stop=("e", "1")
        )
        tokens = sorted(row.tokens for _, row in together)
    read = [rows for rows, _ in shapes]
    assert read[0] == 5
    unfinished = [sum(count > step for count in tokens) for step in range(len(read))]
    if attention == "sdpa" and loaded.device == "cpu":
        assert read == unfinished
    for rows, needed in zip(read[1:], unfinished[1:], strict=True):
        assert rows < 2 * needed or rows == 1
    assert min(read) < 5


def test_a_row_cut_off_by_the_token_limit_is_not_finished(loaded: LoadedModel) -> None:
    [(_, row)] = generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=3)
    assert row.finished == (row.tokens < 3) or loaded.tokenizer.eos not in row.text


def test_every_step_is_reported(loaded: LoadedModel) -> None:
    steps: list[int] = []
    list(generate(loaded, ["1, 2,"], seeds=[0], max_new_tokens=5, on_step=lambda: steps.append(1)))
    assert 1 <= len(steps) <= 5
