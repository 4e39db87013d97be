using OrleansMq.Records;

namespace OrleansMq.Abstractions.Tests;

/// <summary>A topic of one log-style group in memory; the story assigns partitions.</summary>
internal sealed class LogGroupBroker(int partitions) : SilentBroker
{
    private readonly Lock _sync = new();
    private readonly List<byte[]>[] _batches = [.. Enumerable.Range(0, partitions).Select(_ => new List<byte[]>())];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long[] Ends { get; } = new long[partitions];
    public long[] Starts { get; } = new long[partitions];
    public long[] Cursors { get; } = new long[partitions];
    public int Generation { get; private set; } = 1;
    public int[] Assigned { get; set; } = [.. Enumerable.Range(0, partitions)];
    public List<string> Joins { get; } = [];
    public List<string> Leaves { get; } = [];
    public int Reads { get; private set; }
    public Func<int, Exception?> ReadScript { get; set; } = _ => null;

    public void Post(int partition, int count)
    {
        var builder = new RecordBatchBuilder(256);
        for (var i = 0; i < count; i++)
            MessageCodec.Append(builder, Message.OfText($"{partition}:{Ends[partition] + i}"), 0);
        lock (_sync)
        {
            _batches[partition].Add(builder.ToArray(baseOffset: Ends[partition]));
            Ends[partition] += count;
            Signal();
        }
    }

    public void Rebalance(params int[] assigned)
    {
        lock (_sync)
        {
            Assigned = assigned;
            Generation++;
            Signal();
        }
    }

    public async Task Until(Func<LogGroupBroker, bool> state)
    {
        while (true)
        {
            Task changed;
            lock (_sync)
            {
                if (state(this))
                    return;
                changed = _changed.Task;
            }

            await changed;
        }
    }

    public override ValueTask<Assignment> Join(TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, CancellationToken cancel = default)
    {
        lock (_sync)
        {
            Joins.Add(member);
            Signal();
            return new(new Assignment(Generation, Assigned));
        }
    }

    public override ValueTask Heartbeat(TopicName topic, GroupName group, string member, int generation, CancellationToken cancel = default)
    {
        Check(generation);
        return default;
    }

    public override ValueTask Leave(TopicName topic, GroupName group, string member, CancellationToken cancel = default)
    {
        Leaves.Add(member);
        return default;
    }

    public override ValueTask Commit(TopicName topic, GroupName group, CommitRequest request, CancellationToken cancel = default)
    {
        Check(request.Generation);
        lock (_sync)
        {
            foreach (var position in request.Positions)
                Cursors[position.Partition] = position.Offset;
            Signal();
        }

        return default;
    }

    public override ValueTask<long> FindOffset(TopicName topic, int partition, StartAt at, CancellationToken cancel = default) =>
        new(at.Kind == StartKind.Earliest ? Starts[partition] : Math.Clamp(at.Value, Starts[partition], Ends[partition]));

    public override ValueTask<GroupDescription> DescribeGroup(TopicName topic, GroupName group, CancellationToken cancel = default) => new(new GroupDescription
    {
        Name = group,
        Settings = new() { Style = GroupStyle.Log },
        Declared = true,
        Partitions = [.. Cursors.Select((cursor, partition) => new GroupPartition(partition, cursor, 0, 0, null, 0, 0))],
        Members = [],
        Generation = Generation,
    });

    public override async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        if (ReadScript(Reads++) is { } error)
            throw error;
        while (true)
        {
            Task changed;
            lock (_sync)
            {
                PartitionRead[] reads = [.. request.Partitions.Select(Read)];
                if (request.MinBytes == 0 || reads.Any(read => !read.Batches.IsEmpty || read.Error is not null))
                    return new ReadResult(reads);
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancel);
        }
    }

    private PartitionRead Read(PartitionCursor cursor)
    {
        var (start, end) = (Starts[cursor.Partition], Ends[cursor.Partition]);
        return new PartitionRead
        {
            Topic = cursor.Topic,
            Partition = cursor.Partition,
            Start = start,
            End = end,
            Error = cursor.Offset < start || cursor.Offset > end ? new MqError(ErrorCodes.OffsetOutOfRange, "Gone.") : null,
            Batches = cursor.Offset < start ? default : _batches[cursor.Partition].FirstOrDefault(batch => RecordBatch.ReadExactly(batch).LastOffset >= cursor.Offset),
        };
    }

    private void Check(int generation)
    {
        if (generation != Generation)
            throw new MqException(ErrorCodes.GenerationStale, "Join again.");
    }

    private void Signal()
    {
        _changed.TrySetResult();
        _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
