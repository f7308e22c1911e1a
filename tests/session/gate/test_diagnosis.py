"""The diagnosis distinguishes failures by the messages of the libraries, and a key applies a remedy."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.monitor.finiteness import NotFinite
from app.monitor.machine_sample import MachineSample
from app.plan.schema import Phase
from app.session import status_text
from app.session.attempt.exit_record import ExitRecord
from app.session.gate import diagnosis, judge
from app.session.journal import events
from app.session.journal.notice_keys import format_disk_stop_key, format_slow_key
from app.session.journal.state import AttemptRecord, PhaseRecord, State
from app.session.masking import Masker
from app.tui.app import CockpitApp
from phases.contract.protocol import MetricPoint, Sample
from tests.session.conftest import Toy
from widgets.frame import Frame

END = events.AttemptEnded(phase="p", attempt=1, ended=9.0, seconds=9.0, reason="exited", code=1)
SPEC = events.AttemptStarted(phase="p", attempt=1, parameters={"batch_size": 4}, cookie="c")


def phase(**keys: Any) -> Phase:
    return Phase.model_validate(
        {"id": "p", "title": "P", "command": ["x"], "estimate": {"hours": (1, 2)}} | keys
    )


def judge_attempt(
    folder: Path,
    end: events.AttemptEnded = END,
    said: tuple[str, ...] = (),
    earlier: tuple[PhaseRecord, ...] = (),
) -> events.AttemptAssessed:
    record = PhaseRecord("p", attempts=(AttemptRecord(1, 0.0, 0.0, SPEC),))
    state = State(phases=(*earlier, record), notice_keys=frozenset(said))
    return judge.assess_attempt(phase(), end, folder, state, Masker({"HF_TOKEN": "hf_secret_value"}))


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.", "oom"),
        ("RuntimeError: CUDA error: out of memory", "oom"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "oom"),
        ("ValueError: No available memory for the cache blocks. Try increasing ...", "oom"),
        ("RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't "
         "allocate memory: you tried to allocate 8589934592 bytes.", "host_oom"),
        ("MemoryError", "host_oom"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "host_oom"),
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("RuntimeError: PytorchStreamWriter failed: No space left on device", "disk"),
        ("error: step 812: loss is nan, so training has diverged; lower the learning rate", "nan"),
        ("huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-67)", "gated"),
        ("OSError: You are trying to access a gated repo.", "gated"),
        ("error: model m/m: cannot be downloaded from the hub (GatedRepoError)", "gated"),
        ("error: model m/m: cannot be downloaded from the hub (LocalEntryNotFoundError)", "network"),
        ("requests.exceptions.ConnectionError: HTTPSConnectionPool(host='h.co', port=443)", "network"),
        ("socket.gaierror: [Errno -3] Temporary failure in name resolution", "network"),
        ("httpx.ReadTimeout: The read operation timed out", "network"),
        ("KeyError: 'instruction'", ""),
        ("INFO loss 0.83, nothing is infinite, the network is a transformer", ""),
        ("unsaved memory of the gated recurrent unit: a network with loss inflated", ""),
    ],
)  # fmt: skip
def test_the_log_is_diagnosed(tmp_path: Path, line: str, cause: str) -> None:
    (tmp_path / "output.log").write_text(f"Loading weights\nTraceback ...\n{line}\n")
    judged = judge_attempt(tmp_path)
    assert judged.cause == cause
    if cause:
        assert f"the log says: {line[:60]}" in judged.advice[1]
    else:
        assert judged.advice == ["It ended with exit code 1. Read the end of its log."]


def test_a_loss_that_stayed_nan_is_the_cause_of_an_unknown_failure(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text("loss: 2.0\nloss: nan\nAborted\n")
    judged = judge_attempt(tmp_path)
    assert judged.cause == "nan"
    assert "1 value of loss not finite: loss: nan" in judged.advice[1]
    (tmp_path / "output.log").write_text("grad_norm: nan\ngrad_norm: 2.0\nAborted\n")
    assert judge_attempt(tmp_path).cause == ""


def test_an_unknown_exception_is_quoted_with_earlier_lines_as_hints(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text(
        "WARNING Network error (ConnectionError), entering retry loop.\n"
        "Traceback (most recent call last):\n  File 'x.py', line 1\nKeyError: 'hf_secret_value'\n"
    )
    judged = judge_attempt(tmp_path)
    assert judged.cause == ""
    assert judged.advice[1:] == [
        "The last exception in its log is KeyError: '[secret HF_TOKEN]'.",
        "Hint, not a proven cause: WARNING Network error (ConnectionError), entering retry loop.",
    ]


def test_a_lost_connection_follows_from_a_lack_of_memory(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text(
        "torch.OutOfMemoryError: CUDA out of memory.\nConnectionError: the worker has gone\n"
    )
    assert judge_attempt(tmp_path).cause == "oom"


def test_a_long_line_is_quoted_with_dots_where_it_is_cut(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text(f"RuntimeError: CUDA out of memory. Tried {'to allocate ' * 40}\n")
    assert " ...). Reduce the batch size" in judge_attempt(tmp_path).advice[1]
    (tmp_path / "output.log").write_text(f"{'x' * 400} CUDA out of memory\n")
    assert "the log says: ... x" in judge_attempt(tmp_path).advice[1]


def test_values_that_are_logged_and_reported_are_counted_once(tmp_path: Path) -> None:
    line = '{{"type": "metric", "time": 1.0, "step": {}, "values": {{"loss": {}}}}}\n'
    (tmp_path / "progress.jsonl").write_text(line.format(1, 2.0) + line.format(2, "NaN"))
    found = (NotFinite("loss", "loss: nan", 1, False, False),)
    problem = diagnosis.diagnose_result({}, {}, tmp_path, found, is_slow=False)
    assert problem is not None
    assert problem.evidence == "1 value of loss not finite: loss: nan"


def test_a_quotation_is_clean_masked_and_short(tmp_path: Path) -> None:
    (tmp_path / "output.log").write_text(
        "x" * 3000 + " CUDA out of memory \x1b[31m hf_secret_value" + "y" * 3000
    )
    (advice,) = judge_attempt(tmp_path).advice[1:]
    assert "hf_secret_value" not in advice
    assert "HF_TOKEN" in advice
    assert "\x1b" not in advice
    assert len(advice) < 500


@pytest.mark.parametrize(
    ("change", "said", "cause"),
    [
        ({"reason": "stalled"}, (), "stall"),
        ({"reason": "stopped"}, (), ""),
        ({"reason": "stopped"}, (format_disk_stop_key("c"),), "disk"),
        ({"reason": "stopped"}, (format_slow_key("c"),), "slow"),
        ({"reason": "stopped", "seconds": 11_000.0}, (), "slow"),
        ({"reason": "deadline"}, (format_slow_key("c"),), "slow"),
        ({"code": 0}, (format_slow_key("c"),), ""),
        ({"code": 0, "seconds": 11_000.0}, (), "slow"),
        ({"code": None, "signal": 9}, (), "host_oom"),
        ({"code": 137}, (), "host_oom"),
        ({"code": None, "signal": 7}, (), "shm"),
        ({"code": 135}, (), "shm"),
        ({"code": None, "signal": 11}, (), ""),
        ({"reason": "unknown", "code": None}, (), ""),
    ],
)
def test_exit_and_notices_are_diagnosed(
    tmp_path: Path, change: dict[str, Any], said: tuple[str, ...], cause: str
) -> None:
    assert judge_attempt(tmp_path, msgspec.structs.replace(END, **change), said).cause == cause


def test_the_hosts_memory_is_evidence_of_a_kill(tmp_path: Path) -> None:
    sample = MachineSample(
        time=1.0, gpus=(), cpu=1.0, cores=2, memory_used=31 << 30, memory_total=32 << 30, disk_free=1
    )
    (tmp_path / "machine.jsonl").write_bytes(msgspec.json.encode(sample) + b"\n")
    judged = judge_attempt(tmp_path, msgspec.structs.replace(END, code=None, signal=9))
    assert "31.0 of 32.0 GiB were in use" in judged.advice[1]


@pytest.mark.parametrize(
    ("kills", "used_gib", "cause", "evidence"),
    [
        (None, 2, "host_oom", "so most likely the kernel did"),
        (1, 2, "host_oom", "the kernel killed a process for lack of memory"),
        (0, 31, "host_oom", "neither gonogo nor the kernel killed it"),
        (0, 2, "", "another program or a person did"),
    ],
)
def test_a_kill_is_for_lack_of_memory_unless_the_kernel_counted_none(
    tmp_path: Path, kills: int | None, used_gib: int, cause: str, evidence: str
) -> None:
    sample = MachineSample(
        time=1.0, gpus=(), cpu=1.0, cores=2, memory_used=used_gib << 30, memory_total=32 << 30, disk_free=1
    )
    (tmp_path / "machine.jsonl").write_bytes(msgspec.json.encode(sample) + b"\n")
    record = ExitRecord(None, 9, "exited", 1.0, 2.0, 1.0, cookie="c", host_oom_kills=kills)
    (tmp_path / "exit.json").write_bytes(msgspec.json.encode(record))
    judged = judge_attempt(tmp_path, msgspec.structs.replace(END, code=None, signal=9))
    assert judged.cause == cause
    assert evidence in judged.advice[1]
    summary = "Root Cause (first observed failure):\n[0]:\n  rank      : 0\n  exitcode  : -9 (pid: 7)\n"
    (tmp_path / "output.log").write_text(summary)
    launched = judge_attempt(tmp_path, END)
    assert launched.cause == cause
    assert evidence in launched.advice[1]


OK = msgspec.structs.replace(END, code=0)
FOLLOWS = {"following_rate": 0.6, "following_rate_low": 0.55, "prompts": 100}
BASE = {"success_rate": 0.2, "success_rate_low": 0.15, "prompts": 100}


def sample(text: str) -> Sample:
    return Sample(1.0, "s", {"Instruction": "Name a colour.", "Response": text})


HELDOUT = {"heldout_loss_first": 0.69, "heldout_loss_final": 0.5}
LOOP = "the same words over and over again " * 20
PROSE = (
    "Blue is the colour of the sky on a clear day, and of the sea below it, where "
    + "abcdefghijklmnopqrstuvwx"
)


@pytest.mark.parametrize(
    ("metrics", "lines", "base", "cause"),
    [
        ({"first_train_loss": 2.0, "final_train_loss": 1.0}, [], {}, ""),
        ({"first_train_loss": 2.0, "final_train_loss": 2.1}, [], {}, "loss"),
        ({"first_loss": 2.0, "loss": 2.1}, [], {}, "loss"),
        ({"first_eval_loss": 2.0, "eval_loss": 2.1}, [], {}, ""),
        ({"first_loss": 2.0, "final_loss": 2.1} | HELDOUT, [], {}, ""),
        ({"first_loss": 2.0, "final_loss": 1.0} | HELDOUT | {"heldout_loss_final": 0.7}, [], {}, "loss"),
        ({"first_loss": 2.0, "loss": None}, [], {}, "nan"),
        ({}, [MetricPoint(1.0, 1, {"loss": 2.0}), MetricPoint(2.0, 2, {"loss": None})], {}, "nan"),
        ({}, [MetricPoint(1.0, 1, {"loss": None}), MetricPoint(2.0, 2, {"loss": 1.0})], {}, "nan"),
        ({}, [MetricPoint(1.0, 1, {"grad_norm": None}), MetricPoint(2.0, 2, {"grad_norm": 1.0})], {}, ""),
        ({}, [MetricPoint(1.0, 1, {"grad_norm": 1.0}), MetricPoint(2.0, 2, {"grad_norm": None})], {}, "nan"),
        ({}, [MetricPoint(1.0, 1, {"reward": None}), MetricPoint(2.0, 2, {"reward": 1.0})], {}, ""),
        ({"score": None}, [], {}, ""),
        ({**BASE, "success_rate": 0.6, "success_rate_low": 0.5}, [], BASE, ""),
        ({**BASE, "success_rate": 0.25, "success_rate_low": 0.19}, [], BASE, "no_gain"),
        ({**BASE, "success_rate": 0.25, "success_rate_low": 0.19}, [], {**BASE, "prompts": 50}, ""),
        (FOLLOWS, [], {**FOLLOWS, "following_rate": 0.3}, ""),
        (FOLLOWS, [], {**FOLLOWS, "following_rate": 0.3, "following_rate_few_shot": 0.6}, "no_gain"),
        ({**FOLLOWS, "success_rate_low": 0.1}, [], {**BASE, **FOLLOWS, "following_rate": 0.3}, ""),
        ({}, [sample(LOOP)] * 4, {}, "degenerate"),
        ({}, [sample(" ")] * 4, {}, "degenerate"),
        ({}, [Sample(1.0, "", {"Response": " ", "Note": "it did not end"})] * 4, {}, "degenerate"),
        ({}, [sample(LOOP)] * 3, {}, ""),
        ({}, [sample(PROSE)] * 2 + [sample("Blue.")] * 2 + [sample(LOOP)] * 3, {}, ""),
        (BASE, [sample(LOOP)] * 4, {}, ""),
        ({**BASE, "success_rate": 0.6, "success_rate_low": 0.5}, [sample(LOOP)] * 4, BASE, "degenerate"),
    ],
)  # fmt: skip
def test_numbers_and_samples_are_diagnosed(
    tmp_path: Path, metrics: dict[str, Any], lines: list[Any], base: dict[str, Any], cause: str
) -> None:
    (tmp_path / "result.json").write_bytes(msgspec.json.encode({"metrics": metrics}))
    (tmp_path / "progress.jsonl").write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    before = events.AttemptAssessed(phase="base", attempt=1, verdict="go", gate="", metrics=base)
    base_phase = PhaseRecord("base", attempts=(AttemptRecord(1, 0.0, 0.0, SPEC, assessment=before),))
    judged = judge_attempt(tmp_path, OK, earlier=(base_phase,))
    assert judged.cause == cause
    assert len(judged.advice) == bool(cause)


def test_remedies_that_were_tried_are_offered_no_more(tmp_path: Path) -> None:
    of = phase(
        remedies={"slow": [{"count": 5}], "oom": [{"batch_size": 2}, {"batch_size": 1}, {"lora_r": 16}]}
    )

    def after(*parameters: dict[str, Any]) -> dict[str, Any]:
        attempts = tuple(
            AttemptRecord(n, 0.0, 0.0, msgspec.structs.replace(SPEC, parameters=given))
            for n, given in enumerate(parameters, 1)
        )
        return diagnosis.find_remedies(of, PhaseRecord("p", attempts=attempts), "oom")

    first = after({"batch_size": 4})
    assert list(first.items()) == [
        ("oom", ({"batch_size": 2}, {"batch_size": 1}, {"lora_r": 16})), ("slow", ({"count": 5},)),
    ]  # fmt: skip
    assert after({"batch_size": 4}, {"batch_size": 2})["oom"] == ({"batch_size": 1}, {"lora_r": 16})
    assert after({"batch_size": 1, "lora_r": 16, "count": 5}) == {"oom": ({"batch_size": 2},)}


OUT_OF_MEMORY = """
import resource, sys
import torch
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
batch_size = int(sys.argv[sys.argv.index("--batch-size") + 1])
kept = torch.empty(batch_size << 30, dtype=torch.uint8)
print("fits", batch_size)
"""


async def test_out_of_memory_is_retried_from_the_gate_with_one_key(
    toy: Toy, python: Callable[..., dict[str, Any]]
) -> None:
    """The allocator's error, from a separate process; 1 opens the retry with the remedy, y sends it."""
    remedies = {"host_oom": [{"batch_size": 1}]}
    toy.start(python(OUT_OF_MEMORY, params={"batch_size": 8}, remedies=remedies))
    session = toy.gate()
    assert session.gate is not None
    assert session.gate.cause == "host_oom"
    assert any("DefaultCPUAllocator: can't allocate memory" in advice for advice in session.gate.advice)
    assert any("--set p1.batch_size=1" in line for line in status_text.format_session(session))
    app = CockpitApp(toy.client, None, Frame(session, session.now, None))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        await pilot.press("1")
        await pilot.pause()
        await pilot.press("y")
        await app.workers.wait_for_complete()
    over = toy.over()
    assert over.state == "finished"
    assert over.find_phase("p1").attempts[1].changed == {"batch_size": (8, 1)}
    assert "fits 1" in (toy.locate_attempt("p1", 2) / "output.log").read_text()
