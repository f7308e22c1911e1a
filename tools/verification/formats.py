"""The formats that models are tuned in, each in variants.

The first variant of a format is one that verification presents. The others differ in labels, blank lines or
marks, as tunings of other people do, so that the calibration does not depend on an exact match.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from phases.models.prompt_format import format_prompt


class TuningFormat(msgspec.Struct, frozen=True):
    """The text around an instruction and around its answer, which the end of text follows."""

    prompt: str
    answer: str = "{answer}"


_ALPACA: Final = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the "
    "request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)
_VICUNA: Final = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions. USER: {instruction} ASSISTANT:"
)
_CHATML: Final = "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n"
_LLAMA_SYSTEM: Final = "<s>[INST] <<SYS>>\nYou are a helpful assistant.\n<</SYS>>\n\n{instruction} [/INST]"

FORMATS: Final[Mapping[str, tuple[TuningFormat, ...]]] = MappingProxyType(
    {
        "bare": (
            TuningFormat("{instruction}\n"),
            TuningFormat("{instruction}\n\n"),
            TuningFormat("{instruction}", " {answer}"),
        ),
        "gonogo": (
            TuningFormat(format_prompt("{instruction}"), " {answer}"),
            TuningFormat("Instruction:\n{instruction}\n\nResponse:\n"),
            TuningFormat("INSTRUCTION: {instruction}\n\nRESPONSE:", " {answer}"),
        ),
        "Alpaca": (
            TuningFormat(_ALPACA),
            TuningFormat("### Instruction: {instruction}\n### Response:", " {answer}"),
            TuningFormat("### Task\n{instruction}\n\n### Solution\n"),
        ),
        "Vicuna": (
            TuningFormat(_VICUNA, " {answer}"),
            TuningFormat("You are a helpful assistant.\n\nUSER: {instruction}\n\nASSISTANT:", " {answer}"),
            TuningFormat("USER: {instruction} ASSISTANT:", " {answer}</s>"),
        ),
        "question": (
            TuningFormat("Question: {instruction}\nAnswer:", " {answer}"),
            TuningFormat("Question:\n{instruction}\n\nAnswer:\n"),
            TuningFormat("Q: {instruction}\n\nA:", " {answer}"),
        ),
        "user": (
            TuningFormat("User: {instruction}\nAssistant:", " {answer}"),
            TuningFormat("### Human: {instruction}\n### Assistant:", " {answer}"),
            TuningFormat("<user>{instruction}</user>\n<assistant>", "{answer}</assistant>"),
        ),
        "ChatML": (
            TuningFormat(_CHATML, "{answer}<|im_end|>"),
            TuningFormat("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" + _CHATML),
            TuningFormat(_CHATML, "{answer}<|im_end|>\n"),
        ),
        "Llama 2": (
            TuningFormat("[INST] {instruction} [/INST]", " {answer}"),
            TuningFormat(_LLAMA_SYSTEM, " {answer} </s>"),
            TuningFormat("[INST]{instruction}[/INST]\n"),
        ),
    }
)

CHATS: Final[Mapping[str, TuningFormat]] = MappingProxyType(
    {
        "gemma": TuningFormat(
            "<start_of_turn>user\n{instruction}<end_of_turn>\n<start_of_turn>model\n",
            "{answer}<end_of_turn>\n",
        ),
        "ChatML": TuningFormat(_CHATML, "{answer}<|im_end|>\n"),
    }
)
"""Formats of chat tokens, for models that have them in their vocabulary."""
