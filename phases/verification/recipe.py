"""Verification: is a model a base model, or has it been tuned to answer?

A base model continues text. A tuned one answers and ends its turn, even if there is nothing but a bare
instruction before it. The signals are measured on bare prompts, without a template or wrapper:

- *chat leak*: the probability of chat tokens where a turn would end;
- *stop excess*: how much more likely the end of text is after an answer than after a sentence of a document;
- *sentinels*: the share of bare instructions that the model follows;
- *identity*: how much more likely "I am an AI" is than a person's answer to "Who are you?";
- *patterns*: completions that any base model manages; without them nothing can be concluded.

A chat template, or turns that end inside one, only show that the model has seen chats, as many base models
have. They count in combination with the signals above, never alone. The thresholds lie between the base and
the tuned models of `calibration.json`.
"""

import datetime
from typing import Any

import msgspec

from phases.contract import files
from phases.contract.protocol import NoticeLevel
from phases.contract.reporter import Reporter
from phases.models.loader import load_model
from phases.models.provenance import build_provenance
from phases.scoring.stats import estimate_rate
from phases.verification import signals
from phases.verification.measurement import measure_evidence
from phases.verification.signals import draw_conclusion
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
    followed = estimate_rate(sum(row["passed"] for row in evidence.completions), len(evidence.completions))
    measured = msgspec.to_builtins(evidence.signals)
    metrics: dict[str, Any] = {
        "verdict": conclusion,
        "clean": conclusion == "clean",
        "success_rate_low": followed.low,
        "success_rate_high": followed.high,
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
