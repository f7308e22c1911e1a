"""The loop of the worker: load the models once, then answer one question after the other."""

import os
import sys
import traceback
from typing import TYPE_CHECKING

from phases.ask.channel import Channel
from phases.contract.errors import BadInputError, PhaseFailedError
from phases.contract.heavy_imports import import_heavy
from phases.contract.questions import Done, Failed, Question, Setup

if TYPE_CHECKING:
    from phases.ask.answering import AnsweringModels

_CONTENT_ERRORS = (BadInputError, PhaseFailedError, OSError)


def run(channel: Channel) -> int:
    """Answer questions until the process is ended; return 1 if the models cannot be loaded."""
    setup = channel.receive()
    assert isinstance(setup, Setup)
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS", "TQDM_DISABLE"):
        os.environ.setdefault(name, "1")
    try:
        # torch and transformers take seconds to import, in which the process can already be ended.
        answering = import_heavy("phases.ask.answering")
        models: AnsweringModels = answering.AnsweringModels(setup)
    except Exception as error:
        channel.send(Failed(_describe(error)))
        return 1
    channel.send(models.describe())
    while True:
        question = channel.receive()
        assert isinstance(question, Question)
        try:
            models.answer(question, channel)
            channel.send(Done(question.number))
        except Exception as error:
            channel.send(Done(question.number, _describe(error)))


def _describe(error: Exception) -> str:
    """Return an error as one line; the traceback of an unexpected one goes to the worker's log."""
    if not isinstance(error, _CONTENT_ERRORS):
        traceback.print_exc(file=sys.stderr)
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    if "out of memory" in text.lower():
        return f"out of GPU memory: {text}"
    return text if isinstance(error, _CONTENT_ERRORS) else f"{type(error).__name__}: {text}"
