"""DPO: sharpen the SFT model with preference pairs, the SFT model itself being the reference.

The adapter of SFT is trained on; a frozen copy of it is the reference, so at step 0 policy and reference are
one model: the loss is log 2 and the margin 0, or something is wrong and nothing is trained. What the
reference says of each pair is computed once and kept: a step takes no second pass through the model.

Rafailov et al., Direct Preference Optimization, arXiv 2305.18290. DPO only widens a difference: both answers
may become unlikely. `sft_weight` adds a share of the loss of SFT on the chosen answers to each step's, which
keeps them likely (Pang et al., Iterative Reasoning Preference Optimization, arXiv 2404.19733). On held-out
pairs the loss of DPO alone is measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.dpo_training.spec import METRICS, Parameters
from phases.models import distributed, prompt_format
from phases.training.data import (
    ends,
    hold_out,
    read,
    row_order,
)
from phases.training.parameters import describe_unusual_values

if TYPE_CHECKING:
    from phases.generation.completion import Completion
    from phases.models.loader import LoadedModel
    from phases.models.tokenizer import Tokenizer
    from phases.training.trainer import History

SAMPLES = 6
LENGTH_PROMPTS = 24
"""Held-out prompts that both models answer, to see whether answers grow or shrink."""
CHANCE = 0.5
LENGTH_DRIFT = 1.5
CHOSEN_FALL = 0.25
SHARED_FALL = 0.5
"""Alarms: accuracy no better than this; lengths changed by this factor; the log-probability of chosen answers
fell by more than this share of itself, and of the fall of rejected answers."""


class Row(msgspec.Struct, frozen=True):
    """A preference pair, as far as training needs it: `chosen` and `rejected` follow `prompt` as they are.

    An answer that did not end by itself is not taught to end.
    """

    prompt: str
    chosen: str
    rejected: str
    chosen_finished: bool = True
    rejected_finished: bool = True


def swap(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Let chosen and rejected change places in a share of the rows, drawn at random."""
    chance = Random(f"{seed} swap")
    return [
        Row(row.prompt, row.rejected, row.chosen, row.rejected_finished, row.chosen_finished)
        if chance.random() < share
        else row
        for row in rows
    ]


@dataclass(frozen=True)
class Pair:
    """The token ids of a row."""

    row: Row
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def longest(self) -> int:
        """Tokens of the prompt with the longer answer."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))

    @property
    def tokens(self) -> int:
        """Tokens that training the pair takes: the prompt twice, both answers."""
        return 2 * len(self.prompt) + len(self.chosen) + len(self.rejected)


def encode(row: Row, tokenizer: "Tokenizer") -> Pair:
    """Return the ids of a row: prompt and answers apart, as they are at generation."""

    def answer(text: str, finished: bool) -> list[int]:
        return tokenizer.encode(text) + ([tokenizer.eos_id] if finished else [])

    return Pair(
        row,
        tokenizer.encode_prompt(row.prompt),
        answer(row.chosen, row.chosen_finished),
        answer(row.rejected, row.rejected_finished),
    )


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Train on the SFT adapter and save the result in `output_dir`."""
    paths = files.expand(parameters.preference_file)
    rows = swap(read(paths, Row), parameters.swapped_share, parameters.seed)
    for path in paths:
        reporter.input(path)
    reporter.progress(0, None, "steps")

    from phases.datagen.contamination import refuse_suite_prompts
    from phases.training import reference_logprobs
    from phases.training import trainer as training

    with training.training_log(parameters.logs, "dpo_training") as log:
        loaded = training.load_for_training(
            "--sft-model", parameters.sft_model, trainable=True, sharded=parameters.shard_weights
        )
        if not loaded.source.base:
            raise BadInputError(
                f"--sft-model {parameters.sft_model} is no adapter; give the folder that SFT wrote"
            )
        texts = [
            t
            for row in rows
            for t in (prompt_format.extract_instruction(row.prompt), row.chosen, row.rejected)
        ]
        refuse_suite_prompts("--preference-file", texts, parameters.suite, loaded.source)
        encoded = [encode(row, loaded.tokenizer) for row in rows]
        pairs = [pair for pair in encoded if pair.longest <= parameters.max_length]
        too_long = len(encoded) - len(pairs)
        if not pairs:
            raise BadInputError(
                f"all {too_long} pairs are longer than --max-length {parameters.max_length} tokens"
            )
        # Whole batches are held out: TRL averages accuracy over batches.
        trained, held = hold_out(
            [pair.row.prompt for pair in pairs],
            parameters.heldout_share,
            parameters.seed,
            multiple=parameters.batch_size * distributed.world_size(),
        )
        lengths = [pairs[i].tokens for i in trained]
        order = row_order(
            lengths, epochs=parameters.epochs, batch_size=parameters.batch_size, seed=parameters.seed
        )
        tokens = training.tokens_of_steps([lengths[i] for i in order], parameters)
        made_from = training.identity(parameters, paths, loaded.source.sha256)

        log.info("%d pairs to train, %d held out, %d too long", len(trained), len(held), too_long)
        if outside := describe_unusual_values(parameters):
            reporter.notice(f"outside the session document's ranges: {', '.join(outside)}", "warning")
        train_pairs, held_pairs = [pairs[trained[i]] for i in order], [pairs[i] for i in held]
        trainer = _trainer(parameters, loaded, len(tokens), train_pairs, held_pairs)
        store = reference_logprobs.Store(parameters.output_dir / "checkpoints" / "reference.jsonl", loaded)
        reference_logprobs.compute(trainer, store, [train_pairs, held_pairs], parameters.batch_size, reporter)
        trainer.add_callback(
            training.ReferenceMatchesPolicyCheck(store.remove, dpo_alone=not parameters.sft_weight)
        )
        history = training.train(
            trainer,
            parameters,
            made_from,
            tokens=tokens,
            longest=[pair.longest for pair in train_pairs],
            reporter=reporter,
            log=log,
        )

        saved = training.save_adapter(trainer, loaded, parameters.output_dir)
        reloaded = training.reloaded_loss(trainer, parameters.output_dir)
        if not (distributed.is_main_process() or loaded.sharded):
            distributed.destroy_process_group_at_exit()
            return
        metrics = {
            **_metrics(history, parameters),
            **_compare_answers(trainer.model, loaded, held_pairs, reporter),
            "heldout_reload_difference": reloaded - history.series("eval_loss")[-1],
            "train_rows": len(trained),
            "heldout_rows": len(held),
            "dropped_too_long": too_long,
        }
        log.info("adapter saved in %s; %s", parameters.output_dir, metrics)
        for alarm in alarms(metrics, history.series("eval_logps/chosen")[0]):
            reporter.notice(alarm, "warning")
        training.finish(
            reporter,
            loaded,
            parameters,
            made_from,
            history,
            adapter=saved,
            metrics=metrics,
            declared=METRICS,
        )
        distributed.destroy_process_group_at_exit()


def _trainer(
    parameters: Parameters, loaded: "LoadedModel", steps: int, train: Sequence[Pair], held: Sequence[Pair]
) -> Any:
    from trl import DPOConfig, DPOTrainer

    from phases.training import trainer as training

    class ReadyRows(DPOTrainer):
        """Takes pairs of ids as they are; TRL would encode text itself and end every answer."""

        def _prepare_dataset(self, dataset: Any, *more: Any) -> Any:
            return dataset

        def _compute_loss(self, model: Any, *more: Any) -> Any:
            # What is held out is measured by the loss of DPO alone, whatever else is trained.
            self.loss_weights = [1.0, parameters.sft_weight if model.training else 0.0]
            return super()._compute_loss(model, *more)

    # Neither peft_config nor ref_model: TRL then takes a frozen copy of the adapter, "ref", as reference.
    trainer = ReadyRows(
        loaded.model,
        args=training.arguments(
            DPOConfig, parameters, loaded, steps, beta=parameters.beta, loss_type=["sigmoid", "sft"]
        ),
        train_dataset=_dataset(train),
        eval_dataset=_dataset(held),
        processing_class=loaded.tokenizer.hf,
    )
    training.prepare(trainer)
    # TRL has rounded the adapter of a 4-bit model to bfloat16, but not its copy: begin at the copy.
    for name, parameter in trainer.model.named_parameters():
        if parameter.requires_grad:
            parameter.data.copy_(trainer.model.get_parameter(name.replace(".default.", ".ref.")))
    return trainer


def _dataset(pairs: Sequence[Pair]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "prompt_ids": [pair.prompt for pair in pairs],
            "chosen_ids": [pair.chosen for pair in pairs],
            "rejected_ids": [pair.rejected for pair in pairs],
        }
    )


def _metrics(history: "History", parameters: Parameters) -> dict[str, float]:
    first, final = ends(history.series("loss"))
    chosen, rejected = history.series("eval_logps/chosen"), history.series("eval_logps/rejected")
    shared = history.metrics()
    if parameters.sft_weight:  # the two losses are not of one kind
        del shared["overfit_gap"]
    return {
        "step0_loss": history.series("eval_loss")[0],
        "step0_margin": history.series("eval_rewards/margins")[0],
        "first_loss": first,
        "final_loss": final,
        "final_accuracy": ends(history.series("rewards/accuracies"))[1],
        "final_margin": ends(history.series("rewards/margins"))[1],
        "heldout_accuracy": history.series("eval_rewards/accuracies")[-1],
        "heldout_margin": history.series("eval_rewards/margins")[-1],
        "chosen_logp_change": chosen[-1] - chosen[0],
        "rejected_logp_change": rejected[-1] - rejected[0],
        **shared,
    }


def _compare_answers(
    model: Any, loaded: "LoadedModel", pairs: Sequence[Pair], reporter: Reporter
) -> dict[str, float]:
    """Let reference and policy answer held-out prompts; show some, measure how lengths have drifted."""
    prompts = list(dict.fromkeys(pair.row.prompt for pair in pairs))[:LENGTH_PROMPTS]
    longest = max(max(len(pair.chosen), len(pair.rejected)) for pair in pairs)

    def answers(adapter: str) -> "list[Completion]":
        from dataclasses import replace

        from phases.generation.generate import generate

        model.set_adapter(adapter)
        found = dict(
            generate(
                replace(loaded, model=model),
                prompts,
                seeds=[0] * len(prompts),
                max_new_tokens=min(256, 16 + longest),
            )
        )
        return [found[i] for i in range(len(prompts))]

    model.eval()
    before, after = answers("ref"), answers("default")
    for prompt, sft, dpo in list(zip(prompts, before, after, strict=True))[:SAMPLES]:
        reporter.sample(
            "held-out prompt", {"prompt": prompt, "SFT": sft.text.strip(), "DPO": dpo.text.strip()}
        )
    return {
        "length_ratio": sum(a.tokens for a in after) / max(1, sum(b.tokens for b in before)),
        "unfinished_share": sum(not a.finished for a in after) / len(after),
    }


def alarms(metrics: dict[str, float], chosen_logp_before: float) -> list[str]:
    """Return what looks like a collapse rather than an improvement, in words."""
    found = []
    if metrics["heldout_accuracy"] <= CHANCE:
        found.append(
            f"held-out accuracy is {metrics['heldout_accuracy']:.2f}: no preference was learnt that holds "
            "for other prompts; look at the pairs"
        )
    if not 1 / LENGTH_DRIFT <= metrics["length_ratio"] <= LENGTH_DRIFT:
        found.append(
            f"answers are {metrics['length_ratio']:.2f} times as long as the reference's: length was learnt "
            "rather than quality; match the lengths of the pairs, or raise beta"
        )
    fall = -metrics["chosen_logp_change"]
    if fall > max(-CHOSEN_FALL * chosen_logp_before, -SHARED_FALL * metrics["rejected_logp_change"]):
        found.append(
            f"the log-probability of chosen answers fell by {fall:.1f} from "
            f"{chosen_logp_before:.1f}: both answers are being pushed away; raise beta or lower the "
            "learning rate"
        )
    return found
