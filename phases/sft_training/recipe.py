"""SFT: teach a base model to answer instructions, with LoRA and a completion-only loss.

On a GPU large models are loaded in 4 bits (QLoRA, arXiv 2305.14314). The prompt is masked; the response and
the end-of-text token are trained. Rows that are too long are dropped, because truncation would cut their
end-of-text token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.datagen.contamination import refuse_suite_prompts
from phases.generation.generate import generate
from phases.models import distributed, prompt_format
from phases.models.loader import LoadedModel
from phases.models.tokenizer import Tokenizer
from phases.sft_training.spec import METRICS, Parameters
from phases.sft_training.trainer import IGNORED_LABEL, PackedRowsTrainer
from phases.training.adapters import load_for_training, measure_reloaded_loss, prepare_trainer, save_adapter
from phases.training.arguments import build_arguments, count_step_tokens
from phases.training.checkpoints import identify_training
from phases.training.history import TrainingHistory, average_tenths
from phases.training.log import open_training_log
from phases.training.micro_batches import RowBatch
from phases.training.parameters import describe_unusual_values
from phases.training.rows import read_rows
from phases.training.split import TrainingData, split_rows
from phases.training.trainer import train, write_result

SHOWN_SAMPLES: Final = 6


class Row(msgspec.Struct, frozen=True):
    """The columns of an SFT row that training needs."""

    instruction: str
    response: str


@dataclass(frozen=True)
class Example:
    """The token ids of a row, of which the first `prompt_length` are not trained."""

    row: Row
    ids: list[int]
    prompt_length: int

    @property
    def key(self) -> str:
        """The instruction; rows with the same one are trained or held out together."""
        return self.row.instruction

    @property
    def tokens(self) -> int:
        """Tokens of the row."""
        return len(self.ids)

    @property
    def longest(self) -> int:
        """Tokens of the row, which is one sequence."""
        return len(self.ids)

    @property
    def labels(self) -> list[int]:
        """The ids to predict, with `IGNORED_LABEL` for the prompt."""
        return [IGNORED_LABEL] * self.prompt_length + self.ids[self.prompt_length :]


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Train an adapter on a base model and save it in `output_dir`."""
    paths = files.expand_patterns(parameters.train_file)
    rows = read_rows(paths, Row)
    for path in paths:
        reporter.input(path)
    reporter.progress(0, None, "steps")

    with open_training_log(parameters.logs, "sft_training") as log:
        loaded = load_for_training(
            "--model", parameters.model, trainable=False, sharded=parameters.shard_weights
        )
        if loaded.source.base:
            raise BadInputError(f"--model {parameters.model} is an adapter; SFT starts from a base model")
        texts = [(row.instruction, [row.response]) for row in rows]
        refuse_suite_prompts("--train-file", texts, parameters.suite, loaded.source)
        data = split_rows([encode_row(row, loaded.tokenizer) for row in rows], parameters)
        lengths = [example.tokens for example in data.rows]
        step_tokens = count_step_tokens(lengths, parameters)
        identity = identify_training(parameters, paths, loaded.source.sha256)
        log.info(
            "%d rows to train, %d held out, %d too long", data.train_rows, len(data.held_out), data.dropped
        )
        log.info(
            "chat template: None; special tokens added by the tokenizer: none; end of text: %s",
            loaded.tokenizer.eos,
        )
        if unusual_values := describe_unusual_values(parameters):
            reporter.notice(f"outside the session document's ranges: {', '.join(unusual_values)}", "warning")

        trainer = build_trainer(parameters, loaded, len(step_tokens), data)
        history = train(
            trainer,
            parameters,
            identity,
            step_tokens=step_tokens,
            row_lengths=lengths,
            reporter=reporter,
            log=log,
        )
        adapter = save_adapter(trainer, loaded, parameters.output_dir)
        metrics = compute_metrics(history, data, measure_reloaded_loss(trainer, parameters.output_dir))
        log.info("adapter saved in %s; %s", parameters.output_dir, metrics)
        # With sharded weights all processes must generate together.
        if distributed.is_main_process() or loaded.sharded:
            show_samples(replace(loaded, model=trainer.model), data.held_out[:SHOWN_SAMPLES], reporter)
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


def encode_row(row: Row, tokenizer: Tokenizer) -> Example:
    """Return a row's ids. Prompt and response are encoded separately, as at generation."""
    prompt = tokenizer.encode_prompt(prompt_format.format_prompt(row.instruction))
    response = tokenizer.encode(prompt_format.format_completion(row.response, eos=""))
    return Example(row, [*prompt, *response, tokenizer.eos_id], len(prompt))


def build_trainer(
    parameters: Parameters, loaded: LoadedModel, steps: int, data: TrainingData[Example]
) -> PackedRowsTrainer:
    """Return a trainer of a new adapter on the model's linear layers."""
    trainer = PackedRowsTrainer(
        loaded.model,
        args=build_arguments(SFTConfig, parameters, loaded, steps, held_out=len(data.held_out)),
        data_collator=RowBatch,
        train_dataset=build_dataset(data.rows),
        eval_dataset=build_dataset(data.held_out),
        processing_class=loaded.tokenizer.hf,
        peft_config=LoraConfig(
            task_type="CAUSAL_LM",
            r=parameters.lora_r,
            lora_alpha=parameters.lora_alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
        ),
    )
    trainer.choose_layout(is_packed=parameters.packing)
    prepare_trainer(trainer, loaded)
    return trainer


def build_dataset(examples: Sequence[Example]) -> Dataset:
    """Return a dataset of encoded rows, which TRL does not process further."""
    return Dataset.from_dict(
        {
            "input_ids": [example.ids for example in examples],
            "labels": [example.labels for example in examples],
        }
    )


def compute_metrics(
    history: TrainingHistory, data: TrainingData[Example], reloaded_loss: float
) -> dict[str, float]:
    """Return the phase's metrics."""
    first, final = average_tenths(history.list_values("loss"))
    return {
        "first_train_loss": first,
        "final_train_loss": final,
        **history.compute_metrics(),
        "heldout_reload_difference": reloaded_loss - history.get_value_at_delivery("eval_loss"),
        "train_rows": data.train_rows,
        "heldout_rows": len(data.held_out),
        "dropped_too_long": data.dropped,
    }


def show_samples(loaded: LoadedModel, examples: Sequence[Example], reporter: Reporter) -> None:
    """Report the tuned model's answers to held-out instructions."""
    prompts = [prompt_format.format_prompt(example.row.instruction) for example in examples]
    longest = max(len(example.ids) - example.prompt_length for example in examples)
    completions = generate(loaded, prompts, seeds=[0] * len(prompts), max_new_tokens=min(256, 16 + longest))
    for index, completion in completions:
        row = examples[index].row
        texts = {"instruction": row.instruction, "expected": row.response, "answer": completion.text.strip()}
        reporter.sample("held-out row", texts)
