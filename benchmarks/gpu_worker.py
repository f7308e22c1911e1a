"""What a benchmark does inside vLLM's worker, where the weights are."""

from typing import Any, Final

SPREAD: Final = 6.0
"""Standard deviation of the logits: some ten tokens then have nearly all of the probability, as in text."""


class Extension:
    """Added to vLLM's worker by name."""

    model_runner: Any

    def sharpen(self) -> None:
        """Let a model of dummy weights prefer some tokens, others after each token, as a language model does.

        All of vLLM's dummy weights are near zero, so that each token would be as likely as any other: the
        worst case of looking for a nucleus, and one that no text has.
        """
        for name, parameter in self.model_runner.get_model().named_parameters():
            if name == "model.norm.weight":
                parameter.data.fill_(1.0)
            elif name.startswith("lm_head.") and "lora" not in name:
                parameter.data.normal_(std=SPREAD / parameter.shape[1] ** 0.5)
