"""python3-confluent-kafka ADDRESS"""
import sys
import time
import confluent_kafka as ck
from confluent_kafka.admin import AdminClient, NewTopic

b = sys.argv[1]
admin = AdminClient({"bootstrap.servers": b})


def test(name, story):
    try:
        story()
        print(name + "\tok", flush=True)
    except Exception as e:
        print(f"{name}\t{type(e).__name__}: {str(e)[:120]}".replace("\n", " "), flush=True)


def same(got, wanted):
    assert got == wanted, f"{got!r}, and not {wanted!r}"


def consumer(group, **more):
    return ck.Consumer({"bootstrap.servers": b, "group.id": group, "auto.offset.reset": "earliest", "session.timeout.ms": 10000, "heartbeat.interval.ms": 300, **more})


def create():
    for future in admin.create_topics([NewTopic("ck", 4, 1)]).values():
        future.result(30)


def produce(codec):
    errors = []
    producer = ck.Producer({"bootstrap.servers": b, "enable.idempotence": True, "compression.type": codec})
    for i in range(1000):
        producer.produce("ck", b"x%d" % i, on_delivery=lambda e, _: errors.append(e) if e else None)
    same(producer.flush(30), 0)
    same(errors, [])


def share(strategy):
    members = [consumer("ck-" + strategy, **{"partition.assignment.strategy": strategy}) for _ in range(2)]
    seen, until = set(), time.time() + 60
    for member in members:
        member.subscribe(["ck"])
    while time.time() < until and (len(seen) < 5000 or [len(m.assignment()) for m in members] != [2, 2]):
        for member in members:
            for message in member.consume(500, 0.1):
                if not message.error():
                    seen.add((message.partition(), message.offset()))
    same((len(seen), [len(m.assignment()) for m in members]), (5000, [2, 2]))
    members[1].close()
    while time.time() < until and len(members[0].assignment()) != 4:
        members[0].poll(0.1)
    same(len(members[0].assignment()), 4)
    members[0].close()


def static():
    one = consumer("ck-static", **{"group.instance.id": "i"})
    one.subscribe(["ck"])
    until = time.time() + 30
    while time.time() < until and len(one.assignment()) != 4:
        one.poll(0.1)
    one.close()
    again = consumer("ck-static", **{"group.instance.id": "i"})
    again.subscribe(["ck"])
    while time.time() < until and len(again.assignment()) != 4:
        again.poll(0.1)
    same(len(again.assignment()), 4)
    again.close()


def committed():
    c = consumer("ck-alone")
    same(c.committed([ck.TopicPartition("ck", 0)], 30)[0].offset, ck.OFFSET_INVALID)
    c.commit(offsets=[ck.TopicPartition("ck", 0, 5)], asynchronous=False)
    same(c.committed([ck.TopicPartition("ck", 0)], 30)[0].offset, 5)
    c.close()


def transaction():
    admin.create_topics([NewTopic("ck-tx", 1, 1)])["ck-tx"].result(30)
    producer = ck.Producer({"bootstrap.servers": b, "transactional.id": "t"})
    producer.init_transactions(30)
    for value, commit in [(b"a", True), (b"b", False), (b"c", True)]:
        producer.begin_transaction()
        producer.produce("ck-tx", value)
        producer.flush(30)
        producer.commit_transaction(30) if commit else producer.abort_transaction(30)
    for isolation, wanted in [("read_committed", [b"a", b"c"]), ("read_uncommitted", [b"a", b"b", b"c"])]:
        reader = consumer("ck-" + isolation, **{"isolation.level": isolation, "enable.partition.eof": True})
        reader.assign([ck.TopicPartition("ck-tx", 0, 0)])
        seen = []
        while True:
            message = reader.poll(30)
            assert message is not None, "nothing came"
            if message.error():
                break
            seen.append(message.value())
        reader.close()
        same(seen, wanted)
    admin.delete_topics(["ck-tx"])["ck-tx"].result(30)


test("create topics", create)
for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
    test(f"idempotent producer, {codec}", lambda: produce(codec))
test("two members, range", lambda: share("range"))
test("two members, cooperative-sticky", lambda: share("cooperative-sticky"))
test("static member comes back", static)
test("commit without joining", committed)
test("transactions", transaction)
test("delete topics", lambda: admin.delete_topics(["ck"])["ck"].result(30))
