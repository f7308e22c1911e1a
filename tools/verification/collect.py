"""Write the calibration of verification from the lines that `calibrate` measured.

python -m tools.verification.collect rows.jsonl [more.jsonl ...]
"""

import argparse
from pathlib import Path
from typing import Any, Final

import msgspec

from phases.contract import files
from phases.verification.calibration import CALIBRATION, CalibrationCase, fit_stop_excess

DECIMALS: Final = 5


def collect_cases(paths: list[Path]) -> list[CalibrationCase]:
    """Return the cases of all files, sorted by family, kind and rows."""
    cases = [_build_case(row) for path in paths for row in files.read_rows(path)]
    return sorted(cases, key=lambda case: (case.family, case.kind, case.rows, case.name))


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
    cases = collect_cases(parser.parse_args().rows)
    lines = b",\n".join(msgspec.json.encode(case) for case in cases)
    CALIBRATION.write_bytes(b"[\n" + lines + b"\n]\n")
    print(f"{len(cases)} models; stop_excess {fit_stop_excess(cases)}")  # noqa: T201


if __name__ == "__main__":
    main()
