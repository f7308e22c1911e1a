"""A moment of a recording holds what was there then, and nothing later."""

from itertools import pairwise
from tempfile import gettempdir

import pytest

from tests.tui.recording import open_recording


def test_a_moment_shows_what_was_there_and_nothing_later() -> None:
    with open_recording("rehearsal") as recording:
        end = recording.show(recording.end)
        moment = recording.find("AttemptEnded", "sft_training") - 8
        frame = recording.show(moment)
    assert end.snapshot.state == "finished"
    assert any("DPO" in line for line in end.outcome)
    assert frame.snapshot.state == "running"
    assert frame.phase is not None
    assert (frame.phase.id, frame.phase.progress.done if frame.phase.progress else 0) == ("sft_training", 61)
    assert frame.output is not None
    loss = frame.output.series["loss"]
    assert loss.points[-1].step <= 61
    assert "step 61/72" in frame.output.log.lines[-1]
    assert 0 < frame.snapshot.money.spent_usd < end.snapshot.money.spent_usd
    assert frame.snapshot.machine is not None
    assert frame.snapshot.machine.time <= moment


def test_the_gate_has_the_answers_of_the_models_that_existed() -> None:
    with open_recording("rehearsal") as recording:
        frame = recording.show(recording.find("AttemptAssessed", "sft_evaluation"))
    assert frame.snapshot.gate is not None
    assert frame.snapshot.gate.phase == "sft_evaluation"
    assert [evaluation.phase for evaluation in frame.evaluations] == ["baseline_evaluation", "sft_evaluation"]
    assert len(frame.evaluations[-1].answers) == 300


def test_the_trial_failed_with_remedies() -> None:
    with open_recording("trial") as recording:
        frame = recording.show(recording.end + 60)
    assert frame.snapshot.gate is not None
    assert frame.snapshot.gate.verdict == "investigate"
    assert frame.snapshot.gate.remedies


@pytest.mark.parametrize("name", ["rehearsal", "trial"])
def test_the_events_of_a_recording_are_in_order(name: str) -> None:
    with open_recording(name) as recording:
        assert all(a.wall <= b.wall for a, b in pairwise(recording.entries))


def test_a_recording_shows_the_paths_of_the_machine_where_it_was_made() -> None:
    with open_recording("trial") as recording:
        snapshot = recording.show(recording.end).snapshot
    assert snapshot.folder == f"{snapshot.artifacts}/sessions/{snapshot.id}"
    assert gettempdir() not in snapshot.folder
