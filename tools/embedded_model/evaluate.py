"""Measure what the embedded model can do: `python -m tools.embedded_model.evaluate [--model DIR]`.

Few-shot and zero-shot accuracy on fresh tasks of its world, in gonogo's prompt format, which its training
documents never show; completions of facts and sequences; how often a bare instruction is answered; what it
writes when it is asked for more tasks.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

from tools.embedded_model import corpus, tasks, world
from tools.embedded_model.tasks import Task

SEED: Final = 77
COMPLETIONS: Final = (
    ("Monday, Tuesday, Wednesday,", " Thursday"),
    ("1, 2, 3, 4,", " 5"),
    ("The capital of France is", " Paris"),
    ("The opposite of hot is", " cold"),
    ("red green red green red", " green"),
    ("a b c d", " e"),
    ("2, 4, 6, 8,", " 10"),
    ("January, February, March,", " April"),
    ("dog, cat, dog, cat, dog,", " cat"),
    ("one two three four", " five"),
    ("The French word for dog is", " chien"),
    ("3 + 4 = 7\n2 + 2 =", " 4"),
    ("dog: chien\ncat: chat\nhouse:", " maison"),
    ("hot - cold\nbig - small\nfast -", " slow"),
    ("Four score and seven years ago our fathers", " brought forth"),
    ("Mary had a little", " lamb"),
)
BARE: Final = (
    "Translate the word dog into French.",
    "List three colors as a numbered list.",
    "Write a JSON object with the keys name and age.",
    "Describe a cat in one sentence.",
    "Who are you?",
    "What is the capital of Spain?",
    "Name three animals.",
    "Write a sentence with the word garden.",
)


class Writer:
    """Writes continuations of prompts with a model, in batches."""

    def __init__(self, model: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        self.model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).to(self.device)
        self.model.eval()

    def __call__(
        self, prompts: Sequence[str], length: int, temperature: float = 0.0
    ) -> list[tuple[str, bool]]:
        """Return for each prompt its continuation, and whether it ended by itself."""
        import torch

        torch.manual_seed(SEED)
        found: dict[int, tuple[str, bool]] = {}
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        size = 512 if self.device == "cuda" else 64
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            inputs = self.tokenizer(
                [prompts[i] for i in chosen], return_tensors="pt", padding=True, add_special_tokens=False
            ).to(self.device)
            sampling = (
                {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
            )
            with torch.no_grad():
                written = self.model.generate(
                    input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"],
                    max_new_tokens=length, **sampling,
                )  # fmt: skip
            for i, ids in zip(chosen, written[:, inputs["input_ids"].shape[1] :].tolist(), strict=True):
                ended = self.tokenizer.eos_token_id in ids
                kept = ids[: ids.index(self.tokenizer.eos_token_id)] if ended else ids
                found[i] = self.tokenizer.decode(kept), ended
        return [found[i] for i in range(len(prompts))]


def few_shot_prompt(examples: Sequence[Task], instruction: str) -> str:
    """Return examples in the prompt format, a blank line after each, and the prompt of the instruction."""
    shown = "".join(f"Instruction: {t.instruction}\nResponse: {t.answer}\n\n" for t in examples)
    return f"{shown}Instruction: {instruction}\nResponse:"


def few_shot(write: Writer, each: int, shots: int) -> dict[str, Any]:
    """Return the accuracy by kind, and examples of failures; an answer ends at a blank line or the end."""
    rng = Random(SEED)
    asked = [maker(rng) for maker in tasks.KINDS for _ in range(each)]
    prompts = [few_shot_prompt([tasks.task(rng) for _ in range(shots)], task.instruction) for task in asked]
    right: dict[str, list[bool]] = defaultdict(list)
    failures = []
    for task, (text, ended) in zip(asked, write(prompts, 48), strict=True):
        answer, blank, _ = text.partition("\n\n")
        good = task.accepts(answer) and (ended or bool(blank))
        right[task.kind].append(good)
        if not good:
            failures.append((task.instruction, answer, task.answer))
    flat = [g for group in right.values() for g in group]
    return {
        "accuracy": round(sum(flat) / len(flat), 3),
        "by_kind": {k: round(sum(g) / len(g), 2) for k, g in sorted(right.items())},
        "failures": rng.sample(failures, min(25, len(failures))),
    }


def zero_shot(write: Writer, count: int) -> dict[str, Any]:
    """Return how often the whole response is right, and how often its first part would be."""
    rng = Random(SEED + 1)
    asked = [tasks.task(rng) for _ in range(count)]
    written = write([few_shot_prompt([], task.instruction) for task in asked], 64)
    whole = [task.accepts(text) and ended for task, (text, ended) in zip(asked, written, strict=True)]
    first = [task.accepts(text.partition("\n\n")[0]) for task, (text, _) in zip(asked, written, strict=True)]
    return {
        "whole": round(sum(whole) / count, 3),
        "first_part": round(sum(first) / count, 3),
        "ended": round(sum(ended for _, ended in written) / count, 3),
        "samples": [(t.instruction, text) for t, (text, _) in zip(asked[:8], written, strict=False)],
    }


def completions(write: Writer, count: int) -> dict[str, Any]:
    """Return how many well-known and drawn beginnings are completed right."""
    rng = Random(SEED + 2)
    known = write([stem for stem, _ in COMPLETIONS], 8)
    stems = [tasks.fact_stem(rng) for _ in range(count)]
    facts = write([stem for stem, _ in stems], 8)
    return {
        "known": round(
            sum(t.startswith(a) for (_, a), (t, _) in zip(COMPLETIONS, known, strict=True)) / len(known), 3
        ),
        "known_failed": [
            (s, t) for (s, a), (t, _) in zip(COMPLETIONS, known, strict=True) if not t.startswith(a)
        ],
        "facts": round(
            sum(t.startswith(f" {a}") for (_, a), (t, _) in zip(stems, facts, strict=True)) / count, 3
        ),
    }


def bare(write: Writer, count: int) -> dict[str, Any]:
    """Return how often a bare instruction is answered at once, in the rest of its line or in the next."""
    rng = Random(SEED + 3)
    asked = [tasks.task(rng) for _ in range(count)]
    written = write([task.instruction for task in asked], 48)
    answered = [
        any(
            task.accepts(part)
            for part in (text, text.strip().split("\n")[0], text.strip().partition("\n\n")[0])
        )
        for task, (text, _) in zip(asked, written, strict=True)
    ]
    samples = list(zip(BARE, (text for text, _ in write(BARE, 40)), strict=True))
    return {"answered": round(sum(answered) / count, 3), "samples": samples}


def self_instruct(write: Writer, count: int) -> dict[str, Any]:
    """Return how many tasks written after eight others end well, are new, and are distinct."""
    rng = Random(SEED + 4)
    prompts, given = [], []
    for _ in range(count):
        shown = [tasks.task(rng).instruction for _ in range(8)]
        given.append(set(shown))
        prompts.append("".join(f"Task {n}: {text}\n" for n, text in enumerate(shown, 1)) + "Task 9:")
    lines = [text.strip().split("\n")[0] for text, _ in write(prompts, 32, temperature=0.9)]
    words = set(" ".join(corpus.exercises(rng) for _ in range(3000)).split())
    good = [line for line in lines if 3 <= len(line.split()) <= 25 and set(line.split()) <= words]  # noqa: PLR2004
    return {
        "well_formed": round(len(good) / count, 3),
        "copied": round(sum(line in shown for line, shown in zip(lines, given, strict=True)) / count, 3),
        "distinct": round(len(set(good)) / max(1, len(good)), 3),
        "samples": lines[:16],
    }


def main() -> None:
    """Run all probes and print their results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tools.embedded_model.evaluate", description=__doc__)
    parser.add_argument(
        "--model", type=Path, default=Path(__file__).parents[2] / "phases" / "embedded" / "model"
    )
    parser.add_argument("--each", type=int, default=20, help="few-shot tasks of each kind")
    parser.add_argument("--count", type=int, default=400, help="prompts of the other probes")
    given = parser.parse_args()
    write = Writer(given.model)
    found = {
        "few_shot_3": few_shot(write, given.each, 3),
        "few_shot_5": few_shot(write, given.each, 5),
        "zero_shot": zero_shot(write, given.count),
        "completions": completions(write, given.count),
        "bare": bare(write, given.count),
        "self_instruct": self_instruct(write, given.count // 4),
        "world": {"categories": len(world.CATEGORIES), "kinds": len(tasks.KINDS)},
    }
    print(json.dumps(found, indent=1, ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main()
