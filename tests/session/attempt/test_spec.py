from pathlib import Path

import pytest
from torch.distributed.launcher.api import LaunchConfig

from app.plan.read import load_plan
from app.session.attempt.spec import build_environment
from app.session.journal.events import AttemptStarted
from tests.session.conftest import HEAD

PHASE = '\n[[phase]]\nid = "a"\ntitle = "A"\ncommand = ["true"]\nestimate = { hours = [1, 1] }\n'


def test_a_launcher_leaves_its_processes_as_long_to_save_as_the_shim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plan.toml").write_text(HEAD + PHASE)
    environment = build_environment(
        load_plan(tmp_path / "plan.toml"),
        AttemptStarted(phase="a", attempt=1, parameters={}, cookie="c"),
        session=tmp_path,
        folder=tmp_path,
        environment={},
        grace=119.5,
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if not hasattr(LaunchConfig, "shutdown_timeout"):
        pytest.skip("the limit of this torch is fixed")
    assert LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2).shutdown_timeout == 120
