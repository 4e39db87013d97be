using System.Globalization;
using OrleansMq.Core.Half;
using OrleansMq.Records;

namespace OrleansMq.Engine.Partitions;

/// <summary>Half messages: decided in turns, read beside them.</summary>
public sealed partial class PartitionEngine : IHalfMessages
{
    private const int TimeOutAtOnce = 1_000;

    private readonly long _openedAtMs;

    private long NextHalfMs => _state.Half.NextTimeOutMs ?? long.MaxValue;

    /// <summary>Puts aside what was not decided in time. In a turn.</summary>
    private void TimeOutHalf()
    {
        var now = _clock.NowMs;
        if (now >= _fullUntilMs)
            _state.TimeOutHalf(now, TimeOutAtOnce, _frames);
    }

    public async Task<HalfResult> EndHalf(long offset, bool commit, bool force)
    {
        ThrowIfStopped();
        RecordView? record = null;
        if (commit && await Ask(ReleaseLevel.Durable, (state, _, _) => state.Half.Find(offset)?.Position ?? -1) is >= 0 and var position)
            record = await HalfRecord(offset, position);
        var answer = await Ask(CursorLevel, (state, frames, now) =>
        {
            RefuseWhileFull(now);
            return state.DecideHalf(offset, commit, force, record, now, frames);
        });
        return answer.Result ?? throw new MqException(answer.Error!);
    }

    public async Task<HalfMessage?> FindHalf(long offset)
    {
        ThrowIfStopped();
        var found = await Ask(ReleaseLevel.Durable, (state, _, now) => state.Half.Find(offset) is { } item ? StandOf(item, now) : (SeenHalf?)null);
        return found is { } half ? await Describe(half) : null;
    }

    public async Task<HalfPart> ListHalf(string? group, long from, int max)
    {
        ThrowIfStopped();
        var (some, next) = await Ask(ReleaseLevel.Durable, (state, _, now) =>
        {
            var found = state.Half.Items.Where(item => item.Offset >= from && (group is null || item.Schedule.Group == group)).Take(max + 1).Select(item => StandOf(item, now)).ToList();
            return found.Count <= max ? (found, -1L) : (found[..max], found[max].Offset);
        });
        return new HalfPart(await Describe(some), next);
    }

    public async Task<IReadOnlyList<HalfMessage>> CheckHalf(string group, int max)
    {
        ThrowIfStopped();
        return await Describe(await Ask(ReleaseLevel.Decided, (state, _, now) =>
        {
            var due = new List<Undecided>();
            state.Half.TakeChecks(group, now, max, _visible.Position, due);
            return due.ConvertAll(item => StandOf(item, now));
        }));
    }

    private static SeenHalf StandOf(Undecided item, long now) => new(
        item.Offset, item.Position, item.Schedule.Group, item.IsTimedOut ? HalfState.TimedOut : HalfState.Undecided, item.BornMs, item.Schedule.Checks(item.BornMs, now));

    private async Task<IReadOnlyList<HalfMessage>> Describe(List<SeenHalf> some)
    {
        var messages = new List<HalfMessage>(some.Count);
        foreach (var half in some)
            messages.Add(await Describe(half));
        return messages;
    }

    private async Task<HalfMessage> Describe(SeenHalf half)
    {
        var message = MessageCodec.Decode(Number, await HalfRecord(half.Offset, half.Position)) with { Position = new Position(Number, -1) };
        return new HalfMessage(
            string.Create(CultureInfo.InvariantCulture, $"{Number}-{half.Offset}"), half.Group, half.State, DateTimeOffset.FromUnixTimeMilliseconds(half.BornMs), half.Checks, message);
    }

    /// <summary>A record stays where it is until it is decided; one that was decided meanwhile may be trimmed.</summary>
    private ValueTask<RecordView> HalfRecord(long offset, long position) => LaneRecord(offset, position);

    private readonly record struct SeenHalf(long Offset, long Position, string Group, HalfState State, long BornMs, int Checks);
}
