using OrleansMq.Core.Log;
using OrleansMq.Engine.Partitions;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;

namespace OrleansMq.Engine.Tests;

/// <summary>A log of batches of many sizes, with what stands between them in a real one, and what should be found in it.</summary>
internal sealed class WrittenLog : IAsyncDisposable
{
    private static readonly LogId Id = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 3);

    private readonly VolatileStorage _storage;
    private readonly Random _random;
    private readonly List<(long Offset, int Seed, int Length)> _records = [];
    private readonly List<(long Offset, long Position, long AtMs)> _batches = [];
    private IPartitionLog _log = null!;
    private OffsetIndex _index = null!;
    private long _now = 1_000;
    private volatile Seen _seen = new(0, 0);

    private WrittenLog(int seed, long segmentBytes) => (_random, _storage) = (new Random(seed), new VolatileStorage(() => 7, segmentBytes));

    /// <summary>What readers may see; written behind the bytes.</summary>
    private sealed record Seen(long End, long Position);

    public PartitionReader Reader { get; private set; } = null!;

    public OffsetIndex Index => _index;

    public long End => _seen.End;

    public long EndPosition => _seen.Position;

    public int Segments => _log.Segments.Count;

    public IReadOnlyList<(long Offset, long Position, long AtMs)> Batches => _batches;

    public static async Task<WrittenLog> Make(int seed, long segmentBytes = 4 << 20)
    {
        var written = new WrittenLog(seed, segmentBytes);
        await written._storage.CreateLog(Id, new LogDefinition("t", default));
        await written.Open();
        return written;
    }

    /// <summary>A new opening: nothing is known of what the log holds.</summary>
    public async Task Open()
    {
        _log = await _storage.OpenLog(Id);
        _index = new OffsetIndex(_log);
        Reader = new PartitionReader(_log, _index, new PositionGate());
    }

    /// <summary>The least that was written, and what it looks like: naively.</summary>
    public byte[]? Body(long offset)
    {
        lock (_records)
            return offset >= 0 && offset < _records.Count ? BodyOf(_records[(int)offset].Seed, _records[(int)offset].Length) : null;
    }

    /// <summary>One write: batches of 1 to 50 records of 20 to 2,000 bytes, entries and dead letters between them.</summary>
    public async Task Append(int batches)
    {
        var frames = new FrameBuffer(new LogIdentity(_log.Incarnation, Id.TopicId, Id.Partition), _log.Epoch);
        frames.Reset(_log.End);
        var end = End;
        for (var i = 0; i < batches; i++)
        {
            _now += _random.Next(0, 4);
            var position = frames.Close();
            switch (_random.Next(8))
            {
                case 0:
                    frames.AddEntry(new Entry { Kind = EntryKind.Settled, Group = 1, Offset = _random.Next(1000), Count = 1 }, end, _now);
                    break;
                case 1:
                    frames.AddBatch(Batch(_random.Next(1, 4), null).Span, Lane.DeadLettersOf(1), FrameFlags.Rich, _random.Next(5_000), null, 1, _now);
                    break;
                default:
                    var count = _random.Next(1, 51);
                    frames.AddBatch(Batch(count, end).Span, Lane.Main, FrameFlags.None, end, null, count, _now);
                    _batches.Add((end, position, _now));
                    end += count;
                    break;
            }
        }

        var bytes = frames.Seal();
        await _log.Append(bytes, true);
        _index.AddFrames(bytes.Span);
        _seen = new Seen(end, frames.Close());
    }

    public async ValueTask DisposeAsync()
    {
        await _log.DisposeAsync();
        await _storage.DisposeAsync();
    }

    private ReadOnlyMemory<byte> Batch(int count, long? offset)
    {
        var builder = new RecordBatchBuilder(4096);
        var most = _random.Next(3) == 0 ? 60 : 2_000;
        for (var i = 0; i < count; i++)
        {
            var (seed, length) = (_random.Next(), _random.Next(20, most));
            builder.Append(_now, default, false, BodyOf(seed, length), true);
            if (offset is { } first)
                lock (_records)
                    _records.Add((first + i, seed, length));
        }

        return builder.Build();
    }

    private static byte[] BodyOf(int seed, int length)
    {
        var body = new byte[length];
        new Random(seed).NextBytes(body);
        return body;
    }
}
