"""Tokenizers without a chat template and without implicit special tokens."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from transformers import AutoTokenizer, PreTrainedTokenizerBase

from phases.models.source import ModelError, ModelSource, locate_model

_PROBES: Final = (
    "Instruction: Name three colours.\nResponse:",
    " Red, green, blue",
    "<|im_start|>user\nHi<|im_end|>\n",
    "1. Ä, 漢字;\n\n\t{}",
)


class CleanLoaderError(ModelError):
    """A tokenizer adds tokens although it was asked not to."""


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer whose `encode` adds nothing to the text.

    Attributes:
        hf: the library's tokenizer with its chat template removed; it pads on the left.
        chat_templates: the removed chat templates by name; a single one is called `default`.
        start_ids: the ids that begin every document of this model, explicit in all prompts: its
            beginning-of-text token if its tokenizer adds that to plain text, else nothing.
        implicit_ids: the ids that the library would add before and after plain text.
    """

    hf: PreTrainedTokenizerBase
    chat_templates: Mapping[str, str] = field(hash=False)
    start_ids: tuple[int, ...]
    implicit_ids: tuple[tuple[int, ...], tuple[int, ...]]

    @property
    def eos(self) -> str:
        """The end-of-text token."""
        return str(self.hf.eos_token)

    @property
    def eos_id(self) -> int:
        """The id of the end-of-text token."""
        return int(self.hf.eos_token_id)

    @property
    def pad_id(self) -> int:
        """The id that pads the rows of a batch; it is always masked."""
        return int(self.hf.pad_token_id)

    @cached_property
    def token_texts(self) -> tuple[str, ...]:
        """The text of each token of the vocabulary on its own, by id."""
        rows = [[token] for token in range(len(self.hf))]
        return tuple(self.hf.backend_tokenizer.decode_batch(rows, skip_special_tokens=False))

    def encode(self, text: str) -> list[int]:
        """Return the ids of exactly this text."""
        return list(self.hf(text, add_special_tokens=False)["input_ids"])

    def encode_prompt(self, text: str) -> list[int]:
        """Return the ids of a text at the beginning of a document: `start_ids`, then `encode(text)`."""
        return [*self.start_ids, *self.encode(text)]

    def decode(self, ids: list[int]) -> str:
        """Return the text of the ids, including special tokens."""
        return str(self.hf.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False))


def load_tokenizer(model: str | ModelSource) -> Tokenizer:
    """Load a model's tokenizer, remove its chat template and verify that it adds no tokens.

    Args:
        model: a model's name, or its source if it has been located already. An adapter has its base's
            tokenizer.

    Raises:
        ModelError: the model does not exist, or its tokenizer has no end-of-text token.
        CleanLoaderError: the tokenizer adds tokens although it was asked not to.
    """
    source = locate_model(model) if isinstance(model, str) else model
    if source.base:
        return load_tokenizer(source.base)
    hf = AutoTokenizer.from_pretrained(source.path, trust_remote_code=False, padding_side="left")
    chat_templates = _read_chat_templates(hf)
    hf.chat_template = None
    if hf.eos_token_id is None:
        raise ModelError(f"model {source.name}: its tokenizer has no end-of-text token")
    if hf.pad_token_id is None:
        hf.pad_token = hf.eos_token
    _check_nothing_is_added(hf, source)
    implicit_ids = _find_implicit_ids(hf)
    bos_id = hf.bos_token_id
    start_ids = (bos_id,) if bos_id is not None and implicit_ids[0] == (bos_id,) else ()
    return Tokenizer(hf, chat_templates, start_ids, implicit_ids)


def _read_chat_templates(hf: PreTrainedTokenizerBase) -> dict[str, str]:
    """Return the templates of a tokenizer, which has none, one or several by name."""
    templates = hf.chat_template
    if not templates:
        return {}
    return dict(templates) if isinstance(templates, Mapping) else {"default": str(templates)}


def _check_nothing_is_added(hf: PreTrainedTokenizerBase, source: ModelSource) -> None:
    """Compare the library's tokenizer with the one underneath it."""
    for probe in _PROBES:
        ids = hf(probe, add_special_tokens=False)["input_ids"]
        expected = hf.backend_tokenizer.encode(probe, add_special_tokens=False).ids
        if ids != expected:
            raise CleanLoaderError(
                f"model {source.name}: its tokenizer encodes {probe!r} as {ids} instead of {expected}, "
                "although it was asked to add no special tokens; use another model"
            )


def _find_implicit_ids(hf: PreTrainedTokenizerBase) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ids that the tokenizer adds by default before and after plain text."""
    bare = hf(_PROBES[0], add_special_tokens=False)["input_ids"]
    default = hf(_PROBES[0])["input_ids"]
    for before in range(len(default) - len(bare) + 1):
        after = before + len(bare)
        if default[before:after] == bare:
            return tuple(default[:before]), tuple(default[after:])
    return tuple(default), ()
