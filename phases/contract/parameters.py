"""The parameters of a phase: a pydantic model that defines its command line.

A phase declares `class Parameters(PhaseParameters)`. Each field is a flag (`batch_size` is `--batch-size`),
and its description is the help text. Bounds are checked before anything heavy is loaded. `gonogo check` reads
the same models.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

EnginePreference = Literal["auto", "vllm", "transformers"]
ENGINE_HELP: Final = "inference engine; auto uses vllm for large models on a CUDA GPU, otherwise transformers"


class PhaseParameters(BaseModel):
    """Base of the parameters of all phases: immutable, without unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _require_expressible(cls, value: Any, info: ValidationInfo) -> Any:
        """Check that the command line can hold a value of a plan, which pydantic would convert."""
        is_switch = cls.model_fields[str(info.field_name)].annotation is bool
        if is_switch and not isinstance(value, bool):
            raise ValueError("expected true or false")
        if isinstance(value, bool) and not is_switch:
            raise ValueError("expected a number or a text, not true or false")
        if "--" in (value if isinstance(value, list) else [value]):
            raise ValueError("expected another text than `--`")
        return value

    @property
    def result_folder(self) -> Path:
        """The folder of `result.json` when the phase runs without gonogo."""
        return Path(vars(self)["output_dir"])


P = TypeVar("P", bound=PhaseParameters)


def format_flag(name: str) -> str:
    """Return the command-line flag of a parameter."""
    return "--" + name.replace("_", "-")


def _build_argument_options(annotation: Any) -> dict[str, Any]:
    if annotation is bool:
        return {"action": argparse.BooleanOptionalAction}
    if _takes_several(annotation):
        # A list may be empty, and may be given in parts, as `--files=-a --files=-b`.
        return {"nargs": "*", "action": "extend"}
    return {}


def _describe(field: FieldInfo) -> str:
    """Return a parameter's help with its default, unless that is nothing or the description explains it."""
    text = field.description or ""
    default = None if field.is_required() else field.get_default(call_default_factory=True)
    if default is None or default == [] or "(default: " in text:
        return text
    return f"{text} (default: {default})"


def parse_arguments(kind: type[P], argv: Sequence[str] | None = None, *, program: str, description: str) -> P:
    """Return the parameters on a command line; print what is wrong with them and exit with 2 otherwise."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    for name, field in kind.model_fields.items():
        parser.add_argument(
            format_flag(name),
            dest=name,
            required=field.is_required(),
            default=argparse.SUPPRESS,
            help=_describe(field).replace("%", "%%"),
            **_build_argument_options(field.annotation),
        )
    values = vars(parser.parse_args(argv))
    try:
        return kind(**values)
    except ValidationError as error:
        for problem in error.errors():
            source = format_flag(str(problem["loc"][0])) if problem["loc"] else program
            print(f"{program}: {source}: {problem['msg']} (given: {problem['input']!r})", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


def wrap_single_values(kind: type[PhaseParameters], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plan's values as the command line gives them: a list if the parameter takes several values."""
    fields = kind.model_fields
    return {
        name: [value] if _takes_several(fields[name].annotation) and not isinstance(value, list) else value
        for name, value in values.items()
    }


def _takes_several(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple)


def format_arguments(values: dict[str, Any]) -> list[str]:
    """Return the command-line arguments for these parameters, in their order."""
    argv: list[str] = []
    for name, value in values.items():
        if isinstance(value, bool):
            argv.append(format_flag(name) if value else "--no-" + name.replace("_", "-"))
        elif value is not None:
            items = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
            if any(item.startswith("-") for item in items):  # argparse would read a flag.
                argv += [f"{format_flag(name)}={item}" for item in items]
            else:
                argv += [format_flag(name), *items]
    return argv
