"""consumer_protocol.py DLL DATA: Kafka's consumer protocol (KIP-848) by librdkafka, in python3-confluent-kafka. Starts an orleansmq of its own, because it stops it in the middle.

Each member is a process: this script again, with `member ADDRESS JSON` behind it. It prints a line of JSON whenever its partitions change, and for each message.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import confluent_kafka as ck

PATIENCE = 90
SESSION = 6


def member(address, options):
    topics = options.pop("topics")
    consumer = ck.Consumer({"bootstrap.servers": address, "group.protocol": "consumer", "auto.offset.reset": "earliest", "auto.commit.interval.ms": 200, **options})

    def say(**what):
        print(json.dumps(what), flush=True)

    def told(c, _):
        say(has=sorted(f"{p.topic}-{p.partition}" for p in c.assignment()))

    def assigned(c, partitions):
        c.incremental_assign(partitions)
        told(c, partitions)

    def revoked(c, partitions):
        c.incremental_unassign(partitions)
        told(c, partitions)

    consumer.subscribe(topics, on_assign=assigned, on_revoke=revoked)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    while not stop:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            say(error=str(message.error()))
        else:
            say(read=f"{message.topic()}-{message.partition()}@{message.offset()}")
    consumer.close()


class Member:
    def __init__(self, address, group, topics=("cp",), **options):
        options = {"group.id": group, "topics": list(topics), **options}
        self.process = subprocess.Popen([sys.executable, __file__, "member", address, json.dumps(options)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.has, self.read, self.errors, self.changes = [], [], [], 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "has" in said:
                self.changes += 1
                self.has = said["has"]
            elif "read" in said:
                self.read.append(said["read"])
            else:
                self.errors.append(said["error"])

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.has = []

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.has = []


class Broker:
    def __init__(self, dll, data):
        self.dll, self.data = dll, data
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["dotnet", self.dll, "--data", self.data, "--http", "off", "--kafka", str(self.port), "--kafka-partitions", "6",
             "--kafka-consumer-session", str(SESSION * 1000), "--kafka-consumer-heartbeat", "500"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "ready" in line:
                return
        raise RuntimeError("orleansmq did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


def until(holds, what):
    end = time.time() + PATIENCE
    while not holds():
        assert time.time() < end, f"{what}: not in {PATIENCE} s"
        time.sleep(0.1)


def level(members, partitions=6):
    """All partitions, each at one member, as many as the others'."""
    def holds():
        has = [p for m in members for p in m.has]
        return len(has) == len(set(has)) == partitions and max(len(m.has) for m in members) - min(len(m.has) for m in members) <= 1
    until(holds, f"{len(members)} members share")


def produce(address, count, topic="cp"):
    producer = ck.Producer({"bootstrap.servers": address})
    for i in range(count):
        producer.produce(topic, b"x%d" % i, partition=i % 6)
    assert producer.flush(PATIENCE) == 0, "not all were acknowledged"


def all_read(members, count):
    until(lambda: len({r for m in members for r in m.read}) >= count, f"{count} messages read")


def with_members(group, count, story, **options):
    members = [Member(broker.address, group, **options) for _ in range(count)]
    try:
        story(members)
        for m in members:
            assert not m.errors, m.errors[0]
    finally:
        for m in members:
            if m.process.poll() is None:
                m.kill()


def two_share_and_a_third_takes_its_part():
    def story(members):
        level(members)
        members.append(Member(broker.address, "cp-share"))
        level(members)
        all_read(members, 600)
        members[0].close()
        level(members[1:])
    with_members("cp-share", 2, story)


def range_assignor():
    def story(members):
        level(members)
        for m in members:
            numbers = [int(p.split("-")[1]) for p in m.has]
            assert numbers == list(range(numbers[0], numbers[0] + 3)), numbers
    with_members("cp-range", 2, story, **{"group.remote.assignor": "range"})


def one_is_killed():
    def story(members):
        level(members)
        members[0].kill()
        level(members[1:])
    with_members("cp-killed", 2, story)


def static_member_comes_back():
    def story(members):
        static = Member(broker.address, "cp-static", **{"group.instance.id": "one"})
        members.append(static)
        level(members)
        time.sleep(1)
        had, changes = static.has, members[0].changes
        static.close()
        back = Member(broker.address, "cp-static", **{"group.instance.id": "one"})
        members.append(back)
        until(lambda: back.has == had, "the same partitions")
        assert members[0].changes == changes, "the other noticed"
    with_members("cp-static", 1, story)


def static_name_is_anothers():
    def story(members):
        until(lambda: len(members[0].has) == 6, "all")
        second = Member(broker.address, "cp-held", **{"group.instance.id": "one"})
        members.append(second)
        until(lambda: any("still used by another" in e or "UNRELEASED_INSTANCE_ID" in e for e in second.errors), "the second is refused")
        second.errors.clear()
        assert len(members[0].has) == 6
    with_members("cp-held", 1, story, **{"group.instance.id": "one"})


def rolling_restart():
    def story(members):
        level(members)
        for i in range(3):
            produce(broker.address, 60)
            gone = members[i]
            gone.close()
            members.append(Member(broker.address, "cp-rolling"))
            level([m for m in members if m.process.poll() is None])
        all_read(members, broker.produced)
    broker.produced = 600 + 180
    with_members("cp-rolling", 3, story)


def broker_restarts_in_the_middle():
    def story(members):
        level(members)
        all_read(members, broker.produced)
        time.sleep(1)
        before = sum(len(m.read) for m in members)
        broker.stop()
        broker.start()
        produce(broker.address, 60)
        broker.produced += 60
        all_read(members, broker.produced)
        level(members)
        for m in members:
            m.errors.clear()
        assert sum(len(m.read) for m in members) - before <= 60 + 60, "much was read again"
    with_members("cp-restart", 2, story)


def offsets_are_kept_when_the_kind_changes():
    def committed():
        consumer = ck.Consumer({"bootstrap.servers": broker.address, "group.id": "cp-kinds"})
        found = consumer.committed([ck.TopicPartition("kinds", p) for p in range(6)], 30)
        consumer.close()
        return [p.offset for p in found]

    for round, protocol in enumerate(["classic", "consumer", "classic"]):
        produce(broker.address, 60, "kinds")
        m = Member(broker.address, "cp-kinds", ["kinds"], **{"group.protocol": protocol, **({"partition.assignment.strategy": "cooperative-sticky"} if protocol == "classic" else {})})
        try:
            all_read([m], 60)
            m.close()
            assert len(m.read) == 60, f"{protocol}: {len(m.read)} read"
        finally:
            m.kill()
        assert committed() == [10 * (round + 1)] * 6, committed()


def a_pattern_takes_topics_that_are_made_later():
    def story(members):
        until(lambda: len(members[0].has) == 6, "the first topic")
        produce(broker.address, 6, "pattern-b")
        until(lambda: len(members[0].has) == 12, "the second topic")
        all_read(members, 12)
    produce(broker.address, 6, "pattern-a")
    produce(broker.address, 6, "no-pattern")
    with_members("cp-pattern", 1, story, topics=["^pattern-.*"])


if __name__ == "__main__":
    if sys.argv[1] == "member":
        member(sys.argv[2], json.loads(sys.argv[3]))
        sys.exit()
    broker = Broker(sys.argv[1], sys.argv[2])
    try:
        produce(broker.address, 600)
        for story in (two_share_and_a_third_takes_its_part, range_assignor, one_is_killed, static_member_comes_back, static_name_is_anothers, rolling_restart,
                      broker_restarts_in_the_middle, offsets_are_kept_when_the_kind_changes, a_pattern_takes_topics_that_are_made_later):
            if len(sys.argv) > 3 and story.__name__ not in sys.argv[3:]:
                continue
            name = "consumer protocol: " + story.__name__.replace("_", " ")
            try:
                story()
                print(name + "\tok", flush=True)
            except Exception as e:
                print(f"{name}\t{type(e).__name__}: {str(e)[:160]}".replace("\n", " "), flush=True)
    finally:
        broker.process.kill()
