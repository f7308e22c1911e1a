import argparse
import shlex
import subprocess
from pathlib import Path

import pytest

from app.plan.arguments import BooleanStyle, FlagStyle, build_arguments, format_flags
from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.session.start import describe_commands
from tests.session.conftest import HEAD

VALUES = {"batch_size": 8, "optim.lr": 1e-4, "bf16": True, "tf32": False, "tasks": ["a", "b"]}


@pytest.mark.parametrize(
    ("style", "booleans", "expected"),
    [
        ("dash", None, "--batch-size 8 --optim.lr 0.0001 --bf16 --no-tf32 --tasks a b"),
        ("dash", "value", "--batch-size 8 --optim.lr 0.0001 --bf16 true --tf32 false --tasks a b"),
        ("underscore", None, "--batch_size 8 --optim.lr 0.0001 --bf16 --no-tf32 --tasks a b"),
        ("underscore", "flag", "--batch_size 8 --optim.lr 0.0001 --bf16 --tasks a b"),
        ("equals", None, "--batch_size=8 --optim.lr=0.0001 --bf16=true --tf32=false --tasks=a,b"),
        ("equals", "no", "--batch_size=8 --optim.lr=0.0001 --bf16 --no-tf32 --tasks=a,b"),
        ("equals", "flag", "--batch_size=8 --optim.lr=0.0001 --bf16 --tasks=a,b"),
        ("override", None, "batch_size=8 optim.lr=0.0001 bf16=true tf32=false tasks=[a,b]"),
    ],
)
def test_flags_in_each_style(style: FlagStyle, booleans: BooleanStyle | None, expected: str) -> None:
    assert " ".join(format_flags(VALUES, style, booleans)) == expected


def test_only_dash_changes_a_name() -> None:
    values = {"device-batch-size": 4, "+trainer.profile": True}
    assert format_flags(values, "equals") == ["--device-batch-size=4", "--+trainer.profile=true"]
    assert format_flags(values, "override") == ["device-batch-size=4", "+trainer.profile=true"]
    assert format_flags({"use-cache": False}, "underscore") == ["--no-use-cache"]


def test_items_of_an_override_stay_apart() -> None:
    values = {"names": ["a, b", "c]", 'say "x"', "${d}", "e/f-1.0"], "text": "a, b"}
    expected = ['names=["a, b","c]","say \\"x\\"",${d},e/f-1.0]', "text=a, b"]
    assert format_flags(values, "override") == expected


def test_argparse_reads_what_each_style_of_flags_writes() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", "--batch_size", type=int)
    parser.add_argument("--offset", type=int)
    parser.add_argument("--shift", type=float)
    parser.add_argument("--extra")
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction)
    for style in ("dash", "underscore", "equals"):
        values = {"batch_size": 8, "offset": -3, "bf16": False, "shift": -1e-5, "extra": "--x 'y'\nz"}
        options = parser.parse_args(format_flags(values, style, "no"))  # type: ignore[arg-type]
        assert (options.shift, options.extra) == (-1e-5, "--x 'y'\nz")
        assert (options.batch_size, options.offset) == (8, -3)
        assert not options.bf16


def test_a_placeholder_takes_the_place_of_its_flag() -> None:
    command = ("torchrun", "--nproc={params.gpus}", "train.py", "{params.files}", "--x={params.on}")
    values = {"gpus": 2, "files": ["a b", "c"], "on": True, "lr": 0.1}
    argv = build_arguments(command, values, "override")
    assert argv == ["torchrun", "--nproc=2", "train.py", "a b", "c", "--x=true", "lr=0.1"]


def test_a_value_in_a_shell_script_stays_one_word_and_runs_nothing(tmp_path: Path) -> None:
    argv = build_arguments(
        ("bash", "-ec", "printf '%s\\n' {params.name}; echo {params.n}"),
        {"name": f"a b; touch {tmp_path}/ran", "n": 3},
    )
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"a b; touch {tmp_path}/ran", "3"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("word", "before"),
    [
        ("{params.x}", ""),
        ('"{params.x}"', ""),
        ("'{params.x}'", ""),
        ('it\\\'s"{params.x}"', "it's"),
        ("\"'\"'{params.x}'", "'"),
    ],
)
def test_a_placeholder_may_stand_inside_of_quotes(word: str, before: str) -> None:
    value = 'it\'s "a"  $HOME `id` \\ * $(id)'
    argv = build_arguments(("bash", "-c", f"printf '%s\\n' {word}"), {"x": value})
    assert subprocess.run(argv, capture_output=True, text=True, check=True).stdout == f"{before}{value}\n"


def test_the_batch_of_a_first_attempt_is_one() -> None:
    assert build_arguments(("p", "{params.batch}"), {}) == ["p", "1"]
    assert build_arguments(("p", "{params.batch}"), {"batch": 2}) == ["p", "2"]


def write_plan(folder: Path, phase: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(
        f'{HEAD}\n[[phase]]\nid = "train"\ntitle = "Train"\nestimate = {{ hours = [1, 1] }}\n{phase}\n'
    )
    return path


def test_dotted_names_are_read_as_names_or_as_tables_and_a_profile_changes_them(tmp_path: Path) -> None:
    path = write_plan(
        tmp_path,
        """command = ["tune", "run"]
flags = "override"
remedies.oom = [{ optim.lr = 1e-5, batch_size = 1 }, { "optim.lr" = 2e-5 }]
[phase.params]
optim.lr = 1e-4
"optim.name" = "adamw"
batch_size = 4
[profile.small]
phase.train.params."optim.lr" = 1e-3
""",
    )
    phase = load_plan(path).find_phase("train")
    assert phase.build_command(phase.params) == [
        "tune",
        "run",
        "optim.lr=0.0001",
        "optim.name=adamw",
        "batch_size=4",
    ]
    assert phase.remedies["oom"] == ({"optim.lr": 1e-5, "batch_size": 1}, {"optim.lr": 2e-5})
    small = load_plan(path, "small").find_phase("train")
    assert small.params == {"optim.lr": 1e-3, "optim.name": "adamw", "batch_size": 4}


@pytest.mark.parametrize(
    ("phase", "line", "key", "expected"),
    [
        ('command = ["p", "{params.bach}"]\nparams = { bath = 1 }', 15, "command", "unknown parameter"),
        (
            'command = ["p"]\nflags = "override"\nbooleans = "flag"',
            17,
            "booleans",
            "overrides have no flags",
        ),
        ('command = ["p"]\nflags = "slash"', 16, "flags", "'override'"),
        ('run = "phases.evaluation"\nflags = "equals"', 16, "flags", "only with command"),
        ('command = ["p"]\n[phase.params]\na = 1\nb.c = [[1]]', 18, "params.b.c", "expected a number"),
        ('command = ["p"]\nparams = { "a b" = 1 }', 16, "params", "expected a name that matches"),
    ],
)
def test_a_wrong_command_line_is_an_error_with_its_line(
    tmp_path: Path, phase: str, line: int, key: str, expected: str
) -> None:
    with pytest.raises(PlanErrors) as caught:
        load_plan(write_plan(tmp_path, phase))
    errors = [error for error in caught.value.errors if error.key.startswith(f"phase.train.{key}")]
    assert [(error.line, expected in error.expected) for error in errors] == [(line, True)], caught.value


def test_the_approval_shows_the_command_that_runs(tmp_path: Path) -> None:
    path = write_plan(
        tmp_path, 'command = ["p", "{params.n}"]\nflags = "equals"\nparams = { n = 2, out_dir = "a b" }'
    )
    text = "\n".join(describe_commands(load_plan(path), {}))
    assert f"train: {shlex.join(['p', '2', '--out_dir=a b'])}" in text
