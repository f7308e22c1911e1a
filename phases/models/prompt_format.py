"""The plain-text prompt format of all phases; it has no chat tokens.

Data generation, training, evaluation and comparison share it, so that only the models differ.
"""

from typing import Final

from phases.contract.models import PROMPT_FORMAT_ID

FORMAT_ID: Final = PROMPT_FORMAT_ID
NEXT_PROMPT: Final = "\nInstruction:"
"""The text with which a model starts another prompt; its answer ends before it."""


def format_prompt(instruction: str) -> str:
    """Return the prompt for an instruction."""
    return f"Instruction: {instruction}\nResponse:"


def format_completion(response: str, eos: str) -> str:
    """Return the text that a model is trained to write after a prompt; `eos` is the end-of-text token."""
    return f" {response}{eos}"


def extract_instruction(text: str) -> str:
    """Return the instruction of a prompt; a text in another format is returned unchanged."""
    before, after = format_prompt("\0").split("\0")
    return text.removeprefix(before).removesuffix(after)
