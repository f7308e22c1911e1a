"""Translate a phase's parameters into TRL's arguments and the schedule of its steps."""

import math
from collections.abc import Sequence
from typing import Any, Final

from phases.models import distributed
from phases.models.loader import LoadedModel
from phases.training.parameters import TrainingParameters
from phases.training.trackers import configure_trackers

FOUR_BIT_OPTIMIZER: Final = "adamw_8bit"
"""Optimizer of 4-bit models: Adam with 8 bits per number.

Its paged form ends the process when several processes resume: transformers then loads the state to the GPU,
where it is not paged but still marked so (bitsandbytes issue 782). The state of adapters is too small to need
paging.
"""


def build_arguments(
    config_type: type,
    parameters: TrainingParameters,
    loaded: LoadedModel,
    steps: int,
    *,
    held_out: int,
    **more: Any,
) -> Any:
    """Return TRL's arguments for one pass over rows that are ordered already.

    A batch of the trainer is a complete optimizer step, or all held-out rows, which `MicroBatchTrainer`
    splits. Callbacks decide when to evaluate and save. Nothing is uploaded; see `configure_trackers`.

    Args:
        config_type: TRL's configuration class, such as `SFTConfig`.
        parameters: of the phase.
        loaded: the model to train.
        steps: number of optimizer steps.
        held_out: number of held-out rows.
        more: further fields of the configuration.
    """
    has_gpu = loaded.device.startswith("cuda")
    arguments = config_type(
        output_dir=str(parameters.output_dir / "checkpoints"),
        num_train_epochs=1,
        train_sampling_strategy="sequential",
        per_device_train_batch_size=parameters.rows_per_step,
        per_device_eval_batch_size=-(-held_out // distributed.world_size()),
        gradient_accumulation_steps=1,
        gradient_checkpointing=False,  # MicroBatchProbe sets it
        learning_rate=parameters.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(0.03 * steps),
        max_grad_norm=1.0,
        optim=FOUR_BIT_OPTIMIZER if loaded.four_bit else "adamw_torch",
        bf16=has_gpu,
        use_cpu=not has_gpu,
        max_length=None,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="no",
        save_strategy="no",
        save_total_limit=2,
        seed=parameters.seed,
        **configure_trackers(parameters.report_to, parameters.logs),
        disable_tqdm=True,
        dataloader_pin_memory=has_gpu,
        ddp_find_unused_parameters=False,
        # The buffers are constants. A process that runs out of memory in its first pass would alone exchange
        # them again in the next one, and the processes would wait for each other.
        ddp_broadcast_buffers=False,
        **more,
    )
    # Without a launcher TRL would spread one process over all visible GPUs, which it then rejects.
    arguments._n_gpu = min(1, arguments.n_gpu)
    return arguments


def count_step_tokens(row_tokens: Sequence[int], parameters: TrainingParameters) -> list[int]:
    """Return the tokens of each optimizer step, over all devices, given those of each row in order."""
    rows = parameters.rows_per_step * distributed.world_size()
    return [sum(row_tokens[start : start + rows]) for start in range(0, len(row_tokens), rows)]


def schedule_evaluations(steps: int, evaluations: int) -> frozenset[int]:
    """Return the steps after which to evaluate: 0, evenly spaced ones and the last."""
    return frozenset(round(steps * i / evaluations) for i in range(evaluations + 1))
