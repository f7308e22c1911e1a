"""The pages speak of what there is: their links lead somewhere, their commands and plans are real."""

import re
from pathlib import Path

import pytest

from app import cli
from app.plan.read import load_plan

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, part = link.partition("#")
        assert (page.parent / path).exists(), link
        if part:
            headings = re.findall(r"^#+ (.+)$", (page.parent / path).read_text(), re.MULTILINE)
            assert part in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}, link


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_are_there(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    known = set(re.findall(r"^    (\w+)", capsys.readouterr().out, re.MULTILINE))
    fences = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    blocks = [block for language, block in fences if not language]
    code = "\n".join([*blocks, *re.findall(r"`(gonogo [^`]+)`", page.read_text())])
    used = set(re.findall(r"\bgonogo ([a-z]+)", code))
    assert used <= known


def test_the_plan_of_the_guide_is_a_plan(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)```", (ROOT / "docs/writing-a-plan.md").read_text(), re.M | re.S)
    (whole,) = [block for block in blocks if "[session]" in block]
    path = tmp_path / "session_plan.toml"
    path.write_text(whole)
    for profile in (None, "rehearsal"):
        assert [phase.id for phase in load_plan(path, profile).phases] == ["training", "evaluation"]
