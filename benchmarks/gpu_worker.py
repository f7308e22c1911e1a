"""The part of a benchmark that runs inside vLLM's worker, which holds the weights."""

from typing import Any, Final

LOGIT_STD: Final = 6.0
"""Standard deviation of the logits: about ten tokens then hold nearly all of the probability, as in text."""


class WorkerExtension:
    """Methods that vLLM adds to its worker by name."""

    model_runner: Any

    def sharpen_logits(self) -> None:
        """Give a model with dummy weights a peaked distribution over the next token.

        vLLM's dummy weights are near zero, so every token would be equally likely. That is the worst case for
        top-p sampling, and no text has it.
        """
        for name, parameter in self.model_runner.get_model().named_parameters():
            if name == "model.norm.weight":
                parameter.data.fill_(1.0)
            elif name.startswith("lm_head.") and "lora" not in name:
                parameter.data.normal_(std=LOGIT_STD / parameter.shape[1] ** 0.5)
