"""Evaluation: how many instructions of a suite a model follows with greedy decoding, as checked by programs.

Each prompt has the format of `prompt_format`. An answer must pass all checks of its prompt and end with the
end-of-text token. A base model that answers well then starts another instruction; `success_rate_if_stopped`
counts its answer up to there, which separates following from stopping in time.

With `shots`, every prompt is answered a second time after that many solved examples, which show how to stop:
what the model can do without tuning. The examples are hand-made seeds that do not resemble any prompt of the
suite.

IFEval's public prompt file is a suite as well. Its four standard scores, which ignore how an answer ended,
are reported.

Answers are written to `eval_<time>.jsonl` as they finish. A run with the same parameters continues an
unfinished file.
"""

import itertools
import time
from collections.abc import Sequence
from typing import Final

from phases.contract import files
from phases.contract.heartbeat import Heartbeat
from phases.contract.reporter import Reporter
from phases.datagen.seeds import Seed
from phases.evaluation.answers_file import (
    STOP_RULE,
    AnswerKey,
    compute_fingerprint,
    find_answers_file,
    open_answers_file,
    read_answers,
)
from phases.evaluation.few_shot import choose_examples, format_examples
from phases.evaluation.metrics import (
    check_answer,
    compute_ifeval_scores,
    compute_metrics,
    describe_metrics,
    is_ifeval_suite,
    summarise_categories,
)
from phases.evaluation.spec import Parameters
from phases.generation.completion import PromptGroup, Sampling
from phases.generation.engine import Engine, choose_engine_here, open_engine
from phases.models.prompt_format import NEXT_PROMPT, format_prompt
from phases.models.source import locate_model
from phases.scoring.results import EvaluatedAnswer
from phases.scoring.suite import Suite, default_suite, load_suite
from phases.verifiers import ifeval
from phases.verifiers.registry import VERIFIERS_VERSION

SAMPLES: Final = 12
"""Answers that are shown while the model is evaluated."""


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Evaluate the model and write its answers and their summary."""
    source = locate_model(parameters.model)
    base_model = (source.base or source).name
    suite = load_suite(default_suite(base_model) if parameters.suite == "auto" else parameters.suite)
    examples = choose_examples(suite, base_model, parameters.shots, parameters.seed)
    choice = choose_engine_here(parameters.engine, source)

    fingerprint = compute_fingerprint(parameters, source, suite, examples, choice.name)
    answers_path = find_answers_file(parameters.output_dir, fingerprint, reporter)
    answers = read_answers(answers_path)
    writer = open_answers_file(answers_path, fingerprint)
    reporter.notice(
        f"evaluating {parameters.model} on {suite.name} ({len(suite.prompts)} prompts, version "
        f"{suite.version[:12]}) with {choice.name} ({choice.why}); {len(answers)} answers exist already; "
        "chat_template=None, add_special_tokens=False"
    )
    with open_engine(choice, source, batch_size=parameters.batch_size) as engine:
        tokens_per_second = _generate_answers(
            engine, parameters, suite, examples, answers=answers, writer=writer, reporter=reporter
        )
        provenance = engine.provenance(
            suite={"name": suite.name, "version": suite.version},
            verifiers=VERIFIERS_VERSION,
            stop_rule=STOP_RULE,
            demonstrations=examples,
            fingerprint=fingerprint,
            **({"sentences": ifeval.describe_sentence_splitter()} if is_ifeval_suite(suite) else {}),
        )
    writer.close()

    results = [answers[prompt.key, 0] for prompt in suite.prompts]
    few_shot_results = [answers[prompt.key, len(examples)] for prompt in suite.prompts] if examples else []
    metrics = {
        **compute_metrics(results, few_shot_results),
        "tokens_per_second": tokens_per_second,
        **compute_ifeval_scores(suite, results),
    }
    summary_path = answers_path.with_suffix(".json")
    files.write_json(
        summary_path,
        {
            "success_rate": metrics["success_rate"],
            "success_rate_interval": [metrics["success_rate_low"], metrics["success_rate_high"]],
            "success_rate_if_stopped": metrics["success_rate_if_stopped"],
            "prompts": metrics["prompts"],
            "passed": metrics["passed"],
            "suite": {"name": suite.name, "version": suite.version},
            "model": parameters.model,
            "parameters": parameters.model_dump(mode="json"),
            "metrics": metrics,
            "categories": summarise_categories(results),
            "results": results,
            "results_few_shot": few_shot_results,
            "provenance": provenance,
        },
    )
    reporter.artifact(summary_path)
    reporter.artifact(answers_path, len(answers))
    manifest = parameters.output_dir / "manifest.json"
    files.write_json(
        manifest,
        {"evaluation": summary_path.name, "sha256": files.hash_path(summary_path), **provenance},
    )
    reporter.artifact(manifest)
    reporter.finish(metrics, dict.fromkeys(metrics, summary_path.name), provenance)
    reporter.notice(describe_metrics(metrics))


def _generate_answers(
    engine: Engine,
    parameters: Parameters,
    suite: Suite,
    examples: Sequence[Seed],
    *,
    answers: dict[AnswerKey, EvaluatedAnswer],
    writer: files.RowWriter,
    reporter: Reporter,
) -> float:
    """Add the missing answers, without and with examples, and write each as it finishes.

    Returns:
        The generated tokens per second.
    """
    shot_counts = [0, len(examples)] if examples else [0]
    total = len(suite.prompts) * len(shot_counts)
    reporter.progress(len(answers), total, "prompts")
    heartbeat = Heartbeat(reporter, total, "prompts")
    sampling = Sampling(parameters.max_new_tokens, stop=(NEXT_PROMPT,))
    started = time.monotonic()
    tokens = 0
    for shots in shot_counts:
        prompts = [prompt for prompt in suite.prompts if (prompt.key, shots) not in answers]
        prefix = format_examples(examples) if shots else ""
        group = PromptGroup(
            [prefix + format_prompt(prompt.instruction) for prompt in prompts],
            [parameters.seed] * len(prompts),
            sampling,
        )
        batches = engine.generate([group], on_step=lambda: heartbeat.beat(len(answers)))
        for index, completion in itertools.chain.from_iterable(batches):
            answer = check_answer(prompts[index], completion, shots)
            writer.write([answer])
            answers[answer.key, shots] = answer
            tokens += completion.tokens
            reporter.progress(len(answers), total, "prompts")
            if len(answers) % max(1, total // SAMPLES) == 0:
                _report_sample(answer, reporter)
                speed = _tokens_per_second(tokens, started)
                rates = _compute_rates(list(answers.values()))
                reporter.metric(len(answers), {**rates, "tokens_per_second": speed})
    return _tokens_per_second(tokens, started)


def _tokens_per_second(tokens: int, started: float) -> float:
    return tokens / max(1e-9, time.monotonic() - started)


def _compute_rates(answers: Sequence[EvaluatedAnswer]) -> dict[str, float]:
    """Return the success rates of the answers so far."""
    bare = [answer for answer in answers if not answer.shots]
    few_shot = [answer for answer in answers if answer.shots]
    rates = {"success_rate": sum(answer.passed for answer in bare) / len(bare)}
    if few_shot:
        rates["success_rate_few_shot"] = sum(answer.is_following for answer in few_shot) / len(few_shot)
    return rates


def _report_sample(answer: EvaluatedAnswer, reporter: Reporter) -> None:
    texts = {"Instruction": answer.instruction, "Response": answer.response}
    if answer.failures == ("went_on",):
        texts["Fails"] = "followed, but then the model started another instruction"
    elif answer.failures:
        texts["Fails"] = ", ".join(answer.failures)
    if answer.shots:
        title = f"{answer.category} {answer.key}, after {answer.shots} examples"
        reporter.sample(title, texts, answer.is_following)
    else:
        reporter.sample(f"{answer.category} {answer.key}", texts, answer.passed)
