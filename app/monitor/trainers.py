"""Presets: what the logs of well-known trainers call their metrics, and how they count steps.

`metrics = "hf-trainer"` in a plan names one. A metric's names are those of `app.monitor.log_numbers`: in
lower case, with underscores. The first name that a line has counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

Names = Mapping[str, tuple[str, ...]]
"""The names in a log, by metric."""


@dataclass(frozen=True)
class Preset:
    """The format of a trainer's log.

    Attributes:
        metrics: the names of each metric in the log.
        validation: the same on lines of a validation, for names that training has as well.
        progress: patterns of the progress; without, bars and lines such as `step 3/10` count.
        total: pattern of a line that names the total number of steps once.
        sign: pattern of lines that only this trainer prints.
    """

    metrics: Names
    validation: Names = field(default_factory=dict)
    progress: tuple[str, ...] = ()
    total: str = ""
    sign: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics that this preset can find."""
        return tuple(dict.fromkeys((*self.metrics, *self.validation)))


_TRAINING: Final = {
    "loss": ("loss",),
    "val_loss": ("eval_loss", "val_loss", "valid_loss", "validation_loss", "test_loss"),
    "grad_norm": ("grad_norm", "gradient_norm", "gradnorm", "gnorm"),
    "learning_rate": ("learning_rate", "lr"),
    "perplexity": ("perplexity", "ppl"),
    "accuracy": ("accuracy", "acc", "token_accuracy", "token_acc"),
    "tokens_per_second": (
        "tokens_per_second", "tok_sec", "tok_s", "tokens_sec", "tokens_s", "tps", "tokens_per_sec",
        "tokens_per_second_per_gpu",
    ),
    "samples_per_second": ("samples_per_second", "samples_sec", "samples_s"),
}  # fmt: skip
_VALIDATION: Final = {
    "val_loss": ("loss", "total_loss", "lm_loss_value"),
    "val_accuracy": ("accuracy", "acc"),
    "val_perplexity": ("perplexity", "ppl"),
}
_HUGGING_FACE: Final = {
    "loss": ("loss",),
    "val_loss": ("eval_loss",),
    "grad_norm": ("grad_norm",),
    "learning_rate": ("learning_rate",),
    "accuracy": ("token_accuracy", "token_acc", "rewards_accuracies"),
    "perplexity": ("perplexity", "ppl"),
    "entropy": ("entropy",),
    "reward": ("reward",),
    "reward_std": ("reward_std",),
    "rewards_margins": ("rewards_margins",),
    "kl": ("kl", "objective_kl"),
    "tokens_per_second": ("tokens_per_second_per_gpu", "tokens_per_second", "throughput"),
    "samples_per_second": ("train_samples_per_second",),
}
_LOOP: Final = {
    **_TRAINING,
    "loss": (
        "loss",
        "train_loss",
        "loss_train",
        "training_loss",
        "lm_loss",
        "reduced_train_loss",
        "total_loss",
    ),
}

PRESETS: Final[Mapping[str, Preset]] = {
    "hf-trainer": Preset(_HUGGING_FACE, sign=r"\{['\"]loss['\"]:.*['\"](?:learning_rate|epoch)['\"]:"),
    "trl": Preset(_HUGGING_FACE, sign=r"\{'loss':.*'(?:mean_token_accuracy|reward|rewards/\w+)':"),
    "axolotl": Preset(_HUGGING_FACE, sign=r"\baxolotl\b"),
    "llama-factory": Preset(_HUGGING_FACE, sign=r"\bllamafactory\b|\[llama-?factory\]"),
    "unsloth": Preset(_HUGGING_FACE, sign=r"\bUnsloth\b"),
    "ms-swift": Preset(
        _HUGGING_FACE,
        progress=(r"(?:global_step/max_steps|'iteration)['\"]?:\s*['\"]?(\d+)/(\d+)",),
        sign=r"global_step/max_steps|'iteration': '\d+/\d+'|\[INFO:swift\]",
    ),
    "accelerate": Preset(_LOOP, _VALIDATION, sign=r"\baccelerate\b|accelerator"),
    "torchtune": Preset(
        {**_TRAINING, "loss": ("loss",)},
        _VALIDATION,
        sign=r"^\d+\|\d+\|Loss:|\btorchtune\b|\|.*\btokens_per_second_per_gpu:",
    ),
    "nanochat": Preset(
        {
            "loss": ("loss", "training_loss", "train_loss"),
            "val_loss": ("validation_loss", "val_loss"),
            "val_bpb": ("validation_bpb", "val_bpb"),
            "grad_norm": ("grad_norm", "norm"),
            "learning_rate_multiplier": ("lrm",),
            "tokens_per_second": ("tok_sec",),
            "mfu": ("mfu", "bf16_mfu"),
        },
        sign=r"\blrm: |\btok/sec: ",
    ),
    "megatron": Preset(
        {
            "loss": ("lm_loss", "loss"),
            "grad_norm": ("grad_norm",),
            "learning_rate": ("learning_rate",),
            "loss_scale": ("loss_scale",),
            "skipped_iterations": ("number_of_skipped_iterations",),
            "nan_iterations": ("number_of_nan_iterations",),
            "ms_per_iteration": ("elapsed_time_per_iteration_ms",),
            "tflops_per_gpu": ("throughput_per_gpu_tflop",),
        },
        {"val_loss": ("lm_loss_value", "loss_value"), "val_perplexity": ("lm_loss_ppl",)},
        progress=(r"(?:^|\]:?)\s*iteration\s+(\d+)/\s*(\d+)",),
        sign=r"\blm loss: |\bconsumed samples: ",
    ),
    "deepspeed": Preset(
        {
            **_LOOP,
            "skipped_steps": ("skipped",),
            "samples_per_second": ("samples_sec", "currsamplespersec", "runningavgsamplespersec"),
            "actor_loss": ("actor_loss",),
            "critic_loss": ("critic_loss",),
        },
        _VALIDATION,
        sign=r"\[deepspeed\]|\blog_dist\b|\[Rank 0\] step=",
    ),
    "lightning": Preset(
        {
            **_LOOP,
            "loss": ("train_loss_step", "train_loss", "loss_step", "loss", "training_loss"),
            "val_loss": ("val_loss", "val_loss_epoch", "valid_loss", "validation_loss", "val_loss_step"),
            "val_accuracy": ("val_acc", "val_accuracy", "valid_acc"),
        },
        _VALIDATION,
        sign=r"\bv_num[=:]|\bSanity Checking\b|\bTrainer\.fit\b",
    ),
    "nemo": Preset(
        {
            "loss": ("reduced_train_loss", "train_loss", "loss"),
            "val_loss": ("val_loss", "validation_loss"),
            "grad_norm": ("grad_norm",),
            "learning_rate": ("lr", "learning_rate"),
            "seconds_per_step": ("train_step_timing_in_s",),
            "consumed_samples": ("consumed_samples",),
        },
        _VALIDATION,
        progress=(
            r"iteration\s+(\d+)/(\d+)", r"^\W*Epoch \d+:.*?\|\s*(\d+)/(\d+)\s*\["
        ),
        sign=r"\breduced_train_loss\b",
    ),
    "verl": Preset(
        {
            "loss": ("train_loss",),  # SFT
            "val_loss": ("val_loss",),
            "actor_pg_loss": ("actor_pg_loss",),
            "actor_loss": ("actor_loss",),
            "actor_kl_loss": ("actor_kl_loss",),
            "actor_entropy": ("actor_entropy", "actor_entropy_loss"),
            "critic_vf_loss": ("critic_vf_loss",),
            "critic_kl": ("critic_kl", "actor_ppo_kl"),
            "grad_norm": ("actor_grad_norm",),
            "learning_rate": ("actor_lr",),
            "score": ("critic_score_mean",),
            "reward": ("critic_rewards_mean",),
            "response_length": ("response_length_mean",),
            "tokens_per_second": ("perf_throughput",),
            "seconds_per_step": ("timing_s_step", "perf_time_per_step"),
        },
        sign=r"\bactor/(?:pg_loss|grad_norm|ppo_kl)|critic/(?:score|rewards)/mean"
        r"|\bstep:\d+ - (?:train|val)/loss:",
    ),
    "mlx": Preset(
        {
            "loss": ("train_loss", "loss"),
            "val_loss": ("val_loss",),
            "learning_rate": ("learning_rate",),
            "steps_per_second": ("it_sec",),
            "tokens_per_second": ("tokens_sec",),
            "peak_memory_gb": ("peak_mem",),
        },
        progress=(r"^\W*Iter (\d+):",),
        total=r"\biters: (\d+)",
        sign=r"^Iter \d+: (?:Train|Val) loss",
    ),
    "llama.cpp": Preset(
        {
            "loss": ("loss",),
            "accuracy": ("acc", "accuracy"),
            "perplexity": ("ppl", "estimate_ppl"),
        },
        {"val_loss": ("loss",), "val_accuracy": ("acc", "accuracy")},
        progress=(r"\b(?:data|sample)=(\d+)/(\d+)",),
        sign=r"\btrain_opt_callback|llama_model_loader|^(?:train|val): \[",
    ),
}  # fmt: skip
