using System.Globalization;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Stages;
using OrleansMq.Engine.Storage;

namespace OrleansMq.Engine.Partitions;

/// <summary>Where time went, read from the frames' own times.</summary>
public sealed partial class PartitionEngine : IMessageTraces
{
    /// <summary>For the stages of one call: about 100 bytes of memory for each message in it that is not settled yet.</summary>
    private const long MostStageBytes = 256L << 20;

    public async Task<MessageTrace> Trace(long offset, long maxBytes)
    {
        ThrowIfStopped();
        if (offset < Start || offset >= End || (await MainRecords([offset]))[0] is not { } stored)
            throw OutOfRange(offset, Start, End);
        var groups = await Ask(ReleaseLevel.Decided, (state, _, _) => state.Groups.ToDictionary(group => group.Number, group => group.Name));
        var events = new List<TraceEvent>();
        var isWhole = await Scan(offset, maxBytes, () =>
        {
            events.Clear();
            return new LifeScan(offset, offset + 1, told => events.Add(Event(told, groups)));
        });
        return new MessageTrace(MessageCodec.Decode(Number, stored.Record), events, isWhole);
    }

    public Task<long> FindToken(string token)
    {
        if (System.Text.Encoding.UTF8.GetByteCount(token) is 0 or > MessageCodec.MaxTokenBytes)
            throw new MqException(ErrorCodes.Malformed, $"A token has 1 to {MessageCodec.MaxTokenBytes} bytes of UTF-8.");
        // What was sent to another lane is remembered beyond any offset of the main one; of a half message its decision says more.
        return Ask(ReleaseLevel.Durable, (state, _, now) => state.FindEarlier(TokenHash.Of(token), now) is { } found && found.Offset < state.End ? found.Offset : -1);
    }

    public async Task<StageTimes> Stages(GroupName group, TimeSpan last)
    {
        ThrowIfStopped();
        var (number, isLog, now) = await Ask(ReleaseLevel.Decided, (state, _, nowMs) => (Find(state, group).Number, Find(state, group).IsLog, nowMs));
        var since = Math.Max(0, now - (long)last.TotalMilliseconds);
        var from = await FindOffset(StartAt.Time(DateTimeOffset.FromUnixTimeMilliseconds(since)));
        if (from >= End)
            return StageTimes.None;
        StageCount count = null!;
        var isWhole = await Scan(from, MostStageBytes, () => new LifeScan(from, long.MaxValue, (count = new StageCount(number, isLog)).Take));
        return count.ToTimes(isWhole);
    }

    /// <param name="begin">Called again where a compaction moved what was being read.</param>
    /// <returns>False: it ended by <paramref name="maxBytes"/>.</returns>
    private async ValueTask<bool> Scan(long offset, long maxBytes, Func<LifeScan> begin)
    {
        while (true)
        {
            var (from, end, seen, moves) = await Stretch(offset, maxBytes);
            var scan = begin();
            try
            {
                await FrameWalk.Walk(_log, from, end, (header, payload) => scan.Read(header, payload));
                if (_positions.Moves == moves)
                    return end == seen;
            }
            catch (LogTrimmedException) when (_positions.Moves == moves)
            {
                throw OutOfRange(offset, Start, End);
            }
            catch (StorageException) when (_positions.Moves != moves)
            {
                // Other frames stand there now: read again.
            }
            catch (StorageException failure)
            {
                throw FailedToRead(failure);
            }
            catch (ObjectDisposedException)
            {
                throw Closing();
            }
        }
    }

    private async ValueTask<(long From, long End, long Seen, long Moves)> Stretch(long offset, long maxBytes)
    {
        using var held = await _positions.Hold();
        var seen = _visible.Position;
        var from = await _index.FindOffset(offset);
        return (from, seen - from <= maxBytes ? seen : await _index.FindPosition(from + maxBytes), seen, _positions.Moves);
    }

    private static TraceEvent Event(in LifeEvent told, Dictionary<int, string> groups) => new(
        told.Stage,
        MessageTime(told.AtMs),
        told.Group == 0 ? null : groups.GetValueOrDefault(told.Group) ?? string.Create(CultureInfo.InvariantCulture, $"#{told.Group}"),
        told.Delivery,
        told.Consumer is null ? null : Core.Cursors.LeaseHolder.ConsumerOf(told.Consumer),
        told.UntilMs == 0 ? null : MessageTime(told.UntilMs));

    /// <summary>A producer's timestamp may be anything.</summary>
    private static DateTimeOffset MessageTime(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(ms, 0, 253_402_300_799_999));
}
