"""Verification: is a model a base model, or has it been tuned to answer?

A base model continues text. A tuned one answers and ends its turn, in the format that it was tuned in and
often in others. The signals are measured without a template or wrapper of the tokenizer:

- *stop excess*: how much more likely the end of text is after an answer in a plain-text format (bare, Alpaca,
  Vicuna, question and answer, user and assistant, ChatML as text, gonogo's own) than in texts that ask for
  nothing. The format with the highest value counts;
- *ended rate*: the share of answers in that format that the model ends by itself;
- *chat leak*: the probability of chat tokens where a turn would end in bare text;
- *sentinels*: the share of bare instructions that the model follows;
- *identity*: how much more likely "I am an AI" is than a person's answer to "Who are you?";
- *patterns*: completions that any base model manages; without them nothing can be concluded.

A chat template, or turns that end in a chat of chat tokens, only show that the model has seen chats, as many
base models have. The thresholds lie between the untuned and the tuned models of `calibration.json`.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import msgspec

from phases.contract import files
from phases.contract.protocol import NoticeLevel
from phases.contract.reporter import Reporter
from phases.models.loader import load_model
from phases.models.provenance import build_provenance
from phases.scoring.stats import RateEstimate, estimate_rate
from phases.verification import signals
from phases.verification.measurement import measure_evidence
from phases.verification.signals import draw_conclusion, list_passed, list_passed_as_in_suites
from phases.verification.spec import Parameters
from phases.verification.text_report import format_report


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Verify the model and write the evidence."""
    loaded = load_model(parameters.model)
    reporter.notice(
        f"verifying {parameters.model} ({loaded.source.sha256[:12]}); chat_template=None and "
        "add_special_tokens=False, equal to the raw tokenizer; "
        f"documents start with {list(loaded.tokenizer.start_ids)}"
    )
    evidence = measure_evidence(loaded, parameters, reporter)
    conclusion, reasons = draw_conclusion(evidence.signals)
    followed = _estimate(list_passed(evidence.completions))
    followed_in_format = _estimate(list_passed_as_in_suites(evidence.completions))
    measured = msgspec.to_builtins(evidence.signals)
    metrics: dict[str, Any] = {
        "verdict": conclusion,
        "clean": conclusion == "clean",
        "success_rate_low": followed.low,
        "success_rate_high": followed.high,
        "follow_rate_low": followed_in_format.low,
        "follow_rate_high": followed_in_format.high,
        **{name: value for name, value in measured.items() if value is not None},
    }

    provenance = build_provenance(loaded)
    now = datetime.datetime.now(datetime.UTC)
    report_path = parameters.output_dir / f"verification_{now:%Y%m%d_%H%M%S}.json"
    files.write_json(
        report_path,
        {
            "verdict": conclusion,
            "reasons": reasons,
            "success_rate": followed.rate,
            "metrics": metrics,
            "evidence": evidence,
            "thresholds": {
                "chat_leak": signals.CHAT_LEAK,
                "stop_excess": signals.STOP_EXCESS,
                "ended_rate": signals.ENDED_RATE,
                "success_rate": signals.SUCCESS_RATE,
                "identity_preference": signals.IDENTITY_PREFERENCE,
                "completion_rate": signals.MIN_COMPLETION_RATE,
                "frame_stop": signals.FRAME_STOP,
            },
            "parameters": parameters.model_dump(mode="json"),
            "provenance": provenance,
        },
    )
    text_path = report_path.with_suffix(".txt")
    files.write_atomically(text_path, format_report(parameters.model, conclusion, reasons, evidence))
    manifest_path = parameters.output_dir / "manifest.json"
    manifest = {"verification": report_path.name, "sha256": files.hash_path(report_path), **provenance}
    files.write_json(manifest_path, manifest)
    for path in (report_path, text_path, manifest_path):
        reporter.artifact(path)
    level: NoticeLevel = "info" if conclusion == "clean" else "warning"
    reporter.notice(f"{conclusion}: {'; '.join(reasons)}", level)
    reporter.finish(metrics, dict.fromkeys(metrics, report_path.name), provenance)


def _estimate(passed: Sequence[bool]) -> RateEstimate:
    return estimate_rate(sum(passed), len(passed))
