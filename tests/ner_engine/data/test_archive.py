"""Zip archives from outside: what is read and what is refused before unpacking."""

from __future__ import annotations

import stat
import struct
import zipfile

import pytest

from ner_engine.data.archive import ArchiveBudget, ArchiveLimits, read_archive
from ner_engine.errors import BadInput


def make(tmp_path, entries, compression=zipfile.ZIP_DEFLATED):
    path = tmp_path / "notes.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def test_read_archive_yields_files_in_name_order(tmp_path):
    path = make(
        tmp_path,
        [("b.txt", "dos"), ("a/c.txt", "uno"), ("a/", ""), ("__MACOSX/b.txt", "x"),
         (".DS_Store", "x"), ("a/.hidden.txt", "x")],
    )  # fmt: skip
    assert [(file.name, file.data) for file in read_archive(path)] == [
        ("a/c.txt", b"uno"),
        ("b.txt", b"dos"),
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.txt", "lies outside"),
        ("a/../../evil.txt", "lies outside"),
        ("/etc/evil.txt", "lies outside"),
        ("C:/evil.txt", "has a name of another system"),
    ],
)
def test_read_archive_name_outside_is_refused(tmp_path, name, reason):
    path = make(tmp_path, [("a.txt", "uno"), (name, "dos")])
    with pytest.raises(BadInput, match=f"entry 2 {reason}"):
        list(read_archive(path))


def test_read_archive_backslash_in_a_name_is_refused(tmp_path):
    path = make(tmp_path, [("axb.txt", "dos")])
    path.write_bytes(path.read_bytes().replace(b"axb.txt", b"a\\b.txt"))
    with pytest.raises(BadInput, match="another system"):
        list(read_archive(path))


def test_read_archive_link_is_refused(tmp_path):
    entry = zipfile.ZipInfo("link.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = make(tmp_path, [(entry, "/etc/passwd")])
    with pytest.raises(BadInput, match="entry 1 is a link"):
        list(read_archive(path))


def test_read_archive_bomb_is_refused_by_ratio_and_sizes(tmp_path):
    path = make(tmp_path, [("a.txt", b"\0" * 3_000_000)])
    with pytest.raises(BadInput, match="more than 100-fold"):
        list(read_archive(path))
    path = make(tmp_path, [("a.txt", "x" * 50), ("b.txt", "x" * 50)])
    with pytest.raises(BadInput, match="50 bytes, more than 49"):
        list(read_archive(path, ArchiveLimits(max_entry_bytes=49)))
    with pytest.raises(BadInput, match="unpacks to 100 bytes, more than 99"):
        list(read_archive(path, ArchiveLimits(max_total_bytes=99)))
    with pytest.raises(BadInput, match="2 entries, more than 1"):
        list(read_archive(path, ArchiveLimits(max_entries=1)))


def test_read_archive_of_many_small_bombs_is_refused_by_their_sum(tmp_path):
    # each is below what is asked for its own ratio
    path = make(tmp_path, [(f"{n}.txt", b"\0" * 600_000) for n in range(3)])
    with pytest.raises(BadInput, match="unpacks more than 100-fold"):
        next(read_archive(path))


def test_archives_of_one_budget_unpack_no_more_than_it_together(tmp_path):
    path = make(tmp_path, [("a.txt", "x" * 50), ("b.txt", "x" * 50)])
    budget = ArchiveBudget(entries_left=5, bytes_left=250)
    for _ in range(2):
        assert len(list(read_archive(path, budget=budget))) == 2
    with pytest.raises(BadInput, match="2 entries; 1 are left"):
        next(read_archive(path, budget=budget))
    budget.entries_left = 2
    with pytest.raises(BadInput, match="100 bytes; 50 are left"):
        next(read_archive(path, budget=budget))


def test_read_archive_entry_that_lies_about_its_size_is_refused(tmp_path):
    path = make(tmp_path, [("a.txt", b"y" * 5_000)])
    data = bytearray(path.read_bytes())
    claimed = struct.pack("<I", 10)
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 24 : directory + 28] = claimed
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match=r"damaged|not the size"):
        list(read_archive(path))


def test_read_archive_damaged_entry_is_refused(tmp_path):
    path = make(tmp_path, [("a.txt", "uno dos tres " * 50)])
    data = bytearray(path.read_bytes())
    data[45] ^= 0xFF
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match="damaged"):
        list(read_archive(path))


def test_read_archive_encrypted_entry_is_refused(tmp_path):
    path = make(tmp_path, [("a.txt", "uno")])
    data = bytearray(path.read_bytes())
    directory = data.rfind(b"PK\x01\x02")
    data[directory + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(BadInput, match="entry 1 is encrypted"):
        list(read_archive(path))


def test_read_archive_same_name_twice_is_refused(tmp_path):
    path = make(tmp_path, [("a.txt", "uno"), ("b.txt", "dos")])
    path.write_bytes(path.read_bytes().replace(b"b.txt", b"a.txt"))
    with pytest.raises(BadInput, match="entry 2 comes twice"):
        list(read_archive(path))


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x05\x06" + b"\xff" * 18])
def test_read_archive_other_file_is_refused(tmp_path, data):
    path = tmp_path / "notes.zip"
    path.write_bytes(data)
    with pytest.raises(BadInput, match="not a zip archive"):
        list(read_archive(path))


def test_read_archive_missing_file_is_refused(tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        list(read_archive(tmp_path / "absent.zip"))
