using System.Buffers.Binary;
using System.Diagnostics;

namespace OrleansMq.Cli.Commands;

/// <summary>
/// Producers and consumers at once. Each body begins with the message's number (8 bytes) and when it was sent (8 bytes), so that every
/// message can be missed, and timed to its delivery.
/// </summary>
internal sealed class BenchLoad(IBroker broker, TopicName topic, int messages, int size, int window, Acks? acks)
{
    private const int ReceiveAtOnce = 500;
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromSeconds(30); // without a delivery

    private readonly long _run = Random.Shared.NextInt64() & 0x7fffffff00000000; // so that messages of an earlier run in the same topic are not taken for ours
    private readonly long[] _acked = new long[messages]; // ticks, at most one writer for each
    private readonly long[] _delivered = new long[messages];
    private readonly int[] _times = new int[messages];
    private readonly long _start = Stopwatch.GetTimestamp();
    private TimeSpan _publishing, _delivering;
    private int _next = -1, _deliveredCount, _again;

    public GroupName Group { get; } = $"mq-bench-{Guid.NewGuid().ToString("n")[..8]}";

    public long Delivered => Volatile.Read(ref _deliveredCount);

    public async Task Run(int producers, int consumers, double? rate, CancellationToken cancel)
    {
        await broker.PutGroup(topic, Group, new GroupChange { From = StartAt.Latest }, cancel);
        using var allDelivered = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var publishing = Task.WhenAll(Enumerable.Range(0, producers).Select(_ => Task.Run(() => Publish(new Pace(rate / producers, TimeProvider.System), cancel), cancel)));
        var consuming = Task.WhenAll(Enumerable.Range(0, consumers).Select(i => Task.Run(() => Consume($"bench-{i}", publishing, allDelivered), cancel)));
        await publishing;
        _publishing = Stopwatch.GetElapsedTime(_start);
        await consuming;
        cancel.ThrowIfCancellationRequested();
        _delivering = Stopwatch.GetElapsedTime(_start);
    }

    public BenchResult Result() => new(messages, _times.Count(t => t == 0), _again,
        BenchStage.Of([.. _acked], size, _publishing), BenchStage.Of([.. _delivered.Where(t => t > 0)], size, _delivering));

    private async Task Publish(Pace pace, CancellationToken cancel)
    {
        await using var producer = new Producer(broker, topic, new ProducerOptions { Acks = acks, Client = "mq bench" });
        using var room = new SemaphoreSlim(window);
        var onTheirWay = new List<Task>();
        for (int number; (number = Interlocked.Increment(ref _next)) < messages;)
        {
            await pace.Next(cancel);
            await room.WaitAsync(cancel);
            onTheirWay.Add(PublishOne(producer, number, room, cancel));
            if (onTheirWay.Count > 2 * window)
                onTheirWay.RemoveAll(task => task.IsCompletedSuccessfully);
        }
        await Task.WhenAll(onTheirWay);
    }

    private async Task PublishOne(Producer producer, int number, SemaphoreSlim room, CancellationToken cancel)
    {
        var body = new byte[size];
        var sent = Stopwatch.GetTimestamp();
        BinaryPrimitives.WriteInt64LittleEndian(body, _run | (uint)number);
        BinaryPrimitives.WriteInt64LittleEndian(body.AsSpan(8), sent);
        _ = (await producer.Send(new Message { Body = body }, cancel)).OrThrow();
        _acked[number] = Stopwatch.GetElapsedTime(sent).Ticks;
        room.Release();
    }

    private async Task Consume(string name, Task publishing, CancellationTokenSource allDelivered)
    {
        var last = Stopwatch.GetTimestamp();
        try
        {
            while (!publishing.IsFaulted && (!publishing.IsCompleted || Stopwatch.GetElapsedTime(last) < GiveUpAfter))
            {
                var got = await broker.Receive(topic, Group, new ReceiveRequest { Max = ReceiveAtOnce, Wait = TimeSpan.FromSeconds(1), Consumer = name }, allDelivered.Token);
                if (got.Count == 0)
                    continue;
                last = Stopwatch.GetTimestamp();
                foreach (var delivery in got)
                    Count(delivery);
                await broker.Settle(topic, Group, Settlement.Acknowledge([.. got.Select(d => d.Lease)]), CancellationToken.None);
                if (Delivered == messages)
                    await allDelivered.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (allDelivered.IsCancellationRequested)
        {
        }
    }

    private void Count(Delivery delivery)
    {
        var body = delivery.Body.Span;
        if (body.Length < 16 || (BinaryPrimitives.ReadInt64LittleEndian(body) ^ _run) is not (var number and >= 0) || number >= messages)
            return;
        if (Interlocked.Increment(ref _times[number]) > 1)
        {
            Interlocked.Increment(ref _again);
            return;
        }
        _delivered[number] = Math.Max(1, Stopwatch.GetElapsedTime(BinaryPrimitives.ReadInt64LittleEndian(body[8..])).Ticks);
        Interlocked.Increment(ref _deliveredCount);
    }
}
