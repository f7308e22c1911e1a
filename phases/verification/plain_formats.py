"""Plain-text formats in which models are tuned: labels and marks around an instruction and its answer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from phases.models.prompt_format import format_prompt
from phases.models.tokenizer import Tokenizer

BARE: Final = "bare"
"""The format without any label."""
BARE_LINE: Final = "bare, next line"
"""Its first frame."""
GONOGO: Final = "gonogo"
"""The format of data generation, training and evaluation."""
CLOSED: Final = ", closed by "
"""Joins a frame and the mark that ends its turn to the name of a place where a model may end a text."""


class PlainFrame(msgspec.Struct, frozen=True):
    """The text around an instruction and its answer.

    Attributes:
        family: the format that it is a variant of.
        prompt: everything before the answer, with `{instruction}`, except for a space.
        separator: the space between the prompt and the answer, which tokenizers join to the answer.
        marks: texts of the format that are chat tokens in some vocabularies.
        turn_ends: what may follow an answer before the text ends, as ordinary text.
    """

    family: str
    prompt: str
    separator: str = ""
    marks: tuple[str, ...] = ()
    turn_ends: tuple[str, ...] = ()

    def format_prompt(self, instruction: str) -> str:
        """Return the text after which a model writes its answer."""
        return self.prompt.replace("{instruction}", instruction)

    def format_answer(self, instruction: str, answer: str) -> str:
        """Return the text up to the end of the answer."""
        return self.format_prompt(instruction) + self.separator + answer


_ALPACA: Final = (
    "Below is an instruction that describes a task. Write a response that appropriately completes the "
    "request.\n\n### Instruction:\n{instruction}\n\n### Response:\n"
)
_VICUNA: Final = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, "
    "detailed, and polite answers to the user's questions. USER: {instruction} ASSISTANT:"
)
_CHATML: Final = PlainFrame(
    "ChatML",
    "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n",
    marks=("<|im_start|>", "<|im_end|>"),
    turn_ends=("<|im_end|>", "<|im_end|>\n"),
)

PLAIN_FRAMES: Final[Mapping[str, PlainFrame]] = MappingProxyType(
    {
        BARE_LINE: PlainFrame(BARE, "{instruction}\n"),
        "bare, blank line": PlainFrame(BARE, "{instruction}\n\n"),
        "bare, same line": PlainFrame(BARE, "{instruction}", " "),
        GONOGO: PlainFrame(GONOGO, format_prompt("{instruction}"), " "),
        "Alpaca": PlainFrame("Alpaca", _ALPACA),
        "Alpaca, short": PlainFrame("Alpaca", "### Instruction:\n{instruction}\n\n### Response:\n"),
        "Vicuna": PlainFrame("Vicuna", _VICUNA, " ", turn_ends=("</s>",)),
        "Vicuna, short": PlainFrame("Vicuna", "USER: {instruction}\nASSISTANT:", " "),
        "question": PlainFrame("question", "Question: {instruction}\nAnswer:", " "),
        "question, short": PlainFrame("question", "Q: {instruction}\nA:", " "),
        "user": PlainFrame("user", "User: {instruction}\nAssistant:", " "),
        "human": PlainFrame("user", "Human: {instruction}\n\nAssistant:", " "),
        "ChatML": _CHATML,
        "Llama 2": PlainFrame(
            "Llama 2", "[INST] {instruction} [/INST]", " ", ("[INST]", "[/INST]"), (" </s>",)
        ),
    }
)
"""The frames by name."""


def list_plain_frames(tokenizer: Tokenizer) -> dict[str, PlainFrame]:
    """Return the frames whose marks are ordinary text of the tokenizer.

    With marks in its vocabulary the frame is a chat format: base models that have seen chats know it.
    """
    vocabulary = tokenizer.hf.get_vocab()
    return {
        name: frame
        for name, frame in PLAIN_FRAMES.items()
        if not any(mark in vocabulary for mark in frame.marks)
    }
