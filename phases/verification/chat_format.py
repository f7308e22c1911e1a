"""Chat tokens in a tokenizer's vocabulary, and chat frames around an instruction."""

import re
from collections.abc import Sequence
from typing import Final

from phases.models.tokenizer import Tokenizer

_CHAT_TOKEN: Final = re.compile(
    r"\bim_(?:start|end|sep|user|assistant|system|middle)|(?:start|end)_of_turn|(?:start|end)_header_id"
    r"|\[/?INST\]|[<\[]\|?eot(?:_id)?\|?[>\]]|<turn\|?>|<\|turn>|<\|(?:start|end|message|channel|return|call)\|>"
    r"|<[|｜]?/?(?:user|assistant|system|human|bot|chatbot)(?:_token|_start|_end)?[|｜]?>"
    r"|\bend_of_(?:utterance|role)\b",
    re.IGNORECASE,
)
"""Marks of turns and roles in the tokens of chat formats."""

_COMMON_FRAMES: Final = (
    "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n",
    "<start_of_turn>user\n{instruction}<end_of_turn>\n<start_of_turn>model\n",
    "<|start_header_id|>user<|end_header_id|>\n\n{instruction}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "[INST] {instruction} [/INST]",
    "<|user|>\n{instruction}<|end|>\n<|assistant|>\n",
)
_PLACEHOLDER: Final = "INSTRUCTION-GOES-HERE"


def find_chat_tokens(tokenizer: Tokenizer) -> list[int]:
    """Return the ids of chat tokens: those that look like one, and the special tokens of the templates."""
    added = tokenizer.hf.get_added_vocab()
    text_boundaries = {tokenizer.eos_id, tokenizer.pad_id, *tokenizer.start_ids}
    templates = "".join(tokenizer.chat_templates.values())
    return sorted(
        token_id
        for token, token_id in tokenizer.hf.get_vocab().items()
        if _CHAT_TOKEN.search(token)
        or (token in added and token in templates and token_id not in text_boundaries)
    )


def find_chat_frames(tokenizer: Tokenizer) -> dict[str, str]:
    """Return the texts around `{instruction}` in chats, by name and the standard one first.

    They come from the tokenizer's templates and from what it adds around plain text. Without any, a common
    chat format is used whose tokens are all in the vocabulary.
    """
    names = sorted(tokenizer.chat_templates, key=lambda name: name != "default")
    rendered = {name: _render_template(tokenizer, tokenizer.chat_templates[name]) for name in names}
    rendered["post-processor"] = _read_post_processor(tokenizer)
    frames: dict[str, str] = {}
    for name, frame in rendered.items():
        if frame is not None and frame not in frames.values():
            frames[name] = frame
    if frames:
        return frames
    vocabulary = tokenizer.hf.get_vocab()
    for frame in _COMMON_FRAMES:
        tokens = re.findall(r"<[^<>\n]+>|\[/?INST\]", frame)
        if all(token in vocabulary for token in tokens):
            return {"common": frame}
    return {}


def wraps_prompts(tokenizer: Tokenizer, chat_ids: Sequence[int]) -> bool:
    """Return whether the tokenizer adds more to plain text than the marks of a document's start and end."""
    before, after = tokenizer.implicit_ids
    return bool({*before, *after} & set(chat_ids)) or len(before) > 1 or len(after) > 1


def _render_template(tokenizer: Tokenizer, template: str) -> str | None:
    try:
        rendered = tokenizer.hf.apply_chat_template(
            [{"role": "user", "content": _PLACEHOLDER}],
            chat_template=template,
            tokenize=False,
            add_generation_prompt=True,
        )
    except Exception:  # A template is a program of a third party and may raise anything.
        return None
    if _PLACEHOLDER not in rendered:
        return None
    return str(rendered).replace(_PLACEHOLDER, "{instruction}")


def _read_post_processor(tokenizer: Tokenizer) -> str | None:
    """Return what the post-processor puts around plain text, if it is more than marks of a document."""
    before, after = tokenizer.implicit_ids
    if len(before) <= 1 and len(after) <= 1:
        return None
    return tokenizer.decode(list(before)) + "{instruction}" + tokenizer.decode(list(after))
