"""The worker as a real process, with a tiny model and two adapters."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
import torch
from peft import LoraConfig, get_peft_model

from phases.ask.answering import AnsweringModels
from phases.contract.questions import (
    Answer,
    Asked,
    AskedModel,
    Cancel,
    Done,
    Failed,
    FromWorker,
    Piece,
    Question,
    Ready,
    Setup,
    SuitePrompt,
    ToWorker,
)
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.transformers_engine import TransformersEngine
from phases.models.loader import load_model
from phases.models.prompt_format import NEXT_PROMPT, format_prompt
from phases.models.source import ModelError

NEW_TOKENS = 24
INSTRUCTION = "Name three colours."


@pytest.fixture(scope="module")
def models(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[AskedModel, ...]:
    """Return the tiny model and two adapters that answer differently."""
    found = [AskedModel("base", str(tiny_model))]
    for seed, name in enumerate(("sft", "dpo")):
        torch.manual_seed(seed)
        folder = tmp_path_factory.mktemp(name)
        config = LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False)
        model = load_model(str(tiny_model)).model
        get_peft_model(model, config).save_pretrained(folder)  # type: ignore[arg-type]
        found.append(AskedModel(name, str(folder)))
    return tuple(found)


class Worker:
    """A worker and its pipes."""

    def __init__(self, setup: Setup, parent: int | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "phases.ask", str(parent or os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
        )
        self.send(setup)

    def send(self, request: ToWorker) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(request) + b"\n")
        self.process.stdin.flush()

    def read(self) -> FromWorker:
        assert self.process.stdout is not None
        event: FromWorker = msgspec.json.decode(self.process.stdout.readline(), type=FromWorker)
        return event

    def ask(self, question: Question) -> list[FromWorker]:
        """Return all events of a question."""
        self.send(question)
        events = [self.read()]
        while not isinstance(events[-1], Done):
            events.append(self.read())
        return events

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def worker(models: tuple[AskedModel, ...]) -> Iterator[Worker]:
    worker = Worker(Setup(models, "embedded", NEW_TOKENS))
    ready = worker.read()
    assert isinstance(ready, Ready), ready
    record = ready.provenance
    assert record["models"].keys() == {"base", "sft", "dpo"}  # type: ignore[attr-defined]
    assert record["prompt_format"] == "instruction-response-v1"
    assert record["chat_template"] is None
    yield worker
    worker.end()


def list_answers(events: list[FromWorker]) -> dict[str, Answer]:
    return {event.model: event for event in events if isinstance(event, Answer)}


def test_each_model_answers_as_in_its_evaluation(worker: Worker, models: tuple[AskedModel, ...]) -> None:
    """One base with switched adapters writes what each model writes when it is loaded alone."""
    asked = ("dpo", "base", "sft")
    answers = list_answers(worker.ask(Question(1, asked, INSTRUCTION)))
    group = PromptGroup([format_prompt(INSTRUCTION)], [0], Sampling(NEW_TOKENS, stop=(NEXT_PROMPT,)))
    for model in models:
        engine = TransformersEngine(load_model(model.path), 1)
        [[(_, completion)]] = engine.generate([group])
        assert answers[model.name].text == completion.text
        assert answers[model.name].tokens == completion.tokens
    assert len({answer.text for answer in answers.values()}) == 3
    assert answers["base"].verdict is None


def test_pieces_are_the_beginning_of_the_answer(worker: Worker) -> None:
    events = worker.ask(Question(2, ("sft",), INSTRUCTION))
    assert isinstance(events[0], Asked)
    pieces = "".join(event.text for event in events if isinstance(event, Piece))
    assert list_answers(events)["sft"].text.startswith(pieces)


def test_samples_depend_on_the_seed_alone(worker: Worker) -> None:
    texts = [
        list_answers(worker.ask(Question(n, ("sft",), INSTRUCTION, "", 1.0, 0.95, seed)))["sft"].text
        for n, seed in ((3, 1), (4, 2), (5, 1))
    ]
    assert texts[0] == texts[2] != texts[1]


def test_a_suite_prompt_is_checked_also_when_it_is_typed(worker: Worker) -> None:
    for question in (
        Question(6, ("base",), prompt="commands-001"),
        Question(7, ("base",), "What is a needle?"),
    ):
        asked, *_, answer, _ = worker.ask(question)
        assert asked == Asked(question.number, "What is a needle?", "commands-001", "commands")
        assert isinstance(answer, Answer)
        assert answer.verdict is not None
        assert not answer.verdict.passed
        assert answer.verdict.failures


def test_prompts_of_the_held_out_half_are_refused(worker: Worker) -> None:
    lines = Path("phases/suites/embedded_test.jsonl").read_text().splitlines()
    held_out = msgspec.json.decode(lines[0])
    [done] = worker.ask(Question(8, ("base",), held_out["instruction"]))
    assert isinstance(done, Done)
    assert "held-out half" in done.error
    assert "\n" not in done.error


def test_an_unknown_key_is_refused_with_an_example(worker: Worker) -> None:
    [done] = worker.ask(Question(9, ("base",), prompt="poems-001"))
    assert done == Done(9, "suite embedded has no prompt poems-001; expected a key such as commands-001")


def test_an_instruction_beyond_the_context_is_refused_in_one_line(worker: Worker) -> None:
    [done] = worker.ask(Question(10, ("base",), "word " * 700))
    assert isinstance(done, Done)
    assert "the model reads 512" in done.error
    assert "\n" not in done.error


def test_a_cancelled_question_ends_early(worker: Worker) -> None:
    worker.send(Cancel(11))
    asked, done = worker.ask(Question(11, ("base", "sft"), INSTRUCTION))
    assert isinstance(asked, Asked)
    assert done == Done(11)


def test_a_worker_without_input_ends(models: tuple[AskedModel, ...]) -> None:
    worker = Worker(Setup(models[:1], "embedded", NEW_TOKENS))
    worker.process.communicate()
    assert worker.process.returncode == 0


def test_a_worker_ends_with_its_parent(tiny_model: Path) -> None:
    """A parent killed without warning, while a sleeping child still holds the other end of its pipes."""
    script = (
        "import os, subprocess, sys, time\n"
        "worker = subprocess.Popen([sys.executable, '-m', 'phases.ask', str(os.getpid())],"
        " stdin=subprocess.PIPE)\n"
        "os.set_inheritable(worker.stdin.fileno(), True)\n"
        "holder = subprocess.Popen(['sleep', '60'], close_fds=False, stdout=subprocess.DEVNULL)\n"
        "print(worker.pid, holder.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker, holder = map(psutil.Process, map(int, parent.stdout.readline().split()))
    while (
        worker.num_threads() == 1
    ):  # It starts a thread once it has asked the kernel to end with its parent.
        assert worker.is_running()
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    _, remaining = psutil.wait_procs([worker], timeout=10)
    holder.kill()
    assert [each for each in remaining if each.status() != psutil.STATUS_ZOMBIE] == []


def test_a_worker_whose_parent_is_gone_does_not_start() -> None:
    worker = Worker(Setup((), "auto", 1), parent=1)
    assert worker.process.wait(timeout=30) == 1
    worker.end()


def test_a_model_that_cannot_be_loaded_ends_the_worker_with_one_line() -> None:
    worker = Worker(Setup((AskedModel("base", "/nowhere/model"),), "embedded", NEW_TOKENS))
    failed = worker.read()
    assert worker.process.wait(timeout=30) == 1
    worker.end()
    assert failed == Failed(
        "model /nowhere/model: expected a folder, a hub id such as Qwen/Qwen2.5-32B, or 'embedded'"
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [("embedded", "expected an adapter of embedded"), ("{sft}", "not on embedded")],
)
def test_only_adapters_of_the_base_are_loaded(
    path: str, message: str, models: tuple[AskedModel, ...]
) -> None:
    adapter = AskedModel("sft", path.format(sft=models[1].path))
    setup = Setup((AskedModel("base", "embedded"), adapter), "embedded", NEW_TOKENS)
    with pytest.raises(ModelError, match=message):
        AnsweringModels(setup)


def test_the_prompts_of_the_suite_are_listed_without_the_held_out_half() -> None:
    command = [sys.executable, "-m", "phases.ask", "--prompts", "auto", "embedded"]
    lines = subprocess.check_output(command).splitlines()
    prompts = [msgspec.json.decode(line, type=SuitePrompt) for line in lines]
    assert prompts[0] == SuitePrompt("commands-001", "commands", "What is a needle?")
    test_half = Path("phases/suites/embedded_test.jsonl").read_text()
    held_out = {msgspec.json.decode(line)["instruction"] for line in test_half.splitlines()}
    assert held_out.isdisjoint(prompt.instruction for prompt in prompts)


@pytest.mark.parametrize("arguments", [["--help"], [], ["--prompts"]])
def test_a_wrong_command_line_is_answered_with_the_usage(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "phases.ask", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("`python -m phases.ask PARENT` answers questions")
