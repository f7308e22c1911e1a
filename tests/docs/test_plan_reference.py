import tomllib
from pathlib import Path

import pytest

from app.plan import docs_reference

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["plan.md", "session_plan.schema.json"])
def test_the_written_reference_is_up_to_date(name: str, tmp_path: Path) -> None:
    docs_reference.main(tmp_path)
    assert (ROOT / "docs" / name).read_text() == (tmp_path / name).read_text(), (
        "the schema has changed: python -m app.plan.docs_reference"
    )


def test_the_schema_knows_every_key_of_the_plans_that_are_here() -> None:
    schema = docs_reference.build_json_schema()
    for path in (ROOT / "session_plan.toml", *ROOT.glob("docs/examples/*/session_plan.toml")):
        raw = tomllib.loads(path.read_text())
        assert raw.keys() <= schema["properties"].keys()
        for phase in raw["phase"]:
            assert phase.keys() <= schema["$defs"]["Phase"]["properties"].keys()
    assert schema["$defs"]["Phase"]["properties"]["stall_after"]["default"] == "15 min"
    assert schema["additionalProperties"] is False
