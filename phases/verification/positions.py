"""The places where a model would end a text or a turn: after answers in every format, and in other texts."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from phases.generation.scoring import score_next_tokens
from phases.models.loader import LoadedModel
from phases.verification.plain_formats import CLOSED, PlainFrame
from phases.verification.stimuli import EXCHANGES, SENTENCES

INSTRUCTION: Final = "instruction"
DOCUMENT: Final = "document"
RECORD: Final = "record"
STATEMENT: Final = "statement"
OTHER_TEXTS: Final = (DOCUMENT, RECORD, STATEMENT)
"""Places without a request: the same answers after statements, and running text."""
CHAT: Final = "chat: "
"""Begins the names of the places after an answer in a chat."""


class Position(msgspec.Struct, frozen=True):
    """The end of a text, and the probabilities of what comes next.

    Attributes:
        place: the kind of text; for an answer the name of its frame.
        text: the text.
        ids: its token ids.
        chat: probability of a chat token.
        stop: probability of a token that ends a text or a turn.
    """

    place: str
    text: str
    ids: list[int]
    chat: float
    stop: float


def measure_positions(
    loaded: LoadedModel,
    texts: Sequence[tuple[str, str]],
    *,
    chat_ids: Sequence[int],
    end_ids: Sequence[int],
    batch_size: int,
) -> list[Position]:
    """Return the probabilities of a chat token and of an end after each text, given with its place."""
    stop_ids = sorted({*chat_ids, *end_ids})
    is_chat = [token_id in chat_ids for token_id in stop_ids]
    ids = [_encode_once(loaded, text) for _, text in texts]
    # Texts of similar length share a batch.
    order = sorted(range(len(ids)), key=lambda i: -len(ids[i]))
    scores = score_next_tokens(loaded, [ids[i] for i in order], batch_size=batch_size, tokens=stop_ids).exp()
    rows = dict(zip(order, scores.tolist(), strict=True))
    return [
        Position(
            place,
            text,
            ids[i],
            chat=sum(value for value, chat in zip(rows[i], is_chat, strict=True) if chat),
            stop=sum(rows[i]),
        )
        for i, (place, text) in enumerate(texts)
    ]


def list_texts(frames: Mapping[str, PlainFrame], chats: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return every text to measure with its place: answers in all formats, and texts without a request.

    Args:
        frames: the plain-text formats by name.
        chats: the chat formats by name, each with `{instruction}`.
    """
    texts = [(INSTRUCTION, instruction) for instruction, _ in EXCHANGES]
    for name, frame in frames.items():
        answers = [frame.format_answer(instruction, answer) for instruction, answer in EXCHANGES]
        texts += [(name, answer) for answer in answers]
        for mark in frame.turn_ends:
            texts += [(f"{name}{CLOSED}{mark!r}", answer + mark) for answer in answers]
    for name, chat in chats.items():
        texts += [
            (CHAT + name, chat.replace("{instruction}", instruction) + answer)
            for instruction, answer in EXCHANGES
        ]
    preceding = (SENTENCES[-1], *SENTENCES[:-1])
    answers = [answer for _, answer in EXCHANGES]
    texts += [(DOCUMENT, f"{before} {text}") for before, text in zip(preceding, SENTENCES, strict=True)]
    texts += [
        (RECORD, f"Note: {before}\nRemark: {text}") for before, text in zip(SENTENCES, answers, strict=True)
    ]
    texts += [(STATEMENT, f"{before}\n{text}") for before, text in zip(SENTENCES, answers, strict=True)]
    return texts


def average_stops(positions: Sequence[Position]) -> dict[str, float]:
    """Return the mean probability of an end at each place."""
    values: dict[str, list[float]] = {}
    for position in positions:
        values.setdefault(position.place, []).append(position.stop)
    return {place: sum(numbers) / len(numbers) for place, numbers in values.items()}


def _encode_once(loaded: LoadedModel, text: str) -> list[int]:
    """Return the ids of a prompt without a second document start, which a chat template may render."""
    ids = loaded.tokenizer.encode_prompt(text)
    start = list(loaded.tokenizer.start_ids)
    has_two_starts = bool(start) and ids[: 2 * len(start)] == start * 2
    return ids[len(start) :] if has_two_starts else ids
