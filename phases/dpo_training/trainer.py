"""A DPO trainer of packed pairs: TRL's loss and metrics over our data path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from trl import DPOTrainer
from trl.trainer.utils import FusedCausalLMOutput

from phases.dpo_training.packed_pairs import (
    build_model_masks,
    can_share_prompts,
    collate_pairs,
    count_packed_tokens,
    count_row_tokens,
    list_runs,
    select_answers,
)
from phases.models.packed_attention import use_packed_attention
from phases.training.micro_batches import MicroBatch, MicroBatchTrainer, Shares
from phases.training.packing import PACKED_LENGTH, PACKED_MULTIPLE, WHOLE_MICRO_BATCH, Layout


@dataclass(frozen=True)
class EncodedPair:
    """The token ids of a preference pair."""

    prompt: Sequence[int]
    chosen: Sequence[int]
    rejected: Sequence[int]


@dataclass(frozen=True)
class _PackedForward:
    """Replaces the model in TRL's loss: computes packed pairs and returns values per answer token."""

    model: Any
    config: Any
    dtype: torch.dtype
    batch: MicroBatch
    takes_mask: bool

    def __call__(self, **unused: object) -> FusedCausalLMOutput:
        batch = self.batch.tensors
        attention_inputs = self.batch.attention_inputs
        if self.takes_mask:
            attention_inputs["attention_mask"] = build_model_masks(self.config, batch, self.dtype)
        outputs = self.model(
            input_ids=batch["input_ids"],
            position_ids=batch["position_ids"],
            shift_labels=batch["shift_labels"],
            fused_lm_head=True,
            **attention_inputs,
        )
        fields = ("log_probs", "entropy", "mean_logits", "is_top1")
        values = {name: getattr(outputs, name) for name in fields}
        return FusedCausalLMOutput(
            **{name: None if v is None else select_answers(v, batch) for name, v in values.items()}
        )


class PackedPairsTrainer(MicroBatchTrainer, DPOTrainer):  # type: ignore[misc]
    """A DPO trainer that takes encoded pairs. TRL would encode text itself and end every answer.

    Attributes:
        dpo_weight: weight of the DPO loss in training.
        sft_weight: weight of the SFT loss in training. The held-out loss is that of DPO alone, or of SFT if
            DPO has no weight.
    """

    default_unit = "pairs"
    metric_units = {  # noqa: RUF012 - constant
        "entropy": "answers",
        "logits/chosen": "chosen",
        "logits/rejected": "rejected",
        "mean_token_accuracy": "chosen",
    }
    dpo_weight = 1.0
    sft_weight = 0.0

    def _prepare_dataset(self, dataset: Any, *more: Any) -> Any:
        return dataset

    def choose_layout(self, pairs: Sequence[Any]) -> None:
        """Choose how pairs are packed, given all pairs that the trainer will see."""
        self.shares_prompts = can_share_prompts(self.model)
        self.attends_in_runs = self.shares_prompts and use_packed_attention(self.model)
        has_gpu = self.args.device.type == "cuda"
        multiple = PACKED_MULTIPLE if has_gpu else 1
        if self.shares_prompts:
            # Without a GPU, attention to what is masked costs more than short sequences.
            rectangle = PACKED_LENGTH if has_gpu else max(map(count_packed_tokens, pairs))
            self.layout = Layout(WHOLE_MICRO_BATCH if self.attends_in_runs else rectangle, multiple)
        else:
            self.layout = Layout(0, multiple, rows_per_item=2)

    def measure_pair(self, pair: Any) -> int:
        """Return the tokens that a pair takes in a sequence."""
        return count_packed_tokens(pair) if self.shares_prompts else count_row_tokens(pair)

    def measure_row(self, row: Mapping[str, Any]) -> int:
        """Return the tokens that a dataset's row takes in a sequence."""
        return self.measure_pair(_read_pair(row))

    def collate(
        self, rows: Sequence[Mapping[str, Any]], sequences: Sequence[Sequence[int]], length: int
    ) -> MicroBatch:
        """Return a micro-batch of pairs, with the inputs that TRL's loss reads."""
        batch = self._collate([_read_pair(row) for row in rows], sequences, length)
        tensors = dict(batch.tensors)
        order = [index for sequence in sequences for index in sequence]
        for name in ("ref_chosen_logps", "ref_rejected_logps"):
            tensors[name] = torch.tensor([rows[i][name] for i in order])
        chosen, rejected = tensors["answer_mask"].sum(dim=1).chunk(2)
        counts = {
            "pairs": len(order),
            "chosen": int(chosen.sum()),
            "rejected": int(rejected.sum()),
            "answers": int(chosen.sum() + rejected.sum()),
        }
        return MicroBatch(tensors, counts, batch.runs)

    def compute_share_of_loss(self, model: Any, batch: MicroBatch, shares: Shares) -> torch.Tensor:
        """Return the part of a micro-batch in the loss of the step."""
        # The order of the loss types: DPO is a mean over pairs, SFT one over the tokens of chosen answers.
        if self.model.training:
            dpo_weight, sft_weight = self.dpo_weight, self.sft_weight
        else:
            dpo_weight, sft_weight = (1.0, 0.0) if self.dpo_weight else (0.0, 1.0)
        self.loss_weights = [dpo_weight * shares["pairs"], sft_weight * shares["chosen"]]
        return self._compute_loss(self._forward_of(model, batch), _select_loss_inputs(batch), False)

    def compute_reference(
        self, pairs: Sequence[Any], sequences: Sequence[Sequence[int]]
    ) -> tuple[list[float], list[float]]:
        """Return the reference's log-probabilities of the chosen and of the rejected answers.

        Args:
            pairs: encoded pairs.
            sequences: the indices of the pairs of each sequence.
        """
        lengths = [sum(self.measure_pair(pairs[i]) for i in sequence) for sequence in sequences]
        batch = self._collate(pairs, sequences, self.layout.pad(max(lengths))).to(self.args.device)
        chosen, rejected = self.compute_ref_log_probs(
            self._forward_of(self.model, batch), _select_loss_inputs(batch)
        )
        return chosen.tolist(), rejected.tolist()

    def _collate(self, pairs: Sequence[Any], sequences: Sequence[Sequence[int]], length: int) -> MicroBatch:
        tensors = collate_pairs(
            pairs,
            sequences,
            length=length,
            pad_id=self.processing_class.pad_token_id,
            share_prompts=self.shares_prompts,
        )
        return MicroBatch(tensors, {}, list_runs(pairs, sequences, length) if self.attends_in_runs else None)

    def _forward_of(self, model: Any, batch: MicroBatch) -> _PackedForward:
        takes_mask = self.shares_prompts and not self.attends_in_runs
        return _PackedForward(model, self.model.config, self.model.dtype, batch, takes_mask)


def _read_pair(row: Mapping[str, Any]) -> EncodedPair:
    return EncodedPair(row["prompt_ids"], row["chosen_ids"], row["rejected_ids"])


def _select_loss_inputs(batch: MicroBatch) -> dict[str, torch.Tensor]:
    """Return answers as TRL's loss expects rows: the first position of a row predicts nothing."""
    answers = batch.tensors["answer_mask"].long()
    mask = torch.nn.functional.pad(answers, (1, 0))
    inputs = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": mask,
        "completion_mask": mask,
    }
    references = {name: tensor for name, tensor in batch.tensors.items() if name.startswith("ref_")}
    return {**inputs, **references}
