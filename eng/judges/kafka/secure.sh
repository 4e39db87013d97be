#!/usr/bin/env bash
# Sourced by kafka.sh, after its judge function: the same clients against a broker that asks who comes, over TLS. Roots, certificates and users are made here and live in artifacts.
secure=$work/secure
rm -rf "$secure"
mkdir -p "$secure"
export JUDGE_ROOT=$secure/root.pem JUDGE_CERTIFICATE=$secure/press.pem JUDGE_KEY=$secure/press.key JUDGE_USER=anna JUDGE_PASSWORD="anna's own, for the judges"
(
  umask 077
  cd "$secure"
  printf 'an administrator of the judges' > admin.txt
  printf '%s' "$JUDGE_PASSWORD" > anna.txt
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj '/CN=judges root' -keyout root.key -out root.pem
  # NAME, its key usage, and what else its certificate says.
  certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" -out "$1.csr"
    printf 'extendedKeyUsage=%s\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n' "$2" > "$1.ext"
    openssl x509 -req -in "$1.csr" -CA root.pem -CAkey root.key -CAcreateserial -days 2 -extfile "$1.ext" -out "$1.pem"
  }
  certificate server serverAuth
  certificate press clientAuth
) > "$work/openssl.log" 2>&1 || echo "no certificates (artifacts/judges/kafka/openssl.log)"

dotnet silo/bin/Release/net10.0/orleansmq.dll --data "$secure/data" --http 0 --kafka 0 --access on --admin-password-file "$secure/admin.txt" \
  --tls-certificate "$secure/server.pem" --tls-key "$secure/server.key" --tls-client-roots "$secure/root.pem" --tls-client-certificate optional > "$work/secure-ready" 2> "$work/secure-broker.log" &
guarded=$!
trap 'kill $broker $guarded 2> /dev/null; wait $broker $guarded 2> /dev/null' EXIT
for _ in $(seq 300); do grep -q ready "$work/secure-ready" && break; sleep 0.2; done
guardedAt=$(sed -n 's/.*kafka=//p' "$work/secure-ready")
[ -n "$guardedAt" ] || { echo "orleansmq did not start with --access on (artifacts/judges/kafka/secure-broker.log)"; exit 1; }

mq() { dotnet src/OrleansMq.Cli/bin/Release/net10.0/mq.dll "$@" --server "https://$(sed -n 's/.*http=\([^ ]*\).*/\1/p' "$work/secure-ready")" --login admin --password-file "$secure/admin.txt" --ca "$JUDGE_ROOT" >> "$work/mq.log" 2>&1; }
: > "$work/mq.log"
mq user add "$JUDGE_USER" --new-password-file "$secure/anna.txt"
for who in "$JUDGE_USER" cert:press; do mq acl add --user "$who" --allow create,produce,consume,delete --topic 'secure-*' --group 'secure-*'; done

judge "kcat $(kcat -V 2>&1 | sed -n 's/.*Version \([0-9.]*\).*/\1/p')" bash "$here/kcat-secure.sh" "$guardedAt"
judge "Confluent.Kafka $(sed -n 's/.*Confluent.Kafka" Version="\(.*\)".*/\1/p' "$here/confluent/Judge.xml") (C#)" dotnet "$work/confluent/bin/Release/net10.0/Judge.dll" "$guardedAt" secure
judge "python3-kafka $(package python3-kafka)" /usr/bin/python3 "$here/kafka_python_secure.py" "$guardedAt"
judge "kafkajs $(version kafkajs)" node "$work/kafkajs-secure.js" "$guardedAt"
judge "@platformatic/kafka $(version @platformatic/kafka)" node "$work/platformatic-secure.mjs" "$guardedAt"
