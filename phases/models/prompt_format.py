"""The one wrapper around every instruction: plain text, without any chat token.

Data, training, evaluation and comparison all use it, so that what differs between models is the model.
"""

FORMAT_ID = "instruction-response-v1"
NEXT_PROMPT = "\nInstruction:"
"""What a model writes when it goes on to a prompt of its own: its answer ended before."""


def prompt(instruction: str) -> str:
    """Return the text that a model is given for an instruction."""
    return f"Instruction: {instruction}\nResponse:"


def instruction(text: str) -> str:
    """Return what `prompt` has wrapped; a text that it has not, as it is."""
    before, after = prompt("\0").split("\0")
    return text.removeprefix(before).removesuffix(after)


def completion(response: str, eos: str) -> str:
    """Return the text that a model is trained to write after `prompt`; `eos` is the end-of-text token."""
    return f" {response}{eos}"
