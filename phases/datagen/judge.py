"""A base model as judge: which of two responses keeps the principles of a constitution better.

The judge reads a document of comparisons and gives the probability that the next one ends in "A" or "B"
(Zheng et al., arXiv 2306.05685, describe the position bias). Each pair is read in both orders; where the
orders disagree, position and not content has decided, and the pair is a tie.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec

from phases.contract.errors import BadInputError
from phases.datagen.seeds import Seed
from phases.generation.engine import Engine
from phases.generation.transformers_engine import TransformersEngine
from phases.models import prompt_format

Rejection = Literal["refusal", "hallucination", "format_violation", "incomplete", "off_topic"]
_ANSWERS: Final = (" A", " B")


class Principle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule, and what a response that breaks it suffers from."""

    text: str
    rejection: Rejection


class Comparison(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An instruction with a better and a worse response."""

    instruction: str
    better: str
    worse: str


class Constitution(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the judge reads before the pair that it judges."""

    title: str
    principles: tuple[Principle, ...]
    comparisons: tuple[Comparison, ...]

    def prompt(self, instruction: str, first: str, second: str) -> str:
        """Return the document up to where the judge names the better of two responses."""
        rules = "\n".join(f"- {principle.text}" for principle in self.principles)
        shown = [
            _pair(c.instruction, *((c.better, c.worse) if n % 2 == 0 else (c.worse, c.better)))
            + _ANSWERS[n % 2]
            for n, c in enumerate(self.comparisons)
        ]
        return "\n\n".join([f"{self.title.strip()}\n{rules}", *shown, _pair(instruction, first, second)])


def _pair(instruction: str, first: str, second: str) -> str:
    return f"Instruction: {instruction}\nResponse A: {first}\nResponse B: {second}\nBetter response:"


def load_constitution(path: Path) -> Constitution:
    """Read a constitution.

    Raises:
        BadInputError: the file is missing, or is not a constitution.
    """
    import yaml

    try:
        return msgspec.convert(yaml.safe_load(path.read_text()), Constitution)
    except OSError as error:
        raise BadInputError(f"--constitution {path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise BadInputError(
            f"{path}: {error}; expected title, principles (text, rejection) and comparisons (instruction, "
            "better, worse), as in phases/preference_pairs/constitution.yaml"
        ) from error


class Judgement(msgspec.Struct, frozen=True):
    """How much a judge prefers the first of two responses, in log-odds: shown first, and shown second."""

    as_first: float
    as_second: float

    @property
    def consistent(self) -> bool:
        """Whether both orders prefer the same response."""
        return self.as_first * self.as_second > 0

    @property
    def margin(self) -> float:
        """The probability of the first response less that of the second, over both orders: -1 to 1."""
        return math.tanh((self.as_first + self.as_second) / 4)

    @property
    def preference(self) -> float:
        """The margin, or 0 for a tie."""
        return self.margin if self.consistent else 0.0


def weigh(
    engine: TransformersEngine,
    demonstrations: Sequence[Seed],
    pairs: Sequence[tuple[str, str, str]],
    *,
    on_step: Callable[[], None] = lambda: None,
) -> list[Judgement]:
    """Judge pairs by how likely the base model finds each response, a token, after solved examples.

    A small base model cannot compare two texts, but finds a good answer likelier than a bad one. There is no
    order in which responses are shown, so both orders agree.
    """
    before = "".join(f"{prompt_format.format_prompt(d.instruction)} {d.response}\n\n" for d in demonstrations)
    unique = list(dict.fromkeys((asked, said) for asked, *both in pairs for said in both))
    found = engine.score_continuations(
        [prompt_format.format_prompt(asked) for asked, _ in unique],
        [f" {said}\n\n" for _, said in unique],
        prefix=before,
        base=True,
        on_step=on_step,
    )
    likely = dict(zip(unique, found, strict=True))
    liking = [likely[asked, one] - likely[asked, other] for asked, one, other in pairs]
    return [Judgement(difference, difference) for difference in liking]


def judge(
    engine: Engine,
    constitution: Constitution,
    pairs: Sequence[tuple[str, str, str]],
    *,
    on_step: Callable[[], None] = lambda: None,
) -> list[Judgement]:
    """Judge pairs, (instruction, one response, other response) each, in both orders, by the base model."""
    tokenizer = engine.tokenizer
    a, b = (tokenizer.encode(answer) for answer in _ANSWERS)
    # Where a tokenizer splits " A", both answers begin alike: what they share belongs to the prompt.
    shared = next(n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y)
    prompts = [
        constitution.prompt(instruction, *order)
        for instruction, one, other in pairs
        for order in ((one, other), (other, one))
    ]
    ids = [tokenizer.encode_prompt(prompt) + a[:shared] for prompt in prompts]
    found = engine.score_next_tokens(ids, (a[shared], b[shared]), base=True, on_step=on_step)
    odds = [first - second for first, second in found]
    return [Judgement(odds[2 * n], -odds[2 * n + 1]) for n in range(len(pairs))]
