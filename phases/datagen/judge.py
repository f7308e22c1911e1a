"""A base model as judge of two responses to the same instruction.

By choice, the judge reads a document of comparisons and continues it with the better response, "A" or "B".
Each pair is read in both orders, because position biases the choice (Zheng et al., arXiv 2306.05685); if the
orders disagree, the pair is a tie. By likelihood, the judge prefers the response that is likelier after
solved examples.
"""

from collections.abc import Callable, Sequence

from phases.datagen.constitution import CHOICES, Constitution
from phases.datagen.judge_score import JudgeScore
from phases.datagen.seeds import Seed
from phases.generation.engine import Engine
from phases.generation.transformers_engine import TransformersEngine
from phases.generation.transformers_pool import TransformersPool
from phases.models.prompt_format import format_prompt

JudgedTexts = tuple[str, str, str]
"""An instruction and two responses."""


def judge_by_choice(
    engine: Engine,
    constitution: Constitution,
    pairs: Sequence[JudgedTexts],
    *,
    on_step: Callable[[], None] = lambda: None,
) -> list[JudgeScore]:
    """Let the base model choose the better response of each pair, in both orders."""
    tokenizer = engine.tokenizer
    a, b = (tokenizer.encode(choice) for choice in CHOICES)
    # If a tokenizer splits " A", both choices start with the same tokens, which belong to the prompt.
    shared = next(n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    prompts = [
        constitution.format_prompt(instruction, *order)
        for instruction, one, other in pairs
        for order in ((one, other), (other, one))
    ]
    ids = [tokenizer.encode_prompt(prompt) + a[:shared] for prompt in prompts]
    scores = engine.score_next_tokens(ids, (a[shared], b[shared]), base=True, on_step=on_step)
    log_odds = [first - second for first, second in scores]
    return [JudgeScore(log_odds[2 * n], -log_odds[2 * n + 1]) for n in range(len(pairs))]


def judge_by_likelihood(
    engine: TransformersEngine | TransformersPool,
    examples: Sequence[Seed],
    pairs: Sequence[JudgedTexts],
    *,
    on_step: Callable[[], None] = lambda: None,
) -> list[JudgeScore]:
    """Compare the base model's mean log-probability per token of both responses after solved examples.

    Small base models cannot compare two texts, but find a good answer likelier than a bad one. The responses
    are scored separately, so there is no order and both log-odds are the same.
    """
    prefix = "".join(f"{format_prompt(seed.instruction)} {seed.response}\n\n" for seed in examples)
    texts = list(dict.fromkeys((instruction, response) for instruction, *both in pairs for response in both))
    scores = engine.score_continuations(
        [format_prompt(instruction) for instruction, _ in texts],
        [f" {response}\n\n" for _, response in texts],
        prefix=prefix,
        base=True,
        on_step=on_step,
    )
    score_of = dict(zip(texts, scores, strict=True))
    differences = [
        score_of[instruction, one] - score_of[instruction, other] for instruction, one, other in pairs
    ]
    return [JudgeScore(difference, difference) for difference in differences]
