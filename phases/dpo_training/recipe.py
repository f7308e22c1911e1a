"""DPO: sharpen an SFT model with preference pairs, with the SFT model itself as the reference.

Training continues the SFT adapter; a frozen copy of the adapter is the reference. Before the first step
policy and reference are therefore equal: the loss is log 2 and the margin 0, which is verified. The
reference's log-probabilities are computed once and stored, so a step needs no second pass through the model.

Rafailov et al., Direct Preference Optimization, arXiv 2305.18290. DPO only widens a difference, so both
answers may become unlikely. `sft_weight` adds a share of the SFT loss on the chosen answers, which keeps them
likely (Pang et al., Iterative Reasoning Preference Optimization, arXiv 2404.19733). The held-out loss is
that of DPO alone. Two controls show what the preferences add: `dpo_weight = 0` trains on the chosen answers
alone, and its held-out loss is their SFT loss; `swapped_share = 0.5` trains on labels without a signal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import msgspec
from datasets import Dataset
from trl import DPOConfig

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.datagen.constraints import remove_constraint
from phases.datagen.contamination import refuse_suite_prompts
from phases.dpo_training import reference_logprobs
from phases.dpo_training.packed_pairs import count_packed_tokens
from phases.dpo_training.spec import METRICS, Parameters
from phases.dpo_training.trainer import PackedPairsTrainer
from phases.generation.completion import Completion
from phases.generation.generate import generate
from phases.models import distributed, prompt_format
from phases.models.loader import LoadedModel
from phases.models.tokenizer import Tokenizer
from phases.scoring.ngrams import reduce_to_words
from phases.scoring.stats import estimate_ratio
from phases.training.adapters import load_for_training, measure_reloaded_loss, prepare_trainer, save_adapter
from phases.training.arguments import build_arguments, count_step_tokens
from phases.training.callbacks import ReferenceMatchesPolicyCheck
from phases.training.checkpoints import identify_training
from phases.training.history import TrainingHistory, average_tenths
from phases.training.log import open_training_log
from phases.training.micro_batches import RowBatch
from phases.training.parameters import describe_unusual_values
from phases.training.rows import read_rows
from phases.training.split import TrainingData, split_rows
from phases.training.trainer import train, write_result

SHOWN_SAMPLES: Final = 6
LENGTH_PROMPTS: Final = 24
"""Number of held-out prompts that both models answer, to see whether answers grow or shrink."""
CHANCE_ACCURACY: Final = 0.5
LENGTH_DRIFT_LIMIT: Final = 1.5
"""Warn if answers become longer or shorter by this factor."""
CHOSEN_FALL_LIMIT: Final = 0.25
SHARED_FALL_LIMIT: Final = 0.5
"""Warn if the log-probability of chosen answers falls by more than the first share of its value and by more
than the second share of the rejected answers' fall."""


class Row(msgspec.Struct, frozen=True):
    """The columns of a preference pair that training needs.

    `chosen` and `rejected` continue `prompt` verbatim. An answer that was cut off when it was generated (not
    `finished`) is not trained to end.
    """

    prompt: str
    chosen: str
    rejected: str
    chosen_finished: bool = True
    rejected_finished: bool = True


@dataclass(frozen=True)
class Pair:
    """The token ids of a row."""

    row: Row
    prompt: list[int]
    chosen: list[int]
    rejected: list[int]

    @property
    def key(self) -> str:
        """The base instruction; pairs with the same one are trained or held out together."""
        return find_base_instruction(self.row.prompt)

    @property
    def longest(self) -> int:
        """Tokens of the prompt with the longer answer."""
        return len(self.prompt) + max(len(self.chosen), len(self.rejected))

    @property
    def tokens(self) -> int:
        """Tokens of both rows: the prompt twice, and both answers."""
        return 2 * len(self.prompt) + len(self.chosen) + len(self.rejected)


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Train the SFT adapter further and save the result in `output_dir`."""
    paths = files.expand_patterns(parameters.preference_file)
    original_rows = read_rows(paths, Row)
    rows = swap_labels(original_rows, parameters.swapped_share, parameters.seed)
    for path in paths:
        reporter.input(path)
    reporter.progress(0, None, "steps")

    with open_training_log(parameters.logs, "dpo_training") as log:
        loaded = load_for_training(
            "--sft-model",
            parameters.sft_model,
            trainable=True,
            sharded=parameters.shard_weights,
        )
        if not loaded.source.base:
            raise BadInputError(
                f"--sft-model {parameters.sft_model} is not an adapter; expected the folder that SFT wrote"
            )
        texts = [
            (prompt_format.extract_instruction(row.prompt), [row.chosen, row.rejected])
            for row in original_rows
        ]
        refuse_suite_prompts("--preference-file", texts, parameters.suite, loaded.source)
        data = split_rows(
            [encode_row(row, loaded.tokenizer) for row in rows],
            parameters,
            multiple=parameters.batch_size * distributed.world_size(),
        )
        step_tokens = count_step_tokens([count_packed_tokens(pair) for pair in data.rows], parameters)
        identity = identify_training(parameters, paths, loaded.source.sha256)
        log.info(
            "%d pairs to train, %d held out, %d too long", data.train_rows, len(data.held_out), data.dropped
        )
        if unusual_values := describe_unusual_values(parameters):
            reporter.notice(f"outside the session document's ranges: {', '.join(unusual_values)}", "warning")

        trainer = build_trainer(parameters, loaded, len(step_tokens), data)
        store = reference_logprobs.LogprobStore(
            parameters.output_dir / "checkpoints" / "reference.jsonl", loaded
        )
        reference_logprobs.add_to_datasets(trainer, store, [data.rows, data.held_out], reporter)
        trainer.add_callback(
            ReferenceMatchesPolicyCheck(
                store.remove,
                has_sft_loss=parameters.sft_weight > 0,
                has_dpo_loss=parameters.dpo_weight > 0,
            )
        )
        history = train(
            trainer,
            parameters,
            identity,
            step_tokens=step_tokens,
            row_lengths=[trainer.measure_pair(pair) for pair in data.rows],
            reporter=reporter,
            log=log,
        )
        adapter = save_adapter(trainer, loaded, parameters.output_dir)
        reloaded_loss = measure_reloaded_loss(trainer, parameters.output_dir)
        # With sharded weights all processes must generate together.
        if distributed.is_main_process() or loaded.sharded:
            metrics = {
                **compute_training_metrics(history, parameters),
                **compare_answers(trainer.model, loaded, data.held_out, reporter),
                "heldout_reload_difference": reloaded_loss - history.get_value_at_delivery("eval_loss"),
                "train_rows": data.train_rows,
                "heldout_rows": len(data.held_out),
                "dropped_too_long": data.dropped,
            }
            log.info("adapter saved in %s; %s", parameters.output_dir, metrics)
            for warning in find_collapse(metrics, history.list_values("eval_logps/chosen")[0]):
                reporter.notice(warning, "warning")
            write_result(
                reporter,
                loaded,
                parameters,
                identity,
                history,
                adapter=adapter,
                metrics=metrics,
                declared=METRICS,
            )
    distributed.destroy_process_group_at_exit()


def swap_labels(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """Swap chosen and rejected in a random share of the rows."""
    rng = Random(f"{seed} swap")
    return [_swap(row) if rng.random() < share else row for row in rows]


def _swap(row: Row) -> Row:
    return Row(row.prompt, row.rejected, row.chosen, row.rejected_finished, row.chosen_finished)


def encode_row(row: Row, tokenizer: Tokenizer) -> Pair:
    """Return a row's ids. Prompt and answers are encoded separately, as at generation."""

    def encode_answer(text: str, is_finished: bool) -> list[int]:
        ids = tokenizer.encode(text)
        return [*ids, tokenizer.eos_id] if is_finished else ids

    return Pair(
        row,
        tokenizer.encode_prompt(row.prompt),
        encode_answer(row.chosen, row.chosen_finished),
        encode_answer(row.rejected, row.rejected_finished),
    )


def find_base_instruction(prompt: str) -> str:
    """Return what a prompt asks without an added constraint."""
    return reduce_to_words(remove_constraint(prompt_format.extract_instruction(prompt)))


def build_trainer(
    parameters: Parameters, loaded: LoadedModel, steps: int, data: TrainingData[Pair]
) -> PackedPairsTrainer:
    """Return a trainer of the SFT adapter, with a frozen copy of it, `ref`, as the reference."""
    # Given neither peft_config nor ref_model, TRL copies the adapter.
    trainer = PackedPairsTrainer(
        loaded.model,
        args=build_arguments(
            DPOConfig,
            parameters,
            loaded,
            steps,
            held_out=len(data.held_out),
            beta=parameters.beta,
            loss_type=["sigmoid", "sft"],
        ),
        data_collator=RowBatch,
        train_dataset=build_dataset(data.rows),
        eval_dataset=build_dataset(data.held_out),
        processing_class=loaded.tokenizer.hf,
    )
    trainer.dpo_weight, trainer.sft_weight = parameters.dpo_weight, parameters.sft_weight
    trainer.choose_layout([*data.rows, *data.held_out])
    prepare_trainer(trainer, loaded)
    # TRL has rounded a 4-bit model's adapter to bfloat16, but not the copy: start from the copy's values.
    for name, parameter in trainer.model.named_parameters():
        if parameter.requires_grad:
            parameter.data.copy_(trainer.model.get_parameter(name.replace(".default.", ".ref.")))
    return trainer


def build_dataset(pairs: Sequence[Pair]) -> Dataset:
    """Return a dataset of encoded pairs."""
    return Dataset.from_dict(
        {
            "prompt_ids": [pair.prompt for pair in pairs],
            "chosen_ids": [pair.chosen for pair in pairs],
            "rejected_ids": [pair.rejected for pair in pairs],
        }
    )


def compute_training_metrics(history: TrainingHistory, parameters: Parameters) -> dict[str, float]:
    """Return the metrics that come from the trainer's log."""
    first, final = average_tenths(history.list_values("loss"))
    shared = history.compute_metrics()
    if parameters.sft_weight:  # The training loss and the held-out loss are then not comparable.
        del shared["overfit_gap"]
    step0 = {"step0_loss": history.list_values("eval_loss")[0]} if parameters.dpo_weight else {}
    return {
        **step0,
        "step0_margin": history.list_values("eval_rewards/margins")[0],
        "first_loss": first,
        "final_loss": final,
        "final_accuracy": average_tenths(history.list_values("rewards/accuracies"))[1],
        "final_margin": average_tenths(history.list_values("rewards/margins"))[1],
        "heldout_accuracy": history.get_value_at_delivery("eval_rewards/accuracies"),
        "heldout_margin": history.get_value_at_delivery("eval_rewards/margins"),
        "chosen_logp_change": _measure_change(history, "eval_logps/chosen"),
        "rejected_logp_change": _measure_change(history, "eval_logps/rejected"),
        **shared,
    }


def _measure_change(history: TrainingHistory, name: str) -> float:
    return history.get_value_at_delivery(name) - history.list_values(name)[0]


def compare_answers(
    model: Any, loaded: LoadedModel, pairs: Sequence[Pair], reporter: Reporter
) -> dict[str, float]:
    """Answer held-out prompts with reference and policy, report some answers and return length metrics."""
    prompts = list(dict.fromkeys(pair.row.prompt for pair in pairs))[:LENGTH_PROMPTS]
    longest = max(max(len(pair.chosen), len(pair.rejected)) for pair in pairs)

    def answer(adapter: str) -> list[Completion]:
        model.set_adapter(adapter)
        completions = dict(
            generate(
                replace(loaded, model=model),
                prompts,
                seeds=[0] * len(prompts),
                max_new_tokens=min(256, 16 + longest),
            )
        )
        return [completions[i] for i in range(len(prompts))]

    model.eval()
    before, after = answer("ref"), answer("default")
    for prompt, sft, dpo in list(zip(prompts, before, after, strict=True))[:SHOWN_SAMPLES]:
        reporter.sample(
            "held-out prompt", {"prompt": prompt, "SFT": sft.text.strip(), "DPO": dpo.text.strip()}
        )
    # A few answers that go on until they are cut off change this mean little.
    ratio = estimate_ratio([b.tokens for b in before], [a.tokens for a in after])
    return {
        "length_ratio": ratio.ratio,
        "length_ratio_low": ratio.low,
        "length_ratio_high": ratio.high,
        "unfinished_share": sum(not a.finished for a in after) / len(after),
    }


def find_collapse(metrics: dict[str, float], chosen_logp_before: float) -> list[str]:
    """Return a warning for each sign that the policy has collapsed rather than improved."""
    warnings = []
    if metrics["heldout_accuracy"] <= CHANCE_ACCURACY:
        warnings.append(
            f"held-out accuracy is {metrics['heldout_accuracy']:.2f}: no preference was learned that "
            "transfers to other prompts; check the pairs"
        )
    has_grown = metrics["length_ratio"] > LENGTH_DRIFT_LIMIT and metrics["length_ratio_low"] > 1
    has_shrunk = metrics["length_ratio"] < 1 / LENGTH_DRIFT_LIMIT and metrics["length_ratio_high"] < 1
    if has_grown or has_shrunk:
        warnings.append(
            f"answers are {metrics['length_ratio']:.2f} times as long as the reference's: length was learned "
            "rather than quality; match the lengths of the pairs, or raise beta"
        )
    fall = -metrics["chosen_logp_change"]
    limit = max(-CHOSEN_FALL_LIMIT * chosen_logp_before, -SHARED_FALL_LIMIT * metrics["rejected_logp_change"])
    if fall > limit:
        warnings.append(
            f"the log-probability of chosen answers fell by {fall:.1f} from {chosen_logp_before:.1f}: both "
            "answers are becoming unlikely; raise beta or lower the learning rate"
        )
    return warnings
