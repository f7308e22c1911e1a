"""Text that fits its place."""

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from widgets.text import fit


@given(st.text(max_size=50), st.integers(0, 30))
def test_fitted_text_has_its_width_and_no_controls(text: str, width: int) -> None:
    fitted = fit(text, width)
    assert cell_len(fitted) == width
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in fitted)
