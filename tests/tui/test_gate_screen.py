"""The gate's screen: answers and their filters, and its panels by size."""

import asyncio

import pytest
from msgspec.structs import replace
from textual.content import Content
from textual.widget import Widget

from app.tui.app import CockpitApp
from tests.tui import fake
from tests.tui.settling import settle
from widgets.frame import Frame
from widgets.gate_rates import CategoriesPanel, RatesPanel
from widgets.samples import SamplePager


def press(frame: Frame, *keys: str, size: tuple[int, int] = (80, 24)) -> list[str]:
    """Return the pager's first two rows before and after each key."""

    async def run() -> list[str]:
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            shown = []
            for key in (None, *keys):
                if key is not None:
                    await pilot.press(key)
                    await settle(pilot)
                pager = app.screen.query_one(SamplePager)
                shown.append("  ".join(" ".join(r.plain.split()) for r in pager.render_rows(*pager.size)[:2]))
            return shown

    return asyncio.run(run())


def test_f_turns_through_the_changes_from_the_first_answer() -> None:
    first, second, worse, better = press(fake.gate_evaluated(), "right", "f", "f")
    assert first.startswith("ANSWERS 1 of 24 ◂ ▸ 12 got better, 1 got worse  format-000")
    assert second.startswith("ANSWERS 2 of 24")
    assert worse == "ANSWERS 1 of 1 ◂ ▸ got worse  format-012 multi step got worse ✗ fail"
    assert better.startswith("ANSWERS 1 of 12 ◂ ▸ got better")


def test_filters_of_verdict_and_category_are_combined() -> None:
    *_, fails, category = press(fake.gate_evaluated(), "F", "y")
    assert fails.startswith("ANSWERS 1 of 9 ◂ ▸ fails")
    assert "fails, format" in category


def test_an_empty_filter_says_so_and_can_be_left() -> None:
    frame = fake.gate_evaluated()
    same = replace(
        frame, evaluations=(fake.EVALUATIONS[0], replace(fake.EVALUATIONS[0], phase="sft_evaluation"))
    )
    _, empty, *_, again = press(same, "f", "f", "f", "f", "f")
    assert empty.startswith("ANSWERS none got worse  Nothing matches. Change the filter.")
    assert again.startswith("ANSWERS 1 of 24")


def test_without_answers_the_samples_stay_and_there_is_nothing_to_filter() -> None:
    before, after = press(fake.gate_passes(), "f")
    assert before == after
    assert before.startswith("SAMPLES 1 of 12")


def test_the_filtered_answers_open_full_screen() -> None:
    *_, full = press(fake.gate_evaluated(), "f", "v")
    assert full.startswith("ANSWERS 1 of 1")
    assert "format-012" in full


def test_in_a_panel_further_answers_fill_the_room_and_the_heading_is_in_the_border() -> None:
    async def run() -> tuple[str, list[str], str]:
        frame = fake.gate_evaluated()
        app = CockpitApp(fake.FakeSession(frame.snapshot), None, frame)
        async with app.run_test(size=(160, 45)) as pilot:
            await settle(pilot)
            pager = app.screen.query_one(SamplePager)
            title = Content.from_markup(str(pager.border_title)).plain
            shown = [row.plain.split(" ")[0] for row in pager.render_rows(*pager.size)]
            await pilot.press("right")
            await settle(pilot)
            return title, shown, Content.from_markup(str(pager.border_title)).plain

    title, shown, turned = asyncio.run(run())
    assert title.startswith("ANSWERS  1-3 of 24  ◂ ▸  12 got better, 1 got worse")
    assert [word for word in shown if word.startswith("format-")] == [
        "format-000",
        "format-001",
        "format-002",
    ]
    assert "ANSWERS" not in shown
    assert turned.startswith("ANSWERS  2-")


@pytest.mark.parametrize(
    ("frame", "size", "shown"),
    [
        (fake.gate_evaluated, (80, 24), (False, False)),
        (fake.gate_evaluated, (120, 35), (False, False)),
        (fake.gate_evaluated, (120, 40), (True, True)),
        (fake.gate_passes, (160, 45), (True, False)),
        (fake.gate_fails, (160, 45), (False, False)),
        (fake.out_of_memory, (200, 50), (False, False)),
    ],
)
def test_rates_and_categories_need_room_and_values(
    frame: object, size: tuple[int, int], shown: tuple[bool, bool]
) -> None:
    async def run() -> tuple[bool, ...]:
        view = frame()  # type: ignore[operator]
        app = CockpitApp(fake.FakeSession(view.snapshot), None, view)
        async with app.run_test(size=size) as pilot:
            await settle(pilot)
            panels = [app.screen.query_one(kind) for kind in (RatesPanel, CategoriesPanel)]
            return tuple(
                all(node.display for node in panel.ancestors_with_self if isinstance(node, Widget))
                for panel in panels
            )

    assert asyncio.run(run()) == shown
