"""Plans that are right, and every kind of plan that is wrong: file, line, key and what was expected."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Phase

GOOD = """
[session]
name = "A session"
model = "some/model"
artifacts = "out"
budget_usd = 25
seed = 7

[pod]
gpu = "A100"
usd_per_hour = 1.74
stop_command = ["stop", "$POD"]

[[phase]]
id = "first"
title = "First"
run = "phases.stub_batches"
params = { output_dir = "{artifacts}/first", files = "{artifacts}/*.jsonl", count = 5 }
batch = true
estimate = { hours = [0.5, 1], usd = [1, 2] }
stall_after = "2 min"
headline = "scored {score:.1%}"
criteria = [{ name = "good", expr = "score > 0.5" }]
remedies.oom = [{ count = 2 }, { count = 1 }]

[phase.gate]
ask = "always"
rules = [{ when = 'word == "bad"', verdict = "stop", advice = "Stop." }]

[[phase]]
id = "second"
title = "Second"
command = ["python", "train.py", "{model}"]
params = { seed = "{seed}" }
estimate = { hours = [1, 1] }
critical = false
metrics = { loss = "loss: ([0-9.]+)" }
reports = ["accuracy"]
criteria = [{ name = "better", expr = "loss < first_loss and accuracy > first.score" }]

[profile.small]
session.model = "tiny"
session.artifacts = "out/small"
phase.first.params = { count = 1 }
phase.first.estimate = { hours = [0, 0.1] }
phase.first.gate.ask = "never"
"""


def write(folder: Path, source: str) -> Path:
    path = folder / "plan.toml"
    path.write_text(source)
    return path


def errors_of(folder: Path, source: str, profile: str | None = None) -> list[tuple[int, str, str]]:
    path = write(folder, source)
    with pytest.raises(PlanErrors) as caught:
        load_plan(path, profile)
    assert all(error.file == path and error.advice for error in caught.value.errors)
    assert str(caught.value).count("\n") == len(caught.value.errors) - 1
    return [(error.line, error.key, error.expected) for error in caught.value.errors]


def test_a_plan_is_read_with_its_placeholders_filled_in(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, GOOD))
    first, second = plan.phases
    assert plan.profile is None
    assert plan.artifacts == tmp_path / "out"
    assert first.params == {"output_dir": "out/first", "files": "out/*.jsonl", "count": 5}
    assert (first.stall_after, first.gate.ask, first.batch) == (120.0, "always", True)
    assert second.build_command({"seed": 7}) == ["python", "train.py", "some/model", "--seed", "7"]
    assert first.build_command({"count": 3})[1:] == ["-m", "phases.stub_batches", "--count", "3"]
    assert second.params == {"seed": 7}


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load_plan(path).phases == load_plan(write(tmp_path, GOOD)).phases


def test_a_training_is_started_on_every_gpu_by_its_launcher(tmp_path: Path) -> None:
    training = """
launcher = "accelerate"
launcher_options = { num_machines = 2, machine_rank = 0, main_process_ip = "10.0.0.1", debug = false }
params = { train_file = "rows.jsonl", output_dir = "{artifacts}/sft" }
"""
    phase = """
[[phase]]
id = "train"
title = "Train"
run = "phases.sft_training"
estimate = { hours = [1, 1] }
"""
    plan = load_plan(write(tmp_path, GOOD.replace("[profile.small]", phase + training + "[profile.small]")))
    argv = plan.find_phase("train").build_command({"epochs": 2})
    assert argv == [
        *(sys.executable, "-m", "accelerate.commands.launch", "--num-machines", "2", "--machine-rank", "0"),
        *("--main-process-ip", "10.0.0.1", "-m", "phases.sft_training", "--epochs", "2"),
    ]


def test_a_profile_merges_tables_and_replaces_the_rest(tmp_path: Path) -> None:
    plan = load_plan(write(tmp_path, GOOD), "small", folder=tmp_path / "elsewhere")
    first = plan.find_phase("first")
    assert plan.artifacts == tmp_path / "elsewhere/out/small"
    assert first.params == {"output_dir": "out/small/first", "files": "out/small/*.jsonl", "count": 1}
    assert first.estimate.usd is None
    assert first.gate.ask == "never"
    assert first.gate.rules[0].verdict == "stop"
    assert plan.find_phase("second").command == ("python", "train.py", "tiny")


# Each case: a text of the good plan, its replacement, and the key and words expected at the line with `#!`.
WRONG = {
    "syntax": ("budget_usd = 25", "budget_usd = #!", "session.budget_usd", "expected TOML"),
    "unclosed": ("batch = true", "batch = [\n  } #!", "phase", "expected TOML"),
    "key twice": ("gpu = ", 'gpu = "x"\ngpu = #!\n', "pod.gpu", "expected TOML"),
    "unknown top-level table": ("[pod]", "[pad] #!\n[pod]", "pad", "unknown key"),
    "unknown session key": ("seed = 7", "sead = 7 #!", "session.sead", "unknown key"),
    "unknown phase key": ("critical = false", "citical = false #!", "phase.second.citical", "unknown key"),
    "unknown criterion key": (
        'expr = "score',
        'expression = "score',
        "phase.first.criteria[0].expression",
        "unknown key",
    ),
    "incomplete criterion": (
        ', expr = "score > 0.5" }]',
        " }] #!",
        "phase.first.criteria[0].expr",
        "missing",
    ),
    "unknown gate key": (
        'ask = "always"',
        'ask = "always"\nasks = 1 #!',
        "phase.first.gate.asks",
        "unknown key",
    ),
    "launcher of a phase that does not train": (
        "batch = true",
        'batch = true\nlauncher = "accelerate" #!',
        "phase.first.launcher",
        "a training phase",
    ),
    "launcher options without launcher": (
        "batch = true",
        "batch = true\nlauncher_options = { num_machines = 2 } #!",
        "phase.first.launcher_options",
        "only with launcher",
    ),
    "weights shared without launcher": (
        "count = 5",
        "shard_weights = true",
        "phase.first.params.shard_weights",
        "sharded over several processes",
    ),
    "missing key": (
        '[[phase]]\nid = "first"\ntitle = "First"',
        '[[phase]] #!\nid = "first"',
        "phase.first.title",
        "missing",
    ),
    "wrong type": (
        "critical = false",
        'critical = "no" #!',
        "phase.second.critical",
        "expected true or false;",
    ),
    "wrong word": (
        'ask = "always"',
        'ask = "often" #!',
        "phase.first.gate.ask",
        "'always', 'unless_go' or 'never'",
    ),
    "reversed range": (
        "hours = [1, 1] }",
        "hours = [2, 1] } #!",
        "phase.second.estimate.hours",
        "low <= high",
    ),
    "negative hours": (
        "hours = [1, 1] }",
        "hours = [-1, 1] } #!",
        "phase.second.estimate.hours[0]",
        "equal to 0",
    ),
    "half a range": (
        "hours = [1, 1] }",
        "hours = [1] } #!",
        "phase.second.estimate.hours",
        "expected a list of at least 2 values; found [1]",
    ),
    "range of three": (
        "hours = [1, 1] }",
        "hours = [1, 1, 1] } #!",
        "phase.second.estimate.hours",
        "expected a list of at most 2 values",
    ),
    "number instead of a range": (
        "hours = [1, 1] }",
        "hours = 1 } #!",
        "phase.second.estimate.hours",
        "expected a list; found 1",
    ),
    "text instead of a table": (
        "critical = false",
        'gate = "always" #!',
        "phase.second.gate",
        "expected a table; found 'always'",
    ),
    "empty list": (
        'command = ["python"',
        'command = [] #!\n# ["python"',
        "phase.second.command",
        "expected a list that is not empty",
    ),
    "text instead of a number": (
        "usd_per_hour = 1.74",
        'usd_per_hour = "1.74" #!',
        "pod.usd_per_hour",
        "expected a number; found '1.74'",
    ),
    "negative rate": (
        "usd_per_hour = 1.74",
        "usd_per_hour = -1.74 #!",
        "pod.usd_per_hour",
        "greater than or equal to 0",
    ),
    "infinite budget": ("budget_usd = 25", "budget_usd = inf #!", "session.budget_usd", "finite"),
    "duration": ('"2 min"', '"2 fortnights" #!', "phase.first.stall_after", "15 min"),
    "two phases with one id": ('id = "second"', 'id = "first" #!', "phase.first.id", "a unique id"),
    "unknown phase module": (
        "stub_batches",
        'stub_batchez" #!\n#',
        "phase.first.run",
        "unknown phase module",
    ),
    "module outside phases": ('"phases.stub_batches"', '"os" #!', "phase.first.run", "unknown phase module"),
    "module that fails": ("stub_batches", 'stub_broken" #!\n#', "phase.first.run", "no such library"),
    "run and command": (
        'command = ["python"',
        'run = "phases.stub_plain" #!\ncommand = ["python"',
        "phase.second.run",
        "either",
    ),
    "unknown parameter": ("count = 5", "cuont = 5", "phase.first.params.cuont", "unknown parameter 'cuont'"),
    "parameter out of bounds": (
        "count = 5",
        "count = 0",
        "phase.first.params.count",
        "greater than or equal to 1",
    ),
    "parameter of another type": (
        "count = 5",
        'count = "many"',
        "phase.first.params.count",
        "a whole number",
    ),
    "parameter that is a table": (
        "count = 5",
        "count = { a = 1 }",
        "phase.first.params.count",
        "expected a number",
    ),
    "unknown placeholder": (
        "{artifacts}/first",
        "{artefacts}/first",
        "phase.first.params.output_dir",
        "placeholder",
    ),
    "remedy": (
        "{ count = 1 }]",
        "{ cuont = 1 }] #!",
        "phase.first.remedies.oom[1].cuont",
        "unknown parameter",
    ),
    "remedy out of bounds": (
        "{ count = 1 }]",
        "{ count = 0 }] #!",
        "phase.first.remedies.oom[1].count",
        "equal to 1",
    ),
    "unknown metric": ("score > 0.5", "scor > 0.5", "phase.first.criteria[0].expr", "unknown metric 'scor'"),
    "metric of a later phase": (
        "score > 0.5",
        "second.loss > 0.5",
        "phase.first.criteria[0].expr",
        "unknown earlier phase",
    ),
    "metric an earlier phase lacks": (
        "first.score",
        "first.loss",
        "phase.second.criteria[0].expr",
        "unknown metric 'loss'",
    ),
    "rule with an unknown metric": (
        "word == ",
        "wort == ",
        "phase.first.gate.rules[0].when",
        "unknown metric 'wort'",
    ),
    "expression syntax": ("score > 0.5", "score >", "phase.first.criteria[0].expr", "expected an expression"),
    "call": ("score > 0.5", "exec(score) > 0.5", "phase.first.criteria[0].expr", "only the functions"),
    "no condition": ("score > 0.5", "score + 1", "phase.first.criteria[0].expr", "expected a condition"),
    "headline": ("{score:.1%}", "{scores:.1%}", "phase.first.headline", "unknown metric 'scores'"),
    "headline format": ("{score:.1%}", "{score:999999999}", "phase.first.headline", "number format"),
    "log pattern": ("([0-9.]+)", "([0-9", "phase.second.metrics.loss", "regular expression"),
    "log pattern without a group": (
        '"loss: ([0-9.]+)"',
        '"loss: x"',
        "phase.second.metrics.loss",
        "one group",
    ),
    "metrics beside run": (
        "batch = true",
        'metrics = { a = "(.)" } #!',
        "phase.first.metrics",
        "only with command",
    ),
    "batches of a phase without": (
        'command = ["python", "train.py", "{model}"]\nparams = { seed = "{seed}" }',
        'run = "phases.stub_plain"\nbatch = true #!\nparams = { model = "m" }',
        "phase.second.batch",
        "takes batches",
    ),
    "required parameter": (
        'command = ["python", "train.py", "{model}"]\nparams = { seed = "{seed}" }',
        'run = "phases.stub_plain"\nparams = {} #!',
        "phase.second.params.model",
        "missing",
    ),
    "profile with an unknown phase": (
        "phase.first.params = { count = 1",
        "phase.frist.params = { count = 1",
        "profile.small.phase.frist",
        "unknown phase",
    ),
    "profile with an unknown table": (
        'session.model = "tiny"',
        "pods.gpu = 1 #!",
        "profile.small.pods",
        "unknown key",
    ),
    "profile with a wrong value": (
        "{ count = 1 }\nphase",
        "{ count = -1 }\nphase",
        "profile.small.phase.first.params.count",
        "equal to 1",
    ),
    "profile with an unknown key": (
        "session.artifacts",
        "session.artefacts",
        "profile.small.session.artefacts",
        "unknown key",
    ),
    "profile with half an estimate": (
        "phase.first.estimate = { hours = [0, 0.1] }",
        "phase.first.estimate = { usd = [0, 0.1] }",
        "profile.small.phase.first.estimate.hours",
        "missing",
    ),
    "profile that is no table": (
        "[profile.small]",
        "[profile]\nlarge = 3 #!\n[profile.small]",
        "profile.large",
        "expected a table",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_plan_says_where_and_what_was_expected(tmp_path: Path, case: str) -> None:
    old, new, key, words = WRONG[case]
    assert GOOD.count(old) >= 1
    source = GOOD.replace(old, new, 1)
    found = errors_of(tmp_path, source)
    marked = [n for n, line in enumerate(source.split("\n"), 1) if "#!" in line]
    changed = [n for n, line in enumerate(source.split("\n"), 1) if new and new.split("\n")[0] in line]
    line = (marked or changed)[0]
    matching = [error for error in found if error[0] == line and error[1] == key and words in error[2]]
    assert matching, f"expected line {line}, {key}: ...{words}...; found {found}"


def test_all_errors_are_reported_at_once_in_the_order_of_lines(tmp_path: Path) -> None:
    source = GOOD
    for old, new in (
        ("usd_per_hour = 1.74", "usd_per_hour = -1"),
        ("count = 5", "cuont = 5"),
        ("score > 0.5", "scor > 0.5"),
        ("hours = [1, 1]", "hours = [3, 1]"),
        ("phase.first.params = { count = 1", "phase.frist.params = { count = 1"),
    ):
        source = source.replace(old, new)
    found = errors_of(tmp_path, source)
    assert [key for _, key, _ in found] == [
        "pod.usd_per_hour",
        "phase.first.params.cuont",
        "phase.first.criteria[0].expr",
        "phase.second.estimate.hours",
        "profile.small.phase.frist",
    ]
    assert [line for line, _, _ in found] == sorted(line for line, _, _ in found)


def test_a_mistake_that_no_profile_changes_is_reported_once(tmp_path: Path) -> None:
    ((line, key, _),) = errors_of(tmp_path, GOOD.replace("{artifacts}/first", "{artifacts}/{first}"))
    assert (line, key) == (18, "phase.first.params.output_dir")


def test_errors_say_nothing_to_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("[pod]", '["\\u001b]0;title\\u0007"]\n[pod]'))
    with pytest.raises(PlanErrors) as caught:
        load_plan(path)
    assert str(caught.value).isprintable()


def test_an_unknown_profile_lists_the_known_ones(tmp_path: Path) -> None:
    ((_, key, expected),) = errors_of(tmp_path, GOOD, "smal")
    assert key == "profile.smal"
    assert "small" in expected


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b'name = "\xc3("', b"", b"phase = 3\nsession = 4\npod = []\nprofile = 2"]
)
def test_files_that_are_no_plan(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    with pytest.raises(PlanErrors):
        load_plan(path)


@pytest.mark.parametrize("path", ["absent.toml", "."])
def test_files_that_cannot_be_read(tmp_path: Path, path: str) -> None:
    with pytest.raises(PlanErrors, match="readable plan file"):
        load_plan(tmp_path / path)


PHASE_KEYS = tuple(Phase.model_fields)
SCALARS = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    st.sampled_from(
        ["true", "[]", "{}", "[[1]]", "1979-05-27", "[{}]", '"{seed}"', '"phases.stub_plain"', "''", '"__"']
    ),
)
KEYS = st.sampled_from(
    [*PHASE_KEYS, "session", "pod", "phase", "profile", "small", "first", "hours", "when", "expr", "x", "'_'"]
)
LINES = st.one_of(
    st.builds("{} = {}".format, st.lists(KEYS, min_size=1, max_size=4).map(".".join), SCALARS),
    st.lists(KEYS, min_size=1, max_size=4).map(lambda keys: f"[{'.'.join(keys)}]"),
    st.lists(KEYS, min_size=1, max_size=3).map(lambda keys: f"[[{'.'.join(keys)}]]"),
    st.text(max_size=20),
)


def outcome_is_a_plan_or_errors(path: Path, profile: str | None) -> None:
    errors = None
    try:
        load_plan(path, profile)
    except PlanErrors as caught:
        errors = caught.errors
    lines = path.read_bytes().count(b"\n") + 1
    assert errors is None or (errors and all(1 <= error.line <= lines for error in errors))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(LINES, max_size=12), profile=st.sampled_from([None, "small", "x"]))
def test_no_document_makes_a_traceback(tmp_path: Path, lines: list[str], profile: str | None) -> None:
    path = tmp_path / "hostile.toml"
    path.write_text("\n".join(lines), errors="ignore")
    outcome_is_a_plan_or_errors(path, profile)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_one_line_makes_a_traceback(tmp_path: Path, data: st.DataObject) -> None:
    lines = GOOD.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    key, equals, _ = lines[at].partition(" = ")
    replacement = st.builds("{} = {}".format, st.just(key), SCALARS) if equals else LINES
    lines[at] = data.draw(st.one_of(replacement, LINES))
    path = tmp_path / "hostile.toml"
    path.write_text("\n".join(lines), errors="ignore")
    outcome_is_a_plan_or_errors(path, data.draw(st.sampled_from([None, "small"])))
