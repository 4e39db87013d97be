namespace OrleansMq.Simulation.Worlds;

/// <summary>What one seed's world is like: drawn once, before anything runs.</summary>
public sealed record WorldPlan
{
    public required int Seed { get; init; }

    /// <summary>How long clients work and faults come, before everything heals.</summary>
    public required TimeSpan Length { get; init; }

    /// <summary>Mean time between two faults; zero for none.</summary>
    public required TimeSpan FaultEvery { get; init; }
    public required int OrdersPartitions { get; init; }
    public required int RingPartitions { get; init; }
    public required int CappedPartitions { get; init; }

    /// <summary>Of the topic with an admission cap.</summary>
    public required int Admit { get; init; }
    public required int SegmentBytes { get; init; }
    public required int SnapshotBytes { get; init; }
    public required int Keys { get; init; }
    public required int MaxDeliveries { get; init; }
    public required TimeSpan DiskLatency { get; init; }
    public required double LostReplies { get; init; }

    /// <summary>Clients of each kind; see <c>Population</c>.</summary>
    public required int Publishers { get; init; }
    public required int Appenders { get; init; }
    public required int Consumers { get; init; }

    /// <summary>Whether some work with transactions.</summary>
    public bool Transactions { get; init; } = true;

    /// <summary>Whether a topic grows, and how many partitions it has first.</summary>
    public bool Growth { get; init; }
    public int FirstPartitions { get; init; } = 1;

    /// <summary>Whether a topic has groups that deliver by priority and fairly.</summary>
    public bool Ranked { get; init; }

    /// <summary>Whether a topic is compacted.</summary>
    public bool Compaction { get; init; }

    /// <summary>Whether the disk is a shared volume, on which another process may take what one still holds.</summary>
    public bool SharedVolume { get; init; }

    /// <summary>Whether the data folder has a journal, and how much of a file goes through it at most.</summary>
    public bool Journal { get; init; }
    public int JournalShareBytes { get; init; } = 8 << 10;

    /// <summary>Whether a topic is listened to by ephemeral groups.</summary>
    public bool Broadcast { get; init; }

    /// <summary>Whether the others are there.</summary>
    public bool Others { get; init; } = true;

    /// <summary>Kinds of faults that may come.</summary>
    public IReadOnlyList<FaultKind> Faults { get; init; } = Enum.GetValues<FaultKind>();

    /// <summary>Those that can come on its disk; a takeover four times as often as any other.</summary>
    public IReadOnlyList<FaultKind> PossibleFaults => [.. Faults.SelectMany(kind => Enumerable.Repeat(kind, kind != FaultKind.Takeover ? 1 : SharedVolume ? 4 : 0))];

    public static WorldPlan Of(int seed)
    {
        var random = new Random(seed * 31 + 7);
        return new WorldPlan
        {
            Seed = seed,
            Length = TimeSpan.FromSeconds(random.Next(10, 50)),
            FaultEvery = TimeSpan.FromSeconds(random.Next(2, 12)),
            OrdersPartitions = random.Next(1, 4),
            RingPartitions = random.Next(1, 3),
            CappedPartitions = random.Next(1, 4),
            Admit = random.Next(10, 80),
            SegmentBytes = random.Next(3) switch { 0 => 4096, 1 => 12_000, _ => 40_000 },
            SnapshotBytes = random.Next(3) switch { 0 => 2_000, 1 => 10_000, _ => 16 << 20 },
            Keys = random.Next(2, 7),
            MaxDeliveries = random.Next(2, 6),
            DiskLatency = TimeSpan.FromMicroseconds(random.Next(3) switch { 0 => 100, 1 => 1_000, _ => 8_000 }),
            LostReplies = random.Next(3) switch { 0 => 0, 1 => 0.02, _ => 0.1 },
            Publishers = random.Next(1, 3),
            Appenders = random.Next(1, 3),
            Consumers = random.Next(1, 4),
            Growth = true,
            Journal = seed % 2 == 1,
            JournalShareBytes = seed % 3 == 0 ? 1 << 10 : 8 << 10,
            FirstPartitions = random.Next(1, 3),
            Ranked = seed % 3 == 0,
            Compaction = seed % 3 == 1,
            SharedVolume = seed % 4 == 2,
            Broadcast = seed % 3 == 2,
        };
    }
}

/// <summary>What may go wrong.</summary>
public enum FaultKind
{
    /// <summary>The power goes at one of the next disk calls.</summary>
    PowerLossAtCall,

    /// <summary>The power goes now.</summary>
    PowerLoss,

    /// <summary>SIGKILL: the page cache stays.</summary>
    Kill,

    CleanRestart,

    /// <summary>One write, flush, rename or other changing call fails with EIO.</summary>
    WriteError,

    /// <summary>One read fails with EIO.</summary>
    ReadError,

    /// <summary>No space for some seconds.</summary>
    DiskFull,

    /// <summary>Each disk job takes a hundred times as long for some seconds.</summary>
    SlowDisk,

    /// <summary>The wall clock jumps by up to two hours either way.</summary>
    ClockJump,

    /// <summary>Another process takes the volume over, while the one before still lives, stopped for seconds or not, and does not know.</summary>
    Takeover,
}
