#!/usr/bin/env bash
# Runs librdkafka's own regression suite, test by test, against a fresh orleansmq; the results go into artifacts/judges/librdkafka/results, which kafka.sh puts into
# docs/compatibility-kafka.md. The sources come with npm's node-rdkafka and stay under artifacts. Needs a build in Release, npm, gcc, g++, make.
# TEST_CONSUMER_GROUP_PROTOCOL=consumer librdkafka.sh [NUMBER…]: consumers by the protocol of KIP-848; the results are kept beside the others.
# librdkafka.sh [NUMBER…]: only these tests. Without: all but those that start Kafka clusters of their own, need Kafka's scripts, or judge the client against its own mock broker.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$PWD/artifacts/judges/librdkafka
mkdir -p "$work"
protocol=${TEST_CONSUMER_GROUP_PROTOCOL:-classic}
results=$work/results
[ "$protocol" = classic ] || results=$work/results-$protocol
: > "$results"
if [ ! -x "$work/package/deps/librdkafka/tests/test-runner" ]; then
  (cd "$work" && npm pack node-rdkafka --silent > npm.log 2>&1 && tar xzf node-rdkafka-*.tgz) || { echo "npm failed (artifacts/judges/librdkafka/npm.log)"; exit 1; }
  (cd "$work/package/deps/librdkafka" && ./configure --disable-gssapi --disable-curl && make -j2 libs && make -C tests -j2 build) > "$work/make.log" 2>&1 \
    || { echo "it could not be built (artifacts/judges/librdkafka/make.log)"; exit 1; }
fi
cd "$work/package/deps/librdkafka/tests"

rm -rf "$work/data"
dotnet "$OLDPWD/silo/bin/Release/net10.0/orleansmq.dll" --data "$work/data" --http off --kafka 0 --kafka-partitions 4 --kafka-consumer-session 10000 --kafka-consumer-heartbeat 500 > "$work/ready" 2> "$work/broker.log" &
broker=$!
trap 'kill $broker 2> /dev/null; wait $broker 2> /dev/null' EXIT
for _ in $(seq 300); do grep -q ready "$work/ready" && break; sleep 0.2; done
address=$(sed -n 's/.*kafka=//p' "$work/ready")
[ -n "$address" ] || { echo "orleansmq did not start (artifacts/judges/librdkafka/broker.log)"; exit 1; }
printf 'metadata.broker.list=%s\n' "$address" > test.conf

# Those that run against the client's own mock broker, or against none (-L passes over them), say nothing about us; those that call Kafka's scripts can't run.
if [ $# -gt 0 ]; then tests=("$@"); else
  mapfile -t tests < <(grep -LE 'mock_cluster|test_kafka_(topics|cmd)' 0*.c 0*.cpp | sed 's/-.*//' | sort -u)
fi
version=$(sed -n 's/^#define RD_KAFKA_VERSION *0x\([0-9a-f]*\)$/\1/p' ../src/rdkafka.h)
name="librdkafka's suite $((16#${version:0:2})).$((16#${version:2:2})).$((16#${version:4:2}))"
# Tests ask the broker's version before they use the new protocol.
kafka=3.7.0
[ "$protocol" = classic ] || { name="$name, $protocol protocol"; kafka=4.0.0; }
for number in "${tests[@]}"; do
  timeout 90 env LD_LIBRARY_PATH=../src:../src-cpp TESTS="$number" TEST_KAFKA_VERSION="$kafka" TEST_CONSUMER_GROUP_PROTOCOL="$protocol" ./test-runner -p1 -Q -L > "$work/$number.log" 2>&1
  code=$?
  # A number may have parts that were left out: what counts is the one that ran.
  lines=$(sed 's/\x1b\[[0-9;]*m//g' "$work/$number.log" | grep -aE '^\| *[0-9]{4}_[a-z0-9_]+ +\| +[A-Z]+')
  line=$(grep -v 'Filtered due to negative' <<< "$lines" | tail -1)
  line=${line:-$(tail -1 <<< "$lines")}
  test=$(echo "$line" | awk '{print $2}')
  state=$(echo "$line" | cut -d'|' -f3 | tr -d ' ')
  why=$(echo "$line" | cut -d'|' -f5- | sed 's/^ *//; s/[[:cntrl:]]//g; s/[[:space:]]*$//' | cut -c1-220)
  case "$state" in
    PASSED) result=ok ;;
    SKIPPED) [ -z "$why" ] && continue; result="skipped by itself: $why" ;;
    *) said=$(sed 's/\x1b\[[0-9;]*m//g' "$work/$number.log" | grep -a -A1 '^### Test "0' | sed -n 2p | sed 's/[[:cntrl:]]//g; s/[|]/ /g' | cut -c1-220)
       why=${why:-$said}
       [ "$code" -eq 124 ] && why="not done in 90 s"; result=${why:-exit $code} ;;
  esac
  test=${test:-$number}
  printf '%s\t%s\t%s\n' "$name" "$test" "$result" | tee -a "$results"
done
printf '%s ok, %s skipped, of %s\n' "$(grep -c $'\tok$' "$results")" "$(grep -c 'skipped by itself' "$results")" "$(wc -l < "$results")"
