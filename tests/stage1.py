"""The plan that ships with gonogo, and its phases in their order."""

from pathlib import Path

PLAN = Path(__file__).parents[1] / "session_plan.toml"
PHASES = [
    "verification",
    "baseline_evaluation",
    "sft_data",
    "sft_training",
    "sft_evaluation",
    "preference_pairs",
    "dpo_training",
    "dpo_evaluation",
    "comparison",
]
