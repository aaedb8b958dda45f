"""Copies of folders, which stay as they are whatever becomes of the folder."""

from __future__ import annotations

import os
from pathlib import Path

from engine.scripting import copies
from engine.scripting.copies import Copies


def app(folder: Path, **files: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in {"app.py": "app = 1", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_copy_does_not_change_with_its_folder(tmp_path):
    folder, kept = app(tmp_path / "app"), Copies(tmp_path / "data" / "versions")
    before = kept.make(folder)
    app(folder, **{"app.py": "app = 2"})
    after = kept.make(folder)
    assert before.hash != after.hash
    assert (before.folder / "app.py").read_text() == "app = 1"
    assert (after.folder / "app.py").read_text() == "app = 2"
    assert not (before.folder / "app.py").stat().st_mode & 0o222


def test_the_same_content_is_one_copy(tmp_path):
    kept = Copies(tmp_path / "data" / "versions")
    first, second = kept.make(app(tmp_path / "one")), kept.make(app(tmp_path / "two"))
    assert first == second
    assert len(list((tmp_path / "data" / "versions").iterdir())) == 1


def test_what_is_no_part_of_the_app_is_not_copied(tmp_path):
    folder = app(tmp_path / "app", **{"prompts/hi.wav": "x", "lib/more.py": "y"})
    kept = Copies(folder / "data" / "versions")
    before = kept.make(folder)
    app(folder, **{
        ".git/config": "", "__pycache__/app.pyc": "", "recordings/a.wav": "", "engine.log": "", "data/callflow.db": "",
        ".env": "", "venv/pyvenv.cfg": "", "venv/lib/os.py": "",
    })  # fmt: skip
    assert kept.make(folder) == before
    assert names(before.folder) == {"app.py", "prompts/hi.wav", "lib/more.py"}


def test_a_link_is_followed_inside_the_folder_only(tmp_path):
    folder, secret = app(tmp_path / "app"), tmp_path / "secret.wav"
    secret.write_text("secret")
    (folder / "out.wav").symlink_to(secret)
    (folder / "in.py").symlink_to(folder / "app.py")
    (folder / "gone.py").symlink_to(folder / "nothing")
    os.mkfifo(folder / "pipe")
    copy = Copies(tmp_path / "data" / "versions").make(folder).folder
    assert names(copy) == {"app.py", "in.py"}
    assert not (copy / "in.py").is_symlink()


def test_a_script_in_a_folder_that_is_no_apps_runs_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "MAX_FILES", 3)
    folder = app(tmp_path / "app", **{f"{number}.py": "" for number in range(3)})
    kept = Copies(tmp_path / "data" / "versions")
    made = kept.make(folder)
    assert made.folder == folder
    assert kept.make(folder) == made
    (folder / "app.py").write_text("changed = True")
    assert kept.make(folder).hash != made.hash
    assert not (tmp_path / "data" / "versions").exists()


def test_what_the_engine_writes_beside_a_script_is_no_part_of_it(tmp_path):
    folder = app(
        tmp_path / "app",
        **{"token": "1", "engine.json": "{}", "callflow.db-wal": "", "registrations.db-wal": "", "cache/prompts/a": ""},
    )
    kept = Copies(folder / "versions")
    first = kept.make(folder)
    assert names(first.folder) == {"app.py"}
    (folder / "engine.json").write_text("another run")
    assert kept.make(folder) == first
    assert kept.is_skipped(folder / "engine.json")
    assert not kept.is_skipped(folder / "menu.json")


def test_the_oldest_go_but_for_those_that_are_used(tmp_path):
    kept = Copies(tmp_path / "data" / "versions")
    made = [kept.make(app(tmp_path / "app", **{"app.py": str(number)})) for number in range(6)]
    for number, copy in enumerate(made):
        os.utime(copy.folder, (number, number))
    kept.prune({made[0].hash}, count=3)
    assert [copy.folder.is_dir() for copy in made] == [True, False, False, False, True, True]


def test_a_file_that_has_long_been_the_same_is_copied_as_it_is_and_a_changed_one_as_it_is_now(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "SETTLED_AFTER", -1.0)
    folder = app(tmp_path / "app", **{"menu.wav": "one"})
    kept, fresh = Copies(tmp_path / "data" / "versions"), Copies(tmp_path / "fresh" / "versions")
    long_ago = kept.make(folder)
    (folder / "app.py").write_text("second = True")
    second = kept.make(folder)
    (folder / "menu.wav").write_text("two")
    third = kept.make(folder)
    assert (second.folder / "menu.wav").read_text() == "one"
    assert (third.folder / "menu.wav").read_text() == "two"
    assert third.hash == fresh.make(folder).hash
    assert len({long_ago.hash, second.hash, third.hash}) == 3
