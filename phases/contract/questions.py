"""The questions that an operator asks the models at a gate: what the conductor and its worker exchange.

The worker, `python -m phases.ask PARENT`, reads JSON lines from its standard input: one `Setup`, then one
`Question` at a time, which a `Cancel` ends early. It writes JSON lines to its standard output. It ends when
its input ends, and with its parent.
"""

from typing import Final

import msgspec

WORKER_MODULE: Final = "phases.ask"
BASE: Final = "base"
"""Name of the model without an adapter."""
LONGEST_INSTRUCTION: Final = 8_000
"""Characters; together with the rest of a question this fits into a pipe that is not being read."""
SAMPLED_TEMPERATURE: Final = 0.8
SAMPLED_TOP_P: Final = 0.95


class AskedModel(msgspec.Struct, frozen=True):
    """A model to ask: its short name, and its hub id, folder, adapter folder or `embedded`."""

    name: str
    path: str


class Setup(msgspec.Struct, frozen=True, tag="setup", tag_field="do"):
    """Load the models and the suite. The first model is the base, the others are adapters on it."""

    models: tuple[AskedModel, ...]
    suite: str
    max_new_tokens: int


class Question(msgspec.Struct, frozen=True, tag="question", tag_field="do"):
    """Answer an instruction, or the prompt of the suite with the key `prompt`, with each of the models.

    `temperature` 0 decodes greedily.
    """

    number: int
    models: tuple[str, ...]
    instruction: str = ""
    prompt: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="do"):
    """End the answers to a question."""

    number: int


ToWorker = Setup | Question | Cancel


class Ready(msgspec.Struct, frozen=True, tag="ready", tag_field="type"):
    """The models are loaded; `provenance` says which, how, and with what versions."""

    provenance: dict[str, object]


class Asked(msgspec.Struct, frozen=True, tag="asked", tag_field="type"):
    """A question is being answered; `instruction` is that of the suite's prompt if it has one."""

    number: int
    instruction: str
    prompt: str = ""
    category: str = ""


class Piece(msgspec.Struct, frozen=True, tag="piece", tag_field="type"):
    """More text of an answer."""

    number: int
    model: str
    text: str


class Verdict(msgspec.Struct, frozen=True):
    """The result of the evaluation's checks on an answer to a prompt of the suite.

    `passed` if it follows strictly and ends by itself, as the success rate counts it.
    """

    passed: bool
    follows: bool
    follows_loosely: bool
    failures: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, tag="answer", tag_field="type"):
    """A complete answer.

    `stops` if the model ended it by itself; otherwise it went on with another prompt (`went_on`) or was cut
    off at the limit of tokens.
    """

    number: int
    model: str
    text: str
    tokens: int
    seconds: float
    stops: bool
    went_on: bool
    verdict: Verdict | None = None


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="type"):
    """All answers to a question were given, or it was cancelled, or `error` says why there are no more."""

    number: int
    error: str = ""


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="type"):
    """The worker cannot answer questions; it ends."""

    error: str


FromWorker = Ready | Asked | Piece | Answer | Done | Failed


class SuitePrompt(msgspec.Struct, frozen=True):
    """A prompt of the suite that can be asked, as `python -m phases.ask --prompts SUITE BASE` lists them."""

    key: str
    category: str
    instruction: str
