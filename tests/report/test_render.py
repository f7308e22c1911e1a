"""The rendered session report, and the history and measurements it is based on."""

import dataclasses
import itertools
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from app.report import commands
from app.report.history import SessionHistory, load_history
from app.report.measurements import MeasuredRate, find_gains, find_rates
from app.report.render import render_html, render_markdown, render_page
from app.session.asking.transcript import AnswerLine, ErrorLine, Transcript
from app.session.masking import Masker
from phases.contract.labels import LABELS_FILE
from tests.report.conftest import MASKER, TOKEN, SteppedClock

VOID = {"meta", "br"}


def load(session: Path, machine: str = "elsewhere") -> SessionHistory:
    return load_history(session, session.parent.parent, SteppedClock(), machine, MASKER)


class Page(HTMLParser):
    """Checks that tags are closed, and collects them and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += data


def test_the_page_shows_the_session(session: Path) -> None:
    page = Page(render_html(load(session), MASKER))
    text = " ".join(page.text.split())
    for part in (
        "Tiny <b>session</b>",
        "toy/model on A100 80GB",
        "Baseline evaluation",
        "smaller batch",
        "batch_size: 4 → 2",
        "overrides the verdict",
        "Look at the <curve>.",
        "final_loss = 0.52",
        "Name three primes.",
        "2 3 <b>5</b> [secret HF_TOKEN]",
        "versions.torch2.13.0",
        "peak 49.0 of 80.0",
        "of $5.00",
        f"gonogo reproduce {session.name}",
    ):
        assert part in text, part
    # The plot of the training includes the held-out loss and the earlier attempt.
    figures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert [f["aria-label"] for f in figures] == [
        "loss: loss, attempt 1, loss, eval_loss",
        "memory in GiB: GPU 0",
    ]


def test_the_page_is_self_contained_and_has_no_scripts(session: Path) -> None:
    source = render_html(load(session), MASKER)
    page = Page(source)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "form"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!#)|url\(|@import|https?:""", source)
    anchors = {a["href"] for tag, a in page.tags if tag == "a"}
    assert anchors == {f"#{a['id']}" for tag, a in page.tags if tag == "section" and "id" in a}
    assert any("Content-Security-Policy" in (a.get("http-equiv") or "") for _, a in page.tags)
    assert any("width=device-width" in (a.get("content") or "") for _, a in page.tags)


@pytest.mark.parametrize("page", [render_html, render_markdown])
def test_no_secret_and_no_control_character_is_in_it(session: Path, page: object) -> None:
    assert callable(page)
    text = page(load(session), MASKER)
    assert TOKEN not in text
    assert "[secret HF" in text.replace("\\", "")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_the_markdown_shows_the_same(session: Path) -> None:
    text = render_markdown(load(session), MASKER)
    assert text.startswith("# Tiny \\<b\\>session\\</b\\>\n")
    assert "| Training | done | loss 0.52 | investigate | 30-60m | 40m | $2.40 |" in text
    assert "batch_size: 4 to 2" in text.replace("\\", "")
    assert f"| reproduce with | `gonogo reproduce {session.name}` |" in text
    assert "    2\n    3\n    <b>5</b> [secret HF_TOKEN]\n" in text
    assert "<script" not in text.replace("\\<script", "")
    rows = [line for line in text.split("\n") if line.startswith("|")]
    for row, below in itertools.pairwise(rows):
        if set(below) <= set("|-"):
            assert row.count("|") == below.count("|")


def test_the_same_session_gives_the_same_report(session: Path) -> None:
    assert render_html(load(session), MASKER) == render_html(load(session), MASKER)


def test_the_clock_runs_on_the_machine_of_the_session(session: Path) -> None:
    clock = SteppedClock()
    clock.now += 3310 + 7200
    here = load_history(session, session.parent.parent, clock, "m", MASKER).session
    assert here.find_phase("comparison").elapsed == pytest.approx(7200)
    assert here.money.spent_usd == pytest.approx((100 + 3310 + 7200) / 3600 * 3.6)
    assert load(session).session.find_phase("comparison").elapsed == 0


def test_a_report_exists_from_the_first_event_on(session: Path) -> None:
    journal = session / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        journal.write_bytes(b"".join(lines[:count]))
        Page(render_html(load(session), MASKER))
        render_markdown(load(session), MASKER)


def test_a_damaged_journal_is_reported_up_to_the_damage(session: Path) -> None:
    journal = session / "journal.jsonl"
    data = bytearray(journal.read_bytes())
    data[len(data) // 2] ^= 1
    journal.write_bytes(data)
    assert "Part of the journal cannot be read" in render_html(load(session), MASKER)


def test_rates_with_intervals_are_compared(session: Path) -> None:
    history = load(session)
    metrics = {
        "rate": 0.74,
        "rate_low": 0.7,
        "rate_high": 0.78,
        "loss": 1.2,
        "loss_low": 1.0,
        "loss_high": 1.4,
    }
    phase = history.phases[1]
    last = msgspec.structs.replace(phase.attempts[1].view, metrics=metrics)
    attempts = (phase.attempts[0], dataclasses.replace(phase.attempts[1], view=last))
    history = dataclasses.replace(
        history, phases=(history.phases[0], dataclasses.replace(phase, attempts=attempts))
    )
    assert find_rates(history) == [[MeasuredRate("Training", "rate", 0.74, 0.7, 0.78)]]
    assert "| Training | rate | 74.0 % | 70.0 to 78.0 % |" in render_markdown(history, MASKER)
    assert "left:70.00%;width:8.00%" in render_html(history, MASKER)


COMPARISON = {
    "metrics": {
        "base_rate": 0.1,
        "gain_base_sft": 0.5,
        "gain_low_base_sft": 0.4,
        "gain_high_base_sft": 0.6,
        "gained_base_sft": 158,
        "lost_base_sft": 12,
        "p_base_sft": 2.4e-33,
        "p_raw_base_sft": 1.2e-33,
        "detectable_base_sft": 0.122,
        "gain_sft_dpo": -0.1,
        "gain_low_sft_dpo": -0.2,
        "gain_high_sft_dpo": None,
    },
    "categories": [
        {"category": "format", "prompts": 85, "base_rate": 0.141, "sft_rate": 0.647, "dpo_rate": 0.612}
    ],
    "tiers": [
        {
            "name": "minimum",
            "reached": True,
            "lines": [{"criterion": "verification passes", "met": True, "evidence": "verdict clean"}],
        },
        {
            "name": "full",
            "reached": False,
            "lines": [{"criterion": "DPO > 85 %", "met": False, "evidence": "81.7% <b>"}],
        },
        {"name": "publication-ready", "reached": None, "lines": []},
    ],
}


def test_the_comparison_is_shown_with_its_intervals(session: Path) -> None:
    artifacts = session.parent.parent
    (artifacts / "final_comparison.txt").write_text("as text")
    assert "as text" in render_html(load(session), MASKER)
    (artifacts / "final_comparison.json").write_bytes(msgspec.json.encode(COMPARISON))
    history = load(session)
    assert [(c.first, c.second, c.gain, c.p) for c in find_gains(history)] == [("base", "SFT", 0.5, 2.4e-33)]
    page = render_html(history, MASKER)
    assert "+50.0" in page
    assert "2.4e-33" in page
    assert "64.7 %" in page
    assert "as text" not in page
    assert "as text" in render_markdown(history, MASKER)


def test_following_is_shown_where_it_was_compared(session: Path) -> None:
    """Stopping, which SFT gains easily, must not pass for the gain."""
    followed = {
        name.replace("base_sft", "few_shot_sft"): value
        for name, value in COMPARISON["metrics"].items()  # type: ignore[attr-defined]
        if name.endswith("base_sft")
    }
    metrics = COMPARISON["metrics"] | {f"following_{name}": value for name, value in followed.items()}  # type: ignore[operator]
    metrics["following_gain_few_shot_sft"] = -0.01
    rates = {"base": 0.4, "few_shot": 0.66, "sft": 0.65, "dpo": 0.7}
    categories = [
        {**row, **{f"{model}_following_rate": rate for model, rate in rates.items()}}
        for row in COMPARISON["categories"]  # type: ignore[attr-defined]
    ]
    comparison = COMPARISON | {"metrics": metrics, "categories": categories, "reported_first": "test half"}
    (session.parent.parent / "final_comparison.json").write_bytes(msgspec.json.encode(comparison))
    history = load(session)
    assert [(gain.first, gain.second, gain.gain) for gain in find_gains(history)] == [
        ("baseline", "SFT", -0.01)
    ]
    page = render_html(history, MASKER)
    assert "with 95 % interval, test half" in page
    assert '<td data-label="baseline" class="n">66.0 %</td>' in page
    assert "64.7 %" not in page


def test_a_change_of_declining_is_shown_with_the_problem_that_it_is(session: Path) -> None:
    fields = {"gain": -0.439, "gain_low": -0.541, "gain_high": -0.337, "gained": 1, "lost": 44}
    fields |= {"p": 2.6e-11, "p_raw": 2.6e-12, "detectable": 0.14}
    declining = {f"refusal_rate_{name}_sft_dpo": value for name, value in fields.items()}
    problem = "DPO declines fewer harmful requests than SFT"
    comparison = COMPARISON | {"metrics": COMPARISON["metrics"] | declining, "problems": [problem]}  # type: ignore[operator]
    (session.parent.parent / "final_comparison.json").write_bytes(msgspec.json.encode(comparison))
    page = render_html(load(session), MASKER)
    assert f'<p class="alarm">{problem}</p>' in page
    section = page[page.index("Declining of vetted harmful requests") :]
    assert "SFT &rarr; DPO" in section
    assert "-43.9" in section
    assert "vetted harmless requests" not in page
    (session.parent.parent / "final_comparison.json").write_bytes(msgspec.json.encode(COMPARISON))
    assert "Declining of vetted" not in render_html(load(session), MASKER)


def test_the_tiers_are_shown_by_criterion(session: Path) -> None:
    (session.parent.parent / "final_comparison.json").write_bytes(msgspec.json.encode(COMPARISON))
    page, status = render_html(load(session), MASKER), render_page("status.md.j2", load(session), MASKER)
    for text in ('Minimum: <span class="state s-true">reached</span>', "verdict clean", "81.7% &lt;b&gt;"):
        assert text in page
    assert 'Publication-ready: <span class="state s-none">not fully shown</span>' in page
    assert "Full success: **not reached**" in status
    assert "| fail | DPO \\> 85 % | 81.7% \\<b\\> |" in status


def test_labelled_failures_are_shown_by_kind(session: Path) -> None:
    assert "Labelled failures" not in render_markdown(load(session), MASKER)
    evaluation = "e" * 64
    with (session / "attempts/training/2/progress.jsonl").open("ab") as progress:
        artifact = {"type": "artifact", "time": 1, "path": "eval_1.json", "bytes": 1, "sha256": evaluation}
        progress.write(msgspec.json.encode(artifact) + b"\n")
    rows = [
        {"evaluation": evaluation, "key": "a", "kind": "form", "by": "ada", "at": 1.0},
        {"evaluation": evaluation, "key": "b", "kind": "form", "by": "bob", "at": 1.0},
        {"evaluation": "another", "key": "b", "kind": "wrong", "by": "eve", "at": 1.0},
    ]
    (session / LABELS_FILE).write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    text, page = render_markdown(load(session), MASKER), render_html(load(session), MASKER)
    assert "| wrong form: count, order, format, language | 2 |" in text
    assert "| wrong fact, value or result | 0 |" in text
    assert "| by, blind to the model | ada, bob |" in text
    assert "2 by ada, bob" in page
    (session / LABELS_FILE).write_text("damaged\n")
    assert "Labelled failures" not in render_markdown(load(session), MASKER)


def test_without_a_gpu_memory_is_shown_for_phase_and_host(session: Path) -> None:
    machine = session / "attempts/training/2/machine.jsonl"
    rows = [msgspec.json.decode(line) for line in machine.read_bytes().splitlines()]
    rows = [{**row, "gpus": [], "phase_memory": i << 28} for i, row in enumerate(rows)]
    machine.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    memory = load(session).phases[1].attempts[1].memory
    assert [(m.name, m.peak, m.total) for m in memory] == [("phase", 59 / 4, 64), ("host", 9, 64)]


def test_hostile_records_are_shown_as_text(session: Path) -> None:
    attempt = session / "attempts/training/2"
    (attempt / "result.json").write_bytes(b'{"metrics": {"x": ')
    with (attempt / "progress.jsonl").open("ab") as progress:
        progress.write(
            b'{"type":"sample","time":1,"title":"\\u001b]0;x\\u0007{{ 7*7 }}","texts":{"<a>":"</pre>"}}\n'
        )
        progress.write(b"\xff\xfe not json\n")
    (attempt / "machine.jsonl").write_bytes(b"\x00garbage\n")
    (session.parent.parent / "final_comparison.txt").write_bytes(b"</pre><script>alert(1)</script>\xff")
    page = Page(render_html(load(session), MASKER))
    assert "{{ 7*7 }}" in page.text
    assert "<script>alert(1)</script>" in page.text


def test_the_command_writes_both_files(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.write_report(session, {"HF_TOKEN": TOKEN}, sys.stdout, clock=SteppedClock()) == 0
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert written == [tmp_path / "artifacts/report.html", tmp_path / "artifacts/report.md"]
    assert all(path.read_text() for path in written)
    (session / "journal.jsonl").write_bytes(b"")
    with pytest.raises(commands.ReportError, match="has not started"):
        commands.write_report(session, {}, sys.stdout, clock=SteppedClock())


def test_questions_to_the_models_are_in_both_reports(session: Path) -> None:
    line = AnswerLine(
        at=2.0,
        question=1,
        by="ada",
        asked=1.0,
        instruction="Name <b>three</b> birds.",
        prompt="",
        category="",
        model="sft",
        model_sha256="0" * 64,
        prompt_format="v1",
        temperature=0.8,
        top_p=0.95,
        seed=3,
        max_new_tokens=64,
        response=f"owl\nhawk {TOKEN}",
        complete=True,
        tokens=5,
        seconds=0.5,
        stops=True,
        went_on=False,
    )
    error = ErrorLine(at=3.0, question=2, by="ada", asked=2.5, instruction="And now?", error="cancelled")
    phase = load(session).phases[0].view
    Transcript(session, phase.id, 1, Masker({})).append([line, error])
    history = load(session)
    page = " ".join(Page(render_html(history, MASKER)).text.split())
    plain = render_markdown(history, MASKER)
    for text in (page, plain):
        assert f"{phase.title}, attempt 1" in text
        assert "sampled 0.8, top-p 0.95, seed 3" in text
        assert "stops by itself, 5 tokens in 0.5 s" in text
        assert "hawk [secret" in text
        assert "And now?" in text
        assert "cancelled" in text
        assert TOKEN not in text
    assert "Name <b>three</b> birds." in page
    assert "    owl\n    hawk" in plain
