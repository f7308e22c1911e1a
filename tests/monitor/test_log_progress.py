"""Progress in logs: patterns, numbered steps and bars."""

import pytest

from app.monitor.log_progress import ProgressFinder


def find(*lines: str, patterns: tuple[str, ...] = (), total: str = "") -> tuple[float, float | None] | None:
    finder = ProgressFinder(patterns, total)
    for line in lines:
        finder.read(line)
    return None if finder.count is None else (finder.count.done, finder.count.total)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("16%|#6   | 4080/25120 [10:00<51:33, 6.80it/s, loss=1.2]", (4080, 25120)),
        ("1|54|Loss: 1.0931: 12%|###  | 54/450", (54, 450)),
        ("Epoch 0:  22%|██▏       | 4/18 [00:17<01:02,  4.47s/it, loss=9.9, v_num=1]", (4, 18)),
        ("Training Progress:   3%|▎ | 5/150 [01:00<29:00, 12.0s/it]", (5, 150)),
        (" 12%|█ | 1.20k/10.0k [00:10<01:00, 120it/s]", (1200, 10000)),
        ("120it [00:10, 11.2it/s]", (120, None)),
        ("Epoch 0/9 ━━━━━━╸━━━ 120/450 0:00:12 • 0:00:30 10.2it/s", (120, 450)),
        ("Training ━━━━━╸━━━ 27% 120/450 0:00:12", (120, 450)),
        ("54/450 [====>.........] - ETA: 10s - loss: 1.2", (54, 450)),
        ("54/450 ━━━━━━━━━━ 10s 20ms/step - loss: 1.2", (54, 450)),
        ("step 00050/21400 (0.23%) | loss: 9.124", (50, 21400)),
        ("Epoch [1/3], Step [100/600], Loss: 0.3", (100, 600)),
        ("iteration 7 of 20", (7, 20)),
        ("4080/25120", (4080, 25120)),
        (" 16%| 4080/25120", (4080, 25120)),
        ("Rows: 4080/25120 [10:00<51:33]", (4080, 25120)),
        ("Epoch: [0][ 10/391]\tTime 0.1", (10, 391)),
        ("Train Epoch: 1 [640/60000 (1%)]\tLoss: 2.1", (640, 60000)),
        ("[12/345] Building CXX object a.o", None),
        ("read data/12/31 of the year", None),
        ("'global_step/max_steps': '5/873'", (5, 873)),
        ("step 1,200/21,400", (1200, 21400)),
        ("Loading checkpoint shards:  50%|█████ | 2/4 [00:05<00:05, 2.5s/it]", None),
        ("model-00001-of-00006.safetensors:  50%|███ | 2.4G/4.9G [00:05<00:05, 480MB/s]", None),
        ("val:  46%|████ | 73/157 [00:02<00:02, 37.48it/s]", None),
        ("Writing model shards:   0%|  | 0/1 [00:00<?, ?it/s]", None),
        ("Validation DataLoader 0:  46%|████ | 73/157 [00:02<00:02, 37.48it/s]", None),
        ("lr 1/2 of it; see /step/3/4", None),
        ("progress 12/31/2026", None),
    ],
)
def test_usual_lines(line: str, expected: tuple[float, float | None] | None) -> None:
    assert find(line) == expected


def test_the_outermost_bar_counts() -> None:
    training = "  4%|▍ | 10/250 [00:10<04:00, 1.0it/s]"
    assert find(training, " 50%|█████ | 4/8 [00:01<00:01, 4.0it/s]") == (10, 250)
    assert find("Map: 100%|█| 900/900 [00:01<00:00]", training) == (10, 250)
    assert find("Map:  50%|█| 450/900 [00:01<00:01]") == (450, 900)
    assert find("Map: 100%|█| 900/900 [00:01<00:00]") is None
    assert find("Building labels for train dataset: 100%|█| 900/900 [00:01<00:00]") is None
    assert find("100%|█| 250/250 [04:00<00:00]", "Saving checkpoint:  50%|█ | 1/2 [00:01<00:01]") == (
        250,
        250,
    )
    assert find("100%|█| 250/250 [04:00<00:00]") == (250, 250)


def test_a_bar_that_no_longer_moves_gives_way() -> None:
    stuck = " 33%|███ | 1/3 [00:10<00:20, 10s/it]"
    steps = [f"Steps: 10%|█ | {n}/5000 [00:10<00:20, 10s/it]" for n in range(1, 1200)]
    assert find(stuck, *steps[:10]) == (1, 3)
    assert find(stuck, *steps) == (1199, 5000)


def test_a_pattern_counts_alone() -> None:
    pattern = r"done (\d+) out of (\d+)"
    assert find("10%|#| 1/10 [0:1<0:2]", "done 30 out of 60", patterns=(pattern,)) == (30, 60)
    assert find("10%|#| 1/10 [0:1<0:2]", "step 3/4", patterns=(pattern,)) is None
    assert find("progress 30% of all", patterns=(r"progress (\d+)",)) == (30, 100)
    assert find("row 12", patterns=(r"row (\d+)",)) == (12, None)
    assert find("of 0 out of 0", "done 0 out of 0", patterns=(pattern,)) == (0, None)


def test_a_total_that_is_named_once() -> None:
    lines = ("Starting training..., iters: 300", "Iter 10: Train loss 2.9")
    assert find(*lines, patterns=(r"^Iter (\d+):",), total=r"iters: (\d+)") == (10, 300)
