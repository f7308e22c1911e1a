from app.cli.approve import wrap_line


def test_what_a_plan_executes_is_wrapped_between_words() -> None:
    line = "  train: bash -c 'exec train.py --model base --output out/model --learning-rate 2e-4'"
    wrapped = wrap_line(line, 40).splitlines()
    assert len(wrapped) > 1
    assert max(map(len, wrapped)) <= 40
    assert " ".join(part.strip() for part in wrapped) == line.strip()
    assert wrap_line("", 40) == ""
    assert wrap_line("x" * 50, 40) == "x" * 50
