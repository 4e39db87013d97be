using OrleansMq.Core.Log;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;
using OrleansMq.Storage.Files;
using OrleansMq.Storage.Files.Disk;

namespace OrleansMq.Trials.Damage;

/// <summary>A data folder that the real broker wrote, as bytes: a disk that holds them is made in no time, as often as one likes.</summary>
internal sealed class PreparedFolder
{
    public const string Root = "/data";

    private const int Rounds = 24;
    private const string Snapshots = "/snapshot-";

    private PreparedFolder(SimDisk disk)
    {
        Files = [.. disk.FilesBelow(Root).Select(file => (file.Path, disk.ContentOf(file.Path)))];
        using var inspector = LogInspector.Open(Root, Disk());
        foreach (var id in inspector.Logs())
        {
            var durable = 0L;
            var found = inspector.Inspect(id, (in FrameHeader header, ReadOnlySpan<byte> _) => durable = Math.Max(durable, header.DurablePosition));
            Logs.Add(new PreparedLog(found.Definition!.TopicName, id.TopicId, id.Partition, found.Folder, found.Segments[^1].Path, found.Segments[^1].Base, durable, found.Snapshots.Select(snapshot => snapshot.Position).DefaultIfEmpty().Max()));
        }

        foreach (var document in inspector.Documents())
            if (document.Key is { } key)
                Documents.Add((document.Path, key));
    }

    public IReadOnlyList<(string Path, byte[] Bytes)> Files { get; }

    public List<PreparedLog> Logs { get; } = [];

    public List<(string Path, string Key)> Documents { get; } = [];

    /// <summary>Topics, queues with dead letters, cursors, tokens, sessions, segments that were rolled and trimmed, snapshots, and documents that were deleted.</summary>
    /// <param name="seed">Draws the ids, and from when on no snapshot is taken any more: the same folder each time, but for the hour that stands in it.</param>
    /// <param name="killed">Its process died, so that state behind the last snapshot stands in frames alone; else it was closed in order, with a snapshot at the end.</param>
    public static Task<PreparedFolder> Rich(int seed, bool killed = false)
    {
        // One job after another: else it is a race how far a snapshot is behind.
        var scheduler = new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler;
        return Task.Factory.StartNew(() => Rich(new Random(seed), killed, scheduler), CancellationToken.None, TaskCreationOptions.None, scheduler).Unwrap();
    }

    private static async Task<PreparedFolder> Rich(Random random, bool killed, TaskScheduler scheduler)
    {
        var (disk, lastSnapshots) = (new SimDisk(1), random.Next(Rounds / 2, Rounds + 1));
        var settings = new EmbeddedOptions
        {
            Storage = Storage(disk, random: random),
            SnapshotBytes = 12_000,
            ClosingSnapshotBytes = 1,
            MaintenanceInterval = TimeSpan.FromHours(1),
            NewId = () => Drawn(random),
            Time = new StandingTime(),
            Scheduler = scheduler,
            InlineTurns = false,
        };
        var broker = await EmbeddedBroker.Start(settings);
        await broker.PutTopic("orders", new TopicChange { Partitions = 2 });
        await broker.PutTopic("other", new TopicChange { Partitions = 1, MaxMessages = 100_000 });
        await broker.PutTopic("capped", new TopicChange { Partitions = 1, Admit = 50 });
        await broker.PutGroup("orders", "workers", new GroupChange { MaxDeliveries = 2, Backoff = Change<IReadOnlyList<TimeSpan>>.To([TimeSpan.Zero]) });
        await broker.PutGroup("orders", "board", new GroupChange { Style = GroupStyle.Log });
        await broker.PutGroup("other", "workers", new GroupChange());
        await broker.PutTopic("gone", new TopicChange());
        await broker.PutGroup("gone", "g", new GroupChange());
        await broker.DeleteTopic("gone");
        var producer = await broker.OpenProducer("named");
        for (var round = 0; round < Rounds; round++)
        {
            if (killed && round == lastSnapshots)
                disk.Fault = call => call.Path.Contains(Snapshots, StringComparison.Ordinal) ? DiskError.Full : null;
            await Fill(broker, producer, round);
        }

        if (killed)
            // What is under way comes to nothing from here on, as if the process were gone.
            disk.Fault = _ => DiskError.Failed;
        else
            await broker.DisposeAsync();
        return new PreparedFolder(disk);
    }

    /// <summary>One partition whose last 64 KiB are a single group commit that no frame says was flushed, and whose process died then.</summary>
    public static async Task<PreparedFolder> WithOpenTail(int tailBytes)
    {
        var disk = new SimDisk(1);
        var broker = await EmbeddedBroker.Start(new EmbeddedOptions { Storage = Storage(disk, 16 << 20), FlushInterval = TimeSpan.FromHours(1), MaintenanceInterval = TimeSpan.FromHours(1) });
        await broker.PutTopic("orders", new TopicChange { Partitions = 1 });
        await broker.PutGroup("orders", "workers", new GroupChange());
        for (var i = 0; i < 20; i++)
            await broker.Publish("orders", [Message(i)]);
        for (var (i, written) = (20, 0); written < tailBytes; i++)
        {
            var message = Message(i);
            written += message.Body.Length + 200;
            await broker.Publish("orders", [message], new PublishOptions { Acks = Acks.Accepted });
        }

        // The process ends without a word: what it wrote stands in the page cache.
        return new PreparedFolder(disk);
    }

    public static FileStorage Storage(SimDisk disk, long segmentBytes = 16_000, Action<StorageNotice>? notice = null, Random? random = null)
    {
        var options = new FileStorageOptions { Directory = Root, SegmentBytes = segmentBytes, FirstReserveBytes = 4096, ReserveBytes = 16 << 10, OnNotice = notice };
        return new FileStorage(random is null ? options : options with { DrawIncarnation = () => (ulong)random.NextInt64() }, disk, new InlineIo());
    }

    private static Guid Drawn(Random random)
    {
        Span<byte> bytes = stackalloc byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }

    /// <summary>A disk with this folder, and with what was done to some of its files.</summary>
    public SimDisk Disk(params (string Path, byte[] Bytes)[] changed)
    {
        var disk = new SimDisk(1);
        foreach (var (path, bytes) in Files)
            disk.Place(path, bytes);
        foreach (var (path, bytes) in changed)
            disk.Place(path, bytes);
        return disk;
    }

    private static Message Message(int number) => new()
    {
        Body = System.Text.Encoding.UTF8.GetBytes($"m{number}|{new string((char)('a' + number % 26), number * 37 % 900)}"),
        Key = System.Text.Encoding.UTF8.GetBytes($"k{number % 5}"),
        Token = number % 3 == 0 ? $"t{number}" : null,
    };

    private static Message Later(int round) => new() { Body = System.Text.Encoding.UTF8.GetBytes($"later{round}|{new string('l', round * 11)}"), Key = System.Text.Encoding.UTF8.GetBytes($"k{round % 5}"), DeliverAfter = TimeSpan.FromDays(100) };

    private static Message Half(int round) => new() { Body = System.Text.Encoding.UTF8.GetBytes($"half{round}|{new string('h', round * 11)}"), Key = System.Text.Encoding.UTF8.GetBytes($"k{round % 7}"), Half = new HalfTerms("shop") };

    private static async Task Fill(EmbeddedBroker broker, ProducerIdentity producer, int round)
    {
        await broker.Publish("orders", [.. Enumerable.Range(round * 10, 10).Select(Message)]);
        await broker.Publish("other", [.. Enumerable.Range(round * 5, 5).Select(Message)]);
        if (round < 8)
            await broker.Publish("capped", [.. Enumerable.Range(round * 5, 5).Select(Message)]);
        var batch = new RecordBatchBuilder(256);
        batch.Append(1_700_000_000_000 + round, default, false, System.Text.Encoding.UTF8.GetBytes($"plain{round}"), true);
        await broker.Append(new AppendRequest { Topic = "orders", Partition = 0, Batch = batch.Build().ToArray(), Producer = new ProducerSequence(producer.Id, producer.Epoch, round), Client = "c" });
        var given = await broker.Receive("orders", "workers", new ReceiveRequest { Max = 6, Consumer = "w" });
        foreach (var (delivery, i) in given.Select((delivery, i) => (delivery, i)))
        {
            var kind = i % 3 == 0 ? SettlementKind.Acknowledge : i % 3 == 1 ? SettlementKind.Refuse : SettlementKind.DeadLetter;
            await broker.Settle("orders", "workers", new Settlement { Kind = kind, Leases = [delivery.Lease], Reason = kind == SettlementKind.DeadLetter ? "no" : null });
        }

        // Waiting in lanes, for long.
        await broker.Publish("orders", [Later(round)]);
        await broker.Publish("orders", [Half(round)]);
        if (round % 5 == 4)
            await broker.Redrive("orders", "workers", DeadLetterSelection.All);
        await broker.Commit("orders", "board", new CommitRequest([new Position(round % 2, round)], null, 0));
        if (round % 6 == 5)
            await broker.DeleteBefore("other", 0, round * 3);
    }
}

/// <summary>The clock stands, so that lengths of what holds times are the same in each run.</summary>
internal sealed class StandingTime : TimeProvider
{
    private readonly DateTimeOffset _now = System.GetUtcNow();

    public override DateTimeOffset GetUtcNow() => _now;
}

/// <summary>A partition's log in a prepared folder.</summary>
/// <param name="LastBase">First position of the newest segment.</param>
/// <param name="Durable">Up to where its frames say that everything was flushed.</param>
/// <param name="Reach">Where its newest snapshot was taken.</param>
internal sealed record PreparedLog(string Topic, Guid TopicId, int Partition, string Folder, string LastSegment, long LastBase, long Durable, long Reach);
