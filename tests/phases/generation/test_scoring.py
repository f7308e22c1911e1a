"""Log-probabilities of continuations against those of the unmodified model."""

import pytest
import torch

from phases.generation import scoring
from phases.generation.scoring import score_continuations
from phases.models.loader import LoadedModel
from tests.phases.generation.prompts import PROMPTS


def test_scores_agree_with_the_unmodified_model(loaded: LoadedModel) -> None:
    prompts, tails = (
        [PROMPTS[0], PROMPTS[1], PROMPTS[2]],
        [" Paris", " 3, 4", " red, green, blue<|endoftext|>"],
    )
    scores = score_continuations(loaded, prompts, tails)
    for prompt, tail, found in zip(prompts, tails, scores, strict=True):
        head, end = loaded.tokenizer.encode(prompt), loaded.tokenizer.encode(tail)
        with torch.inference_mode():
            logits = loaded.model(torch.tensor([head + end])).logits[0].log_softmax(-1)
        expected = sum(float(logits[len(head) + n - 1, token]) for n, token in enumerate(end))
        assert found.log_probability == pytest.approx(expected, abs=1e-3)
        assert found.tokens == len(end)


def test_a_prefix_is_read_once_and_changes_no_score(loaded: LoadedModel) -> None:
    prompts, tails = [PROMPTS[0], PROMPTS[2], PROMPTS[0]], [" Paris", " red, green", " a town in the north"]
    shared = "Instruction: Name a fruit.\nResponse: Apple\n\n"
    apart = score_continuations(loaded, [shared + prompt for prompt in prompts], tails)
    read = []
    hook = loaded.model.register_forward_pre_hook(
        lambda module, args, kwargs: read.append((args or (kwargs["input_ids"],))[0].numel()),
        with_kwargs=True,
    )
    once = score_continuations(loaded, prompts, tails, prefix=shared)
    hook.remove()
    assert [score.mean for score in once] == pytest.approx([score.mean for score in apart], abs=1e-4)
    assert read[0] == len(loaded.tokenizer.encode_prompt(shared))
    longest = max(
        len(loaded.tokenizer.encode(p)) + len(loaded.tokenizer.encode(t))
        for p, t in zip(prompts, tails, strict=True)
    )
    assert read[1:] == [3 * longest]


def test_batches_are_bounded_by_their_logits(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, tails = [PROMPTS[0]] * 4, [" a b c d", " Paris", " x", " red, green, blue"]
    expected = score_continuations(loaded, prompts, tails)
    monkeypatch.setattr(scoring, "_MAX_LOGITS_BYTES", 1)
    batches: list[int] = []
    assert [
        s.mean for s in score_continuations(loaded, prompts, tails, on_step=lambda: batches.append(1))
    ] == (pytest.approx([s.mean for s in expected], abs=1e-4))
    assert len(batches) == 4


def test_an_empty_continuation_is_an_error(loaded: LoadedModel) -> None:
    with pytest.raises(ValueError, match="nothing to score"):
        score_continuations(loaded, ["a"], [""])
