"""Measuring the signals of chat tuning on a loaded model."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from phases.contract.heartbeat import Heartbeat
from phases.contract.reporter import Reporter
from phases.generation.completion import end_token_ids
from phases.generation.generate import generate
from phases.generation.scoring import score_continuations, score_next_tokens
from phases.models.loader import LoadedModel
from phases.verification.chat_format import find_chat_frame, find_chat_tokens
from phases.verification.signals import Signals
from phases.verification.spec import Parameters
from phases.verification.stimuli import (
    ASSISTANT_ANSWERS,
    EXCHANGES,
    IDENTITY_QUESTIONS,
    PATTERNS,
    PERSON_ANSWERS,
    SENTENCES,
    list_sentinels,
)
from phases.verifiers.registry import find_failures
from phases.verifiers.text import split_words

PATTERN_TOKENS: Final = 6
"""Tokens generated after a pattern; the first word of them counts."""
IN_FRAME: Final = "answer in frame"
BARE_ANSWERS: Final = ("answer after line", "answer after blank line")


class Evidence(msgspec.Struct, frozen=True):
    """The signals with everything that they were computed from."""

    signals: Signals
    completions: list[dict[str, Any]]
    patterns: list[dict[str, Any]]
    positions: list[dict[str, Any]]
    identity: dict[str, float]
    chat_tokens: dict[str, int]
    end_tokens: dict[str, int]
    frame: str | None


def measure_evidence(loaded: LoadedModel, parameters: Parameters, reporter: Reporter) -> Evidence:
    """Return the signals of a model and what they were computed from."""
    tokenizer = loaded.tokenizer
    chat_ids = find_chat_tokens(tokenizer)
    end_ids = end_token_ids(tokenizer, loaded.model.generation_config)
    frame = find_chat_frame(tokenizer)
    completions = _complete_sentinels(loaded, parameters, reporter)
    patterns = _complete_patterns(loaded, parameters)
    reporter.notice(f"{sum(row['passed'] for row in patterns)} of {len(patterns)} patterns completed")
    positions = _measure_positions(loaded, parameters, chat_ids, end_ids, frame)
    identity = _score_identity(loaded, parameters)
    chat = _average_by_place(positions, "chat_probability")
    end = _average_by_place(positions, "end_probability")
    turn_ends = ("instruction", *BARE_ANSWERS)
    bare_end = sum(end[place] for place in BARE_ANSWERS) / len(BARE_ANSWERS)
    ids_before, ids_after = tokenizer.implicit_ids
    signals = Signals(
        success_rate=sum(row["passed"] for row in completions) / len(completions),
        completion_rate=sum(row["passed"] for row in patterns) / len(patterns),
        chat_leak=sum(chat[place] for place in turn_ends) / len(turn_ends),
        stop_excess=bare_end - end["document"],
        identity_preference=max(identity[answer] for answer in ASSISTANT_ANSWERS)
        - max(identity[answer] for answer in PERSON_ANSWERS),
        frame_stop=end[IN_FRAME] if frame else None,
        frame_gain=_score_frame_gain(loaded, parameters, frame) if frame else None,
        chat_template=tokenizer.chat_template is not None,
        chat_end_token=any(token_id in chat_ids for token_id in end_ids),
        wraps_prompts=bool({*ids_before, *ids_after} & set(chat_ids)) or len(ids_before) > 1,
    )
    return Evidence(
        signals=signals,
        completions=completions,
        patterns=patterns,
        positions=positions,
        identity=identity,
        chat_tokens={tokenizer.decode([token_id]): token_id for token_id in chat_ids},
        end_tokens={tokenizer.decode([token_id]): token_id for token_id in end_ids},
        frame=frame,
    )


def extract_first_block(text: str, finished: bool) -> tuple[str, bool]:
    """Return the first block of a completion and whether it is complete.

    Base models continue after a blank line, so a blank line ends an answer as well.
    """
    block, gap, _ = text.lstrip().partition("\n\n")
    return block.strip(), finished or bool(gap)


def _complete_sentinels(
    loaded: LoadedModel, parameters: Parameters, reporter: Reporter
) -> list[dict[str, Any]]:
    sentinels = list_sentinels()
    prompts = [f"{sentinel.instruction}\n" for sentinel in sentinels]
    heartbeat = Heartbeat(reporter, len(sentinels), "sentinels")
    rows: dict[int, dict[str, Any]] = {}
    for index, completion in generate(
        loaded,
        prompts,
        seeds=[parameters.seed] * len(prompts),
        max_new_tokens=parameters.max_new_tokens,
        batch_size=parameters.batch_size,
        on_step=lambda: heartbeat.beat(len(rows)),
    ):
        sentinel = sentinels[index]
        answer, is_complete = extract_first_block(completion.text, completion.finished)
        failures = find_failures(sentinel.instruction, sentinel.checks, answer)
        passed = is_complete and not failures
        rows[index] = {
            "kind": sentinel.kind,
            "prompt": prompts[index],
            "prompt_ids": loaded.tokenizer.encode_prompt(prompts[index]),
            "completion": completion.text,
            "judged": answer,
            "ended": completion.finished,
            "failures": failures if is_complete else ("unfinished", *failures),
            "passed": passed,
        }
        reporter.sample(
            f"sentinel: {sentinel.kind}",
            {"Bare prompt": prompts[index], "Completion": completion.text},
            passed,
        )
        reporter.progress(len(rows), len(sentinels), "sentinels")
    return [rows[index] for index in sorted(rows)]


def _complete_patterns(loaded: LoadedModel, parameters: Parameters) -> list[dict[str, Any]]:
    rows = []
    for index, completion in generate(
        loaded,
        [text for text, _ in PATTERNS],
        seeds=[parameters.seed] * len(PATTERNS),
        max_new_tokens=PATTERN_TOKENS,
        batch_size=parameters.batch_size,
    ):
        text, expected = PATTERNS[index]
        words = split_words(completion.text)
        rows.append(
            {
                "prompt": text,
                "prompt_ids": loaded.tokenizer.encode_prompt(text),
                "completion": completion.text,
                "expected": expected,
                "passed": bool(words) and words[0] in expected,
            }
        )
    return rows


def _measure_positions(
    loaded: LoadedModel,
    parameters: Parameters,
    chat_ids: Sequence[int],
    end_ids: Sequence[int],
    frame: str | None,
) -> list[dict[str, Any]]:
    """Return the probabilities of a chat token and of the end, where a turn would end and in documents."""
    texts = _list_texts_by_place(frame)
    rows = []
    for first in range(0, len(texts), parameters.batch_size):
        batch = texts[first : first + parameters.batch_size]
        ids = [_encode_once(loaded, text) for _, text in batch]
        probabilities = score_next_tokens(loaded, ids, batch_size=parameters.batch_size).exp()
        for (place, text), row, distribution in zip(batch, ids, probabilities, strict=True):
            # In a chat, a chat token ends the turn as well.
            stop_ids = sorted({*chat_ids, *end_ids}) if place == IN_FRAME else list(end_ids)
            rows.append(
                {
                    "place": place,
                    "text": text,
                    "ids": row,
                    "chat_probability": float(distribution[list(chat_ids)].sum()) if chat_ids else 0.0,
                    "end_probability": float(distribution[stop_ids].sum()),
                }
            )
    return rows


def _list_texts_by_place(frame: str | None) -> list[tuple[str, str]]:
    after_line, after_blank_line = BARE_ANSWERS
    preceding = (SENTENCES[-1], *SENTENCES[:-1])
    texts = [("instruction", instruction) for instruction, _ in EXCHANGES]
    texts += [(after_line, f"{instruction}\n{answer}") for instruction, answer in EXCHANGES]
    texts += [(after_blank_line, f"{instruction}\n\n{answer}") for instruction, answer in EXCHANGES]
    texts += [("document", f"{before} {text}") for before, text in zip(preceding, SENTENCES, strict=True)]
    if frame:
        texts += [
            (IN_FRAME, frame.replace("{instruction}", instruction) + answer)
            for instruction, answer in EXCHANGES
        ]
    return texts


def _encode_once(loaded: LoadedModel, text: str) -> list[int]:
    """Return the ids of a prompt without a second document start, which a chat template may render."""
    ids = loaded.tokenizer.encode_prompt(text)
    start = list(loaded.tokenizer.start_ids)
    has_two_starts = bool(start) and ids[: 2 * len(start)] == start * 2
    return ids[len(start) :] if has_two_starts else ids


def _average_by_place(positions: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for position in positions:
        values.setdefault(position["place"], []).append(position[name])
    return {place: sum(numbers) / len(numbers) for place, numbers in values.items()}


def _score_identity(loaded: LoadedModel, parameters: Parameters) -> dict[str, float]:
    """Return the mean log-probability per token of each answer to the questions about identity."""
    prompts = [f"{question}\n" for question in IDENTITY_QUESTIONS]
    return {
        answer: _mean_score(loaded, parameters, prompts, [answer] * len(prompts))
        for answer in (*ASSISTANT_ANSWERS, *PERSON_ANSWERS)
    }


def _score_frame_gain(loaded: LoadedModel, parameters: Parameters, frame: str) -> float:
    answers = [answer for _, answer in EXCHANGES]
    framed = [frame.replace("{instruction}", instruction) for instruction, _ in EXCHANGES]
    bare = [f"{instruction}\n" for instruction, _ in EXCHANGES]
    return _mean_score(loaded, parameters, framed, answers) - _mean_score(loaded, parameters, bare, answers)


def _mean_score(
    loaded: LoadedModel, parameters: Parameters, prompts: Sequence[str], answers: Sequence[str]
) -> float:
    scores = score_continuations(loaded, prompts, answers, batch_size=parameters.batch_size)
    return sum(score.mean for score in scores) / len(scores)
