"""Verification: is this a base model, or has it been tuned to answer?

A base model continues text. A tuned one answers and ends its turn, even where nothing but a bare instruction
is before it. Measured on bare prompts, without template or wrapper:

- *chat leak*: the probability of chat tokens where a turn would end;
- *stop excess*: how much likelier the end of the text is after an answer than after a sentence of a document;
- *sentinels*: the share of bare instructions that are followed;
- *identity*: how much likelier "I am an AI" is than a person's answer to "Who are you?";
- *patterns*: completions that any base model manages; without them nothing can be concluded.

That a tokenizer comes with a chat template, or that the model knows how to end a turn inside one, says only
that it has seen chat data: many base models have. It counts with the evidence above, never alone. The
thresholds lie between the base and the tuned models of `calibration.json`.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from phases.contract import files
from phases.contract.heartbeat import Heartbeat
from phases.contract.reporter import Reporter
from phases.verification.spec import Parameters

if TYPE_CHECKING:
    from phases.models.loader import LoadedModel
    from phases.models.tokenizer import Tokenizer
    from phases.verifiers.registry import Check

Verdict = Literal["clean", "contaminated", "inconclusive"]
CALIBRATION: Final = Path(__file__).with_name("calibration.json")


# What the model is asked


class Sentinel(msgspec.Struct, frozen=True):
    """A bare instruction that a base model does not follow."""

    kind: str
    instruction: str
    checks: "tuple[Check, ...]"


def sentinels() -> tuple[Sentinel, ...]:
    """Return the sentinels: translation, numbered list, JSON, structured description, identity."""
    from phases.verifiers.registry import Check

    def translate(instruction: str, *answers: str) -> Sentinel:
        return Sentinel("translation", instruction, (Check("one_of", {"answers": list(answers)}),))

    def numbered(instruction: str, count: int) -> Sentinel:
        return Sentinel("numbered_list", instruction, (Check("numbered_list", {"count": count}),))

    def in_json(instruction: str, *keys: str) -> Sentinel:
        return Sentinel("json", instruction, (Check("json_object", {"keys": list(keys)}),))

    def describe(instruction: str, word: str, *checks: Check) -> Sentinel:
        return Sentinel("description", instruction, (*checks, Check("keywords", {"present": [word]})))

    def who(instruction: str) -> Sentinel:
        names = [
            "AI",
            "artificial intelligence",
            "language model",
            "assistant",
            "chatbot",
            "machine",
            "computer",
        ]
        bounds = Check("words", {"at_most": 60})
        return Sentinel("identity", instruction, (Check("any_keyword", {"options": names}), bounds))

    two_sentences = Check("sentences", {"at_least": 2, "at_most": 2})
    return (
        translate("Translate the word dog into French.", "chien", "le chien", "un chien"),
        translate("Translate into French: The cat is black.", "Le chat est noir"),
        translate("Translate the word house into Spanish.", "casa", "la casa", "una casa"),
        translate("What is the French word for water?", "eau", "l'eau", "de l'eau"),
        numbered("Write a numbered list of three animals.", 3),
        numbered("List four fruits as a numbered list.", 4),
        numbered("Give me a numbered list of five colors.", 5),
        numbered("Make a numbered list with two cities.", 2),
        in_json("Write a JSON object with the keys name and age.", "name", "age"),
        in_json('Give me a JSON object with the keys "city" and "country".', "city", "country"),
        in_json("Write a JSON object with the key color.", "color"),
        in_json('Return only JSON with the keys "title" and "year" for a book.', "title", "year"),
        describe("Describe a horse in exactly two sentences.", "horse", two_sentences),
        describe("Describe Paris in three bullet points.", "Paris", Check("bullets", {"count": 3})),
        describe(
            "Describe a tree in one sentence.", "tree", Check("sentences", {"at_least": 1, "at_most": 1})
        ),
        describe("Describe the sea in exactly two sentences.", "sea", two_sentences),
        who("Who are you?"),
        who("What are you?"),
        who("Are you a human or a machine?"),
        who("Introduce yourself in one sentence."),
    )


PATTERNS: Final = (
    ("1, 2, 3, 4,", ("5",)),
    ("2, 4, 6, 8,", ("10",)),
    ("a, b, c, d,", ("e",)),
    ("Monday, Tuesday, Wednesday,", ("Thursday",)),
    ("January, February, March,", ("April",)),
    ("red, blue, red, blue, red,", ("blue",)),
    ("The capital of France is Paris. The capital of Italy is", ("Rome",)),
    ("The opposite of hot is cold. The opposite of big is", ("small", "little")),
    ("hot - cold\nbig - small\nfast -", ("slow",)),
    ("one: 1\ntwo: 2\nthree:", ("3",)),
)
"""The beginning of a pattern, and how it goes on."""

EXCHANGES: Final = (
    ("What is the capital of Italy?", "The capital of Italy is Rome."),
    ("Name three colors.", "Red, green and blue."),
    ("How many days are there in a week?", "There are seven days in a week."),
    ("Translate the word dog into French.", "chien"),
    ("Write a numbered list of three animals.", "1. dog\n2. cat\n3. cow"),
    ("Write a JSON object with the keys name and age.", '{"name": "Tom", "age": 9}'),
    ("Describe a horse in one sentence.", "A horse is a large animal with four legs and a long tail."),
    ("What is the opposite of hot?", "The opposite of hot is cold."),
    ("Is a rose a flower?", "Yes, a rose is a flower."),
    ("Write a sentence about a dog.", "The dog ran in the garden."),
    ("What is 3 plus 4?", "3 plus 4 is 7."),
    ("Who wrote the letter?", "Anna wrote the letter."),
)
"""Instructions with complete answers."""

SENTENCES: Final = (
    "The train left the station at noon and went along the river.",
    "Tom walked to the market and bought a loaf of bread.",
    "The house on the hill was old and had a red door.",
    "In the morning the wind was cold and the sky was gray.",
    "A library is a place where books are kept.",
    "The farmer has two horses and a cow.",
    "Anna opened the box and saw a silver coin.",
    "She went home and slept.",
    "Dogs bark and cats meow.",
    "The garden is behind the house.",
    "We waited for an hour.",
    "Paris is the capital of France.",
)
"""Sentences of documents, which answer nothing."""

IDENTITY_QUESTIONS: Final = ("Who are you?", "What are you?", "Are you a human or a machine?")
ASSISTANT: Final = ("I am an AI assistant.", "I am an AI language model.", "I am an AI.")
PERSON: Final = ("I am a student.", "I am a human.", "I am a teacher.")

CHAT_TOKEN: Final = re.compile(
    r"im_(?:start|end|sep)|(?:start|end)_of_turn|\beot(?:_id)?\b|(?:start|end)_header_id|\[/?INST\]"
    r"|<turn\|?>|<\|turn>"
    r"|<[|｜]?/?(?:user|assistant|system|human|bot|chatbot)[|｜]?>|\bend_of_(?:utterance|role)\b|<\|end\|>",
    re.IGNORECASE,
)
"""How the tokens of chat formats are written: marks of turns and of roles."""

_FRAMES: Final = (
    "<|im_start|>user\n{instruction}<|im_end|>\n<|im_start|>assistant\n",
    "<start_of_turn>user\n{instruction}<end_of_turn>\n<start_of_turn>model\n",
    "<|start_header_id|>user<|end_header_id|>\n\n{instruction}<|eot_id|>"
    "<|start_header_id|>assistant<|end_header_id|>\n\n",
    "[INST] {instruction} [/INST]",
    "<|user|>\n{instruction}<|end|>\n<|assistant|>\n",
)
"""Common chat formats; one is tried where all its tokens are in the vocabulary and there is no template."""


# What was found


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence; see METRICS for each. `frame_stop` and `frame_gain` are None without a chat frame."""

    success_rate: float
    completion_rate: float
    chat_leak: float
    stop_excess: float
    identity_preference: float
    frame_stop: float | None
    frame_gain: float | None
    chat_template: bool
    chat_end_token: bool
    wraps_prompts: bool


class Thresholds(msgspec.Struct, frozen=True):
    """From where a signal is evidence of tuning, and from where it is strong evidence."""

    weak: float
    strong: float


CHAT_LEAK: Final = Thresholds(0.005, 0.05)
STOP_EXCESS: Final = Thresholds(0.05, 0.15)
SUCCESS: Final = Thresholds(0.30, 0.50)
IDENTITY: Final = 0.0
PATTERNS_NEEDED: Final = 0.6
SEEN_CHAT: Final = 0.1


def judge(signals: Signals) -> tuple[Verdict, tuple[str, ...]]:
    """Return the verdict and the reasons for it; no rule knows which model it is."""
    leak, stop, rate = signals.chat_leak, signals.stop_excess, signals.success_rate
    follows = f"it follows {rate:.0%} of bare instructions"
    stops = f"the end is {stop:+.2f} likelier after a bare answer than in a document"
    leaks = f"chat tokens have probability {leak:.4f} where a turn ends in bare text"
    chats = (signals.frame_stop or 0.0) >= SEEN_CHAT
    set_up = signals.chat_template or signals.chat_end_token
    contaminated = (
        (signals.wraps_prompts, "the tokenizer by itself puts chat tokens around plain text"),
        (leak >= CHAT_LEAK.strong, leaks),
        (stop >= STOP_EXCESS.strong and rate >= SUCCESS.strong, f"{follows}, and {stops}"),
        (stop >= STOP_EXCESS.strong and set_up and chats, f"{stops}, and it is set up for chats"),
    )
    if reasons := tuple(reason for holds, reason in contaminated if holds):
        return "contaminated", reasons
    identity = signals.identity_preference
    doubts = (
        (leak >= CHAT_LEAK.weak, leaks),
        (stop >= STOP_EXCESS.weak, stops),
        (rate >= SUCCESS.weak, follows),
        (identity >= IDENTITY, f"it calls itself an AI rather than a person ({identity:+.2f})"),
        (signals.chat_end_token and chats, "its end-of-text token is a chat token, which it uses in chats"),
        (
            signals.completion_rate < PATTERNS_NEEDED,
            f"it completes only {signals.completion_rate:.0%} of simple patterns: nothing can be concluded",
        ),
    )
    if reasons := tuple(reason for holds, reason in doubts if holds):
        return "inconclusive", reasons
    notes = ["it continues bare text as a document and completes patterns"]
    if signals.chat_template or chats:
        notes.append("it has met chats (template or turn endings), which base models may have")
    return "clean", tuple(notes)


def chat_token_ids(tokenizer: "Tokenizer") -> list[int]:
    """Return the ids of the vocabulary's chat tokens: written as such, or special tokens of the template."""
    added = tokenizer.hf.get_added_vocab()
    ends = {tokenizer.eos_id, tokenizer.pad_id, *tokenizer.start_ids}
    template = tokenizer.chat_template or ""
    return sorted(
        token_id
        for token, token_id in tokenizer.hf.get_vocab().items()
        if CHAT_TOKEN.search(token) or (token in added and token in template and token_id not in ends)
    )


def chat_frame(tokenizer: "Tokenizer") -> str | None:
    """Return a chat frame with a place for an instruction: the tokenizer's own, else a common one."""
    mark = "INSTRUCTION-GOES-HERE"
    if tokenizer.chat_template:
        try:
            rendered = tokenizer.hf.apply_chat_template(
                [{"role": "user", "content": mark}],
                chat_template=tokenizer.chat_template,
                tokenize=False,
                add_generation_prompt=True,
            )
        except Exception:  # a template is a program that anybody wrote: whatever it raises, it is of no use
            rendered = ""
        if mark in rendered:
            return str(rendered).replace(mark, "{instruction}")
    vocabulary = tokenizer.hf.get_vocab()
    for frame in _FRAMES:
        tokens = re.findall(r"<[^<>\n]+>|\[/?INST\]", frame)
        if all(token in vocabulary for token in tokens):
            return frame
    return None


# Measuring


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


def first_answer(text: str, finished: bool) -> tuple[str, bool]:
    """Return a completion's first block and whether it ended: base models write on after a blank line."""
    block, gap, _ = text.lstrip().partition("\n\n")
    return block.strip(), finished or bool(gap)


def measure(loaded: "LoadedModel", parameters: Parameters, reporter: Reporter) -> Evidence:
    """Ask the model everything and return the evidence."""
    from phases.generation.completion import end_token_ids

    tokenizer = loaded.tokenizer
    chat = chat_token_ids(tokenizer)
    ends = end_token_ids(loaded.tokenizer, loaded.model.generation_config)
    frame = chat_frame(tokenizer)
    completions = _ask_sentinels(loaded, parameters, reporter)
    patterns = _complete_patterns(loaded, parameters)
    reporter.notice(f"{sum(p['passed'] for p in patterns)} of {len(patterns)} patterns completed")
    positions = _probe_positions(loaded, parameters, chat, ends, frame)
    identity = _identity(loaded, parameters)
    means = {
        place: {
            name: sum(p[name] for p in rows) / len(rows) for name in ("chat_probability", "end_probability")
        }
        for place in {p["place"] for p in positions}
        if (rows := [p for p in positions if p["place"] == place])
    }
    answers = [means[place] for place in ("answer after line", "answer after blank line")]
    turn_ends = [means["instruction"], *answers]
    wrapped = {*tokenizer.implicit_ids[0], *tokenizer.implicit_ids[1]}
    signals = Signals(
        success_rate=sum(c["passed"] for c in completions) / len(completions),
        completion_rate=sum(p["passed"] for p in patterns) / len(patterns),
        chat_leak=sum(m["chat_probability"] for m in turn_ends) / len(turn_ends),
        stop_excess=sum(m["end_probability"] for m in answers) / len(answers)
        - means["document"]["end_probability"],
        identity_preference=max(identity[a] for a in ASSISTANT) - max(identity[p] for p in PERSON),
        frame_stop=means["answer in frame"]["end_probability"] if frame else None,
        frame_gain=_frame_gain(loaded, parameters, frame) if frame else None,
        chat_template=tokenizer.chat_template is not None,
        chat_end_token=any(end in chat for end in ends),
        wraps_prompts=bool(wrapped & set(chat)) or len(tokenizer.implicit_ids[0]) > 1,
    )
    names = {tokenizer.decode([i]): i for i in chat}
    return Evidence(
        signals,
        completions,
        patterns,
        positions,
        identity,
        names,
        {tokenizer.decode([i]): i for i in ends},
        frame,
    )


def _ask_sentinels(loaded: "LoadedModel", parameters: Parameters, reporter: Reporter) -> list[dict[str, Any]]:
    from phases.generation.generate import generate
    from phases.verifiers.registry import find_failures

    asked = sentinels()
    prompts = [f"{sentinel.instruction}\n" for sentinel in asked]
    heartbeat = Heartbeat(reporter, len(asked), "sentinels")
    rows: dict[int, dict[str, Any]] = {}
    for index, completion in generate(
        loaded,
        prompts,
        seeds=[parameters.seed] * len(prompts),
        max_new_tokens=parameters.max_new_tokens,
        batch_size=parameters.batch_size,
        on_step=lambda: heartbeat.beat(len(rows)),
    ):
        sentinel = asked[index]
        answer, complete = first_answer(completion.text, completion.finished)
        wrong = find_failures(sentinel.instruction, sentinel.checks, answer)
        passed = complete and not wrong
        rows[index] = {
            "kind": sentinel.kind,
            "prompt": prompts[index],
            "prompt_ids": loaded.tokenizer.encode_prompt(prompts[index]),
            "completion": completion.text,
            "judged": answer,
            "ended": completion.finished,
            "failures": wrong if complete else ("unfinished", *wrong),
            "passed": passed,
        }
        reporter.sample(
            f"sentinel: {sentinel.kind}",
            {"Bare prompt": prompts[index], "Completion": completion.text},
            passed,
        )
        reporter.progress(len(rows), len(asked), "sentinels")
    return [rows[index] for index in sorted(rows)]


def _complete_patterns(loaded: "LoadedModel", parameters: Parameters) -> list[dict[str, Any]]:
    from phases.generation.generate import generate
    from phases.verifiers.text import split_words

    rows = []
    for index, completion in generate(
        loaded,
        [text for text, _ in PATTERNS],
        seeds=[parameters.seed] * len(PATTERNS),
        max_new_tokens=6,
        batch_size=parameters.batch_size,
    ):
        text, expected = PATTERNS[index]
        first = (split_words(completion.text) or [""])[0]
        rows.append(
            {
                "prompt": text,
                "prompt_ids": loaded.tokenizer.encode_prompt(text),
                "completion": completion.text,
                "expected": expected,
                "passed": first in expected,
            }
        )
    return rows


def _probe_positions(
    loaded: "LoadedModel", parameters: Parameters, chat: Sequence[int], ends: Sequence[int], frame: str | None
) -> list[dict[str, Any]]:
    """Measure the probabilities of chat tokens and of the end where a turn ends, and in documents."""
    from phases.generation.scoring import score_next_tokens

    previous = (SENTENCES[-1], *SENTENCES[:-1])
    texts = [("instruction", asked) for asked, _ in EXCHANGES]
    texts += [("answer after line", f"{asked}\n{answer}") for asked, answer in EXCHANGES]
    texts += [("answer after blank line", f"{asked}\n\n{answer}") for asked, answer in EXCHANGES]
    texts += [("document", f"{before} {text}") for before, text in zip(previous, SENTENCES, strict=True)]
    if frame:
        texts += [
            ("answer in frame", frame.replace("{instruction}", asked) + answer) for asked, answer in EXCHANGES
        ]
    rows = []
    for first in range(0, len(texts), parameters.batch_size):
        batch = texts[first : first + parameters.batch_size]
        ids = [loaded.tokenizer.encode_prompt(text) for _, text in batch]
        # A frame that was rendered may hold the document's start already.
        start = list(loaded.tokenizer.start_ids)
        ids = [row[len(start) :] if start and row[: 2 * len(start)] == start * 2 else row for row in ids]
        probabilities = score_next_tokens(loaded, ids, batch_size=parameters.batch_size).exp()
        either = sorted({*chat, *ends})
        for (place, text), row, distribution in zip(batch, ids, probabilities, strict=True):
            in_frame = place == "answer in frame"
            rows.append(
                {
                    "place": place,
                    "text": text,
                    "ids": row,
                    "chat_probability": float(distribution[list(chat)].sum()) if chat else 0.0,
                    "end_probability": float(distribution[either if in_frame else list(ends)].sum()),
                }
            )
    return rows


def _identity(loaded: "LoadedModel", parameters: Parameters) -> dict[str, float]:
    from phases.generation.scoring import score_continuations

    means = {}
    for answer in (*ASSISTANT, *PERSON):
        prompts = [f"{question}\n" for question in IDENTITY_QUESTIONS]
        scores = score_continuations(
            loaded, prompts, [answer] * len(prompts), batch_size=parameters.batch_size
        )
        means[answer] = sum(score.mean for score in scores) / len(scores)
    return means


def _frame_gain(loaded: "LoadedModel", parameters: Parameters, frame: str) -> float:
    from phases.generation.scoring import score_continuations

    answers = [answer for _, answer in EXCHANGES]
    framed = [frame.replace("{instruction}", asked) for asked, _ in EXCHANGES]
    bare = [f"{asked}\n" for asked, _ in EXCHANGES]
    means = []
    for prompts in (framed, bare):
        scores = score_continuations(loaded, prompts, answers, batch_size=parameters.batch_size)
        means.append(sum(score.mean for score in scores) / len(scores))
    return means[0] - means[1]


# Reporting


def _text_report(name: str, verdict: Verdict, reasons: Sequence[str], evidence: Evidence) -> str:
    signals = msgspec.to_builtins(evidence.signals)
    calibration = msgspec.json.decode(CALIBRATION.read_bytes(), type=dict[str, Any])
    lines = [
        f"Verification of {name}: {verdict.upper()}",
        *(f"  - {reason}" for reason in reasons),
        "",
        "Signals (beside them the ranges of the calibration; seen: base models that have seen chats)",
    ]
    for signal, value in signals.items():
        ranges = "   ".join(
            f"{kind} {min(known):.3f}..{max(known):.3f}"
            for kind in ("base", "seen", "tuned")
            if (known := _known(calibration, kind, signal))
        )
        shown = f"{value:.4f}" if isinstance(value, float) else str(value)
        lines.append(f"  {signal:20} {shown:>10}   {ranges}".rstrip())
    lines += [
        "",
        *_thresholds(),
        "",
        *_error_rates(calibration),
        "",
        f"Chat tokens in the vocabulary: {evidence.chat_tokens or 'none'}",
        f"Tokens that end a text: {evidence.end_tokens}",
        "",
        *_places(evidence.positions),
        "",
        "Sentinels: bare instructions, which a base model does not follow",
    ]
    for row in evidence.completions:
        lines += [
            f"  [{'followed' if row['passed'] else 'not followed'}] {row['kind']}: {row['prompt']!r}",
            f"      ids {row['prompt_ids']}",
            f"      -> {row['completion']!r}",
        ]
    lines += ["", "Patterns, which a base model completes"]
    lines += [
        f"  [{'right' if row['passed'] else 'wrong'}] {row['prompt']!r} -> {row['completion']!r}"
        for row in evidence.patterns
    ]
    return "\n".join(lines) + "\n"


def _known(calibration: Mapping[str, Any], kind: str, signal: str) -> list[float]:
    values = [case["signals"].get(signal) for case in calibration["cases"] if case["kind"] == kind]
    return [value for value in values if isinstance(value, float)]


def _thresholds() -> list[str]:
    """Say from where each signal is evidence."""
    rows: tuple[tuple[str, Thresholds], ...] = (
        ("success_rate", SUCCESS),
        ("chat_leak", CHAT_LEAK),
        ("stop_excess", STOP_EXCESS),
    )
    return [
        "Thresholds: from the first a signal leaves doubt, from the second it is strong evidence",
        *(f"  {signal:20} {limits.weak:>10}   {limits.strong}" for signal, limits in rows),
        f"  {'identity_preference':20} {IDENTITY:>10}   leaves doubt alone",
        f"  {'completion_rate':20} {PATTERNS_NEEDED:>10}   below it nothing can be concluded",
        f"  {'frame_stop':20} {SEEN_CHAT:>10}   it has seen chats",
    ]


def _error_rates(calibration: Mapping[str, Any]) -> list[str]:
    """Say how often the present rules are wrong on the models tried, and how little so few models show."""
    from phases.scoring.stats import estimate_rate

    verdicts: dict[str, list[Verdict]] = {}
    for case in calibration["cases"]:
        kind = "tuned" if case["kind"] == "tuned" else "base"
        verdicts.setdefault(kind, []).append(judge(msgspec.convert(case["signals"], Signals))[0])
    lines = [
        f"Error rates on the {len(calibration['cases'])} cases tried; most were in view when the thresholds",
        "were set, and several are stages of one model: on other models the rates may be higher",
    ]
    mistakes: tuple[tuple[str, Verdict], ...] = (("base", "contaminated"), ("tuned", "clean"))
    for kind, wrong in mistakes:
        found = verdicts[kind]
        rate = estimate_rate(found.count(wrong), len(found))
        lines.append(
            f"  {kind:5} called {wrong + ':':13} {rate.passed} of {rate.total} "
            f"[{rate.low:.0%}, {rate.high:.0%}]; inconclusive: {found.count('inconclusive')}"
        )
    names = (f"{case['name']} ({case['kind']})" for case in calibration["cases"])
    return [*lines, f"  tried: {', '.join(names)}"]


def _places(positions: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the mean and largest probability of a chat token and of the end, by where they were measured."""
    lines = ["Probabilities by place      texts   chat token: mean, largest   end: mean, largest"]
    for place in dict.fromkeys(position["place"] for position in positions):
        rows = [position for position in positions if position["place"] == place]
        shown = [
            f"{sum(values) / len(values):.6f}, {max(values):.6f}"
            for name in ("chat_probability", "end_probability")
            if (values := [row[name] for row in rows])
        ]
        lines.append(f"  {place:25} {len(rows):>5}   {'        '.join(shown)}")
    return lines


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Verify the model."""
    from phases.models.loader import load_model
    from phases.models.provenance import build_provenance
    from phases.scoring.stats import estimate_rate

    loaded = load_model(parameters.model)
    reporter.notice(
        f"verifying {parameters.model} ({loaded.source.sha256[:12]}); chat_template=None and "
        "add_special_tokens=False, equal to the raw tokenizer; "
        f"documents start with {list(loaded.tokenizer.start_ids)}"
    )
    evidence = measure(loaded, parameters, reporter)
    verdict, reasons = judge(evidence.signals)
    rate = estimate_rate(sum(row["passed"] for row in evidence.completions), len(evidence.completions))
    metrics: dict[str, Any] = {
        "verdict": verdict,
        "clean": verdict == "clean",
        "success_rate_low": rate.low,
        "success_rate_high": rate.high,
        **{name: value for name, value in msgspec.to_builtins(evidence.signals).items() if value is not None},
    }
    record = build_provenance(loaded)
    now = datetime.datetime.now(datetime.UTC)
    path = parameters.output_dir / f"verification_{now:%Y%m%d_%H%M%S}.json"
    files.write_json(
        path,
        {
            "verdict": verdict,
            "reasons": reasons,
            "success_rate": rate.rate,
            "metrics": metrics,
            "evidence": evidence,
            "thresholds": {
                "chat_leak": CHAT_LEAK,
                "stop_excess": STOP_EXCESS,
                "success_rate": SUCCESS,
                "identity_preference": IDENTITY,
                "completion_rate": PATTERNS_NEEDED,
                "frame_stop": SEEN_CHAT,
            },
            "parameters": parameters.model_dump(mode="json"),
            "provenance": record,
        },
    )
    text = path.with_suffix(".txt")
    files.write_whole(text, _text_report(parameters.model, verdict, reasons, evidence))
    manifest = parameters.output_dir / "manifest.json"
    files.write_json(manifest, {"verification": path.name, "sha256": files.sha256(path), **record})
    for written in (path, text, manifest):
        reporter.artifact(written)
    reporter.notice(f"{verdict}: {'; '.join(reasons)}", "info" if verdict == "clean" else "warning")
    reporter.finish(metrics, dict.fromkeys(metrics, path.name), record)
