"""The suite whose prompts can be asked: its development half; no decision may depend on the held-out half."""

import sys

import msgspec

from phases.contract.errors import BadInputError
from phases.contract.questions import SuitePrompt
from phases.scoring.suite import TEST_HALF, Prompt, SuiteError, choose_default_suite, load_halves


class AskableSuite:
    """The prompts of a suite by key and by instruction."""

    def __init__(self, name: str, base: str) -> None:
        """Load a suite; `auto` is that of the base model.

        Raises:
            SuiteError: there is no such suite.
        """
        name = choose_default_suite(base) if name == "auto" else name
        self.suite, *held_out = load_halves(name.removesuffix(TEST_HALF))
        self._by_key = {prompt.key: prompt for prompt in self.suite.prompts}
        self._by_instruction = {prompt.instruction: prompt for prompt in self.suite.prompts}
        self._held_out = {prompt.instruction for half in held_out for prompt in half.prompts}

    def find(self, key: str, instruction: str) -> Prompt | None:
        """Return the prompt with a key, or the one whose instruction was typed; None if it is not a prompt.

        Raises:
            BadInputError: there is no such key, or the instruction is of the held-out half.
        """
        if key and key not in self._by_key:
            example = next(iter(self._by_key))
            raise BadInputError(
                f"suite {self.suite.name} has no prompt {key}; expected a key such as {example}"
            )
        if instruction in self._held_out:
            raise BadInputError(
                f"this is a prompt of the held-out half of {self.suite.name}, and no decision may depend "
                "on it before the comparison; ask another one"
            )
        return self._by_key[key] if key else self._by_instruction.get(instruction)


def print_prompts(name: str, base: str) -> int:
    """Print the prompts as JSON lines; return 2 if there is no such suite."""
    try:
        prompts = AskableSuite(name, base).suite.prompts
    except SuiteError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for prompt in prompts:
        line = SuitePrompt(prompt.key, prompt.category, prompt.instruction)
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    return 0
