using System.Buffers.Binary;
using System.Globalization;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Storage.AzureBlobs.Tests.Histories;

/// <summary>What writers of one log did and were told, and whether it can be so.</summary>
internal sealed class LogHistory
{
    /// <summary>A record: length, number; then bytes that follow from the number.</summary>
    public const int HeaderSize = 8;

    private readonly record struct Acknowledged(int Number, long Position, int Length, int Epoch);

    // Guards what follows: writers may be on threads of their own.
    private readonly Lock _gate = new();
    private readonly List<Acknowledged> _acknowledged = [];
    private readonly List<(int Epoch, long End)> _openings = [];
    private int _numbers;

    public int AcknowledgedRecords => _acknowledged.Count;

    public int Openings => _openings.Count;

    public byte[] NextRecord(int length, out int number)
    {
        number = Interlocked.Increment(ref _numbers);
        return Record(number, length);
    }

    public void Acknowledge(int number, long position, int length, int epoch)
    {
        lock (_gate)
            _acknowledged.Add(new Acknowledged(number, position, length, epoch));
    }

    /// <summary>Reads the log as its opener does: up to the last whole record, and cuts what follows.</summary>
    public async Task Opened(IPartitionLog log)
    {
        lock (_gate)
            _openings.Add((log.Epoch, log.End));
        var (_, end) = await ReadRecords(log);
        await log.Cut(end);
    }

    /// <summary>Compares what the writers were told with what a fresh reader finds.</summary>
    /// <returns>What can't be, in words; empty if all is well.</returns>
    public async Task<List<string>> Check(IPartitionLog log)
    {
        var wrong = new List<string>();
        var (found, end) = await ReadRecords(log);
        if (end != log.End)
            wrong.Add(string.Create(CultureInfo.InvariantCulture, $"bytes from {end} to {log.End} are no record"));
        var places = new Dictionary<int, long>();
        foreach (var (number, position) in found)
            if (!places.TryAdd(number, position))
                wrong.Add(string.Create(CultureInfo.InvariantCulture, $"record {number} stands at {places[number]} and at {position}"));
        foreach (var record in _acknowledged.Where(record => record.Position >= log.Start))
        {
            if (!places.TryGetValue(record.Number, out var position))
                wrong.Add(string.Create(CultureInfo.InvariantCulture, $"record {record.Number} was acknowledged at {record.Position} and is lost"));
            else if (position != record.Position)
                wrong.Add(string.Create(CultureInfo.InvariantCulture, $"record {record.Number} was acknowledged at {record.Position} and stands at {position}"));
        }
        foreach (var (epoch, seen) in _openings)
            foreach (var record in _acknowledged.Where(record => record.Epoch < epoch && record.Position + record.Length > seen))
                wrong.Add(string.Create(CultureInfo.InvariantCulture, $"record {record.Number} was acknowledged at epoch {record.Epoch}; the opening at epoch {epoch} did not see it"));
        if (!found.Select(record => record.Number).Distinct().All(number => number <= _numbers))
            wrong.Add("a record from nowhere");
        return wrong;
    }

    private static byte[] Record(int number, int length)
    {
        var record = new byte[length];
        new Random(number).NextBytes(record);
        BinaryPrimitives.WriteInt32LittleEndian(record, length);
        BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(4), number);
        return record;
    }

    private static async Task<(List<(int Number, long Position)> Found, long End)> ReadRecords(IPartitionLog log)
    {
        var start = log.Start;
        var bytes = new byte[log.End - start];
        for (var count = 0; count < bytes.Length;)
            count += await log.Read(start + count, bytes.AsMemory(count)) is > 0 and var got ? got : throw new InvalidOperationException("Nothing was read before the end.");
        var found = new List<(int, long)>();
        var at = 0;
        while (bytes.Length - at >= HeaderSize)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at));
            var number = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 4));
            if (length < HeaderSize || length > bytes.Length - at || !Record(number, length).AsSpan().SequenceEqual(bytes.AsSpan(at, length)))
                break;
            found.Add((number, start + at));
            at += length;
        }
        return (found, start + at);
    }
}
