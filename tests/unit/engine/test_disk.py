"""Entries stop while there is still space, and some of it is kept for the exits."""

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.engine.disk import MIB, RESERVE, RESUME, STOP, DiskSpace, free_bytes


@pytest.fixture
def disk(monkeypatch):
    """A disk whose free space the test says; files take their part of it."""
    made = SimpleNamespace(free=10 * RESUME, asked=[])

    def usage(path):
        made.asked.append(path)
        if made.free is None:
            raise OSError(errno.EIO, "broken")
        return SimpleNamespace(free=made.free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    return made


def test_what_the_system_says(tmp_path):
    free, low = DiskSpace(tmp_path, stop=1, resume=1, reserve=1).look()
    assert 0 < free <= shutil.disk_usage(tmp_path).total
    assert not low
    assert free_bytes(tmp_path / "none") is None


def test_it_looks_where_the_sessions_are(tmp_path, disk):
    assert DiskSpace(tmp_path).look() == (10 * RESUME, False)
    assert disk.asked == [tmp_path]


def test_entries_stop_early_and_go_on_late(tmp_path, disk):
    space = DiskSpace(tmp_path)
    for free, low in [
        (STOP, False), (STOP - 1, True), (STOP, True), (RESUME - 1, True), (RESUME, False), (STOP, False),
        (0, True), (RESUME, False),
    ]:  # fmt: skip
        disk.free = free
        assert space.look() == (free, low), free
        assert space.low == low


@given(st.lists(st.integers(0, 4)))
def test_it_does_not_go_to_and_fro(steps):
    """Between the two bounds it stays as it is."""
    levels = [0, STOP - 1, STOP, RESUME - 1, RESUME]
    with pytest.MonkeyPatch.context() as patch:
        disk = SimpleNamespace(free=0)
        patch.setattr(shutil, "disk_usage", lambda _: disk)
        space = DiskSpace(Path("/none"))
        before = False
        for step in steps:
            disk.free = levels[step]
            _, low = space.look()
            assert low == (True if step < 2 else before if step < 4 else False)
            before = low


def test_what_cannot_be_told_is_too_little(tmp_path, disk):
    space = DiskSpace(tmp_path)
    disk.free = None
    assert space.look() == (None, True)
    disk.free = RESUME
    assert space.look() == (RESUME, False)


def test_the_reserve_takes_real_space_once_and_is_given_back_at_the_end(tmp_path, disk):
    space, file = DiskSpace(tmp_path), tmp_path / "reserve"
    disk.free = RESUME - 1
    space.look()
    assert not file.exists()
    disk.free = RESUME
    space.look()
    held = file.stat()
    assert held.st_size == RESERVE
    assert held.st_blocks * 512 >= RESERVE
    for disk.free in (RESUME, STOP - 1, RESERVE):
        space.look()
        assert file.stat().st_mtime_ns == held.st_mtime_ns
    disk.free = RESERVE - 1
    space.look()
    space.look()
    assert list(tmp_path.iterdir()) == []
    disk.free = RESUME - 1  # with what was given back alone it is not taken again
    space.look()
    assert list(tmp_path.iterdir()) == []
    disk.free = RESUME
    space.look()
    assert file.exists()


@pytest.mark.parametrize("size", [1, MIB - 1, MIB, MIB + 1])
def test_every_size(tmp_path, disk, size):
    DiskSpace(tmp_path, reserve=size).look()
    assert (tmp_path / "reserve").stat().st_size == size


def test_a_disk_that_fills_up_meanwhile(tmp_path, disk, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "urandom", full)
    assert DiskSpace(tmp_path).look() == (10 * RESUME, False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_which_nothing_can_be_done(tmp_path, disk):
    space = DiskSpace(tmp_path / "none")
    assert space.look() == (10 * RESUME, False)
    disk.free = 0
    assert space.look() == (0, True)
