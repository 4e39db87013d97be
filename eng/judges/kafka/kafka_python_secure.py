"""python3-kafka ADDRESS, over TLS and with a login: this client speaks the oldest handshake, whose messages are frames of their own."""
import os
import sys
from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

b = sys.argv[1]
tls = {"bootstrap_servers": b, "ssl_cafile": os.environ["JUDGE_ROOT"], "ssl_check_hostname": True}


def test(name, story):
    try:
        story()
        print(name + "\tok", flush=True)
    except Exception as e:
        print(f"{name}\t{type(e).__name__}: {str(e)[:120]}".replace("\n", " "), flush=True)


def user(mechanism, name=os.environ["JUDGE_USER"], password=os.environ["JUDGE_PASSWORD"]):
    return {**tls, "security_protocol": "SASL_SSL", "sasl_mechanism": mechanism, "sasl_plain_username": name, "sasl_plain_password": password}


def through(config, topic):
    producer = KafkaProducer(**config)
    for i in range(1000):
        producer.send(topic, str(i).encode())
    producer.flush(30)
    producer.close()
    consumer = KafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", enable_auto_commit=False, consumer_timeout_ms=30000, **config)
    seen = []
    for message in consumer:
        seen.append(int(message.value))
        if len(seen) == 1000:
            break
    consumer.commit()
    consumer.close()
    assert seen == list(range(1000)), f"{len(seen)} came"


def refused(config):
    try:
        KafkaProducer(api_version_auto_timeout_ms=30000, **config).close()
    except KafkaError:
        return
    raise AssertionError("it came in")


for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"):
    test(f"TLS, {mechanism}", lambda: through(user(mechanism), f"secure-pk-{mechanism}"))
    test(f"a wrong password does not come in, {mechanism}", lambda: refused(user(mechanism, password="not the password")))
test("TLS, client certificate", lambda: through({**tls, "security_protocol": "SSL", "ssl_certfile": os.environ["JUDGE_CERTIFICATE"], "ssl_keyfile": os.environ["JUDGE_KEY"]}, "secure-pk-certificate"))
