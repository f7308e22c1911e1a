"""Evaluation: how many instructions of a suite a model follows with greedy decoding, as checked by programs.

Each prompt has the format of `prompt_format`. Two things are measured: *following*, whether the output up to
its first new turn or its first paragraph passes all checks of the prompt, and *stopping*, whether it ends by
itself after the answer. A base model that answers well and then writes another exercise follows without
stopping.

With `shots`, every prompt is answered a second time after that many solved examples of its category: what the
model can do without tuning. The examples are hand-made seeds that do not resemble any prompt of the suite.

If the suite has a held-out test half, the model answers it as well. These answers go to a sealed file and
appear neither in metrics nor in samples, so that no decision depends on them before the comparison.

With the suite `stage1`, the model also answers vetted requests, harmful ones and harmless ones that look like
them: refusal and over-refusal are metrics of their own, and these answers count for no other rate.

IFEval's public prompt file is a suite as well. Its four standard scores, which ignore how an answer ended,
are reported.

Answers are written to `eval_<time>.jsonl` as they finish. A run with the same parameters continues unfinished
files.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.failure_names import FOLLOWED_WITHOUT_STOPPING, name_failures
from phases.contract.reporter import Reporter
from phases.contract.throttled_progress import ThrottledProgress
from phases.evaluation.answers_file import (
    SEAL,
    STOP_RULE,
    AnswerKey,
    compute_fingerprint,
    find_answers_file,
    find_sealed_file,
    open_answers_file,
    read_answers,
)
from phases.evaluation.few_shot import Examples, choose_examples, format_examples
from phases.evaluation.judging import check_answer
from phases.evaluation.metrics import (
    compute_ifeval_scores,
    compute_metrics,
    describe_metrics,
    is_ifeval_suite,
    summarize_categories,
)
from phases.evaluation.refusal_sets import compute_refusal_metrics, load_refusal_sets
from phases.evaluation.spec import Parameters
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import Engine, choose_engine_here, open_engine
from phases.models.prompt_format import NEXT_PROMPT, format_prompt
from phases.models.source import locate_model
from phases.scoring.declined_requests import find_refusals_file
from phases.scoring.results import EvaluatedAnswer, SealedAnswers, SuiteId
from phases.scoring.suite import TEST_HALF, Prompt, Suite, choose_default_suite, load_halves
from phases.verifiers import ifeval
from phases.verifiers.registry import VERIFIERS_VERSION

SAMPLES: Final = 12
"""Answers that are shown while the model is evaluated."""


@dataclass
class SuiteRun:
    """The answers to one half of a suite and the file that they are written to, with its first row."""

    suite: Suite
    path: Path
    header: Mapping[str, Any]
    answers: dict[AnswerKey, EvaluatedAnswer]
    shot_counts: tuple[int, ...]
    is_sealed: bool = False
    is_shown: bool = True

    def list_results(self, shots: int) -> list[EvaluatedAnswer]:
        """Return the answers with this number of examples in the suite's order."""
        return [self.answers[prompt.key, shots] for prompt in self.suite.prompts]


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Evaluate the model and write its answers and their summary."""
    source = locate_model(parameters.model)
    base_model = (source.base or source).name
    halves = _load_suite(choose_default_suite(base_model) if parameters.suite == "auto" else parameters.suite)
    suite = halves[0]
    examples = choose_examples(halves, base_model, parameters.shots, parameters.seed)
    choice = choose_engine_here(parameters.engine, source)

    fingerprint = compute_fingerprint(parameters, source, halves, examples, choice.name)
    answers_path = find_answers_file(parameters.output_dir, fingerprint, reporter)
    shots = (0, parameters.shots) if parameters.shots else (0,)
    runs = [SuiteRun(suite, answers_path, fingerprint, read_answers(answers_path), shots)]
    for test_half in halves[1:]:
        path = find_sealed_file(answers_path)
        header = {**fingerprint, "sealed": SEAL}
        runs.append(
            SuiteRun(test_half, path, header, read_answers(path), shots, is_sealed=True, is_shown=False)
        )
    if refusal_sets := load_refusal_sets(suite):
        path = find_refusals_file(answers_path)
        header = {**fingerprint, "vetted": refusal_sets.version}
        runs.append(SuiteRun(refusal_sets, path, header, read_answers(path), (0,), is_shown=False))
    reporter.notice(
        f"evaluating {parameters.model} on {suite.name} ({len(suite.prompts)} prompts, version "
        f"{suite.version[:12]}) with {choice.name} ({choice.why}); "
        f"{sum(len(each.answers) for each in runs)} answers exist already; "
        "chat_template=None, add_special_tokens=False"
    )
    with open_engine(choice, source, batch_size=parameters.batch_size) as engine:
        tokens_per_second = _Generation(engine, parameters, examples, runs, reporter).generate()
        provenance = engine.describe_provenance(
            suite={"name": suite.name, "version": suite.version},
            verifiers=VERIFIERS_VERSION,
            stop_rule=STOP_RULE,
            demonstrations=examples,
            fingerprint=fingerprint,
            **({"sentences": ifeval.describe_sentence_splitter()} if is_ifeval_suite(suite) else {}),
        )

    results = runs[0].list_results(0)
    few_shot_results = runs[0].list_results(parameters.shots) if parameters.shots else []
    metrics = {
        **compute_metrics(results, few_shot_results),
        "tokens_per_second": tokens_per_second,
        **compute_ifeval_scores(suite, results),
        **(compute_refusal_metrics(runs[-1].list_results(0)) if refusal_sets else {}),
    }
    summary_path = answers_path.with_suffix(".json")
    files.write_json(
        summary_path,
        {
            "success_rate": metrics["success_rate"],
            "success_rate_interval": [metrics["success_rate_low"], metrics["success_rate_high"]],
            "following_rate": metrics["following_rate"],
            "stopping_rate": metrics["stopping_rate"],
            "prompts": metrics["prompts"],
            "passed": metrics["passed"],
            "suite": {"name": suite.name, "version": suite.version},
            "model": parameters.model,
            "parameters": parameters.model_dump(mode="json"),
            "metrics": metrics,
            "categories": summarize_categories(results),
            "results": results,
            "results_few_shot": few_shot_results,
            "sealed": _seal(runs),
            "provenance": provenance,
        },
    )
    reporter.artifact(summary_path)
    for each in runs:
        reporter.artifact(each.path, len(each.answers))
    manifest = parameters.output_dir / "manifest.json"
    files.write_json(
        manifest,
        {"evaluation": summary_path.name, "sha256": files.hash_path(summary_path), **provenance},
    )
    reporter.artifact(manifest)
    reporter.finish(metrics, dict.fromkeys(metrics, summary_path.name), provenance)
    reporter.notice(describe_metrics(metrics))


def _load_suite(name: str) -> tuple[Suite, ...]:
    """Return a suite, followed by its test half if it has one.

    Raises:
        BadInputError: the name is that of a test half.
    """
    halves = load_halves(name)
    if len(halves) > 1 and name.endswith(TEST_HALF):
        development = halves[1].name
        raise BadInputError(
            f"--suite {name}: this is the held-out test half of {development}; expected {development}, which "
            "evaluates both and keeps the answers to the test half sealed for the comparison"
        )
    return halves


def _seal(runs: Sequence[SuiteRun]) -> SealedAnswers | None:
    """Return the record of the sealed answers, or None if the suite has no test half."""
    for each in runs:
        if each.is_sealed:
            suite = SuiteId(each.suite.name, each.suite.version)
            return SealedAnswers(each.path.name, files.hash_path(each.path), suite)
    return None


class _Generation:
    """Adds the missing answers of all halves, without and with examples, and writes each as it finishes."""

    def __init__(
        self,
        engine: Engine,
        parameters: Parameters,
        examples: Examples,
        runs: Sequence[SuiteRun],
        reporter: Reporter,
    ) -> None:
        self._engine = engine
        self._seed = parameters.seed
        self._sampling = Sampling(parameters.max_new_tokens, stop=(NEXT_PROMPT,))
        self._examples = examples
        self._runs = runs
        self._reporter = reporter
        self._total = sum(len(each.suite.prompts) * len(each.shot_counts) for each in runs)
        self._done = sum(len(each.answers) for each in runs)
        self._progress = ThrottledProgress(reporter, self._total, "prompts")
        self._tokens = 0
        self._started = time.monotonic()

    def generate(self) -> float:
        """Generate the answers and return the tokens per second."""
        self._reporter.progress(self._done, self._total, "prompts")
        for each in self._runs:
            writer = open_answers_file(each.path, each.header)
            for shots in each.shot_counts:
                self._answer(each, shots, writer.write)
            writer.close()
        return self._measure_speed()

    def _answer(self, each: SuiteRun, shots: int, write: Callable[[Sequence[object]], None]) -> None:
        prompts = [prompt for prompt in each.suite.prompts if (prompt.key, shots) not in each.answers]
        group = PromptGroup(
            [self._format(prompt, shots) for prompt in prompts], [self._seed] * len(prompts), self._sampling
        )
        batches = self._engine.generate([group], on_step=lambda: self._progress.update(self._done))
        for index, completion in itertools.chain.from_iterable(batches):
            answer = check_answer(prompts[index], completion, shots)
            write([answer])
            each.answers[answer.key, shots] = answer
            self._tokens += completion.tokens
            self._done += 1
            self._reporter.progress(self._done, self._total, "prompts")
            if each.is_shown and self._done % max(1, self._total // SAMPLES) == 0:
                _report_sample(answer, self._reporter)
                rates = _compute_rates(list(each.answers.values()))
                self._reporter.metric(self._done, {**rates, "tokens_per_second": self._measure_speed()})

    def _format(self, prompt: Prompt, shots: int) -> str:
        prefix = format_examples(self._examples[prompt.category]) if shots else ""
        return prefix + format_prompt(prompt.instruction)

    def _measure_speed(self) -> float:
        return self._tokens / max(1e-9, time.monotonic() - self._started)


def _compute_rates(answers: Sequence[EvaluatedAnswer]) -> dict[str, float]:
    """Return the rates of the answers so far."""
    bare = [answer for answer in answers if not answer.shots]
    few_shot = [answer for answer in answers if answer.shots]
    rates = {
        "following_rate": sum(answer.is_following for answer in bare) / len(bare),
        "stopping_rate": sum(answer.is_stopping for answer in bare) / len(bare),
    }
    if few_shot:
        rates["following_rate_few_shot"] = sum(answer.is_following for answer in few_shot) / len(few_shot)
    return rates


def _report_sample(answer: EvaluatedAnswer, reporter: Reporter) -> None:
    texts = {"Instruction": answer.instruction, "Response": answer.response}
    if answer.is_following and not answer.passed:
        texts["Note"] = FOLLOWED_WITHOUT_STOPPING
    elif answer.failures:
        texts["Fails"] = name_failures(answer.failures)
    title = f"{answer.category} {answer.key}"
    if answer.shots:
        title += f", after {answer.shots} examples"
    reporter.sample(title, texts, answer.is_following)
