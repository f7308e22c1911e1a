"""SFT: teach a base model to answer instructions, with LoRA on completion-only loss.

On a GPU large models are loaded in 4 bits (QLoRA). The prompt is masked, the response and the end-of-text
token are trained; rows that are too long are left out, never cut: a cut row would lose its end-of-text token.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from phases.contract import files
from phases.contract.errors import BadInputError
from phases.contract.reporter import Reporter
from phases.models import distributed, prompt_format
from phases.sft_training.spec import METRICS, Parameters
from phases.training.data import (
    ends,
    hold_out,
    pack,
    read,
    row_order,
)
from phases.training.parameters import describe_unusual_values

if TYPE_CHECKING:
    from phases.models.loader import LoadedModel
    from phases.models.tokenizer import Tokenizer
    from phases.training.trainer import History

SAMPLES = 6


class Row(msgspec.Struct, frozen=True):
    """A row of SFT data, as far as training needs it."""

    instruction: str
    response: str


@dataclass(frozen=True)
class Example:
    """The token ids of a row; the first `prompt` of them are not trained."""

    row: Row
    ids: list[int]
    prompt: int

    @property
    def labels(self) -> list[int]:
        """The ids to be predicted; -100 where nothing is."""
        return [-100] * self.prompt + self.ids[self.prompt :]


def encode(row: Row, tokenizer: "Tokenizer") -> Example:
    """Return the ids of a row: prompt and response apart, as they are at generation, then end of text."""
    prompt = tokenizer.encode_prompt(prompt_format.format_prompt(row.instruction))
    response = tokenizer.encode(prompt_format.format_completion(row.response, eos=""))
    return Example(row, [*prompt, *response, tokenizer.eos_id], len(prompt))


def run(parameters: Parameters, reporter: Reporter) -> None:
    """Train an adapter and save it in `output_dir`."""
    paths = files.expand(parameters.train_file)
    rows = read(paths, Row)
    for path in paths:
        reporter.input(path)
    reporter.progress(0, None, "steps")

    from phases.datagen.contamination import refuse_suite_prompts
    from phases.training import trainer as training

    with training.training_log(parameters.logs, "sft_training") as log:
        loaded = training.load_for_training(
            "--model", parameters.model, trainable=False, sharded=parameters.shard_weights
        )
        if loaded.source.base:
            raise BadInputError(f"--model {parameters.model} is an adapter; SFT starts from a base model")
        texts = [text for row in rows for text in (row.instruction, row.response)]
        refuse_suite_prompts("--train-file", texts, parameters.suite, loaded.source)
        encoded = [encode(row, loaded.tokenizer) for row in rows]
        examples = [example for example in encoded if len(example.ids) <= parameters.max_length]
        too_long = len(encoded) - len(examples)
        if not examples:
            raise BadInputError(
                f"all {too_long} rows are longer than --max-length {parameters.max_length} tokens"
            )
        trained, held = hold_out(
            [example.row.instruction for example in examples], parameters.heldout_share, parameters.seed
        )
        lengths = [len(examples[i].ids) for i in trained]
        sequences = _sequences(lengths, parameters)
        longest = [sum(lengths[i] for i in sequence) for sequence in sequences]
        tokens = training.tokens_of_steps(longest, parameters)
        made_from = training.identity(parameters, paths, loaded.source.sha256)

        log.info("%d rows to train, %d held out, %d too long", len(trained), len(held), too_long)
        log.info(
            "chat template: None; special tokens added by the tokenizer: none; end of text: %s",
            loaded.tokenizer.eos,
        )
        if outside := describe_unusual_values(parameters):
            reporter.notice(f"outside the session document's ranges: {', '.join(outside)}", "warning")
        trainer = _trainer(
            parameters,
            loaded,
            len(tokens),
            [[examples[trained[i]] for i in sequence] for sequence in sequences],
            [[examples[i]] for i in held],
        )
        history = training.train(
            trainer, parameters, made_from, tokens=tokens, longest=longest, reporter=reporter, log=log
        )

        saved = training.save_adapter(trainer, loaded, parameters.output_dir)
        metrics = {
            **_metrics(history),
            "heldout_reload_difference": training.reloaded_loss(trainer, parameters.output_dir)
            - history.series("eval_loss")[-1],
            "train_rows": len(trained),
            "heldout_rows": len(held),
            "dropped_too_long": too_long,
        }
        log.info("adapter saved in %s; %s", parameters.output_dir, metrics)
        if not (distributed.is_main_process() or loaded.sharded):
            distributed.destroy_process_group_at_exit()
            return
        _show_samples(replace(loaded, model=trainer.model), [examples[i] for i in held[:SAMPLES]], reporter)
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


def _sequences(lengths: Sequence[int], parameters: Parameters) -> list[tuple[int, ...]]:
    """Return the rows in the order in which they are trained, those of one packed sequence together."""
    if parameters.packing:
        return pack(lengths, epochs=parameters.epochs, max_length=parameters.max_length, seed=parameters.seed)
    order = row_order(
        lengths, epochs=parameters.epochs, batch_size=parameters.batch_size, seed=parameters.seed
    )
    return [(row,) for row in order]


def _trainer(
    parameters: Parameters,
    loaded: "LoadedModel",
    steps: int,
    train: Sequence[Sequence[Example]],
    held: Sequence[Sequence[Example]],
) -> Any:
    from peft import LoraConfig
    from trl import SFTConfig, SFTTrainer

    from phases.training import trainer as training

    trainer = SFTTrainer(
        loaded.model,
        args=training.arguments(SFTConfig, parameters, loaded, steps),
        data_collator=packed_rows(loaded) if parameters.packing else None,
        train_dataset=_dataset(train),
        eval_dataset=_dataset(held),
        processing_class=loaded.tokenizer.hf,
        peft_config=LoraConfig(
            task_type="CAUSAL_LM",
            r=parameters.lora_r,
            lora_alpha=parameters.lora_alpha,
            lora_dropout=0.0,
            target_modules="all-linear",
        ),
    )
    training.prepare(trainer)
    return trainer


def packed_rows(loaded: "LoadedModel") -> Any:
    """Return a collator of packed sequences in which no row sees another.

    Positions begin anew with each row, and there is no attention mask: from that the model knows where rows
    end. Flash attention takes all sequences as one, others a rectangle with a mask that the model makes.
    """
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    class Rectangle(DataCollatorForLanguageModeling):
        def torch_call(self, examples: list[dict[str, Any]]) -> dict[str, Any]:
            batch: dict[str, Any] = super().torch_call(examples)
            del batch["attention_mask"]
            # The first token of a row follows from nothing; each token of the padding is a row of its own.
            batch["labels"][batch["position_ids"] == 0] = -100
            return batch

    pad = loaded.tokenizer.pad_id
    if loaded.attention.startswith("flash"):
        return DataCollatorForLanguageModeling(pad_token_id=pad, padding_free=True)
    return Rectangle(pad_token_id=pad, return_position_ids=True)


def _dataset(sequences: Sequence[Sequence[Example]]) -> Any:
    from datasets import Dataset

    return Dataset.from_dict(
        {
            "input_ids": [[token for row in rows for token in row.ids] for rows in sequences],
            "labels": [[label for row in rows for label in row.labels] for rows in sequences],
            "seq_lengths": [[len(row.ids) for row in rows] for rows in sequences],
        }
    )


def _metrics(history: "History") -> dict[str, float]:
    first, final = ends(history.series("loss"))
    return {"first_train_loss": first, "final_train_loss": final, **history.metrics()}


def _show_samples(loaded: "LoadedModel", examples: Sequence[Example], reporter: Reporter) -> None:
    """Show how the tuned model answers instructions that it was not trained on."""
    from phases.generation.generate import generate

    prompts = [prompt_format.format_prompt(example.row.instruction) for example in examples]
    longest = max(len(example.ids) - example.prompt for example in examples)
    for index, completion in generate(
        loaded, prompts, seeds=[0] * len(prompts), max_new_tokens=min(256, 16 + longest)
    ):
        row = examples[index].row
        texts = {"instruction": row.instruction, "expected": row.response, "answer": completion.text.strip()}
        reporter.sample("held-out row", texts)
