"""The comparison of the three models, as `phases.comparison` wrote it."""

from pathlib import Path

import msgspec

from phases.contract.files import open_regular_file

_MAX_BYTES = 32 << 20


class CategoryRates(msgspec.Struct, frozen=True):
    """The rates of the models on one category of prompts.

    The rates of following, and with them those of the base model after solved examples, are missing in older
    comparisons.
    """

    category: str
    prompts: int
    base_rate: float
    sft_rate: float
    dpo_rate: float
    base_following_rate: float | None = None
    few_shot_following_rate: float | None = None
    sft_following_rate: float | None = None
    dpo_following_rate: float | None = None

    @property
    def rates(self) -> dict[str, float]:
        """The rates to show, by the name of the model: of following, if they are recorded."""
        following = {
            "base": self.base_following_rate,
            "baseline": self.few_shot_following_rate,
            "SFT": self.sft_following_rate,
            "DPO": self.dpo_following_rate,
        }
        recorded = {name: rate for name, rate in following.items() if rate is not None}
        return recorded or {"base": self.base_rate, "SFT": self.sft_rate, "DPO": self.dpo_rate}


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
    """The content of `final_comparison.json` that the report shows; `reported_first` names the prompts.

    Problems are missing in older comparisons.
    """

    metrics: dict[str, float | str | bool | None]
    categories: list[CategoryRates] = []
    tiers: list[SuccessTier] = []
    reported_first: str = ""
    problems: list[str] = []


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
        with open_regular_file(path) as file:
            return file.read(_MAX_BYTES)
    except OSError:
        return b""
