using OrleansMq.Core.Log;
using OrleansMq.Engine.Storage;
using OrleansMq.Records;
using OrleansMq.Simulation.Disk;

namespace OrleansMq.Storage.Files.Tests;

/// <summary>The checker found a promise broken.</summary>
internal sealed class PromiseBrokenException(string message) : Exception(message);

/// <summary>
/// One random life after another of a storage on a simulated disk, with a model beside it of what was acknowledged. Everything follows
/// from the seed.
/// </summary>
internal sealed class StorageStory : IAsyncDisposable
{
    private static readonly LogId Main = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000001"), 0);
    private static readonly LogId Fleeting = new(Guid.Parse("aaaaaaaa-0000-0000-0000-000000000002"), 7);
    private static readonly LogDefinition Definition = new("orders", new byte[] { 1 });
    private static readonly string[] Keys = ["topics/orders", "topics/Orders", "groups/a"];

    private readonly Random _random;
    private readonly Dictionary<string, DocumentModel> _documents = Keys.ToDictionary(key => key, _ => new DocumentModel());
    private readonly Dictionary<long, byte[]> _snapshots = [];
    private ulong _incarnations;
    private FileStorage? _storage;
    private IPartitionLog? _log;

    // Model of the main log: its bytes from 0 on as they were appended, and what is acknowledged.
    private byte[] _bytes = [];
    private bool _created;
    private long _durable;
    private int _epoch;
    private long _startAtLeast;
    private long _startAtMost;
    private long _snapshotAcknowledged = -1;

    // A rewriting that did not end: the old bytes are there or these.
    private (long From, byte[] Bytes)? _rewritten;

    // null: a call on it did not end.
    private bool? _fleetingExists = false;

    public StorageStory(int seed)
    {
        _random = new Random(seed);
        Disk = new SimDisk(seed);
    }

    public SimDisk Disk { get; }

    public int Refusals { get; private set; }

    public int Failures { get; private set; }

    public int Rewritings { get; private set; }

    private sealed class DocumentModel
    {
        public long Version;
        public byte[]? Content;
        public long HighestVersion;

        // What a call that did not end may have left instead; Content null = deleted.
        public List<byte[]?> Possible = [];
    }

    /// <summary>Lives until the power goes or the steps are done; then the power goes.</summary>
    public async Task Live(int steps)
    {
        try
        {
            await Start();
            for (var n = 0; n < steps; n++)
                await Step();
        }
        catch (SimPowerLossException)
        {
        }
        Disk.Crash(_random.Next());
        _storage = null;
        _log = null;
    }

    public ValueTask DisposeAsync() => _storage?.DisposeAsync() ?? default;

    /// <summary>Opens what survived and compares.</summary>
    public async Task Start()
    {
        while (_storage is null)
        {
            try
            {
                _storage = OpenStorage();
            }
            catch (DataFolderException e) when (e.InnerException is Disk.DiskException)
            {
                Failures++;
            }
        }
        await OpenMain();
        await CheckFleeting();
        await CheckDocuments();
    }

    private FileStorage OpenStorage() => new(
        new FileStorageOptions
        {
            Directory = "/data",
            SegmentBytes = 8192,
            FirstReserveBytes = 4096,
            ReserveBytes = 16384,
            OpenSegments = 3,
            DrawIncarnation = () => ++_incarnations,
        },
        Disk,
        new InlineIo());

    private async Task Step()
    {
        try
        {
            await (_random.Next(23) switch
            {
                < 8 => Append(flush: _random.Next(2) == 0),
                < 10 => Flush(),
                < 11 => Roll(),
                < 13 => Snapshot(),
                < 14 => Trim(),
                < 15 => OpenMain(),
                < 18 => PutDocument(),
                < 19 => DeleteDocument(),
                < 22 => Rewrite(),
                _ => CreateOrDeleteFleeting(),
            });
        }
        catch (LogFullException)
        {
            Refusals++;
        }
        catch (LogFailedException)
        {
            Failures++;
            await OpenMain();
        }
    }

    // ---- the main log

    private async Task OpenMain()
    {
        while (true)
        {
            try
            {
                if (!_created)
                    await _storage!.CreateLog(Main, Definition);
                _created = true;
                _log = await _storage!.OpenLog(Main);
                break;
            }
            catch (Exception e) when (e is LogFailedException or LogFullException)
            {
                Failures++;
            }
        }
        Demand(_log.Epoch > _epoch, $"epoch {_log.Epoch} after {_epoch}");
        _epoch = _log.Epoch;
        try
        {
            await CompareMain();
        }
        catch (Exception e) when (e is LogFailedException or LogFullException)
        {
            Failures++;
            await OpenMain();
        }
    }

    private async Task CompareMain()
    {
        var log = _log!;
        Demand(log.Start >= _startAtLeast && log.Start <= _startAtMost, $"start {log.Start} not in {_startAtLeast}..{_startAtMost}");
        Demand(log.End >= _durable, $"end {log.End} below acknowledged {_durable}");
        var bytes = new byte[log.End - log.Start];
        for (var count = 0; count < bytes.Length; )
            count += await log.Read(log.Start + count, bytes.AsMemory(count)) is > 0 and var got ? got : throw new PromiseBrokenException("read ends early");
        var identity = new LogIdentity(log.Incarnation, Main.TopicId, Main.Partition);
        var tail = FrameScan.Walk((position, destination) => CopyFrom(bytes, position - log.Start, destination), log.Start, log.End, log.Segments[^1], identity);
        Demand(tail.Kind != LogTailKind.Damaged, $"damaged at {tail.Position}, acknowledged {_durable}, end {log.End}");
        Demand(tail.Position >= _durable, $"whole frames end at {tail.Position}, acknowledged {_durable}");
        Demand(tail.Position <= _bytes.Length, $"frames up to {tail.Position} from nowhere, appended {_bytes.Length}");
        if (_rewritten is var (at, content) && at >= log.Start && bytes.AsSpan((int)(at - log.Start), content.Length).SequenceEqual(content))
            content.CopyTo(_bytes, at);
        _rewritten = null;
        Demand(bytes.AsSpan(0, (int)(tail.Position - log.Start)).SequenceEqual(_bytes.AsSpan((int)log.Start, (int)(tail.Position - log.Start))), "other bytes than appended");
        CompareSnapshot(log.Snapshot);
        if (tail.Position < log.End)
            await log.Cut(tail.Position);
        Demand(log.End == tail.Position, "cut");
        _bytes = _bytes[..(int)tail.Position];
        _durable = tail.Position;
        _startAtLeast = _startAtMost = log.Start;
    }

    private void CompareSnapshot(LogSnapshot? snapshot)
    {
        if (snapshot is null)
        {
            Demand(_snapshotAcknowledged < 0, $"snapshot {_snapshotAcknowledged} is gone");
            return;
        }
        Demand(snapshot.Position >= _snapshotAcknowledged, $"snapshot {snapshot.Position} is older than {_snapshotAcknowledged}");
        Demand(snapshot.State.Span.SequenceEqual(_snapshots[snapshot.Position]), $"snapshot {snapshot.Position} differs");
        _snapshotAcknowledged = snapshot.Position;
    }

    private async Task Append(bool flush)
    {
        var frames = Frames(_random.Next(1, 4));
        var before = _log!.End;
        Demand(before == _bytes.Length, $"end {before}, model {_bytes.Length}");
        _bytes = [.. _bytes, .. frames];
        try
        {
            await _log.Append(frames, flush);
        }
        catch (LogFullException)
        {
            Demand(_log.End == before, "a refused append moved the end");
            _bytes = _bytes[..(int)before];
            throw;
        }
        catch (LogFailedException)
        {
            await DemandDead(_log);
            throw;
        }
        if (flush)
            _durable = _bytes.Length;
    }

    private async Task Flush()
    {
        await _log!.Flush();
        _durable = _bytes.Length;
    }

    private Task Roll()
    {
        _log!.Roll();
        return Task.CompletedTask;
    }

    private async Task Snapshot()
    {
        var position = _durable;
        var state = new byte[_random.Next(3000)];
        _random.NextBytes(state);
        // One at a position: which of two was stored could not be told.
        if (!_snapshots.TryAdd(position, state))
            return;
        await _log!.SaveSnapshot(position, state);
        _snapshotAcknowledged = position;
    }

    private async Task Trim()
    {
        if (_snapshotAcknowledged < 0)
            return;
        _startAtMost = _log!.Segments.Last(first => first <= _snapshotAcknowledged);
        await _log.TrimBefore(_snapshotAcknowledged);
        _startAtLeast = _startAtMost = _log.Start;
    }

    /// <summary>Some frames of full segments go; a gap is behind those that stay.</summary>
    private async Task Rewrite()
    {
        var segments = _log!.Segments;
        if (segments.Count < 2)
            return;
        var first = _random.Next(segments.Count - 1);
        var (from, to) = (segments[first], segments[_random.Next(first + 1, segments.Count)]);
        var content = Thinned(from, to, out var stored);
        if (content is null)
            return;
        await using var rewriting = await _log.Rewrite(from);
        var cut = _random.Next(stored);
        await rewriting.Write(content.AsMemory(0, cut));
        await rewriting.Write(content.AsMemory(cut, stored - cut));
        await rewriting.Seal(to);
        if (_random.Next(4) == 0)
            return;
        _rewritten = (from, content);
        try
        {
            await rewriting.Place();
        }
        catch (LogFullException)
        {
            _rewritten = null;
            throw;
        }
        content.CopyTo(_bytes, from);
        _rewritten = null;
        Rewritings++;
        var read = new byte[to - from];
        for (var count = 0; count < read.Length;)
            count += await _log.Read(from + count, read.AsMemory(count));
        Demand(read.AsSpan().SequenceEqual(content), $"what was rewritten from {from} to {to} reads otherwise");
    }

    private byte[]? Thinned(long from, long to, out int stored)
    {
        var identity = new LogIdentity(_log!.Incarnation, Main.TopicId, Main.Partition);
        var kept = new List<byte>();
        FrameScan.Walk((position, destination) => CopyFrom(_bytes, position, destination), from, to, to, identity, (in FrameHeader header, ReadOnlySpan<byte> payload) =>
        {
            if (header.Kind == FrameKind.Gap || _random.Next(2) == 0)
                return;
            var moved = header with { Position = from + kept.Count };
            var frame = new byte[moved.TotalLength];
            moved.Write(frame);
            payload.CopyTo(frame.AsSpan(FrameHeader.Size));
            kept.AddRange(frame);
        });
        stored = kept.Count + FrameHeader.Size;
        if (stored > to - from)
            return null;
        var content = new byte[to - from];
        kept.CopyTo(content);
        new FrameHeader
        {
            Kind = FrameKind.Gap,
            PayloadLength = (int)(to - from - stored),
            PayloadCrc = 0,
            Partition = Main.Partition,
            Incarnation = _log.Incarnation,
            TopicId = Main.TopicId,
            Position = from + kept.Count,
            DurablePosition = 0,
            BaseOffset = 0,
            AppendedAt = 0,
            Epoch = _log.Epoch,
        }.Write(content.AsSpan(kept.Count));
        return content;
    }

    private static async Task DemandDead(IPartitionLog log)
    {
        foreach (var call in new Func<ValueTask>[] { () => log.Append(new byte[8], false), () => log.Append(new byte[8], true), log.Flush })
        {
            try
            {
                await call();
            }
            catch (LogFailedException)
            {
                continue;
            }
            throw new PromiseBrokenException("a failed log went on");
        }
    }

    private byte[] Frames(int count)
    {
        var frames = Array.Empty<byte>();
        for (var n = 0; n < count; n++)
        {
            var payload = new byte[_random.Next(1500)];
            _random.NextBytes(payload);
            var header = new FrameHeader
            {
                Kind = FrameKind.Entries,
                PayloadLength = payload.Length,
                PayloadCrc = Crc32C.Compute(payload),
                Partition = Main.Partition,
                Incarnation = _log!.Incarnation,
                TopicId = Main.TopicId,
                Position = _bytes.Length + frames.Length,
                DurablePosition = _durable,
                BaseOffset = 0,
                AppendedAt = 0,
                Epoch = _log.Epoch,
            };
            var frame = new byte[header.TotalLength];
            header.Write(frame);
            payload.CopyTo(frame, FrameHeader.Size);
            frames = [.. frames, .. frame];
        }
        return frames;
    }

    private static int CopyFrom(byte[] bytes, long offset, Span<byte> destination)
    {
        var count = (int)Math.Min(bytes.Length - offset, destination.Length);
        bytes.AsSpan((int)offset, count).CopyTo(destination);
        return count;
    }

    // ---- a log that comes and goes

    private async Task CreateOrDeleteFleeting()
    {
        var create = _random.Next(2) == 0;
        _fleetingExists = null;
        if (create)
            await _storage!.CreateLog(Fleeting, Definition);
        else
            await _storage!.DeleteLog(Fleeting);
        _fleetingExists = create;
    }

    private async Task CheckFleeting()
    {
        try
        {
            await using var log = await _storage!.OpenLog(Fleeting);
            Demand(_fleetingExists != false, "a deleted log came back");
            Demand(log.End == 0, "an empty log holds something");
        }
        catch (LogMissingException)
        {
            Demand(_fleetingExists != true, "a created log is gone");
        }
        catch (Exception e) when (e is LogFailedException or LogFullException)
        {
            Failures++;
        }
    }

    // ---- documents

    private async Task PutDocument()
    {
        var key = Keys[_random.Next(Keys.Length)];
        var model = _documents[key];
        if (model.Possible.Count > 0)
            return;
        var content = new byte[_random.Next(1200)];
        _random.NextBytes(content);
        model.Possible.Add(content);
        try
        {
            var version = await _storage!.Documents.Put(key, content, model.Version);
            Demand(version > model.HighestVersion, $"version {version} after {model.HighestVersion}");
            (model.Version, model.HighestVersion, model.Content) = (version, version, content);
            model.Possible.Clear();
        }
        catch (LogFullException)
        {
            model.Possible.Clear();
            throw;
        }
    }

    private async Task DeleteDocument()
    {
        var key = Keys[_random.Next(Keys.Length)];
        var model = _documents[key];
        if (model.Possible.Count > 0 || model.Version == 0)
            return;
        model.Possible.Add(null);
        try
        {
            await _storage!.Documents.Delete(key, model.Version);
            (model.Version, model.Content) = (0, null);
            model.Possible.Clear();
        }
        catch (LogFullException)
        {
            model.Possible.Clear();
            throw;
        }
    }

    private async Task CheckDocuments()
    {
        foreach (var (key, model) in _documents)
        {
            Document? document;
            try
            {
                document = await _storage!.Documents.Get(key);
            }
            catch (Exception e) when (e is LogFailedException or LogFullException)
            {
                Failures++;
                model.Possible.Add(model.Content);
                continue;
            }
            var content = document?.Bytes.ToArray();
            var expected = model.Possible.Append(model.Content);
            Demand(expected.Any(possible => possible is null ? content is null : content is not null && possible.AsSpan().SequenceEqual(content)), $"document {key} holds something else");
            model.Version = document?.Version ?? 0;
            Demand(model.Version == 0 || model.Version >= model.HighestVersion, $"document {key} has version {model.Version} after {model.HighestVersion}");
            model.HighestVersion = Math.Max(model.HighestVersion, model.Version);
            model.Content = content;
            model.Possible.Clear();
        }
    }

    private static void Demand(bool holds, string broken)
    {
        if (!holds)
            throw new PromiseBrokenException(broken);
    }
}
