"""Enter the lines that `calibrate` measured into the calibration of verification.

    python -m tools.verification.collect rows.jsonl [more.jsonl ...]

A line replaces the case of the same family and name. The other cases stay.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.contract import files
from phases.verification.calibration import (
    CALIBRATION,
    CalibrationCase,
    fit_stop_excess,
    load_calibration,
)

DECIMALS: Final = 5


def collect_cases(paths: Sequence[Path], earlier: Sequence[CalibrationCase]) -> list[CalibrationCase]:
    """Return the cases of all files and the earlier ones that they do not replace, sorted."""
    measured = [_build_case(row) for path in paths for row in files.read_rows(path)]
    cases = {(case.family, case.name): case for case in (*earlier, *measured)}
    return sorted(cases.values(), key=lambda case: (case.family, case.kind, case.rows, case.name))


def _build_case(row: dict[str, Any]) -> CalibrationCase:
    signals = {
        name: round(value, DECIMALS) if isinstance(value, float) else value
        for name, value in row["signals"].items()
    }
    return msgspec.convert({**row, "rows": row["recipe"]["rows"], "signals": signals}, CalibrationCase)


def main() -> None:
    """Write `calibration.json` and print the thresholds that it gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="+")
    cases = collect_cases(parser.parse_args().rows, load_calibration())
    lines = b",\n".join(msgspec.json.encode(case) for case in cases)
    CALIBRATION.write_bytes(b"[\n" + lines + b"\n]\n")
    print(f"{len(cases)} models; stop_excess {fit_stop_excess(cases)}")  # noqa: T201


if __name__ == "__main__":
    main()
