"""Metrics as an operator reads them: a name in words, a unit, and the interval next to its value."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from phases.contract.protocol import Value
from widgets.format import format_metric

INTERVAL_SUFFIXES: Final = ("_low", "_high")
WORDS: Final = {
    "_few_shot": ", after solved examples",
    "_loose": ", loose",
    "_strict": ", strict",
    "_per_second": " per second",
}
PHRASES: Final = {"went_on": "continuation", "heldout": "held-out", "follow_rate": "following_rate"}
"""Parts of names that read differently."""
ABBREVIATIONS: Final = {
    "sft": "SFT",
    "dpo": "DPO",
    "ifeval": "IFEval",
    "p": "p",
    "lr": "learning rate",
    "few_shot": "baseline",
}
SHARE_WORDS: Final = ("rate", "share", "accuracy")
_MODEL: Final = r"(base|few_shot|sft|chosen|swapped|dpo)"
_SHARES_OF_CONTRAST: Final = "rate|gain|gain_low|gain_high|detectable"
_CONTRAST: Final = re.compile(rf"(\w+_)??({_SHARES_OF_CONTRAST}|p|p_raw|gained|lost)_{_MODEL}_{_MODEL}")
"""The name of a metric that compares two models: `refusal_rate_p_sft_dpo`."""


class Interval(NamedTuple):
    """A measured share with its confidence interval, all between 0 and 1."""

    value: float
    low: float
    high: float


def find_intervals(metrics: Mapping[str, Value]) -> dict[str, Interval]:
    """Return the metrics `x` that come with `x_low` and `x_high`, if all three are shares."""
    intervals = {}
    for name in metrics:
        values = [metrics.get(key) for key in (name, *(name + suffix for suffix in INTERVAL_SUFFIXES))]
        numbers = [
            float(value)
            for value in values
            if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
        ]
        if len(numbers) == len(values) and numbers[1] <= numbers[2]:
            intervals[name] = Interval(*numbers)
    return intervals


def is_share(name: str) -> bool:
    """Return whether a metric is a share by its name, so that it reads best in percent."""
    if contrast := _CONTRAST.fullmatch(name):
        return contrast[2] in _SHARES_OF_CONTRAST.split("|")
    words = name.split("_")
    return any(word in words for word in SHARE_WORDS) and "learning" not in words


def name_metric(name: str) -> str:
    """Return the name of a metric in words: `following rate, after solved examples`."""
    suffixes = ""
    for suffix in INTERVAL_SUFFIXES:
        if name.endswith(suffix):
            name, suffixes = name.removesuffix(suffix), f", {suffix[1:]} end of the interval"
    if contrast := _CONTRAST.fullmatch(name):
        measure, first, second = (contrast[1] or "") + contrast[2], contrast[3], contrast[4]
        return f"{name_metric(measure)}, {name_model(first)} to {name_model(second)}{suffixes}"
    for suffix, words in WORDS.items():
        if name.endswith(suffix):
            name, suffixes = name.removesuffix(suffix), words + suffixes
    head, rate, category = name.partition("_rate_")
    if rate:
        name, suffixes = f"{head}_rate", f", {category.replace('_', ' ')}{suffixes}"
    for part, phrase in PHRASES.items():
        name = name.replace(part, phrase)
    return " ".join(ABBREVIATIONS.get(word, word) for word in name.split("_")) + suffixes


def name_model(model: str) -> str:
    """Return the name of a model as the documentation writes it: `base`, `baseline`, `SFT` or `DPO`."""
    return ABBREVIATIONS.get(model, model)


def format_percent(share: float) -> str:
    """Return a share in percent with one decimal, or `100 %`."""
    return f"{share * 100:.1f} %".replace("100.0", "100")


def format_interval(interval: Interval) -> str:
    """Return a share with its interval in percent: `74.2 % [70, 78]`."""
    return f"{format_percent(interval.value)} [{interval.low * 100:.0f}, {interval.high * 100:.0f}]"


def format_measurement(name: str, metrics: Mapping[str, Value]) -> str:
    """Return the value of a metric with its unit, and with its interval if it has one."""
    interval = find_intervals({key: metrics[key] for key in metrics if key.startswith(name)}).get(name)
    if interval is not None:
        return format_interval(interval)
    value = metrics.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return format_metric(value)
    return format_percent(value) if is_share(name) and -1 <= value <= 1 else format_metric(value)
