import json
from pathlib import Path

import pytest

from app.session.gate.hidden_failures import find_hidden_failures
from tests.session.gate.stub_phase import assess, make_phase

TRACEBACK = """step 10/100 loss 2.1
Traceback (most recent call last):
  File "/workspace/train.py", line 12, in <module>
    main()
  File "/workspace/train.py", line 8, in main
    raise KeyError("text")
KeyError: 'text'"""
TORCHRUN = """[rank1]: Traceback (most recent call last):
[rank1]:   File "/workspace/train.py", line 8, in main
[rank1]:     loss.backward()
[rank1]: torch.distributed.DistBackendError: NCCL error
E1130 00:12:01.123000 71 torch/distributed/elastic/multiprocessing/api.py:874] failed (exitcode: 1)
Traceback (most recent call last):
  File "/usr/local/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
------------------------------------------------------------
Failures:
  <NO_OTHER_FAILURES>
------------------------------------------------------------
Root Cause (first observed failure):
[0]:
  time      : 2025-11-30_00:12:01
  host      : pod
  rank      : 1 (local_rank: 1)
  exitcode  : 1 (pid: 71)
============================================================"""
WANDB = TRACEBACK + "\nwandb: Find logs at: ./wandb/offline-run-1/logs\nwandb: You can sync this run"
CRASHES = {
    "exception": TRACEBACK,
    "exception with a message of two lines": TRACEBACK + "\nhint: use another column\n",
    "exception with dots": TRACEBACK.replace("KeyError: 'text'", "datasets.exceptions.NotFoundError: x"),
    "tracker after it": WANDB,
    "launcher": TORCHRUN,
    "keyboard": TRACEBACK.replace("KeyError: 'text'", "KeyboardInterrupt"),
    "killed": "step 1\nstep 2\nrun.sh: line 3:    71 Killed                  python train.py | tee log",
    "killed in a shell": "step 1\nKilled",
    "segfault": "step 1\nSegmentation fault (core dumped)",
    "fatal": "step 1\nFatal Python error: Segmentation fault\n",
    "C++": "step 1\nterminate called after throwing an instance of 'std::bad_alloc'\n  what():  bad",
    "progress bar before it": "  4%|4 | 10/250 [00:10<04:00,  1.0s/it]" + TRACEBACK.partition("\n")[2],
    "progress bar after it": TRACEBACK + "\n  4%|4 | 10/250 [00:10<04:00,  1.0s/it]",
    "container": "\n".join(f"pod-1  | {line}" for line in TRACEBACK.split("\n")),
    "time": "\n".join(f"2026-01-31T10:20:30.1Z {line}" for line in TRACEBACK.split("\n")),
    "process of Ray": "\n".join(f"(TaskRunner pid=71) {line}" for line in TRACEBACK.split("\n")),
    "rich": "╭─── Traceback (most recent call last) ───╮\n│ ❱ 10 f() │\n╰────╯\nKeyError: 'text'",
    "exception of any name": TRACEBACK.replace("KeyError: 'text'", "app.config.BadConfig: no rate"),
    "exception without a message": TRACEBACK.replace("KeyError: 'text'", "StopIteration"),
    "long message": TRACEBACK + "".join(f"\n\tsize mismatch for layers.{n}.weight" for n in range(30)),
    "message of six lines": TRACEBACK + "".join(f"\nask for access at https://h.co/{n}" for n in range(5)),
    "group": '  + Exception Group Traceback (most recent call last):\n  |   File "x.py", line 1, in f\n'
    "  | ExceptionGroup: 1 sub-exception\n  +-+---- 1 ----\n    | Traceback (most recent call last):\n"
    '    |   File "x.py", line 3\n    | OSError: [Errno 28] No space left on device\n    +-----',
    "arguments": "usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --rate 1",
    "no program": "sh: 1: trl: not found",
    "no program in a script": "step 1\nrun.sh: line 3: python3.12: command not found",
    "no script": "python: can't open file '/x/train.py': [Errno 2] No such file or directory",
    "no module": "/usr/bin/python3: No module named trl",
    "no permission": "bash: line 1: ./train.sh: Permission denied",
    "syntax": "  File \"train.py\", line 3\n    def f(\n         ^\nSyntaxError: '(' was never closed",
    "make": "make: *** [Makefile:3: train] Error 1",
    "Go": "panic: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n\t/x/main.go:3\nexit status 2",
    "Rust": "step 1\nthread 'main' panicked at src/main.rs:3:5:\nindex out of bounds",
}
FINE = {
    "nothing": "",
    "progress": "step 1 loss 2\nstep 2 loss 1\nsaved in out",
    "a retried error": TRACEBACK + "\nretrying\n" + "\n".join(f"step {n} loss 2.0" for n in range(9)),
    "an error that was handled at the end": TRACEBACK + "\nCould not push to the hub. Training is complete.",
    "an exception at the exit": "saved in out\nException ignored in: <function Pool.__del__>\n"
    + TRACEBACK.partition("\n")[2],
    "a warning at the exit": "[W1130 x.cpp:1496] Warning: destroy_process_group() was not called\n",
    "a program that is optional": "run.sh: line 3: nvidia-smi: command not found\n" + "step 1 loss 2\n" * 5,
    "words of failure": "0 errors, 2 retries\neval error: 0.12",
    "words": "WARNING: KeyError: 'text' was ignored\nexit status of Killed jobs: 0\nall done",
    "traceback that is quoted": "Traceback (most recent call last): see the documentation\nfine",
}


@pytest.mark.parametrize("name", CRASHES)
def test_a_crash_that_a_pipeline_hides_opens_the_gate(tmp_path: Path, name: str) -> None:
    (tmp_path / "output.log").write_text(CRASHES[name])
    assessed = assess(make_phase(command=["sh"], gate={"ask": "never"}), tmp_path)
    assert (assessed.verdict, assessed.gate) == ("investigate", "warning"), assessed
    assert "log ends with a crash: " in assessed.advice[0]


@pytest.mark.parametrize("name", FINE)
def test_a_harmless_log_opens_no_gate(tmp_path: Path, name: str) -> None:
    (tmp_path / "output.log").write_text(FINE[name])
    assert assess(make_phase(command=["sh"], gate={"ask": "never"}), tmp_path).gate == ""


@pytest.mark.parametrize(
    ("record", "sign"),
    [
        ({"killed": ["python3 12 by signal 9"]}, "were killed: python3 12 by signal 9."),
        ({"ended_after": ["python3 12"]}, "they were ended: python3 12."),
        ({"oom_kills": 2}, "killed 2 processes of this container"),
        ({}, None),
    ],
)
def test_the_killed_processes_of_an_attempt_are_reported(
    tmp_path: Path, record: dict[str, object], sign: str | None
) -> None:
    whole = {"code": 0, "signal": None, "reason": "exited", "started": 1, "ended": 2, "seconds": 1}
    (tmp_path / "exit.json").write_text(json.dumps(whole | record))
    signs = find_hidden_failures(tmp_path, "", ["done"])
    assert [sign in text for text in signs if sign] == ([True] if sign else [])
    assert bool(signs) == (sign is not None)


def test_a_background_job_that_bash_reports_as_killed_is_reported_wherever_it_is(tmp_path: Path) -> None:
    lines = [
        "run.sh: line 2:    12 Killed                  python worker.py",
        *(f"step {n}" for n in range(50)),
    ]
    assert "A background process was killed" in find_hidden_failures(tmp_path, "", lines)[0]


@pytest.mark.parametrize(
    ("line", "is_said"),
    [
        ("[2025-11-30 00:{n:02}:00] still waiting for the other ranks ({n}0 s)", True),
        ("heartbeat {n}", True),
        ("INFO 12:{n:02}:01,123 worker alive", True),
        ("retrying", True),
        ("step {n}/100 loss 2.{n}", False),
        ("{n}%|####  | {n}/30", False),
        ("saved checkpoint-{n}", False),
    ],
)
def test_a_log_that_ends_with_a_heartbeat_is_reported(tmp_path: Path, line: str, is_said: bool) -> None:
    signs = find_hidden_failures(tmp_path, "", ["step 1", *(line.format(n=n) for n in range(30))])
    assert bool(signs) == is_said
    assert (
        find_hidden_failures(tmp_path, "", ["step 1", *(line.format(n=n) for n in range(30)), "ready"]) == []
    )
