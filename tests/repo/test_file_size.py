from __future__ import annotations

from pathlib import Path

from file_size import LIMIT, too_long


def test_a_file_of_one_line_too_many_is_named(tmp_path: Path) -> None:
    room = tmp_path / "deep" / "room.py"
    room.parent.mkdir()
    room.write_text("pass\n" * LIMIT)
    assert too_long([tmp_path]) == []
    room.write_text("pass\n" * (LIMIT + 1))
    assert too_long([tmp_path]) == [f"{room}: {LIMIT + 1} lines, {LIMIT} allowed"]
