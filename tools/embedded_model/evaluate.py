"""Measure what the embedded model can do: `python -m tools.embedded_model.evaluate [--model DIR]`.

It measures few-shot and zero-shot accuracy on new tasks of its world, in gonogo's prompt format, which its
training documents never contain; completions of facts and sequences; how often it answers a bare instruction;
and the tasks that it writes after a list of tasks.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from phases.models.prompt_format import format_prompt
from tools.embedded_model import tasks, world
from tools.embedded_model.documents.exercises import write_exercises
from tools.embedded_model.task import Task
from tools.embedded_model.task_kinds.facts import draw_fact_stem
from tools.embedded_model.train import MODEL_DIR

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
BARE_INSTRUCTIONS: Final = (
    "Translate the word dog into French.",
    "List three colors as a numbered list.",
    "Write a JSON object with the keys name and age.",
    "Describe a cat in one sentence.",
    "Who are you?",
    "What is the capital of Spain?",
    "Name three animals.",
    "Write a sentence with the word garden.",
)


class Generator:
    """Generates continuations of prompts with a model, in batches."""

    def __init__(self, model: Path) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer = AutoTokenizer.from_pretrained(model, padding_side="left")
        self.model: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32).to(self.device)
        self.model.eval()

    def generate(
        self, prompts: Sequence[str], max_new_tokens: int, temperature: float = 0.0
    ) -> list[tuple[str, bool]]:
        """Return the continuation of each prompt, and whether the model ended it."""
        torch.manual_seed(SEED)
        sampling: dict[str, Any] = {"do_sample": False}
        if temperature:
            sampling = {"do_sample": True, "temperature": temperature}
        order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        batch_size = 512 if self.device == "cuda" else 64
        continuations: dict[int, tuple[str, bool]] = {}
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            inputs = self.tokenizer(
                [prompts[i] for i in batch], return_tensors="pt", padding=True, add_special_tokens=False
            ).to(self.device)
            with torch.no_grad():
                output = self.model.generate(
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    max_new_tokens=max_new_tokens,
                    **sampling,
                )
            new_ids = output[:, inputs["input_ids"].shape[1] :].tolist()
            for i, ids in zip(batch, new_ids, strict=True):
                continuations[i] = self._decode(ids)
        return [continuations[i] for i in range(len(prompts))]

    def _decode(self, ids: list[int]) -> tuple[str, bool]:
        end = self.tokenizer.eos_token_id
        if end not in ids:
            return self.tokenizer.decode(ids), False
        return self.tokenizer.decode(ids[: ids.index(end)]), True


def format_few_shot(examples: Sequence[Task], instruction: str) -> str:
    """Return solved examples, each followed by a blank line, and the instruction's prompt."""
    solved = "".join(f"{format_prompt(task.instruction)} {task.answer}\n\n" for task in examples)
    return solved + format_prompt(instruction)


def measure_few_shot(generator: Generator, tasks_per_kind: int, shots: int) -> dict[str, Any]:
    """Return the accuracy by kind and failures; a blank line or the end of text ends an answer."""
    rng = Random(SEED)
    drawn = [make(rng) for make in tasks.KINDS for _ in range(tasks_per_kind)]
    prompts = [
        format_few_shot([tasks.draw_task(rng) for _ in range(shots)], task.instruction) for task in drawn
    ]
    correct: dict[str, list[bool]] = defaultdict(list)
    failures = []
    for task, (text, has_ended) in zip(drawn, generator.generate(prompts, 48), strict=True):
        answer, blank_line, _ = text.partition("\n\n")
        is_correct = task.accepts(answer) and (has_ended or bool(blank_line))
        correct[task.kind].append(is_correct)
        if not is_correct:
            failures.append((task.instruction, answer, task.answer))
    every = [is_correct for group in correct.values() for is_correct in group]
    return {
        "accuracy": round(sum(every) / len(every), 3),
        "by_kind": {kind: round(sum(group) / len(group), 2) for kind, group in sorted(correct.items())},
        "failures": rng.sample(failures, min(25, len(failures))),
    }


def measure_zero_shot(generator: Generator, count: int) -> dict[str, Any]:
    """Return how often the complete response is correct, and how often its first block would be."""
    rng = Random(SEED + 1)
    drawn = [tasks.draw_task(rng) for _ in range(count)]
    responses = generator.generate([format_prompt(task.instruction) for task in drawn], 64)
    pairs = list(zip(drawn, responses, strict=True))
    return {
        "whole": round(sum(task.accepts(text) and ended for task, (text, ended) in pairs) / count, 3),
        "first_part": round(
            sum(task.accepts(text.partition("\n\n")[0]) for task, (text, _) in pairs) / count, 3
        ),
        "ended": round(sum(ended for _, ended in responses) / count, 3),
        "samples": [(task.instruction, text) for task, (text, _) in pairs[:8]],
    }


def measure_completions(generator: Generator, count: int) -> dict[str, Any]:
    """Return how many well-known and drawn beginnings are completed correctly."""
    rng = Random(SEED + 2)
    known = generator.generate([stem for stem, _ in COMPLETIONS], 8)
    failed = [
        (stem, text)
        for (stem, answer), (text, _) in zip(COMPLETIONS, known, strict=True)
        if not text.startswith(answer)
    ]
    facts = [draw_fact_stem(rng) for _ in range(count)]
    completed = generator.generate([stem for stem, _ in facts], 8)
    correct = sum(
        text.startswith(f" {answer}") for (_, answer), (text, _) in zip(facts, completed, strict=True)
    )
    return {
        "known": round(1 - len(failed) / len(known), 3),
        "known_failed": failed,
        "facts": round(correct / count, 3),
    }


def measure_bare_instructions(generator: Generator, count: int) -> dict[str, Any]:
    """Return how often a bare instruction is answered at once, in the rest of its line or in the next."""
    rng = Random(SEED + 3)
    drawn = [tasks.draw_task(rng) for _ in range(count)]
    continuations = generator.generate([task.instruction for task in drawn], 48)
    answered = 0
    for task, (text, _) in zip(drawn, continuations, strict=True):
        stripped = text.strip()
        candidates = (text, stripped.split("\n")[0], stripped.partition("\n\n")[0])
        answered += any(task.accepts(candidate) for candidate in candidates)
    examples = [text for text, _ in generator.generate(BARE_INSTRUCTIONS, 40)]
    return {
        "answered": round(answered / count, 3),
        "samples": list(zip(BARE_INSTRUCTIONS, examples, strict=True)),
    }


def measure_self_instruct(generator: Generator, count: int) -> dict[str, Any]:
    """Return how many tasks that the model writes after eight others are well-formed, copied and distinct."""
    rng = Random(SEED + 4)
    prompts, listed = [], []
    for _ in range(count):
        instructions = [tasks.draw_task(rng).instruction for _ in range(8)]
        listed.append(set(instructions))
        numbered = "".join(f"Task {n}: {text}\n" for n, text in enumerate(instructions, 1))
        prompts.append(f"{numbered}Task 9:")
    continuations = generator.generate(prompts, 32, temperature=0.9)
    lines = [text.strip().split("\n")[0] for text, _ in continuations]
    vocabulary = set(" ".join(write_exercises(rng) for _ in range(3000)).split())
    well_formed = [
        line
        for line in lines
        if 3 <= len(line.split()) <= 25 and set(line.split()) <= vocabulary  # noqa: PLR2004
    ]
    copied = sum(line in instructions for line, instructions in zip(lines, listed, strict=True))
    return {
        "well_formed": round(len(well_formed) / count, 3),
        "copied": round(copied / count, 3),
        "distinct": round(len(set(well_formed)) / max(1, len(well_formed)), 3),
        "samples": lines[:16],
    }


def main() -> None:
    """Measure everything and print the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tools.embedded_model.evaluate", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL_DIR)
    parser.add_argument("--each", type=int, default=20, help="few-shot tasks of each kind")
    parser.add_argument("--count", type=int, default=400, help="prompts of the other measurements")
    arguments = parser.parse_args()
    generator = Generator(arguments.model)
    results = {
        "few_shot_3": measure_few_shot(generator, arguments.each, 3),
        "few_shot_5": measure_few_shot(generator, arguments.each, 5),
        "zero_shot": measure_zero_shot(generator, arguments.count),
        "completions": measure_completions(generator, arguments.count),
        "bare": measure_bare_instructions(generator, arguments.count),
        "self_instruct": measure_self_instruct(generator, arguments.count // 4),
        "world": {"categories": len(world.CATEGORIES), "kinds": len(tasks.KINDS)},
    }
    print(json.dumps(results, indent=1, ensure_ascii=False))  # noqa: T201


if __name__ == "__main__":
    main()
