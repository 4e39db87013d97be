#!/usr/bin/env bash
# kcat ADDRESS: what comes out is what went in.
b=$1
check() { if [ "$2" = "$3" ]; then printf '%s\tok\n' "$1"; else printf '%s\t%s, and not %s\n' "$1" "$2" "$3"; fi; }

for codec in none gzip snappy lz4 zstd; do
  seq 1 1000 | timeout 30 kcat -q -b "$b" -P -t "kcat-$codec" -z "$codec"
  check "produce and consume, $codec" "$(timeout 30 kcat -q -b "$b" -C -t "kcat-$codec" -e | md5sum)" "$(seq 1 1000 | md5sum)"
done
seq 1 10 | timeout 30 kcat -q -b "$b" -P -t kcat-acks -X acks=1
seq 11 20 | timeout 30 kcat -q -b "$b" -P -t kcat-acks -X enable.idempotence=true
check "acks=1, then idempotent" "$(timeout 30 kcat -q -b "$b" -C -t kcat-acks -e | md5sum)" "$(seq 1 20 | md5sum)"
check "from an offset" "$(timeout 30 kcat -q -b "$b" -C -t kcat-acks -o 15 -e | head -1)" 16
check "the last five" "$(timeout 30 kcat -q -b "$b" -C -t kcat-acks -o -5 -e | wc -l)" 5
check "keys and headers" "$(echo k:v | timeout 30 kcat -q -b "$b" -P -t kcat-headers -K : -H h=1; timeout 30 kcat -q -b "$b" -C -t kcat-headers -e -f '%k %s %h')" "k v h=1"
check "metadata" "$(timeout 30 kcat -q -b "$b" -L -t kcat-acks | grep -c 'partition 0, leader')" 1
check "offset of the end" "$(timeout 30 kcat -q -b "$b" -Q -t kcat-acks:0:-1 | grep -o '[0-9]*$')" 20
