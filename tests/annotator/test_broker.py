"""The embedded broker: order, exactly one taker, no half-written file."""

from __future__ import annotations

import json
import threading

import pytest
from kombu import Connection


@pytest.fixture
def connect(tmp_path):
    connections: list[Connection] = []

    def make() -> Connection:
        connections.append(
            Connection(
                "filesystem://here",
                transport="annotator.broker:Transport",
                transport_options={
                    "data_folder_in": str(tmp_path / "broker" / "messages"),
                    "data_folder_out": str(tmp_path / "broker" / "messages"),
                    "control_folder": str(tmp_path / "broker" / "control"),
                },
            )
        )
        return connections[-1]

    yield make
    for connection in connections:
        connection.release()


def test_messages_come_in_the_order_they_were_sent(connect):
    queue = connect().SimpleQueue("quick")
    for number in range(20):
        queue.put({"job_id": number})
    taken = [queue.get(block=False).payload["job_id"] for _ in range(20)]
    assert taken == list(range(20))
    with pytest.raises(queue.Empty):
        queue.get(block=False)


def test_a_queue_does_not_take_the_messages_of_another(connect):
    connection = connect()
    quick, train = connection.SimpleQueue("quick"), connection.SimpleQueue("train")
    train.put({"job_id": 1})
    with pytest.raises(quick.Empty):
        quick.get(block=False)
    assert train.get(timeout=2).payload == {"job_id": 1}


def test_folders_are_made_and_closed_to_others(connect, tmp_path):
    connect().SimpleQueue("quick").put({"job_id": 1})
    for name in ("messages", "taken", "control"):
        assert (tmp_path / "broker" / name).stat().st_mode & 0o777 == 0o700
    assert [path.suffix for path in (tmp_path / "broker" / "messages").iterdir()] == [
        ".msg"
    ]


def test_two_takers_share_the_messages_without_loss_or_repeat(connect):
    sender = connect().SimpleQueue("quick")
    for number in range(100):
        sender.put({"job_id": number})
    takers = [connect().SimpleQueue("quick") for _ in range(2)]
    taken: list[int] = []

    def take(queue) -> None:
        while True:
            try:
                message = queue.get(block=False)
            except queue.Empty:
                return
            taken.append(message.payload["job_id"])
            message.ack()

    threads = [threading.Thread(target=take, args=(queue,)) for queue in takers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(100))


def test_bindings_made_at_once_are_all_kept(connect, tmp_path):
    channels = [connect().channel() for _ in range(8)]
    barrier = threading.Barrier(len(channels))

    def bind(number: int) -> None:
        barrier.wait()
        channels[number]._queue_bind("jobs", f"key{number}", "", f"queue{number}")

    threads = [
        threading.Thread(target=bind, args=(number,)) for number in range(len(channels))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    path = tmp_path / "broker" / "control" / "jobs.exchange"
    bound = json.loads(path.read_text())
    assert sorted(row[2] for row in bound) == [f"queue{n}" for n in range(8)]
    # binding again changes nothing
    before = path.read_text()
    channels[0]._queue_bind("jobs", "key0", "", "queue0")
    assert path.read_text() == before
