using OrleansMq.Engine.Partitions;

namespace OrleansMq;

/// <summary>Reading many partitions at once.</summary>
public sealed partial class EmbeddedBroker
{
    public async ValueTask<ReadResult> Read(ReadRequest request, CancellationToken cancel = default)
    {
        if (request.Partitions.Count > ReadRequest.MaxPartitions)
            throw new MqException(ErrorCodes.Malformed, $"{ReadRequest.MaxPartitions} partitions are read at once; {request.Partitions.Count} were asked.");
        var waiter = new ReadWaiter();
        var through = new ReadThrough(request.Filter, request.Group, cancel: cancel);
        var watched = new HashSet<PartitionEngine>();
        var deadline = _options.Time.GetTimestamp() + (long)(request.Wait.TotalSeconds * _options.Time.TimestampFrequency);
        try
        {
            while (true)
            {
                waiter.Rearm();
                var pass = new ReadPass(request.MaxBytes);
                try
                {
                    foreach (var cursor in request.Partitions)
                        await ReadOne(cursor, request, through, pass, request.Wait > TimeSpan.Zero ? watched : null, waiter);
                }
                catch
                {
                    pass.Dispose();
                    throw;
                }

                var left = TimeSpan.FromSeconds((double)(deadline - _options.Time.GetTimestamp()) / _options.Time.TimestampFrequency);
                if (pass.Bytes >= request.MinBytes || through.HasLooked || pass.Failed || left <= TimeSpan.Zero || watched.Count == 0 || _closed)
                    return new ReadResult(pass.Results, pass);
                pass.Dispose();
                // When the time is over: one last look, with what there is.
                await waiter.Wait(left, _options.Time, cancel);
            }
        }
        finally
        {
            foreach (var partition in watched)
                partition.RemoveWaiter(waiter);
        }
    }

    private async ValueTask ReadOne(PartitionCursor cursor, ReadRequest request, ReadThrough through, ReadPass pass, HashSet<PartitionEngine>? watch, ReadWaiter waiter)
    {
        try
        {
            if (await FindTopic(cursor.Topic) is { } topic)
            {
                if (cursor.TopicId != Guid.Empty && cursor.TopicId != topic.Id)
                    throw Unknown(cursor.Topic);
                var partition = await topic.Partition(cursor.Partition);
                // Registered before the look, so that what comes while looking wakes us; and again where the partition was closed and is another one now.
                if (watch is not null && watch.Add(partition))
                    partition.AddWaiter(waiter);

                var room = Math.Min(cursor.MaxBytes, pass.BytesLeft);
                var read = room > 0 || pass.Bytes == 0 ? await partition.Read(cursor.Offset, Math.Max(1, room), request.Isolation, through) : null;
                pass.Add(cursor, partition, read);
                return;
            }

            if (await FindDeadLetters(cursor.Topic) is not { } letters || cursor.TopicId != Guid.Empty)
                throw Unknown(cursor.Topic);
            var owner = await letters.Topic.Partition(cursor.Partition);
            var (batches, start, end) = await owner.ReadDeadLetters(letters.Group.Name, cursor.Offset, Math.Max(1, Math.Min(cursor.MaxBytes, pass.BytesLeft)), through);
            pass.Add(cursor, batches, start, end);
        }
        catch (MqException error)
        {
            pass.Fail(cursor, error.Error);
        }
    }

    /// <summary>One look at all partitions; owns the buffers until they are given back.</summary>
    private sealed class ReadPass(int maxBytes) : IDisposable
    {
        private readonly List<IDisposable> _buffers = [];

        public List<PartitionRead> Results { get; } = [];
        public int Bytes { get; private set; }
        public int BytesLeft => maxBytes - Bytes;
        public bool Failed { get; private set; }

        public void Add(PartitionCursor cursor, PartitionEngine partition, BatchRead? read)
        {
            if (read is not null)
            {
                _buffers.Add(read);
                Bytes += read.Batches.Length;
            }

            Results.Add(new PartitionRead
            {
                Topic = cursor.Topic,
                Partition = cursor.Partition,
                Batches = read?.Batches ?? default,
                Start = partition.Start,
                End = read?.End ?? partition.End,
                LastStableOffset = read?.Stable ?? partition.StableEnd,
                Aborted = read?.Aborted ?? [],
            });
        }

        public void Add(PartitionCursor cursor, ReadOnlyMemory<byte> batches, long start, long end)
        {
            Bytes += batches.Length;
            Results.Add(new PartitionRead { Topic = cursor.Topic, Partition = cursor.Partition, Batches = batches, Start = start, End = end, LastStableOffset = end });
        }

        public void Fail(PartitionCursor cursor, MqError error)
        {
            Failed = true;
            Results.Add(new PartitionRead { Topic = cursor.Topic, Partition = cursor.Partition, Error = error });
        }

        public void Dispose()
        {
            foreach (var buffer in _buffers)
                buffer.Dispose();
        }
    }
}
