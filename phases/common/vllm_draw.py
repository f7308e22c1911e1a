"""How vLLM draws: by `phases.common.draw`, as transformers does, for all rows of a step at once.

vLLM's engine core, a process of its own, imports this by name. A request is made greedy and carries how it is
drawn in `extra_args`; here all tokens but the drawn one are ruled out, so that greedy takes that. vLLM calls
this on logits in single precision, before its own temperature; log-probabilities are taken from a copy that
it has made before.
"""

from dataclasses import dataclass
from typing import Any

import torch
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor, process_dict_updates

from phases.common.draw import draw, noise_of


@dataclass(frozen=True, eq=False)
class _Row:
    """A drawn row of the batch.

    `said` is vLLM's own list of the tokens so far. The last ones may stand there as unknown, but all are
    counted, also when a row was set aside and computed anew.
    """

    noise: torch.Tensor
    said: list[int]
    temperature: float
    top_p: float


class DrawnRows(LogitsProcessor):  # type: ignore[misc]
    """Leaves each drawn row one token."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._device = device
        self._rows: dict[int, _Row] = {}
        self._alike: list[tuple[torch.Tensor, list[_Row]]] = []

    def is_argmax_invariant(self) -> bool:
        """It decides what greedy takes."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow rows as they come, go and change their place."""
        if not process_dict_updates(self._rows, batch_update, _row):
            return
        alike: dict[tuple[float, float], list[int]] = {}
        for place, row in sorted(self._rows.items()):
            alike.setdefault((row.temperature, row.top_p), []).append(place)
        self._alike = [
            (torch.tensor(places).to(self._device, non_blocking=True), [self._rows[p] for p in places])
            for places in alike.values()
        ]

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Rule out all tokens but the drawn ones, [rows, vocabulary]."""
        for places, rows in self._alike:
            noise = torch.stack([row.noise[len(row.said)] for row in rows])
            noise = noise.to(logits.device, non_blocking=True)
            whole = len(rows) == len(logits)
            of_these = logits if whole else logits[places]
            chosen = draw(of_these, noise, rows[0].temperature, rows[0].top_p)
            if whole:
                return logits.fill_(float("-inf")).scatter_(-1, chosen, 0.0)
            logits[places] = float("-inf")
            logits[places, chosen.squeeze(-1)] = 0.0
        return logits


def _row(params: Any, prompt: list[int] | None, said: list[int]) -> _Row | None:
    drawn = (params.extra_args or {}).get("drawn")
    if drawn is None:
        return None
    noise = noise_of(drawn["stream"], params.max_tokens, drawn["top_p"])
    return _Row(noise, said, drawn["temperature"], drawn["top_p"])
