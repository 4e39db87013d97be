using OrleansMq.Gateways.Kafka.Protocol;

namespace OrleansMq.Gateways.Kafka.Calls;

/// <summary>Batches out, and where reading may begin.</summary>
internal sealed partial class KafkaCalls
{
    private async Task<bool> Fetch(short version, FetchRequest request, KafkaWriter writer)
    {
        if (request.Session != 0 || request.Partitions.Count == 0)
        {
            // Sessions are never opened, so a client that names one is told to send its whole list.
            FetchResponse.WriteHead(writer, version, request.Session != 0 ? KafkaError.FetchSessionIdNotFound : KafkaError.None);
            writer.Count(0);
            writer.Tags();
            return true;
        }
        if (version >= 13)
            request = request with { Partitions = await Named(request.Partitions) };
        var (cursors, places) = CursorsOf(request);
        var wait = TimeSpan.FromMilliseconds(Math.Clamp(request.MaxWaitMs, 0, (int)Options.MaxFetchWait.TotalMilliseconds));
        var whole = new ReadRequest
        {
            Partitions = cursors,
            MinBytes = Math.Max(0, request.MinBytes),
            MaxBytes = Math.Clamp(request.MaxBytes, 1, Options.MaxFetchBytes),
            // A partition that can't be read is said at once.
            Wait = cursors.Count == request.Partitions.Count ? wait : TimeSpan.Zero,
            Isolation = request.Committed ? Isolation.Committed : Isolation.Uncommitted,
        };
        var read = cursors.Count <= ReadRequest.MaxPartitions ? await Broker.Read(whole, ended) : await ReadInParts(whole, writer);
        var held = HoldInFlight(read, writer);
        FetchResponse.WriteHead(writer, version, KafkaError.None);
        ByTopic.Write(writer, request.Partitions, partition => partition.Topic, (at, partition) =>
        {
            if (places[at] < 0)
            {
                FetchResponse.WritePartition(writer, version, partition.Partition, version >= 13 ? KafkaError.UnknownTopicId : KafkaError.InvalidTopic, null);
                return;
            }
            var found = read.Partitions[places[at]];
            var error = found.Error is { } refused ? OfFetch(refused.Code, partition.Id) : KafkaError.None;
            var shown = found.Error is null && !held ? found with { Batches = default } : found;
            FetchResponse.WritePartition(writer, version, partition.Partition, error, error == KafkaError.None ? shown : null);
        }, version >= 13 ? partition => writer.Id(partition.Id) : null);
        writer.Tags();
        return true;
    }

    /// <summary>More partitions than are read at once. Only the last part is waited for, and not where anything came or failed before.</summary>
    private async ValueTask<ReadResult> ReadInParts(ReadRequest whole, KafkaWriter writer)
    {
        var reads = new List<PartitionRead>(whole.Partitions.Count);
        long bytes = 0;
        var settled = false;
        foreach (var part in whole.Partitions.Chunk(ReadRequest.MaxPartitions))
        {
            var isLast = reads.Count + part.Length == whole.Partitions.Count;
            var read = await Broker.Read(
                whole with { Partitions = part, MaxBytes = (int)Math.Max(1, whole.MaxBytes - bytes), Wait = isLast && !settled ? whole.Wait : TimeSpan.Zero },
                ended);
            writer.Own(read);
            reads.AddRange(read.Partitions);
            bytes += read.Partitions.Sum(each => (long)each.Batches.Length);
            settled |= read.Partitions.Any(each => each.Error is not null || each.Batches.Length > 0);
        }
        return new ReadResult(reads);
    }

    /// <summary>Those that are asked by their topics' ids with the names. One without has one that no topic can have, and other topics have not.</summary>
    private async ValueTask<List<FetchPartition>> Named(IReadOnlyList<FetchPartition> partitions)
    {
        var named = new List<FetchPartition>(partitions.Count);
        var (id, name) = (Guid.Empty, "?");
        foreach (var partition in partitions)
        {
            if (partition.Id != id)
                (id, name) = (partition.Id, desk.TopicIds.Find(Who, partition.Id) ?? await NameNow(partition.Id) ?? $"?{partition.Id}");
            named.Add(partition with { Topic = name });
        }
        return named;
    }

    /// <summary>The name that was known may be another topic's by now: the read sees that, and the client, which is told so, asks for metadata again.</summary>
    private KafkaError OfFetch(string code, Guid id)
    {
        if (id == Guid.Empty || code != ErrorCodes.TopicUnknown)
            return KafkaErrors.Of(code);
        desk.TopicIds.Forget(Who, id);
        return KafkaError.UnknownTopicId;
    }

    private async ValueTask<string?> NameNow(Guid id)
    {
        try
        {
            return await NameOf(id);
        }
        catch (MqException)
        {
            // Why it can't be read is said of each partition.
            return desk.TopicIds.Find(Who, id);
        }
    }

    /// <summary>What the read holds counts until it is sent. Where there is no room nothing is sent, and the client asks again.</summary>
    private bool HoldInFlight(ReadResult read, KafkaWriter writer)
    {
        writer.Own(read);
        long bytes = 0;
        foreach (var partition in read.Partitions)
            bytes += partition.Batches.Length;
        try
        {
            desk.InFlight.Take(bytes);
        }
        catch (MqException)
        {
            return false;
        }
        writer.Own(new Taken(desk.InFlight, bytes));
        return true;
    }

    private sealed class Taken(InFlightBytes from, long bytes) : IDisposable
    {
        public void Dispose() => from.Give(bytes);
    }

    /// <returns>For each partition asked its place among the cursors, -1 where its topic's name can be none.</returns>
    private static (List<PartitionCursor> Cursors, int[] Places) CursorsOf(FetchRequest request)
    {
        var cursors = new List<PartitionCursor>(request.Partitions.Count);
        var places = new int[request.Partitions.Count];
        for (var i = 0; i < places.Length; i++)
        {
            var asked = request.Partitions[i];
            places[i] = NameRule.IsValid(asked.Topic) ? cursors.Count : -1;
            if (places[i] >= 0)
                cursors.Add(new PartitionCursor(asked.Topic, asked.Partition, asked.Offset, Math.Max(1, asked.MaxBytes), asked.Id));
        }
        return (cursors, places);
    }

    private async Task<bool> ListOffsets(short version, ListOffsetsRequest request, KafkaWriter writer)
    {
        var results = await Each(request.Partitions, asked => FindOffset(asked, request.Committed), (_, e) => new ListOffsetsResult(KafkaErrors.Of(e.Code), -1, -1));
        ListOffsetsResponse.Write(writer, version, request.Partitions, results);
        return true;
    }

    private async ValueTask<ListOffsetsResult> FindOffset(ListOffsetsPartition asked, bool committed)
    {
        if (!NameRule.IsValid(asked.Topic))
            return new ListOffsetsResult(KafkaError.InvalidTopic, -1, -1);
        if (asked.Time == ListOffsetsPartition.Latest && committed)
            return new ListOffsetsResult(KafkaError.None, -1, await StableEnd(asked));
        if (asked.Time is ListOffsetsPartition.Latest or ListOffsetsPartition.Earliest)
        {
            var place = asked.Time == ListOffsetsPartition.Latest ? StartAt.Latest : StartAt.Earliest;
            return new ListOffsetsResult(KafkaError.None, -1, await Broker.FindOffset(asked.Topic, asked.Partition, place, ended));
        }
        if (asked.Time < 0 || asked.Time > DateTimeOffset.MaxValue.ToUnixTimeMilliseconds())
            return new ListOffsetsResult(KafkaError.InvalidRequest, -1, -1);
        var end = await Broker.FindOffset(asked.Topic, asked.Partition, StartAt.Latest, ended);
        var offset = await Broker.FindOffset(asked.Topic, asked.Partition, StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(asked.Time)), ended);
        // Nothing is so late: Kafka says -1, and not the end.
        return offset >= end ? new ListOffsetsResult(KafkaError.None, -1, -1) : new ListOffsetsResult(KafkaError.None, asked.Time, offset);
    }

    /// <summary>Where a reader of what is committed stops.</summary>
    private async ValueTask<long> StableEnd(ListOffsetsPartition asked)
    {
        var end = await Broker.FindOffset(asked.Topic, asked.Partition, StartAt.Latest, ended);
        using var read = await Broker.Read(new ReadRequest { Partitions = [new PartitionCursor(asked.Topic, asked.Partition, end, 1)], MinBytes = 0, MaxBytes = 1, Isolation = Isolation.Committed }, ended);
        return read.Partitions[0].Error is { } error ? throw new MqException(error) : read.Partitions[0].LastStableOffset;
    }
}
