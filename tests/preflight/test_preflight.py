import dataclasses
import io
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from app.plan.read import load_plan
from app.preflight.checks import PLAN_CHECKS, PLANLESS_CHECKS
from app.preflight.checks.finding import Finding
from app.preflight.checks.model import parse_parameters
from app.preflight.command import print_findings, run_checks
from app.preflight.probes import (
    DiskSpace,
    GpuDevice,
    GpuInventory,
    HubModel,
    ProbeError,
    SystemProbes,
    TorchSupport,
)

GB = 10**9
PLAN = """
[session]
name = "Toy"
model = "Qwen/Qwen2.5-32B"
budget_usd = 10.0
secrets = ["HF_TOKEN"]
files = ["scripts/*.py"]

[pod]
gpu = "A100 SXM 80GB"
usd_per_hour = 1.74
stop_command = ["runpodctl", "stop", "pod", "$RUNPOD_POD_ID"]
outside_limit = "a timer at home"

[notify]
urls = ["NTFY_URL"]

[[phase]]
id = "measure"
title = "Measure"
run = "phases.evaluation"
params = { model = "{model}", output_dir = "{artifacts}/evaluations" }
estimate = { hours = [1, 2] }

[[phase]]
id = "own"
title = "Own"
command = ["python3", "scripts/own.py"]
estimate = { hours = [0.1, 0.2] }
"""
A100 = GpuDevice("NVIDIA A100-SXM4-80GB", 80 * 2**30, 2**29, (8, 0))
DRIVEN = GpuInventory("580.1", (A100,))
ON_HUB = HubModel("available", 65 * GB, "abcdef123456789")
TORCH = TorchSupport("2.13.0", "13.0", True, ("sm_80",), flash=True)


@dataclasses.dataclass
class FakeProbes:
    """A pod on which all is well; tests change what they are about."""

    environment: dict[str, str] = dataclasses.field(
        default_factory=lambda: {"RUNPOD_POD_ID": "pod1", "HF_TOKEN": "t", "NTFY_URL": "u", "TMUX": "/tmp/t"}
    )
    programs: tuple[str, ...] = ("runpodctl", "python3", "tmux")
    found: GpuInventory = DRIVEN
    free: int = 500 * GB
    mount: str = "/workspace"
    kind: str = "mfs"
    storage: tuple[str, ...] = ()
    versions: dict[str, str] = dataclasses.field(
        default_factory=lambda: {"torch": "2.13.0", "bitsandbytes": "0.50.2"}
    )
    says: TorchSupport | ProbeError = TORCH
    answer: HubModel = ON_HUB
    cache: Path | None = None
    offset: float | ProbeError = 0.4
    problems: tuple[str, ...] = ()
    costs: float | ProbeError = 1.74
    time: float = 0.0

    def monotonic(self) -> float:
        return self.time

    def find_program(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def list_gpus(self) -> GpuInventory:
        return self.found

    def find_disk(self, folder: Path) -> DiskSpace:
        return DiskSpace(self.free, self.mount, self.kind)

    def find_storage_problems(self, folder: Path) -> Sequence[str]:
        return self.storage

    def find_installed_version(self, package: str) -> str | None:
        return self.versions.get(package)

    def list_requirements(self) -> Sequence[str]:
        return ["torch<3,>=2.8", 'bitsandbytes>=0.50.2; extra == "gpu"']

    def probe_torch(self) -> TorchSupport:
        return given(self.says)

    def has_hub_token(self) -> bool:
        return "HF_TOKEN" in self.environment

    def find_hub_model(self, model: str) -> HubModel:
        return self.answer

    def find_cached_model(self, model: str) -> Path | None:
        return self.cache

    def locate_hub_cache(self) -> Path:
        return Path("/workspace/hub")

    def measure_clock_offset(self) -> float:
        return given(self.offset)

    def send_test_notification(self, names: Sequence[str]) -> tuple[str, ...]:
        return self.problems

    def read_pod_price(self, pod: str) -> float:
        return given(self.costs)


def given(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan_path = path / "session_plan.toml"
        (path / "scripts").mkdir()
        (path / "scripts" / "own.py").write_text("")
        self.write(PLAN)

    def write(self, text: str) -> None:
        self.plan_path.write_text(text)

    def bad(self, machine: FakeProbes) -> list[tuple[str, str, str]]:
        findings = run_checks(load_plan(self.plan_path), machine)
        return [(f.check, f.state, f.message) for f in findings if f.state != "ok"]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_where_all_is_well_every_check_says_so(folder: Folder) -> None:
    findings = list(run_checks(load_plan(folder.plan_path), FakeProbes()))
    assert [f for f in findings if f.state != "ok"] == []
    assert list(dict.fromkeys(f.check for f in findings)) == [*PLAN_CHECKS, *PLANLESS_CHECKS]


def devices(**changes: Any) -> dict[str, Any]:
    return {"found": GpuInventory("580.1", (A100._replace(**changes),))}


OLD_POD = {"RUNPOD_POD_ID": "pod1", "HF_TOKEN": "t", "NTFY_URL": "u", "TMUX": "x"}


@pytest.mark.parametrize(
    ("changes", "check", "state", "said"),
    [
        ({"found": GpuInventory(error="Driver Not Loaded")}, "GPU", "fail", "Driver Not Loaded"),
        (devices(memory_total=24 * 2**30), "GPU", "fail", "24.0 GiB; planned A100"),
        (devices(memory_used=70 * 2**30), "GPU", "fail", "needs 42.2 GiB of 10.0 GiB free"),
        (devices(memory_used=10 * 2**30), "GPU", "warn", "already in use"),
        (devices(name="NVIDIA H100 80GB HBM3", capability=(9, 0)), "GPU", "warn", "H100"),
        (devices(capability=(7, 5)), "GPU", "warn", "bfloat16"),
        ({"says": TorchSupport("2.13.0", "13.0", False, (), False)},
         "attention", "fail", "cannot use the GPU"),
        ({"says": TorchSupport("2.13.0", "13.0", True, (), False)}, "attention", "warn", "no flash"),
        ({"says": ProbeError("ImportError: libcudart")}, "attention", "fail", "libcudart"),
        ({"free": 40 * GB}, "disk", "fail", "66 GB of 40 GB"),
        ({"free": 70 * GB}, "disk", "warn", "66 GB of 70 GB"),
        ({"mount": "/", "kind": "overlay"}, "volume", "fail", "lost when the pod stops"),
        ({"answer": HubModel("refused")}, "model", "fail", "gated"),
        ({"answer": HubModel("unknown")}, "model", "fail", "no model of this name"),
        ({"answer": HubModel("unreachable", error="ConnectError")}, "model", "fail", "ConnectError"),
        ({"answer": HubModel("available", 0, "abc")}, "model", "fail", "no .safetensors"),
        ({"versions": {"torch": "2.1.0", "bitsandbytes": "1"}}, "packages", "fail", "torch 2.1.0"),
        ({"versions": {"torch": "2.13.0"}}, "4 bits", "fail", "bitsandbytes is not installed"),
        ({"offset": -300.0}, "clock", "fail", "300 s behind"),
        ({"offset": ProbeError("no network")}, "clock", "warn", "no network"),
        ({"problems": ("NTFY_URL failed",)}, "notification", "fail", "NTFY_URL failed"),
        ({"programs": ("python3", "tmux")}, "stop command", "fail", "runpodctl is not on the PATH"),
        ({"programs": ("runpodctl",)}, "programs", "fail", "own: python3"),
        ({"costs": 2.49}, "pod", "warn", "$2.49/h; planned $1.74/h"),
        ({"costs": ProbeError("RunPod answered 403")}, "pod", "warn", "403"),
        ({"environment": OLD_POD | {"TMUX": ""}}, "tmux", "warn", "not in tmux"),
        ({"environment": OLD_POD | {"HF_TOKEN": ""}}, "secrets", "warn", "HF_TOKEN"),
    ],
)  # fmt: skip
def test_one_fault_of_the_machine_is_the_only_thing_found(
    folder: Folder, changes: dict[str, Any], check: str, state: str, said: str
) -> None:
    bad = folder.bad(FakeProbes(**changes))
    assert {name for name, _, _ in bad} == {check}
    assert any(s == state and said in found for _, s, found in bad), bad


@pytest.mark.parametrize(
    ("old", "new", "check", "said"),
    [
        ('files = ["scripts/*.py"]', 'files = ["scripts/*.py", "TODO.md"]', "files", "TODO.md does not"),
        ('"scripts/own.py"', '"scripts/other.py"', "programs", "scripts/other.py does not exist"),
        ('secrets = ["HF_TOKEN"]', "", "secrets", "HF_TOKEN is set but not passed to the phases"),
        ('"$RUNPOD_POD_ID"', '"$POD"', "stop command", "POD is not set"),
        ('"$RUNPOD_POD_ID"', '"--id=$RUNPOD_POD_ID"', "stop command", "only complete words are"),
        ('"runpodctl"', '"bin/stop"', "stop command", "relative path"),
        ('outside_limit = "a timer at home"', "", "stop command", "nothing outside the pod stops it"),
        ("budget_usd = 10.0", "budget_usd = 1.0", "plan", "of $1"),
        ('model = "Qwen/Qwen2.5-32B"', 'model = "models/mine/x"', "model", "neither an existing folder"),
        ('"{artifacts}/evaluations"', '"o", suite = "stage1"', "", ""),
        ('urls = ["NTFY_URL"]', "urls = []", "notification", "no notification is sent"),
        ('stop_command = ["runpodctl", "stop", "pod", "$RUNPOD_POD_ID"]', "", "stop command", "no stop"),
    ],
)  # fmt: skip
def test_one_fault_of_the_plan_is_the_only_thing_found(
    folder: Folder, old: str, new: str, check: str, said: str
) -> None:
    assert old in PLAN
    folder.write(PLAN.replace(old, new))
    bad = folder.bad(FakeProbes())
    assert {name for name, _, _ in bad} == ({check} if check else set())
    assert not check or any(said in found for _, _, found in bad)


def test_ten_faults_are_all_found_and_each_says_what_to_do(folder: Folder) -> None:
    folder.write(
        PLAN.replace('"scripts/own.py"', '"scripts/other.py"').replace(
            "[session]", "[session]\ndisk_gb = 900"
        )
    )
    machine = FakeProbes(
        environment={"RUNPOD_POD_ID": ""}, programs=("python3",), found=GpuInventory(error="no driver"),
        mount="/", versions={}, answer=HubModel("refused"), offset=900.0, problems=("NTFY_URL is not set",),
    )  # fmt: skip
    findings = [f for f in run_checks(load_plan(folder.plan_path), machine) if f.state != "ok"]
    assert {f.check for f in findings} == {
        "programs", "secrets", "model", "GPU", "disk", "notification", "stop command", "packages",
        "clock", "tmux",
    }  # fmt: skip
    assert all(f.advice for f in findings)


TEN_DEFECTS = """
[session]
name = "Ten defects"
model = "models/none/here"
budget_usd = 0.5
secrets = ["NO_SUCH_TOKEN"]
files = ["documents/*.md"]
disk_gb = 1e9

[pod]
gpu = "NVIDIA Z9000 640GB"
usd_per_hour = 2.0
stop_command = ["no-such-stopper", "$NO_SUCH_POD"]

[notify]
urls = ["NO_SUCH_CHANNEL"]

[[phase]]
id = "measure"
title = "Measure"
run = "phases.evaluation"
params = { model = "{model}", output_dir = "{artifacts}/evaluations" }
estimate = { hours = [1, 2] }

[[phase]]
id = "own"
title = "Own"
command = ["no-such-program", "scripts/missing.py"]
estimate = { hours = [0.1, 0.2] }

[profile.rehearsal]
session.artifacts = "artifacts/rehearsal"
"""


def test_ten_defects_planted_in_a_rehearsal_are_found_by_name_on_this_machine(tmp_path: Path) -> None:
    class Here(SystemProbes):
        def measure_clock_offset(self) -> float:
            return 0.0  # the one check that needs the network whatever the plan says

    path = tmp_path / "session_plan.toml"
    path.write_text(TEN_DEFECTS)
    out = io.StringIO()
    assert print_findings(path, "rehearsal", Here({"PATH": "/usr/bin:/bin"}), out, as_json=True) == 1
    bad = [f for f in json.loads(out.getvalue())["findings"] if f["state"] != "ok"]
    assert all(f["todo"] for f in bad)
    for check, named in (
        ("plan", "of $0.50"),
        ("files", "documents/*.md does not exist (session.files)"),
        ("programs", "own: no-such-program is not on the PATH"),
        ("programs", "own: scripts/missing.py does not exist"),
        ("secrets", "NO_SUCH_TOKEN is not set"),
        ("model", "models/none/here"),
        ("GPU", "NVIDIA Z9000 640GB"),
        ("disk", "1000000 TB"),
        ("notification", "NO_SUCH_CHANNEL"),
        ("stop command", "no-such-stopper is not on the PATH"),
        ("stop command", "NO_SUCH_POD is not set"),
    ):
        assert any(f["check"] == check and named in f["found"] for f in bad), (check, named)


def test_a_check_that_breaks_or_hangs_hides_no_other(folder: Folder) -> None:
    released = threading.Event()

    class Broken(FakeProbes):
        def list_gpus(self) -> GpuInventory:
            raise RuntimeError("nvml exploded")

        def send_test_notification(self, names: Sequence[str]) -> tuple[str, ...]:
            released.wait(30)
            return ()

    findings = list(run_checks(load_plan(folder.plan_path), Broken(), timeout=0.5))
    released.set()
    bad = {f.check: f for f in findings if f.state != "ok"}
    assert set(bad) == {"GPU", "attention", "4 bits", "estimates", "notification"}
    assert "nvml exploded" in bad["GPU"].message
    assert bad["notification"] == Finding("notification", "warn", "no result within 0 s", "Try again")


def test_cached_models_and_folders_need_no_network(folder: Folder, tmp_path: Path) -> None:
    snapshot = tmp_path / "0123456789abcdef"
    snapshot.mkdir()
    (snapshot / "model.safetensors").write_bytes(b"x")
    gone = HubModel("unreachable", error="ConnectError")
    assert folder.bad(FakeProbes(answer=gone, cache=snapshot)) == []
    folder.write(PLAN.replace('"Qwen/Qwen2.5-32B"', '"0123456789abcdef"'))
    assert [f for _, _, f in folder.bad(FakeProbes(answer=gone))] == ["0123456789abcdef: has no config.json"]
    (snapshot / "config.json").write_text("{}")
    assert folder.bad(FakeProbes(answer=gone)) == []


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("Qwen/Qwen2.5-32B", 32e9), ("google/gemma-3-270m", 270e6), ("meta-llama/Llama-3.2-1B-Instruct", 1e9),
        ("Qwen/Qwen2.5-0.5B", 0.5e9), ("EleutherAI/pythia-160m-deduped", 160e6), ("gpt2", None),
        ("32b/gpt2", None),
    ],
)  # fmt: skip
def test_a_name_tells_a_models_size(name: str, size: float | None) -> None:
    assert parse_parameters(name) == size


def test_status_lines_and_json(folder: Folder) -> None:
    out = io.StringIO()
    assert print_findings(folder.plan_path, None, FakeProbes(), out, as_json=False) == 0
    assert "ok   plan" in out.getvalue()
    assert "0 failed, 0 warnings" in out.getvalue()
    out = io.StringIO()
    assert print_findings(folder.plan_path, None, FakeProbes(offset=900.0), out, as_json=True) == 1
    says = json.loads(out.getvalue())
    assert says["ok"] is False
    assert [f["check"] for f in says["findings"] if f["state"] == "fail"] == ["clock"]


def test_a_bad_plan_reports_every_error_and_the_machine_is_still_checked(folder: Folder) -> None:
    folder.write(PLAN.replace('gpu = "A100 SXM 80GB"', 'gppu = "x"').replace("budget_usd = 10.0", ""))
    out = io.StringIO()
    assert print_findings(folder.plan_path, None, FakeProbes(offset=900.0), out, as_json=True) == 2
    failed = [f for f in json.loads(out.getvalue())["findings"] if f["state"] == "fail"]
    assert [f["check"] for f in failed] == ["plan", "plan", "plan", "clock"]
    assert any("budget_usd" in f["found"] for f in failed)


def test_no_secret_is_reported(folder: Folder) -> None:
    machine = FakeProbes()
    machine.environment |= {"HF_TOKEN": "hf_verysecret", "NTFY_URL": "ntfy://verysecret"}
    out = io.StringIO()
    print_findings(folder.plan_path, None, machine, out, as_json=False)
    assert "HF_TOKEN" in out.getvalue()
    assert "verysecret" not in out.getvalue()


def test_this_machine_answers(tmp_path: Path) -> None:
    machine = SystemProbes({"PATH": "/usr/bin:/bin"})
    assert machine.find_program("sh")
    assert machine.find_installed_version("no-such-package") is None
    assert any(text.startswith("torch") for text in machine.list_requirements())
    there = machine.find_disk(tmp_path / "not" / "yet")
    assert there.free > 0
    assert tmp_path.is_relative_to(there.mount)
    with pytest.raises(ProbeError, match="RUNPOD_API_KEY is not set"):
        machine.read_pod_price("pod1")


def test_gpus_that_no_training_uses_are_pointed_out(folder: Folder) -> None:
    training = """
[[phase]]
id = "train"
title = "Train"
run = "phases.sft_training"
params = { train_file = "{artifacts}/rows.jsonl", output_dir = "{artifacts}/sft", model = "{model}" }
estimate = { hours = [0, 0.1] }
"""
    two = FakeProbes(found=GpuInventory("580.1", (A100, A100)))
    assert folder.bad(two) == []
    folder.write(PLAN + training)
    ((check, state, said),) = folder.bad(two)
    assert (check, state) == ("GPU", "warn")
    assert "2 GPUs, but every training phase uses only one" in said
    folder.write(PLAN + training + 'launcher = "accelerate"\n')
    assert folder.bad(two) == []


def test_withheld_variables_are_listed_and_a_command_that_uses_one_is_warned_of(folder: Folder) -> None:
    probes = FakeProbes()
    probes.environment |= {"EDITOR": "vi", "WANDB_API_KEY": "w-secret", "DATA_ROOT": "/d", "HTTPS_PROXY": "p"}
    findings = [f for f in run_checks(load_plan(folder.plan_path), probes) if f.check == "environment"]
    (finding,) = findings
    assert "withheld: DATA_ROOT, EDITOR, NTFY_URL, TMUX, WANDB_API_KEY (" in finding.message
    assert "w-secret" not in finding.message
    folder.write(
        PLAN.replace('["python3", "scripts/own.py"]', '["sh", "-c", "x ${DATA_ROOT} $HOME $WANDB_API_KEY"]')
    )
    bad = run_checks(load_plan(folder.plan_path), probes)
    assert [(f.message, f.advice) for f in bad if f.check == "environment"] == [
        ("own uses $DATA_ROOT, which is withheld from phases", "Add it to session.environment"),
        ("own uses $WANDB_API_KEY, which is withheld from phases", "Add it to session.secrets"),
    ]


def test_a_full_gpu_that_the_session_cannot_see_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    fakes: dict[str, Any] = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlSystemGetDriverVersion": lambda: b"580.1",
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetUUID": lambda handle: f"GPU-{handle}",
        "nvmlDeviceGetName": lambda handle: "A100",
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(total=80, used=0 if handle else 80),
        "nvmlDeviceGetCudaComputeCapability": lambda handle: (8, 0),
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(pynvml, name, fake)
    assert [gpu.memory_used for gpu in SystemProbes({}).list_gpus().devices] == [80, 0]
    for setting in ("1", "GPU-1"):
        found = SystemProbes({"CUDA_VISIBLE_DEVICES": setting}).list_gpus()
        assert found == GpuInventory("580.1", (GpuDevice("A100", 80, 0, (8, 0), 1),), hidden=1)
    none = SystemProbes({"CUDA_VISIBLE_DEVICES": ""}).list_gpus()
    assert (none.devices, none.error) == ((), "CUDA_VISIBLE_DEVICES= hides all 2")


def test_a_gpu_without_memory_information_is_checked_for_the_rest(folder: Folder) -> None:
    gb10 = GpuDevice("NVIDIA GB10", None, None, (12, 1))
    folder.write(PLAN.replace("A100 SXM 80GB", "GB10 128GB"))
    findings = run_checks(load_plan(folder.plan_path), FakeProbes(found=GpuInventory("580.1", (gb10,))))
    gpu = [(f.state, f.message) for f in findings if f.check == "GPU"]
    assert gpu[0] == ("ok", "1 x NVIDIA GB10, memory unknown, capability 12.1, driver 580.1")
    assert [state for state, _ in gpu] == ["ok", "warn"]


def test_each_busy_gpu_of_several_is_named(folder: Folder) -> None:
    found = GpuInventory("580.1", (A100, A100._replace(number=3, memory_used=10 * 2**30)))
    bad = folder.bad(FakeProbes(found=found))
    assert ("GPU", "warn", "GPU 3: 10.0 GiB of its memory are already in use") in bad


def test_a_disk_or_home_folder_that_will_not_do_is_found_before_the_session(folder: Folder) -> None:
    lacking = ("it has no file locks (flock: No locks available)", "it has no unix sockets (x)")
    bad = folder.bad(FakeProbes(storage=lacking))
    assert bad == [("disk", "fail", f"the disk of {folder.path}: {problem}") for problem in lacking]
    (folder.path / "artifacts").symlink_to("/nowhere/else")
    bad = folder.bad(FakeProbes())
    assert (
        "disk",
        "fail",
        f"{folder.path}/artifacts is a link to /nowhere/else, which does not exist",
    ) in bad
    for home in ("/dev/null", "/proc/none"):
        probes = FakeProbes()
        probes.environment["HOME"] = home
        assert [check for check, *_ in folder.bad(probes)].count("home") == 1


def test_trackers_are_checked_and_the_check_says_what_they_send(folder: Folder) -> None:
    training = """
[[phase]]
id = "train"
title = "Train"
run = "phases.sft_training"
params = { train_file = "x", output_dir = "artifacts/models/sft", report_to = ["wandb", "tensorboard"] }
estimate = { hours = [1, 2] }
"""
    folder.write(PLAN + training)
    probes = FakeProbes(versions={"torch": "2.13.0", "bitsandbytes": "0.50.2", "wandb": "0.31.0"})
    probes.environment["WANDB_API_KEY"] = "not named in the plan, so not passed"

    def find() -> list[tuple[str, str]]:
        findings = run_checks(load_plan(folder.plan_path), probes)
        return [(f.state, f.message) for f in findings if f.check == "trackers"]

    assert find() == [
        ("fail", "tensorboard is not installed, but report_to names it"),
        ("ok", "wandb 0.31.0: stays on this machine"),
    ]
    folder.write((PLAN + training).replace('secrets = ["', 'secrets = ["WANDB_API_KEY", "'))
    assert find()[1] == ("ok", "wandb 0.31.0: metrics leave this machine")
