#!/usr/bin/env bash
# Sourced by kafka.sh, after its judge function: Kafka's consumer protocol (KIP-848) by a librdkafka that speaks it. Debian's is older than that, so its Python client gets the one of
# NuGet, or what librdkafka.sh has built.
library=$(ls -v "${NUGET_PACKAGES:-$HOME/.nuget/packages}"/librdkafka.redist/*/runtimes/linux-x64/native/centos8-librdkafka.so 2> /dev/null | tail -1)
built=$PWD/artifacts/judges/librdkafka/package/deps/librdkafka/src/librdkafka.so.1
mkdir -p "$work/library"
if [ -e "$library" ]; then cp "$library" "$work/library/librdkafka.so.1"; elif [ -e "$built" ]; then cp "$built" "$work/library/librdkafka.so.1"; fi
if [ -e "$work/library/librdkafka.so.1" ]; then
  rm -rf "$work/data-consumer"
  spoken=$(LD_LIBRARY_PATH="$work/library" /usr/bin/python3 -c 'import confluent_kafka; print(confluent_kafka.libversion()[0])')
  PATIENCE=600 judge "python3-confluent-kafka $(package python3-confluent-kafka), librdkafka $spoken" \
    env LD_LIBRARY_PATH="$work/library" /usr/bin/python3 "$here/consumer_protocol.py" silo/bin/Release/net10.0/orleansmq.dll "$work/data-consumer"
else
  echo "no librdkafka here that speaks the consumer protocol (build eng/judges/kafka/confluent, or run librdkafka.sh)"
fi
