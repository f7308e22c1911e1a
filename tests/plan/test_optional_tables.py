"""The tables of a plan for secrets, the bundle and notifications."""

from pathlib import Path

import pytest

from app.plan.errors import PlanErrors
from app.plan.read import load_plan
from app.plan.schema import Bundle, Plan

PLAN = """
[session]
name = "A session"
model = "some/model"
budget_usd = 25
{session}
[pod]
gpu = "A100"
usd_per_hour = 1.74
{tables}
[[phase]]
id = "only"
title = "Only"
command = ["true"]
estimate = {{ hours = [1, 1] }}
[profile.small]
notify.every = "1 min"
"""


def written(folder: Path, session: str = "", tables: str = "") -> Path:
    path = folder / "session_plan.toml"
    path.write_text(PLAN.format(session=session, tables=tables))
    return path


def test_all_of_it_may_be_left_out(tmp_path: Path) -> None:
    plan = load_plan(written(tmp_path))
    assert plan.session.secrets == ()
    assert plan.bundle == Bundle()
    assert "models" in plan.bundle.include
    assert (plan.notify.urls, plan.notify.every) == ((), 900.0)


def test_a_profile_is_laid_over_it(tmp_path: Path) -> None:
    tables = '[bundle]\ninclude = ["data"]\n[notify]\nurls = ["CHAT_URL"]'
    path = written(tmp_path, 'secrets = ["HF_TOKEN"]', tables)
    plan = load_plan(path, "small")
    assert plan.session.secrets == ("HF_TOKEN",)
    assert plan.bundle.include == ("data",)
    assert (plan.notify.urls, plan.notify.every) == (("CHAT_URL",), 60.0)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize(
    ("session", "tables", "message"),
    [
        ('secrets = ["hf_0123456789 is my token"]', "", r":6: session.secrets\[0\]: "),
        ('artifacts = "/"', "", r":6: session.artifacts: expected a relative path inside the folder"),
        ('artifacts = "."', "", r":6: session.artifacts: expected a relative path inside the folder"),
        ('artifacts = "out/../.."', "", r":6: session.artifacts: expected a relative path inside the folder"),
        ('environment = ["A=B"]', "", r":6: session.environment\[0\]: "),
        ("", '[bundle]\ninclude = ["../*"]', r":11: bundle.include\[0\]: expected a relative path"),
        ("", '[bundle]\ninclde = ["data"]', r":11: bundle.inclde: unknown key .* mean include"),
        ("", '[notify]\nurls = ["https://chat/key"]', r":11: notify.urls\[0\]: "),
        ("", '[notify]\nevery = "0 s"', ":11: notify.every: expected greater than 0"),
        ("", "bundle = 1", ":10: pod.bundle: unknown key"),
    ],
)
def test_mistakes_are_reported_with_their_place(
    tmp_path: Path, session: str, tables: str, message: str
) -> None:
    with pytest.raises(PlanErrors, match=message):
        load_plan(written(tmp_path, session, tables))
