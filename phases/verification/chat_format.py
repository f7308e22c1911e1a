"""Chat tokens in a tokenizer's vocabulary, and a chat frame around an instruction."""

import re
from typing import Final

from phases.models.tokenizer import Tokenizer

_CHAT_TOKEN: Final = re.compile(
    r"im_(?:start|end|sep)|(?:start|end)_of_turn|\beot(?:_id)?\b|(?:start|end)_header_id|\[/?INST\]"
    r"|<turn\|?>|<\|turn>"
    r"|<[|｜]?/?(?:user|assistant|system|human|bot|chatbot)[|｜]?>|\bend_of_(?:utterance|role)\b|<\|end\|>",
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
    """Return the ids of chat tokens: those that look like one, and the special tokens of the template."""
    added = tokenizer.hf.get_added_vocab()
    text_boundaries = {tokenizer.eos_id, tokenizer.pad_id, *tokenizer.start_ids}
    template = tokenizer.chat_template or ""
    return sorted(
        token_id
        for token, token_id in tokenizer.hf.get_vocab().items()
        if _CHAT_TOKEN.search(token)
        or (token in added and token in template and token_id not in text_boundaries)
    )


def find_chat_frame(tokenizer: Tokenizer) -> str | None:
    """Return the text around `{instruction}` in a chat.

    It comes from the tokenizer's template, or else is a common chat format whose tokens are all in the
    vocabulary.
    """
    frame = _render_template(tokenizer)
    if frame is not None:
        return frame
    vocabulary = tokenizer.hf.get_vocab()
    for frame in _COMMON_FRAMES:
        tokens = re.findall(r"<[^<>\n]+>|\[/?INST\]", frame)
        if all(token in vocabulary for token in tokens):
            return frame
    return None


def _render_template(tokenizer: Tokenizer) -> str | None:
    if not tokenizer.chat_template:
        return None
    try:
        rendered = tokenizer.hf.apply_chat_template(
            [{"role": "user", "content": _PLACEHOLDER}],
            chat_template=tokenizer.chat_template,
            tokenize=False,
            add_generation_prompt=True,
        )
    except Exception:  # A template is a program of a third party and may raise anything.
        return None
    if _PLACEHOLDER not in rendered:
        return None
    return str(rendered).replace(_PLACEHOLDER, "{instruction}")
