"""python3-kafka ADDRESS"""
import sys
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import TopicAlreadyExistsError

b = sys.argv[1]


def test(name, story):
    try:
        story()
        print(name + "\tok", flush=True)
    except Exception as e:
        print(f"{name}\t{type(e).__name__}: {str(e)[:120]}".replace("\n", " "), flush=True)


def same(got, wanted):
    assert got == wanted, f"{got!r}, and not {wanted!r}"


admin = KafkaAdminClient(bootstrap_servers=b)


def create():
    admin.create_topics([NewTopic("pk", 3, 1)])
    try:
        admin.create_topics([NewTopic("pk", 3, 1)])
        raise AssertionError("made twice")
    except TopicAlreadyExistsError:
        pass


def produce():
    producer = KafkaProducer(bootstrap_servers=b, acks="all")
    sent = [producer.send("pk", key=b"%d" % i, value=b"v%d" % i) for i in range(300)]
    same(len({(r.partition, r.offset) for r in (f.get(30) for f in sent)}), 300)
    producer.close()


def group():
    consumer = KafkaConsumer("pk", bootstrap_servers=b, group_id="pkg", auto_offset_reset="earliest", consumer_timeout_ms=5000)
    same(sum(1 for _ in consumer), 300)
    consumer.commit()
    consumer.close()
    same(sum(o.offset for o in admin.list_consumer_group_offsets("pkg").values()), 300)


def seek():
    consumer = KafkaConsumer(bootstrap_servers=b, consumer_timeout_ms=3000)
    partition = TopicPartition("pk", 0)
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    consumer.seek(partition, end - 2)
    same(sum(1 for _ in consumer), 2)
    same(consumer.beginning_offsets([partition])[partition], 0)
    consumer.close()


test("create topics, and not twice", create)
test("produce to keys", produce)
test("consumer group, commit, offsets of the group", group)
test("assign, seek, ends", seek)
test("describe configs", lambda: admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, "pk")]))
test("list groups", lambda: same([g for g, _ in admin.list_consumer_groups() if g == "pkg"], ["pkg"]))
test("describe a group", lambda: same(admin.describe_consumer_groups(["pkg"])[0].state, "Empty"))
test("delete a group", lambda: admin.delete_consumer_groups(["pkg"]))
test("delete topics", lambda: admin.delete_topics(["pk"]))
