"""The comparison of the three models, as `phases.comparison` wrote it."""

from pathlib import Path

import msgspec

_MAX_BYTES = 32 << 20


class CategoryRates(msgspec.Struct, frozen=True):
    """The success rates of the three models on one category of prompts."""

    category: str
    prompts: int
    base_rate: float
    sft_rate: float
    dpo_rate: float


class TierCriterion(msgspec.Struct, frozen=True):
    """A criterion of a success tier; `met` is None if the records do not show it either way."""

    criterion: str
    met: bool | None
    evidence: str


class SuccessTier(msgspec.Struct, frozen=True):
    """A success tier; `reached` is None if no criterion fails but some are not shown."""

    name: str
    reached: bool | None
    lines: list[TierCriterion] = []


class ModelComparison(msgspec.Struct, frozen=True):
    """The content of `final_comparison.json` that the report shows."""

    metrics: dict[str, float | str | bool | None]
    categories: list[CategoryRates] = []
    tiers: list[SuccessTier] = []


def read_comparison(outputs: Path) -> ModelComparison | None:
    """Return the comparison below a folder of outputs, or None without a readable one."""
    try:
        return msgspec.json.decode(_read_start(outputs / "final_comparison.json"), type=ModelComparison)
    except msgspec.DecodeError:
        return None


def read_comparison_text(outputs: Path) -> str:
    """Return the comparison as plain text, or an empty string without one."""
    return _read_start(outputs / "final_comparison.txt").decode(errors="replace")


def _read_start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
