#!/usr/bin/env bash
# kcat-secure.sh ADDRESS: over TLS, with each login; JUDGE_* say who and where the certificates lie.
b=$1
check() { if [ "$2" = "$3" ]; then printf '%s\tok\n' "$1"; else printf '%s\t%s, and not %s\n' "$1" "$2" "$3"; fi; }

# story NAME TOPIC SETTING...: what comes out is what went in.
story() {
  local name=$1 topic=$2; shift 2
  seq 1 1000 | timeout 60 kcat -q -b "$b" -P -t "$topic" "$@" 2> /dev/null
  check "$name" "$(timeout 60 kcat -q -b "$b" -C -t "$topic" -e "$@" 2> /dev/null | md5sum)" "$(seq 1 1000 | md5sum)"
}

tls=(-X "ssl.ca.location=$JUDGE_ROOT")
sasl() { login=("${tls[@]}" -X security.protocol=SASL_SSL -X "sasl.mechanism=$1" -X "sasl.username=$2" -X "sasl.password=$3"); }

for mechanism in SCRAM-SHA-512 SCRAM-SHA-256 PLAIN; do
  sasl "$mechanism" "$JUDGE_USER" "$JUDGE_PASSWORD"
  story "TLS, $mechanism" "secure-kcat-$mechanism" "${login[@]}"
done
story "TLS, client certificate" secure-kcat-certificate "${tls[@]}" -X security.protocol=SSL -X "ssl.certificate.location=$JUDGE_CERTIFICATE" -X "ssl.key.location=$JUDGE_KEY"

for mechanism in SCRAM-SHA-512 PLAIN; do
  sasl "$mechanism" "$JUDGE_USER" "not the password"
  wrong=$(timeout 60 kcat -b "$b" -L -m 25 "${login[@]}" 2>&1)
  sasl "$mechanism" nobody "$JUDGE_PASSWORD"
  nobody=$(timeout 60 kcat -b "$b" -L -m 25 "${login[@]}" 2>&1)
  check "a wrong password is a failed login, $mechanism" "$(grep -c 'The name, the password or the token is wrong' <<< "$wrong" | sed 's/[1-9].*/said/')" said
  check "and so is a wrong name, $mechanism" "$(grep -c 'The name, the password or the token is wrong' <<< "$nobody" | sed 's/[1-9].*/said/')" said
done
check "without TLS nothing is said" "$(timeout 60 kcat -b "$b" -L -m 25 2>&1 | grep -c 'broker(s)\|brokers:')" 0
check "with TLS and no login nothing is said" "$(timeout 60 kcat -b "$b" -L -m 25 "${tls[@]}" -X security.protocol=SSL 2>&1 | grep -c 'broker(s)\|brokers:')" 0
sasl SCRAM-SHA-512 "$JUDGE_USER" "$JUDGE_PASSWORD"
check "what no rule allows is refused" "$(echo x | timeout 60 kcat -b "$b" -P -t others "${login[@]}" 2>&1 | grep -c 'authorization failed' | sed 's/[1-9].*/refused/')" refused
check "lists show what may be seen" "$(timeout 60 kcat -b "$b" -L -m 25 "${login[@]}" 2>&1 | grep 'topic "' | sed 's/.*topic "\(secure-\).*/own/; s/.*topic ".*/others/' | sort -u | tr '\n' ' ')" "own "
