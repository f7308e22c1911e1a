"""A stand-in for the worker: it loads nothing, and answers with its instruction, letter by letter.

An instruction may tell it to misbehave: `silent`, `crash`, `fail`, `ignore` (it then ignores TERM).
"""

import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from phases.contract.questions import (
    Answer,
    Asked,
    Cancel,
    Done,
    Failed,
    FromWorker,
    Piece,
    Question,
    Ready,
    Setup,
    ToWorker,
)


def send(event: FromWorker) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
    sys.stdout.buffer.flush()


def answer(question: Question) -> None:
    text = question.instruction or f"prompt {question.prompt}"
    send(Asked(question.number, text, question.prompt, "toys" if question.prompt else ""))
    for model in question.models:
        for letter in text:
            send(Piece(question.number, model, letter))
            time.sleep(0.01)
        if text == "silent":
            time.sleep(60)
        if text == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if text == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        send(Answer(question.number, model, text, len(text), 0.1, stops=True, went_on=False))
    send(Done(question.number))


for line in sys.stdin.buffer:
    request: ToWorker = msgspec.json.decode(line, type=ToWorker)
    if isinstance(request, Setup):
        if Path("cannot_load").exists():
            send(Failed("GPU 0 has 1.0 GiB free"))
            raise SystemExit(1)
        while Path("slow_load").exists():
            time.sleep(0.02)
        models = {model.name: {"sha256": f"hash of {model.path}"} for model in request.models}
        send(Ready({"models": models, "prompt_format": "v1", "max_new_tokens": request.max_new_tokens}))
    elif not isinstance(request, Cancel):
        answer(request)
