"""Measuring the signals of tuning on a loaded model."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from phases.contract.reporter import Reporter
from phases.contract.throttled_progress import ThrottledProgress
from phases.generation.endings import list_end_token_ids
from phases.generation.generate import generate
from phases.generation.scoring import score_continuations
from phases.models.loader import LoadedModel
from phases.verification.chat_format import find_chat_frames, find_chat_tokens, wraps_prompts
from phases.verification.plain_formats import (
    BARE_LINE,
    CLOSED,
    GONOGO,
    PLAIN_FRAMES,
    list_plain_frames,
)
from phases.verification.positions import Position, list_texts, measure_positions
from phases.verification.signals import Signals, compute_signals, find_stop_place
from phases.verification.spec import Parameters
from phases.verification.stimuli import (
    ASSISTANT_ANSWERS,
    EXCHANGES,
    IDENTITY_QUESTIONS,
    PATTERNS,
    PERSON_ANSWERS,
    Sentinel,
    list_sentinels,
)
from phases.verifiers.registry import find_failures
from phases.verifiers.text import split_words

PATTERN_TOKENS: Final = 6
"""Tokens generated after a pattern; the first word of them counts."""


class Evidence(msgspec.Struct, frozen=True):
    """The signals with everything that they were computed from."""

    signals: Signals
    completions: list[dict[str, Any]]
    patterns: list[dict[str, Any]]
    positions: list[Position]
    identity: dict[str, float]
    chat_tokens: dict[str, int]
    end_tokens: dict[str, int]
    chats: dict[str, str]


def measure_evidence(loaded: LoadedModel, parameters: Parameters, reporter: Reporter) -> Evidence:
    """Return the signals of a model and what they were computed from."""
    tokenizer = loaded.tokenizer
    chat_ids = find_chat_tokens(tokenizer)
    end_ids = list_end_token_ids(tokenizer, loaded.model.generation_config)
    chats = find_chat_frames(tokenizer)
    frames = list_plain_frames(tokenizer)
    positions = measure_positions(
        loaded,
        list_texts(frames, chats),
        chat_ids=chat_ids,
        end_ids=end_ids,
        batch_size=parameters.batch_size,
    )
    stop_format = find_stop_place(positions).partition(CLOSED)[0]
    reporter.notice(f"among plain-text formats, it ends answers most likely in {stop_format!r}")
    formats = dict.fromkeys((BARE_LINE, GONOGO, stop_format))
    completions = _complete_sentinels(loaded, list(formats), parameters, reporter)
    patterns = _complete_patterns(loaded, parameters)
    reporter.notice(f"{sum(row['passed'] for row in patterns)} of {len(patterns)} patterns completed")
    identity = _score_identity(loaded, parameters)
    signals = compute_signals(
        completions=completions,
        patterns=patterns,
        positions=positions,
        identity_preference=max(identity[answer] for answer in ASSISTANT_ANSWERS)
        - max(identity[answer] for answer in PERSON_ANSWERS),
        frame_gain=_score_frame_gain(loaded, parameters, next(iter(chats.values()))) if chats else None,
        chat_template=bool(tokenizer.chat_templates),
        chat_end_token=any(token_id in chat_ids for token_id in end_ids),
        wraps_prompts=wraps_prompts(tokenizer, chat_ids),
    )
    return Evidence(
        signals=signals,
        completions=completions,
        patterns=patterns,
        positions=positions,
        identity=identity,
        chat_tokens={tokenizer.decode([token_id]): token_id for token_id in chat_ids},
        end_tokens={tokenizer.decode([token_id]): token_id for token_id in end_ids},
        chats=chats,
    )


def extract_first_block(text: str, finished: bool, turn_ends: Sequence[str] = ()) -> tuple[str, bool]:
    """Return the first block of a completion and whether it is complete.

    Base models continue after a blank line, so a blank line ends an answer as well, as does the mark that
    ends a turn of the format.
    """
    block = text.lstrip()
    for end in ("\n\n", *turn_ends):
        block, mark, _ = block.partition(end)
        finished = finished or bool(mark)
    return block.strip(), finished


def _complete_sentinels(
    loaded: LoadedModel, frames: Sequence[str], parameters: Parameters, reporter: Reporter
) -> list[dict[str, Any]]:
    """Return the answers to the sentinels in each of the frames."""
    requests = [(name, sentinel) for name in frames for sentinel in list_sentinels()]
    prompts = [PLAIN_FRAMES[name].format_prompt(sentinel.instruction) for name, sentinel in requests]
    progress = ThrottledProgress(reporter, len(requests), "sentinels")
    rows: dict[int, dict[str, Any]] = {}
    for index, completion in generate(
        loaded,
        prompts,
        seeds=[parameters.seed] * len(prompts),
        max_new_tokens=parameters.max_new_tokens,
        batch_size=parameters.batch_size,
        on_step=lambda: progress.update(len(rows)),
    ):
        name, sentinel = requests[index]
        row = _judge(name, sentinel, completion.text, completion.finished)
        rows[index] = {
            **row,
            "prompt": prompts[index],
            "prompt_ids": loaded.tokenizer.encode_prompt(prompts[index]),
        }
        reporter.sample(
            f"sentinel: {sentinel.kind}, {name}",
            {"Prompt": prompts[index], "Completion": completion.text},
            row["passed"],
        )
        reporter.progress(len(rows), len(requests), "sentinels")
    return [rows[index] for index in sorted(rows)]


def _judge(name: str, sentinel: Sentinel, text: str, finished: bool) -> dict[str, Any]:
    answer, is_complete = extract_first_block(text, finished, PLAIN_FRAMES[name].turn_ends)
    failures = find_failures(sentinel.instruction, sentinel.checks, answer)
    return {
        "frame": name,
        "kind": sentinel.kind,
        "completion": text,
        "judged": answer,
        "ended": finished,
        "failures": failures if is_complete else ("unfinished", *failures),
        "passed": is_complete and not failures,
    }


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


def _score_identity(loaded: LoadedModel, parameters: Parameters) -> dict[str, float]:
    """Return the mean log-probability per token of each answer to the questions about identity."""
    prompts = [f"{question}\n" for question in IDENTITY_QUESTIONS]
    answers = (*ASSISTANT_ANSWERS, *PERSON_ANSWERS)
    scores = score_continuations(
        loaded,
        prompts * len(answers),
        [answer for answer in answers for _ in prompts],
        batch_size=parameters.batch_size,
    )
    count = len(prompts)
    return {
        answer: sum(score.mean for score in scores[n * count : (n + 1) * count]) / count
        for n, answer in enumerate(answers)
    }


def _score_frame_gain(loaded: LoadedModel, parameters: Parameters, frame: str) -> float:
    answers = [answer for _, answer in EXCHANGES]
    framed = [frame.replace("{instruction}", instruction) for instruction, _ in EXCHANGES]
    bare = [f"{instruction}\n" for instruction, _ in EXCHANGES]
    return _compute_mean_score(loaded, parameters, framed, answers) - _compute_mean_score(
        loaded, parameters, bare, answers
    )


def _compute_mean_score(
    loaded: LoadedModel, parameters: Parameters, prompts: Sequence[str], answers: Sequence[str]
) -> float:
    scores = score_continuations(loaded, prompts, answers, batch_size=parameters.batch_size)
    return sum(score.mean for score in scores) / len(scores)
