"""The models of a session in one process: one base with its adapters, and their answers with checks."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from peft import PeftModel

from phases.ask.channel import Channel
from phases.ask.suite import AskableSuite
from phases.contract.errors import BadInputError
from phases.contract.models import FOUR_BIT_THRESHOLD
from phases.contract.questions import BASE, Answer, Asked, Piece, Question, Ready, Setup, Verdict
from phases.contract.readings import starts_new_turn
from phases.evaluation.answers_file import STOP_RULE
from phases.evaluation.judging import check_answer
from phases.generation.completion import Completion
from phases.generation.endings import decode_completion, list_end_token_ids
from phases.generation.generate import generate
from phases.generation.gpus import GpuInfo, list_visible_gpus
from phases.models.loader import LoadedModel, count_parameters, load_model
from phases.models.prompt_format import NEXT_PROMPT, format_prompt
from phases.models.provenance import build_provenance
from phases.models.source import ModelError, ModelSource, locate_model
from phases.scoring.suite import Prompt
from phases.verifiers.registry import VERIFIERS_VERSION

_PIECE_SECONDS: Final = 0.1
_BYTES_PER_PARAMETER: Final = {False: 2.0, True: 0.65}
"""Without and with 4-bit weights, whose embeddings and norms are not quantized."""
_WORKING_BYTES: Final = 1 << 30
"""CUDA's context, kernels, and the cache of one row."""


class _CancelledError(Exception):
    """The operator cancelled the question."""


class AnsweringModels:
    """One base with all adapters: asking another model switches adapters and loads nothing."""

    def __init__(self, setup: Setup) -> None:
        """Load the models.

        Raises:
            ModelError: one of them cannot be loaded, or has another base, or the GPU's memory is not free.
        """
        base, *adapters = setup.models
        self._sources = {model.name: locate_model(model.path) for model in setup.models}
        for adapter in adapters:
            _check_base(adapter.name, self._sources[adapter.name], self._sources[base.name])
        check_free_memory(self._sources[base.name], list_visible_gpus())
        self._loaded = load_model(base.path)
        for adapter in adapters:
            self._add_adapter(adapter.name)
        self._max_new_tokens = setup.max_new_tokens
        self._suite = AskableSuite(setup.suite, base.path)

    def _add_adapter(self, name: str) -> None:
        model, path = self._loaded.model, self._sources[name].path
        if isinstance(model, PeftModel):
            model.load_adapter(path, adapter_name=name, use_safetensors=True)
        else:
            model = PeftModel.from_pretrained(model, path, adapter_name=name, use_safetensors=True)
        model.eval()
        self._loaded = replace(self._loaded, model=model)

    def describe(self) -> Ready:
        """Return what is recorded with the answers: the models, how they were loaded, and the rules."""
        suite = self._suite.suite
        shared = build_provenance(
            self._loaded,
            engine={"name": "transformers", "batch_size": 1},
            suite={"name": suite.name, "version": suite.version},
            verifiers=VERIFIERS_VERSION,
            stop_rule=STOP_RULE,
            max_new_tokens=self._max_new_tokens,
        )
        del shared["model"]
        models = {
            name: {"name": source.name, "kind": source.kind, "sha256": source.sha256}
            for name, source in self._sources.items()
        }
        return Ready({"models": models, **shared})

    def answer(self, question: Question, channel: Channel) -> None:
        """Send the answers of each model, in pieces and then complete.

        Raises:
            BadInputError: there is no such prompt, or it is of the suite's held-out half, or it is too long.
        """
        prompt = self._suite.find(question.prompt, question.instruction)
        instruction = prompt.instruction if prompt else question.instruction
        text = format_prompt(instruction)
        limit = self._limit_tokens(text)
        key, category = (prompt.key, prompt.category) if prompt else ("", "")
        channel.send(Asked(question.number, instruction, key, category))
        with contextlib.suppress(_CancelledError):
            for name in question.models:
                with self._select_model(name) as loaded:
                    stream = _Stream(question.number, name, loaded, channel)
                    started = time.monotonic()
                    ((_, completion),) = generate(
                        loaded,
                        [text],
                        seeds=[question.seed],
                        max_new_tokens=limit,
                        temperature=question.temperature,
                        top_p=question.top_p,
                        stop=(NEXT_PROMPT,),
                        on_tokens=stream.add,
                    )
                seconds = time.monotonic() - started
                channel.send(_build_answer(question.number, name, instruction, prompt, completion, seconds))

    def _limit_tokens(self, text: str) -> int:
        """Return how many new tokens fit into the model's context after a prompt."""
        context = getattr(self._loaded.model.config, "max_position_embeddings", None)
        if context is None:
            return self._max_new_tokens
        prompt_tokens = len(self._loaded.tokenizer.encode_prompt(text))
        if prompt_tokens >= context:
            raise BadInputError(
                f"the instruction has {prompt_tokens} tokens with its format; the model reads {context}"
            )
        return min(self._max_new_tokens, context - prompt_tokens)

    @contextlib.contextmanager
    def _select_model(self, name: str) -> Iterator[LoadedModel]:
        model = self._loaded.model
        loaded = replace(self._loaded, source=self._sources[name])
        if not isinstance(model, PeftModel):
            yield loaded
        elif name == BASE:
            with model.disable_adapter():
                yield loaded
        else:
            model.set_adapter(name)
            yield loaded


class _Stream:
    """Sends the text of an answer as it grows, a few times a second."""

    def __init__(self, number: int, model: str, loaded: LoadedModel, channel: Channel) -> None:
        self._number = number
        self._model = model
        self._tokenizer = loaded.tokenizer
        self._end_ids = list_end_token_ids(loaded.tokenizer, loaded.model.generation_config)
        self._channel = channel
        self._ids: list[int] = []
        self._sent = 0
        self._sent_at = 0.0

    def add(self, tokens: Sequence[int]) -> None:
        """Add the row's newest token.

        Raises:
            _CancelledError: the operator cancelled the question.
        """
        if self._channel.is_cancelled(self._number):
            raise _CancelledError
        self._ids += tokens
        now = time.monotonic()
        if now - self._sent_at < _PIECE_SECONDS:
            return
        completion = decode_completion(self._tokenizer, self._end_ids, self._ids, (NEXT_PROMPT,))
        # The last characters may be half of a character, or the beginning of the text that ends an answer.
        text = completion.text[: len(completion.text) - len(NEXT_PROMPT)]
        if len(text) > self._sent:
            self._channel.send(Piece(self._number, self._model, text[self._sent :]))
            self._sent, self._sent_at = len(text), now


def _build_answer(  # noqa: PLR0917 - the parts of one answer
    number: int,
    model: str,
    instruction: str,
    prompt: Prompt | None,
    completion: Completion,
    seconds: float,
) -> Answer:
    ends_by_itself = completion.finished and not completion.stopped
    went_on = completion.stopped or starts_new_turn(instruction, completion.text)
    verdict = None
    if prompt is not None:
        checked = check_answer(prompt, completion)
        went_on = "went_on" in checked.failures
        verdict = Verdict(
            checked.passed, bool(checked.follows), bool(checked.follows_loosely), tuple(checked.failures)
        )
    return Answer(
        number,
        model,
        completion.text,
        completion.tokens,
        seconds,
        stops=ends_by_itself and not went_on,
        went_on=went_on,
        verdict=verdict,
    )


def _check_base(name: str, source: ModelSource, base: ModelSource) -> None:
    """Raise ModelError unless a model is an adapter on the base, so that both fit into memory as one."""
    if source.base is None:
        raise ModelError(f"model {name}, {source.path}: expected an adapter of {base.name}")
    if source.base.sha256 != base.sha256:
        raise ModelError(
            f"model {name}, {source.path}: it was trained on {source.base.name} "
            f"({source.base.sha256[:12]}), not on {base.name} ({base.sha256[:12]})"
        )


def check_free_memory(base: ModelSource, gpus: Sequence[GpuInfo]) -> None:
    """Raise ModelError if the first GPU cannot hold the model; a CPU is not checked."""
    if not gpus:
        return
    parameters = count_parameters(base)
    four_bit = parameters >= FOUR_BIT_THRESHOLD
    needed = parameters * _BYTES_PER_PARAMETER[four_bit] + _WORKING_BYTES
    if gpus[0].free < needed:
        raise ModelError(
            f"GPU {gpus[0].device} has {gpus[0].free / 2**30:.1f} GiB free; {base.name} needs about "
            f"{needed / 2**30:.1f} GiB: end the processes that hold its memory (nvidia-smi lists them)"
        )
