using System.Buffers.Binary;
using System.Diagnostics;
using OrleansMq.Records;

namespace OrleansMq.Trials.Strangers;

/// <summary>A client of its own right that publishes a number every few milliseconds, whatever others do, and takes the time of each.</summary>
internal sealed class Canary(HttpBroker client) : IAsyncDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(5);

    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<long> _acknowledged = [];
    private List<double> _millis = [];
    private Task? _running;

    public List<string> Failures { get; } = [];

    public void Start() => _running = Task.Run(Run);

    /// <returns>What was measured since the last time, in ms.</returns>
    public (double P50, double P99, int Count) Take()
    {
        var taken = Interlocked.Exchange(ref _millis, []);
        lock (taken)
        {
            taken.Sort();
            return taken.Count == 0 ? (double.NaN, double.NaN, 0) : (taken[taken.Count / 2], taken[(int)(taken.Count * 0.99)], taken.Count);
        }
    }

    /// <summary>Ends it; throws what ended it before.</summary>
    public async Task Stop()
    {
        await _stop.CancelAsync();
        if (_running is not null)
            await _running;
    }

    /// <summary>Compares what is there with what was acknowledged. After <see cref="Stop"/>.</summary>
    public async Task<IReadOnlyList<string>> Violations(IBroker broker)
    {
        var kept = new Dictionary<long, int>();
        var strange = 0;
        for (long next = 0, end = (await broker.DescribeTopic(GuardedProgram.Canary)).Partitions[0].End; next < end;)
        {
            using var result = await broker.Read(new ReadRequest { Partitions = [new PartitionCursor(GuardedProgram.Canary, 0, next)] });
            if (result.Partitions[0] is not { Error: null, Batches.IsEmpty: false })
                return [$"the canary's topic can't be read at {next}: {result.Partitions[0].Error?.Detail ?? "nothing is there"}"];
            foreach (var batch in new RecordBatchReader(result.Partitions[0].Batches))
                foreach (var record in batch.Records())
                {
                    if (record.Offset < next)
                        continue;
                    next = record.Offset + 1;
                    if (record.Value.Length == sizeof(long))
                        kept[Number(record.Value)] = kept.GetValueOrDefault(Number(record.Value)) + 1;
                    else
                        strange++;
                }
        }

        return
        [
            .. Failures.Select(failure => $"the canary was refused: {failure}"),
            .. Told(_acknowledged.Count(number => !kept.ContainsKey(number)), "of the canary's messages were acknowledged and are lost"),
            .. Told(kept.Count(number => number.Value > 1), "of the canary's messages are there more than once"),
            .. Told(strange, "messages of somebody else's are in the canary's topic"),
            .. _acknowledged.Count == 0 ? ["the canary has published nothing"] : Array.Empty<string>(),
        ];

        static long Number(ReadOnlyMemory<byte> body) => BinaryPrimitives.ReadInt64LittleEndian(body.Span);

        static string[] Told(int count, string what) => count == 0 ? [] : [$"{count} {what}"];
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await client.DisposeAsync();
        _stop.Dispose();
    }

    private async Task Run()
    {
        for (var number = 0L; !_stop.IsCancellationRequested; number++)
        {
            var began = Stopwatch.GetTimestamp();
            var body = new byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(body, number);
            try
            {
                (await client.Publish(GuardedProgram.Canary, [new Message { Body = body }]))[0].OrThrow();
                _acknowledged.Add(number);
            }
            catch (MqException refused)
            {
                Failures.Add(refused.Message);
            }
            var millis = _millis;
            lock (millis)
                millis.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(Every);
        }
    }
}
