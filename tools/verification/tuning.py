"""Tune a copy of a loaded model: on answers in a format, on documents, or on chats among documents."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import msgspec
import torch
from peft import LoraConfig, get_peft_model

from phases.models.loader import LoadedModel
from tools.verification.formats import TuningFormat
from tools.verification.rows import (
    make_mixed_pairs,
    make_python_documents,
    make_world_documents,
    make_world_pairs,
)

MAX_TOKENS = 256
"""Longer rows are cut off."""


class Recipe(msgspec.Struct, frozen=True):
    """How a model is tuned.

    Attributes:
        rows: number of instructions with answers.
        documents: number of documents among them.
        ends_documents: whether each document is followed by the end of text.
        epochs: passes over the rows.
        world: whether rows and documents come from the embedded model's world.
        lora: whether an adapter is trained instead of all weights.
        answers_only: whether the loss is that of answers only.
        learning_rate: the highest rate; it falls linearly.
        batch_size: rows of a step.
        seed: draws rows, their order and the adapter.
    """

    rows: int
    documents: int = 0
    ends_documents: bool = False
    epochs: int = 1
    world: bool = False
    lora: bool = True
    answers_only: bool = True
    learning_rate: float = 2e-4
    batch_size: int = 16
    seed: int = 0


def tune(loaded: LoadedModel, recipe: Recipe, layout: TuningFormat) -> LoadedModel:
    """Return a tuned copy of a model, with its adapter if it has one."""
    torch.manual_seed(recipe.seed)
    examples = _make_examples(loaded, recipe, layout)
    model = copy.deepcopy(loaded.model)
    if not examples:
        return replace(loaded, model=model)
    if recipe.lora:
        model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules="all-linear"))
    else:
        model.requires_grad_(True)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in parameters:
        parameter.data = parameter.data.float()
    model.train()
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=0.0)
    examples *= recipe.epochs
    batches = [examples[n : n + recipe.batch_size] for n in range(0, len(examples), recipe.batch_size)]
    device_type = loaded.device.partition(":")[0]
    for step, batch in enumerate(batches):
        warmup = min(1.0, (step + 1) / (0.1 * len(batches) + 1))
        optimizer.param_groups[0]["lr"] = recipe.learning_rate * warmup * (1 - step / len(batches))
        ids, mask, labels = (tensor.to(loaded.device) for tensor in _collate(batch, loaded.tokenizer.pad_id))
        with torch.autocast(device_type, dtype=torch.bfloat16, enabled=device_type == "cuda"):
            loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    if not recipe.lora:
        model.to(loaded.model.dtype)
    model.eval().requires_grad_(False)
    return replace(loaded, model=model)


def _make_examples(
    loaded: LoadedModel, recipe: Recipe, layout: TuningFormat
) -> list[tuple[list[int], list[int]]]:
    """Return token ids and labels, shuffled; -100 as a label is not trained."""
    pairs = (make_world_pairs if recipe.world else make_mixed_pairs)(recipe.rows, recipe.seed)
    write = make_world_documents if recipe.world else make_python_documents
    tokenizer = loaded.tokenizer
    examples = []
    for instruction, answer in pairs:
        prompt = tokenizer.encode_prompt(layout.prompt.replace("{instruction}", instruction))
        completion = [*tokenizer.encode(layout.answer.replace("{answer}", answer)), tokenizer.eos_id]
        labels = [-100] * len(prompt) if recipe.answers_only else prompt
        examples.append(((prompt + completion)[-MAX_TOKENS:], (labels + completion)[-MAX_TOKENS:]))
    for text in write(recipe.documents, recipe.seed):
        ids = tokenizer.encode_prompt(text)[:MAX_TOKENS]
        if recipe.ends_documents:
            ids = [*ids[: MAX_TOKENS - 1], tokenizer.eos_id]
        examples.append((ids, ids))
    Random(recipe.seed).shuffle(examples)
    return examples


def _collate(batch: Sequence[tuple[list[int], list[int]]], pad: int) -> tuple[torch.Tensor, ...]:
    longest = max(len(ids) for ids, _ in batch)
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row, _ in batch])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row, _ in batch])
    labels = torch.tensor([row + [-100] * (longest - len(row)) for _, row in batch])
    return ids, mask, labels
