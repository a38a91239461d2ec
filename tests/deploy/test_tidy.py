"""Old logs go, recent ones and evidence stay."""

from __future__ import annotations

import os
import time

from deploy import tidy


def test_only_old_files_go_and_empty_folders_with_them(tmp_path):
    old, recent = tmp_path / "dag_id=a" / "run=1" / "1.log", tmp_path / "dag_id=a" / "run=2" / "1.log"
    for path in (old, recent):
        path.parent.mkdir(parents=True)
        path.write_text("x")
    month_ago = time.time() - 31 * 86_400
    os.utime(old, (month_ago, month_ago))
    assert tidy.remove_old_files(tmp_path, 30) == 1
    assert not old.parent.exists()
    assert recent.exists()
    assert tidy.remove_old_files(tmp_path / "missing", 30) == 0
