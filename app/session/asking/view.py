"""The questions at a gate as a snapshot shows them."""

from typing import Literal

import msgspec

from phases.contract.questions import Verdict

AnswerState = Literal["waiting", "streaming", "done", "cut"]
WorkerState = Literal["off", "loading", "ready", "answering"]


class AnswerView(msgspec.Struct, frozen=True, kw_only=True):
    """A model's answer so far; one that is `cut` was ended by a decision, the operator or a failure."""

    model: str
    state: AnswerState = "waiting"
    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    stops: bool = False
    went_on: bool = False
    verdict: Verdict | None = None


class QuestionView(msgspec.Struct, frozen=True, kw_only=True):
    """A question with its answers; `prompt` is the key of the suite's prompt, if it is one.

    A `temperature` of 0 decodes greedily. `error` says why answers are missing.
    """

    number: int
    by: str
    asked: float
    instruction: str
    prompt: str = ""
    category: str = ""
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    ended: float | None = None
    error: str = ""
    answers: tuple[AnswerView, ...] = ()


class AskingView(msgspec.Struct, frozen=True, kw_only=True):
    """The models that can be asked at the open gate, and the questions so far.

    Attributes:
        models: the models that exist so far; none if `unavailable` says why.
        suite: the suite whose prompts can be asked, and `base` the model that its prompts are for.
        state: of the process that answers.
        pid: of that process; None if there is none.
        since: when it was started; its time costs money.
        error: why it ended, if it failed.
        questions: the last questions, oldest first.
        total: how many were asked at this gate.
    """

    models: tuple[str, ...] = ()
    unavailable: str = ""
    suite: str = ""
    base: str = ""
    state: WorkerState = "off"
    pid: int | None = None
    since: float | None = None
    error: str = ""
    questions: tuple[QuestionView, ...] = ()
    total: int = 0
