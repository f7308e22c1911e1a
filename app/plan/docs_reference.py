"""Write docs/plan.md and docs/session_plan.schema.json: `python -m app.plan.docs_reference`."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import create_model

from app.plan import schema
from app.plan.causes import CAUSES

_DOCS = Path(__file__).parents[2] / "docs"
_TABLES: tuple[tuple[str, str, type[schema.Table]], ...] = (
    ("session", "[session]", schema.Session),
    ("pod", "[pod]", schema.Pod),
    ("phase", "[[phase]]", schema.Phase),
    ("estimate", "phase: estimate", schema.Estimate),
    ("criteria", "phase: criteria", schema.Criterion),
    ("gate", "[phase.gate]", schema.Gate),
    ("rules", "[phase.gate]: rules", schema.Rule),
    ("bundle", "[bundle]", schema.Bundle),
    ("notify", "[notify]", schema.Notify),
    ("unattended", "[unattended]", schema.Unattended),
    ("finish", "[finish]", schema.Finish),
    ("superseded", "[finish]: superseded", schema.Superseded),
)
_MINUTE = 60
_HEAD = """# Every key of a plan

Written by `python -m app.plan.docs_reference` from the schema; for editors there is
[`session_plan.schema.json`](session_plan.schema.json). `gonogo check` names every mistake, with its line.

- Relative paths start at the plan's folder. `{artifacts}`, `{model}` and `{seed}` in `params`, `remedies` and
  `command` stand for the session's values.
- Durations are texts such as `"90 s"`, `"15 min"`, `"2 h"`; ranges are `[low, high]`.
- Expressions (`expr`, `when`) compare the metrics of the phase (`loss < 2`) and of earlier ones
  (`loss < sft_training.loss`). A phase module declares its metrics; a command has those that it lists in
  `reports`, and those read from its log by `metrics`: the last value (`loss`) and the first (`first_loss`).
- `[profile.NAME]` is laid over the plan: `session.model = "..."`, `phase.PHASE_ID.params = { ... }`. Its
  tables merge; its lists, values and estimates replace the plan's.
"""
_REMEDIES = """
What went wrong is told from exit, log, machine and metrics, and said with its evidence. At the gate the
remedies of that cause come first, less those that were tried, each a key away.

| cause | what | advice |
|---|---|---|
"""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a plan file."""
    fields: dict[str, Any] = {
        "session": (schema.Session, ...),
        "pod": (schema.Pod, ...),
        "phase": (list[schema.Phase], ...),
        "bundle": (schema.Bundle, schema.Bundle()),
        "notify": (schema.Notify, schema.Notify()),
        "unattended": (schema.Unattended, schema.Unattended()),
        "finish": (schema.Finish, schema.Finish()),
        # A profile says parts of tables: they are checked when it is laid over the plan.
        "profile": (dict[str, Any], {}),
    }
    file = create_model("SessionPlan", __base__=schema.Table, __doc__="A gonogo session plan.", **fields)
    made = file.model_json_schema()
    for table in made["$defs"].values():
        for says in table["properties"].values():
            if says.get("type") == "string" and isinstance(says.get("default"), float):
                says["default"] = f"{says['default'] / _MINUTE:g} min"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def reference() -> str:
    """Return the page of all keys."""
    definitions = json_schema()["$defs"]
    parts = [_HEAD]
    for _, heading, table in _TABLES:
        defined = definitions[table.__name__]
        parts.append(f"\n## `{heading}`\n\n{_sentence(defined.get('description', ''))}\n")
        parts.append("\n| key | what | default | |\n|---|---|---|---|\n")
        for name, says in defined["properties"].items():
            required = name in defined.get("required", ())
            default = "required" if required else f"`{_default(says.get('default'))}`"
            cells = (f"`{name}`", _kind(says), default, says.get("description", ""))
            parts.append("| " + " | ".join(_cell(cell) for cell in cells) + " |\n")
        if table is schema.Phase:
            parts.append(_REMEDIES)
            parts += [f"| `{name}` | {what} | {advice} |\n" for name, (what, advice) in CAUSES.items()]
    return "".join(parts)


def _sentence(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _sentence(text).replace("|", "\\|")


def _default(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _kind(says: dict[str, Any]) -> str:  # noqa: PLR0911 - one return a kind
    """Return in words what JSON Schema allows."""
    if "enum" in says:
        return ", ".join(f"`{_default(value)}`" for value in says["enum"])
    if "anyOf" in says:
        kinds = [_kind(inner) for inner in says["anyOf"]]
        return " or ".join(kind for kind in kinds if kind != "nothing")
    if "$ref" in says:
        return f"table {says['$ref'].rpartition('/')[2]}"
    if says.get("pattern", "").endswith("|h)$"):
        return "duration"
    kind = says.get("type")
    if kind == "array":
        if "prefixItems" in says:
            return f"`[low, high]`, each a {_kind(says['prefixItems'][0])}"
        return f"list of: {_kind(says.get('items', {}))}"
    if kind == "object":
        names = says.get("propertyNames", {})
        inner = says["additionalProperties"] if "enum" in names else {}
        inner = next(iter(says.get("patternProperties", {}).values()), inner)
        if "enum" in names:
            return f"table of causes, each a {_kind(inner)}"
        return f"table of names, each a {_kind(inner)}"
    bounds = [
        f"{sign} {says[key]}"
        for key, sign in (
            ("minimum", "at least"),
            ("exclusiveMinimum", "over"),
            ("maximum", "at most"),
            ("exclusiveMaximum", "under"),
        )
        if key in says
    ]
    words = {"string": "text", "number": "number", "integer": "whole number", "boolean": "true or false"}
    if says.get("pattern"):
        bounds.append(f"matching `{says['pattern']}`")
    return " ".join([{**words, "null": "nothing"}.get(str(kind), "value"), ", ".join(bounds)]).strip()


def main(folder: Path = _DOCS) -> int:
    """Write both files."""
    (folder / "plan.md").write_text(reference())
    (folder / "session_plan.schema.json").write_text(json.dumps(json_schema(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
