"""The cache keeps translations for several processes and loses none."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ner_engine.translation.cache import CacheError, TranslationCache, cache_key
from tests.ner_engine.translation.words import WordTranslator

ROOT = Path(__file__).resolve().parents[3]


def test_what_was_put_is_there_in_another_process_and_private(tmp_path):
    folder = tmp_path / "deep" / "cache"
    TranslationCache(folder).put({b"a": "uno\n🙂", b"b": ""})

    assert TranslationCache(folder).get([b"b", b"a", b"c"]) == {
        b"a": "uno\n🙂",
        b"b": "",
    }
    path = TranslationCache(folder).path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_more_keys_than_a_statement_takes(tmp_path):
    cache = TranslationCache(tmp_path)
    values = {str(number).encode(): str(number) for number in range(2345)}
    cache.put(values)

    assert cache.get([*values, b"none"]) == values


def test_the_key_depends_on_all_that_the_answer_depends_on():
    keys = {
        cache_key(WordTranslator(**change).traits, text)
        for change in ({}, {"version": "2"}, {"takes_html": False})
        for text in ("a", "b")
    }

    assert len(keys) == 6
    assert {len(key) for key in keys} == {32}
    # How texts are cut and batched is no part of it.
    assert cache_key(WordTranslator(max_chars=9).traits, "a") in keys


def test_several_processes_write_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path;"
        "from ner_engine.translation.cache import TranslationCache;"
        "cache = TranslationCache(Path(sys.argv[1]));"
        "[cache.put({f'{sys.argv[2]}-{n}'.encode(): 'x', b'shared': sys.argv[2]})"
        " for n in range(40)]"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)], cwd=ROOT)
        for n in range(3)
    ]

    assert [process.wait(timeout=120) for process in processes] == [0, 0, 0]
    keys = [f"{process}-{n}".encode() for process in range(3) for n in range(40)]
    found = TranslationCache(tmp_path).get([*keys, b"shared"])
    assert len(found) == 121
    assert found[b"shared"] in {"0", "1", "2"}


def test_a_killed_writer_leaves_the_last_whole_batch(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path;"
        "from ner_engine.translation.cache import TranslationCache;"
        "cache = TranslationCache(Path(sys.argv[1]));"
        "cache.put({b'a': 'whole'});"
        "cache._connection.execute('BEGIN IMMEDIATE');"
        "cache._connection.execute("
        "'INSERT INTO translations VALUES (?, ?)', (b'b', 'half'));"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)

    assert killed.returncode == -9
    assert TranslationCache(tmp_path).get([b"a", b"b"]) == {b"a": "whole"}


def test_a_damaged_or_unwritable_cache_is_one_typed_error(tmp_path):
    cache = TranslationCache(tmp_path)
    cache.close()
    cache.path.write_bytes(b"no database" * 1000)
    with pytest.raises(CacheError, match=r"translations\.sqlite3.*may be deleted"):
        TranslationCache(tmp_path)

    (tmp_path / "file").write_text("x")
    with pytest.raises(CacheError, match="file"):
        TranslationCache(tmp_path / "file")
