#!/bin/sh
# measure.sh OUTDIR [RUNS]: runs LoadBench's scenarios of docs/performance.md's plots and draws them. On a quiet machine at most 8 minutes with 3 runs.
# OUTDIR gets a JSON file for each scenario; the pictures go to docs/plots (or PICTURES). DATA is where brokers keep their data (default: LoadBench's), COUNT the messages of each.
set -eu
cd "$(dirname "$0")/../.."
out=${1:?measure.sh OUTDIR [RUNS]}
runs=${2:-3}
mkdir -p "$out"
out=$(cd "$out" && pwd)
dotnet build tests/OrleansMq.LoadBench -c Release -v q -nologo
bench() {
    scenario=$1
    shift
    dotnet run --project tests/OrleansMq.LoadBench -c Release --no-build -- "$scenario" --runs "$runs" ${DATA:+--data "$DATA"} ${COUNT:+--count "$COUNT"} "$@" --json "$out/$scenario.json"
}
bench throughput
bench queue --count "${COUNT:-500000}"
bench fanout --count "${COUNT:-500000}"
bench latency
bench backlog
dotnet run eng/plots/Plot.cs -- --commit "$(git rev-parse --short HEAD)" "$out/throughput.json" "$out/queue.json" "$out/fanout.json" "$out/latency.json" "$out/backlog.json" "${PICTURES:-docs/plots}"
