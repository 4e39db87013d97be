#!/usr/bin/env bash
# Runs Kafka clients that nobody here wrote against a fresh orleansmq and writes docs/compatibility-kafka.md, client by client and test by test.
# Needs a build in Release, root for apt (or the packages kcat, python3-kafka, python3-confluent-kafka there already), node with npm, openssl, a package source with Confluent.Kafka.
# Everything that is fetched lies under artifacts/judges; nothing of it is kept in the repository.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
here=$PWD/eng/judges/kafka
work=$PWD/artifacts/judges/kafka
mkdir -p "$work"
rm -rf "$work/data" "$work/results"
: > "$work/results"

for package in kcat python3-kafka python3-confluent-kafka; do
  dpkg -s "$package" > /dev/null 2>&1 || apt-get install -y -q "$package" > "$work/apt.log" 2>&1 || echo "no $package here (artifacts/judges/kafka/apt.log)"
done
(cd "$work" && npm install --no-audit --no-fund kafkajs @platformatic/kafka > npm.log 2>&1) || echo "npm failed (artifacts/judges/kafka/npm.log)"
cp "$here"/*.js "$here"/*.mjs "$work/"
# Confluent's C# client in a program of its own, which takes nothing from this repository's build files.
mkdir -p "$work/confluent"
cp "$here"/confluent/*.cs "$work/confluent/"
cp "$here/confluent/Judge.xml" "$work/confluent/Judge.csproj"
for file in Directory.Build.props Directory.Build.targets Directory.Packages.props; do echo '<Project/>' > "$work/confluent/$file"; done
dotnet build "$work/confluent" -c Release -nologo -v quiet > "$work/confluent.log" 2>&1 || echo "Confluent.Kafka could not be built (artifacts/judges/kafka/confluent.log)"

dotnet silo/bin/Release/net10.0/orleansmq.dll --data "$work/data" --http off --kafka 0 > "$work/ready" 2> "$work/broker.log" &
broker=$!
trap 'kill $broker 2> /dev/null; wait $broker 2> /dev/null' EXIT
for _ in $(seq 300); do grep -q ready "$work/ready" && break; sleep 0.2; done
address=$(sed -n 's/.*kafka=//p' "$work/ready")
[ -n "$address" ] || { echo "orleansmq did not start (artifacts/judges/kafka/broker.log)"; exit 1; }

# judge NAME COMMAND...: each line of its output is "test<TAB>ok" or "test<TAB>why not". One that ends before its last test says so itself.
judge() {
  local name=$1; shift
  echo "== $name"
  timeout "${PATIENCE:-180}" "$@" 2> "$work/judge.log" | tee "$work/out"
  local code=${PIPESTATUS[0]}
  while IFS= read -r line; do printf '%s\t%s\n' "$name" "$line"; done < "$work/out" >> "$work/results"
  if [ "$code" -ne 0 ]; then
    printf '%s\t(the whole)\texit %s: %s\n' "$name" "$code" "$(tail -1 "$work/judge.log" | cut -c1-160)" | tee -a "$work/results"
  fi
}

judge "kcat $(kcat -V 2>&1 | sed -n 's/.*Version \([0-9.]*\).*/\1/p')" bash "$here/kcat.sh" "$address"
version() { sed -n 's/^ *"version": "\(.*\)",*$/\1/p' "$work/node_modules/$1/package.json" | head -1; }
package() { dpkg-query -W -f '${Version}' "$1" 2> /dev/null | sed 's/-.*//'; }
judge "Confluent.Kafka $(sed -n 's/.*Confluent.Kafka" Version="\(.*\)".*/\1/p' "$here/confluent/Judge.xml") (C#)" dotnet "$work/confluent/bin/Release/net10.0/Judge.dll" "$address"
judge "python3-kafka $(package python3-kafka)" /usr/bin/python3 "$here/kafka_python.py" "$address"
judge "python3-confluent-kafka $(package python3-confluent-kafka), librdkafka $(package librdkafka1)" /usr/bin/python3 "$here/confluent.py" "$address"
judge "kafkajs $(version kafkajs)" node "$work/kafkajs.js" "$address"
judge "@platformatic/kafka $(version @platformatic/kafka)" node "$work/platformatic.mjs" "$address"
# shellcheck source=kafka/secure.sh
. "$here/secure.sh"
# shellcheck source=kafka/consumer-protocol.sh
. "$here/consumer-protocol.sh"

{
  echo "# Kafka's clients, as they were judged"
  echo
  echo "Written by \`eng/judges/kafka.sh\` on $(date -u +%F); do not edit. The clients are unmodified, the scripts in \`eng/judges/kafka\` are ours. A quick part (Confluent.Kafka, in \`tests/OrleansMq.Gateways.Kafka.Tests\`) runs in every build."
  echo
  echo "| client | test | result |"
  echo "|---|---|---|"
  while IFS=$'\t' read -r client test result; do
    echo "| $client | $test | ${result//|/\\|} |"
  done < "$work/results"
  suite=$PWD/artifacts/judges/librdkafka/results
  # Consumers by the protocol of KIP-848, where that was run.
  assigned=$suite-consumer
  [ -s "$assigned" ] || assigned=/dev/null
  if [ -s "$suite" ]; then
    echo
    echo "## librdkafka's own regression suite"
    echo
    echo "By \`eng/judges/librdkafka.sh\`, on $(date -u -r "$suite" +%F)."
    echo
    echo "| suite | test | result |"
    echo "|---|---|---|"
    while IFS=$'\t' read -r client test result; do
      echo "| $client | $test | ${result//|/\\|} |"
    done < <(cat "$suite" "$assigned")
  else
    echo
    echo "librdkafka's own regression suite (\`eng/judges/librdkafka.sh\`) was not run with this."
  fi
  if [ -f "$here/why.md" ]; then echo; cat "$here/why.md"; fi
} > docs/compatibility-kafka.md
printf '%s ok, %s not\n' "$(awk -F'\t' '$3 == "ok"' "$work/results" | wc -l)" "$(awk -F'\t' '$3 != "ok"' "$work/results" | wc -l)"
