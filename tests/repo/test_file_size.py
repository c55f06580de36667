from __future__ import annotations

from pathlib import Path

from tools.file_size import BESIDE, LIMIT, LONGEST_CLASS, too_long


def test_a_file_of_one_line_too_many_is_named(tmp_path: Path) -> None:
    room = tmp_path / "deep" / "room.py"
    room.parent.mkdir()
    room.write_text("pass\n" * LIMIT)
    assert too_long([tmp_path]) == []
    room.write_text("pass\n" * (LIMIT + 1))
    assert too_long([tmp_path]) == [f"{room}: {LIMIT + 1} lines, {LIMIT} allowed"]


def test_one_class_that_is_a_whole_may_be_longer(tmp_path: Path) -> None:
    room = tmp_path / "room.py"
    whole = "class Whole:\n" + "    x = 1\n" * LIMIT
    room.write_text(whole + "pass\n" * BESIDE)
    assert too_long([tmp_path]) == []
    room.write_text(whole + "pass\n" * (BESIDE + 1))
    assert too_long([tmp_path]) == [f"{room}: {LIMIT + BESIDE + 2} lines, {LIMIT} allowed"]
    room.write_text("class Whole:\n" + "    x = 1\n" * LONGEST_CLASS)
    assert too_long([tmp_path]) == [f"{room}: {LONGEST_CLASS + 1} lines, {LONGEST_CLASS} allowed"]
