import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.session.attempt import exit_record


@given(st.binary(max_size=300) | st.sampled_from([b"[" * 100_000, b'{"seconds": "x"}', b"null"]))
def test_an_invalid_exit_record_is_an_error_that_names_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("a")
    (folder / "exit.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"exit\.json"):
        exit_record.read_exit(folder, "c")
