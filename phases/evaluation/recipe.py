"""Evaluation: how many instructions of a suite a model follows, greedily decoded, checked by programs.

Each prompt is wrapped by `prompt_format`. An answer must pass all checks of its prompt and be the whole
response: ended by the end-of-text token. A base model that answers well goes on to an instruction of its own;
`success_rate_if_stopped` counts its answer up to there, and so tells following from stopping in time.
With `shots`, every prompt is asked again after that many solved examples, which show how to stop: what a
model that was not tuned can do. The examples are hand-made seeds, never of the suite.
The public IFEval prompt file is a suite too: its four standard numbers are reported, which judge an answer as
it is, however it ended.
Answers are kept as they come in `eval_<time>.jsonl`; the same parameters again continue an unfinished file.
"""

import datetime
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from phases.contract import files
from phases.contract.heartbeat import Heartbeat
from phases.contract.reporter import Reporter
from phases.evaluation.spec import CATEGORIES, Parameters
from phases.verifiers import ifeval

if TYPE_CHECKING:
    from phases.datagen.seeds import Seed
    from phases.generation.engine import Engine
    from phases.models.source import ModelSource
    from phases.scoring.suite import Suite

SAMPLES = 12
STOP_RULE = "an answer ends at the end-of-text token; going on to another instruction is cut off and noted"
"""Recorded: answers under another rule are not continued, and models under different ones not compared."""


class Answer(msgspec.Struct, frozen=True):
    """One prompt's raw answer and what was found."""

    key: str
    category: str
    instruction: str
    response: str
    finished: bool
    tokens: int
    passed: bool
    failures: tuple[str, ...]
    shots: int = 0
    loose_failures: tuple[str, ...] = ()


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Evaluate the model."""
    from phases.generation.engine import choose_engine_here, open_engine
    from phases.models.source import locate_model
    from phases.scoring.stats import estimate_rate
    from phases.scoring.suite import default_suite, load_suite
    from phases.verifiers.registry import VERIFIERS_VERSION

    source = locate_model(parameters.model)
    suite = load_suite(
        default_suite((source.base or source).name) if parameters.suite == "auto" else parameters.suite
    )
    shown = demonstrations(suite, (source.base or source).name, parameters.shots, parameters.seed)
    choice = choose_engine_here(parameters.engine, source)
    fingerprint = _fingerprint(parameters, source, suite, shown, choice.name)
    rows_path = _rows_path(parameters.output_dir, fingerprint, reporter)
    answers = {(row["key"], row["shots"]): msgspec.convert(row, Answer) for row in _rows(rows_path)}
    writer = files.RowWriter(rows_path)
    if not rows_path.stat().st_size:
        writer.write([fingerprint])
    reporter.notice(
        f"evaluating {parameters.model} on {suite.name} ({len(suite.prompts)} prompts, version "
        f"{suite.version[:12]}) with {choice.name} ({choice.why}); {len(answers)} answered before; "
        "chat_template=None, add_special_tokens=False"
    )
    with open_engine(choice, source, batch_size=parameters.batch_size) as engine:
        speed = _ask(engine, parameters, suite, shown, answers=answers, writer=writer, reporter=reporter)
        record = engine.provenance(
            suite={"name": suite.name, "version": suite.version},
            verifiers=VERIFIERS_VERSION,
            stop_rule=STOP_RULE,
            demonstrations=shown,
            fingerprint=fingerprint,
            **({"sentences": ifeval.describe_sentence_splitter()} if _is_ifeval(suite) else {}),
        )
    writer.close()

    results = [answers[prompt.key, 0] for prompt in suite.prompts]
    few_shot = [answers[prompt.key, len(shown)] for prompt in suite.prompts] if shown else []
    metrics, categories = _metrics(results, few_shot)
    metrics |= {"tokens_per_second": speed.rate(), **_ifeval_numbers(suite, results)}
    overall = estimate_rate(sum(a.passed for a in results), len(results))
    summary_path = rows_path.with_suffix(".json")
    files.write_json(
        summary_path,
        {
            "success_rate": overall.rate,
            "success_rate_interval": [overall.low, overall.high],
            "success_rate_if_stopped": metrics["success_rate_if_stopped"],
            "prompts": overall.total,
            "passed": overall.passed,
            "suite": {"name": suite.name, "version": suite.version},
            "model": parameters.model,
            "parameters": parameters.model_dump(mode="json"),
            "metrics": metrics,
            "categories": categories,
            "results": results,
            "results_few_shot": few_shot,
            "provenance": record,
        },
    )
    reporter.artifact(summary_path)
    reporter.artifact(rows_path, len(answers))
    manifest = parameters.output_dir / "manifest.json"
    files.write_json(
        manifest, {"evaluation": summary_path.name, "sha256": files.sha256(summary_path), **record}
    )
    reporter.artifact(manifest)
    reporter.finish(metrics, dict.fromkeys(metrics, summary_path.name), record)
    reporter.notice(_sentence(metrics))


def _ask(
    engine: "Engine",
    parameters: Parameters,
    suite: "Suite",
    shown: "Sequence[Seed]",
    *,
    answers: dict[tuple[str, int], Answer],
    writer: files.RowWriter,
    reporter: Reporter,
) -> "_Speed":
    """Ask every prompt that has no answer yet, bare and after the examples; keep each answer as it comes."""
    from phases.generation.completion import PromptGroup, Sampling
    from phases.models import prompt_format

    rounds = [0, len(shown)] if shown else [0]
    total = len(suite.prompts) * len(rounds)
    reporter.progress(len(answers), total, "prompts")
    heartbeat = Heartbeat(reporter, total, "prompts")
    sampling = Sampling(parameters.max_new_tokens, stop=(prompt_format.NEXT_PROMPT,))
    speed = _Speed()
    for shots in rounds:
        left = [prompt for prompt in suite.prompts if (prompt.key, shots) not in answers]
        before = examples_text(shown) if shots else ""
        prompts = [before + prompt_format.format_prompt(prompt.instruction) for prompt in left]
        asked = PromptGroup(prompts, [parameters.seed] * len(left), sampling)
        landing = engine.generate([asked], on_step=lambda: heartbeat.beat(len(answers)))
        for index, completion in itertools.chain.from_iterable(landing):
            answers[left[index].key, shots] = answer = _judge(left[index], completion, shots)
            writer.write([answer])
            speed.count(completion.tokens)
            reporter.progress(len(answers), total, "prompts")
            if len(answers) % max(1, total // SAMPLES) == 0:
                _show(reporter, answer)
                so_far, _ = _metrics(*([a for a in answers.values() if a.shots == n] for n in rounds))
                rates: dict[str, float] = {
                    n: so_far[n] for n in ("success_rate", "success_rate_few_shot") if n in so_far
                }
                reporter.metric(len(answers), {**rates, "tokens_per_second": speed.rate()})
    return speed


def _is_ifeval(suite: "Suite") -> bool:
    return all(ifeval.has_ifeval_checks(prompt.checks) for prompt in suite.prompts)


def _ifeval_numbers(suite: "Suite", results: Sequence[Answer]) -> Mapping[str, float]:
    if not _is_ifeval(suite):
        return {}
    return ifeval.compute_scores(
        [prompt.checks for prompt in suite.prompts],
        [[failed for failed in a.failures if failed in ifeval.INSTRUCTIONS] for a in results],
        [a.loose_failures for a in results],
    )


def _sentence(metrics: Mapping[str, Any]) -> str:
    """Say the rates by both rules, and so how much of a failure is only going on."""

    def share(name: str) -> str:
        return f"{metrics[name]:.1%} [{metrics[f'{name}_low']:.1%}, {metrics[f'{name}_high']:.1%}]"

    few_shot = "success_rate_few_shot"
    return (
        f"{metrics['passed']} of {metrics['prompts']} followed: {share('success_rate')}; following alone, "
        f"without having to stop in time: {share('success_rate_if_stopped')}; "
        f"{metrics['went_on_rate']:.1%} went on, {metrics['truncation_rate']:.1%} cut off"
        + (f"; after examples: {share(few_shot)}" if few_shot in metrics else "")
        + "".join(f"; {name} {metrics[name]:.1%}" for name in ifeval.SCORES if name in metrics)
    )


def demonstrations(suite: "Suite", model: str, count: int, seed: int) -> "tuple[Seed, ...]":
    """Return solved examples for a model, one category after the other, none of them near a suite prompt.

    Args:
        suite: what the examples must not give away.
        model: name of the base model, by which its seeds are found.
        count: how many examples; where there are fewer, all.
        seed: chooses them and their order.
    """
    if not count:
        return ()
    from random import Random

    from phases.datagen.seeds import load_seeds
    from phases.scoring.overlap import SuiteOverlap
    from phases.scoring.suite import default_suite

    overlap = SuiteOverlap({prompt.key: prompt.instruction for prompt in suite.prompts})
    by_category: dict[str, list[Seed]] = defaultdict(list)
    rng = Random(seed)
    seeds = load_seeds(default_suite(model))
    for example in rng.sample(seeds, len(seeds)):
        if not overlap.find_contamination(example.instruction):
            by_category[example.category].append(example)
    in_turn = [e for some in itertools.zip_longest(*by_category.values()) for e in some if e]
    return tuple(rng.sample(in_turn[:count], len(in_turn[:count])))


def examples_text(examples: "Sequence[Seed]") -> str:
    """Return the text that stands before a prompt: each example in the prompt format, then a blank line."""
    from phases.models import prompt_format

    return "".join(f"{prompt_format.format_prompt(e.instruction)} {e.response}\n\n" for e in examples)


class _Speed:
    """Tokens a second since the model began to write."""

    def __init__(self) -> None:
        import time

        self._clock = time.monotonic
        self._started = self._clock()
        self._tokens = 0

    def count(self, tokens: int) -> None:
        self._tokens += tokens

    def rate(self) -> float:
        return self._tokens / max(1e-9, self._clock() - self._started)


def _judge(prompt: Any, completion: Any, shots: int = 0) -> Answer:
    from phases.verifiers.registry import find_failures

    loose: tuple[str, ...] = ()
    if ifeval.has_ifeval_checks(prompt.checks):
        wrong = ifeval.find_strict_failures(prompt.checks, completion.text)
        loose = ifeval.find_loose_failures(prompt.checks, completion.text)
    else:
        wrong = find_failures(prompt.instruction, prompt.checks, completion.text)
    if not completion.finished:
        wrong = ("unfinished", *wrong)
    elif completion.stopped:
        wrong = ("went_on", *wrong)
    return Answer(
        prompt.key,
        prompt.category,
        prompt.instruction,
        completion.text,
        completion.finished and not completion.stopped,
        completion.tokens,
        not wrong,
        wrong,
        shots,
        loose,
    )


def _show(reporter: Reporter, answer: Answer) -> None:
    texts = {"Instruction": answer.instruction, "Response": answer.response}
    if answer.failures == ("went_on",):
        texts["Fails"] = "followed, but then the model went on to another instruction"
    elif answer.failures:
        texts["Fails"] = ", ".join(answer.failures)
    title = f"{answer.category} {answer.key}" + (f", after {answer.shots} examples" if answer.shots else "")
    reporter.sample(title, texts, _if_stopped(answer) if answer.shots else answer.passed)


def _if_stopped(answer: Answer) -> bool:
    return set(answer.failures) <= {"went_on"}


def _metrics(
    results: Sequence[Answer], few_shot: Sequence[Answer] = ()
) -> tuple[dict[str, Any], dict[str, Any]]:
    from phases.scoring.stats import estimate_rate

    by_category: dict[str, list[Answer]] = defaultdict(list)
    for answer in results:
        by_category[answer.category].append(answer)
    rates = {
        name: estimate_rate(sum(a.passed for a in rows), len(rows)) for name, rows in by_category.items()
    }
    overall = estimate_rate(sum(a.passed for a in results), len(results))
    if_stopped = estimate_rate(sum(map(_if_stopped, results)), len(results))
    metrics: dict[str, Any] = {
        "success_rate": overall.rate,
        "success_rate_low": overall.low,
        "success_rate_high": overall.high,
        "prompts": overall.total,
        "passed": overall.passed,
        "truncation_rate": sum("unfinished" in a.failures for a in results) / len(results),
        "success_rate_if_stopped": if_stopped.rate,
        "success_rate_if_stopped_low": if_stopped.low,
        "success_rate_if_stopped_high": if_stopped.high,
        "went_on_rate": sum("went_on" in a.failures for a in results) / len(results),
        "mean_tokens": sum(a.tokens for a in results) / len(results),
    }
    if few_shot:
        shown = estimate_rate(sum(map(_if_stopped, few_shot)), len(few_shot))
        metrics |= {
            "success_rate_few_shot": shown.rate,
            "success_rate_few_shot_low": shown.low,
            "success_rate_few_shot_high": shown.high,
        }
    metrics |= {f"success_rate_{n}": r.rate for n, r in rates.items() if n in CATEGORIES}
    return metrics, {
        name: {
            "success_rate": r.rate,
            "interval": [r.low, r.high],
            "passed": r.passed,
            "prompts": r.total,
            "success_rate_if_stopped": sum(_if_stopped(a) for a in by_category[name]) / r.total,
        }
        for name, r in rates.items()
    }


def _fingerprint(
    parameters: Parameters, source: "ModelSource", suite: "Suite", shown: "Sequence[Seed]", engine: str
) -> dict[str, Any]:
    """Everything that the answers depend on: rows made under another fingerprint are never continued."""
    from phases.models.prompt_format import FORMAT_ID, NEXT_PROMPT
    from phases.verifiers.registry import VERIFIERS_VERSION

    return {
        "fingerprint": {
            "model_sha256": source.sha256,
            "engine": engine,
            "suite_version": suite.version,
            "verifiers": VERIFIERS_VERSION,
            "max_new_tokens": parameters.max_new_tokens,
            "prompt_format": FORMAT_ID,
            "stop_rule": STOP_RULE,
            "stop": NEXT_PROMPT,
            "seed": parameters.seed,
            "demonstrations": [msgspec.to_builtins(example) for example in shown],
        }
    }


def _rows(path: Path) -> list[dict[str, Any]]:
    return [row for row in files.read_rows(path) if "fingerprint" not in row] if path.is_file() else []


def _recorded_fingerprint(path: Path) -> dict[str, Any]:
    """Return the first row of a file of answers, with the version of the verifiers as it is named today."""
    from phases.verifiers.registry import resolve_version

    first = next(files.read_rows(path), {})
    made = first.get("fingerprint", {})
    return {**first, "fingerprint": {**made, "verifiers": resolve_version(made.get("verifiers"))}}


def _rows_path(output_dir: Path, fingerprint: Mapping[str, Any], reporter: Reporter) -> Path:
    """Return the unfinished file of these inputs and parameters, or a new one named by the time."""
    for path in sorted(output_dir.glob("eval_*.jsonl"), reverse=True):
        if path.with_suffix(".json").exists():
            continue
        if _recorded_fingerprint(path) == fingerprint:
            return path
        reporter.notice(
            f"{path} was made from another model, suite, stop rule or parameters, or judged by other "
            "verifiers; it is not continued",
            "warning",
        )
    now = datetime.datetime.now(datetime.UTC)
    return output_dir / f"eval_{now:%Y%m%d_%H%M%S}.jsonl"
