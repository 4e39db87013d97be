using OrleansMq.Core.Delay;
using OrleansMq.Core.Dedup;
using OrleansMq.Core.Log;
using OrleansMq.Core.Partitions;
using OrleansMq.Records;
using Xunit;

namespace OrleansMq.Core.Tests.Partitions;

/// <summary>Messages that are not in the main lane yet: delayed ones, and halves.</summary>
internal sealed partial class PartitionHistory
{
    /// <summary>A batch of which some wait, some are due, some are known.</summary>
    private void Schedule()
    {
        var builder = new RecordBatchBuilder(256);
        var (tokens, times) = (new TokenHash?[_random.Next(1, 6)], new long[6]);
        for (var i = 0; i < tokens.Length; i++)
        {
            var headers = new List<RecordHeader>();
            if (_random.Next(3) == 0)
            {
                var token = $"token-{_random.Next(40)}";
                tokens[i] = TokenHash.Of(token);
                headers.Add(RecordHeader.OfText(ReservedHeaders.Token, token));
            }

            times[i] = _random.Next(4) switch { 0 => 0, 1 => -_random.Next(1, 500), 2 => _now - 5, _ => _now + _random.Next(1, 500) };
            if (times[i] != 0)
                headers.Add(RecordHeader.OfText(ReservedHeaders.DeliverAt, times[i] < 0 ? $"+{-times[i]}" : $"{times[i]}"));
            builder.Append(_now, default, false, new byte[_random.Next(0, 40)], true, headers.ToArray());
        }

        var sequence = Sequence(builder.Count);
        var batch = new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), sequence, tokens, times[..tokens.Length]);
        var (end, laneEnd) = (_live.End, _live.Scheduled.End);
        var decision = _live.Append(batch, null, _now, _frames);
        if (decision.Error is { } error)
        {
            Happened.Add(error.Code);
            return;
        }

        Assert.Equal(decision.Stored, Math.Max(_live.End - end, _live.Scheduled.End - laneEnd));
        if (_live.End > end && _live.Scheduled.End > laneEnd)
            Happened.Add("passed on");
        if (sequence is not null && !decision.Result.Duplicate)
            _sent.Add((batch, decision.Result));
    }

    private void MoveDue()
    {
        Seal();
        var due = new List<DueMessage>();
        _live.Scheduled.TakeDue(_now, _random.Next(1, 8), long.MaxValue, due);
        Assert.All(due, message => Assert.True(message.DueMs <= _now));
        var before = _live.Scheduled.Count;
        var moved = _live.MoveDue(due.ConvertAll(message => new ScheduledMove(message.Offset, _records[(Lane.Scheduled, message.Offset)])), _now, _frames);
        Assert.Equal((due.Count, before - due.Count), (moved, _live.Scheduled.Count));
    }

    private void Roll()
    {
        Seal();
        var frames = _live.Scheduled.SelectToRoll(_random.NextInt64(0, _live.Position + 1));
        if (frames.Count == 0)
            return;
        var (count, least) = (_live.Scheduled.Count, _live.Scheduled.LeastPosition);
        var moves = _records.Where(each => each.Key.Lane == Lane.Scheduled && each.Key.Offset >= frames[0].First && each.Key.Offset <= frames[^1].Last)
            .OrderBy(each => each.Key.Offset).Select(each => new ScheduledMove(each.Key.Offset, each.Value)).ToList();
        _live.RollScheduled(frames, moves, _now, _frames);
        Assert.Equal(count, _live.Scheduled.Count);
        Assert.True(_live.Scheduled.LeastPosition >= least);
    }

    private void Begin()
    {
        var builder = new RecordBatchBuilder(256);
        var tokens = new TokenHash?[_random.Next(1, 4)];
        for (var i = 0; i < tokens.Length; i++)
        {
            var headers = new List<RecordHeader> { RecordHeader.OfText(ReservedHeaders.Half, $"{_random.Next(0, 50)}:{_random.Next(1, 50)}:{_random.Next(1, 4)}:pay") };
            if (_random.Next(2) == 0)
            {
                var token = $"token-{_random.Next(40)}";
                tokens[i] = TokenHash.Of(token);
                headers.Add(RecordHeader.OfText(ReservedHeaders.Token, token));
            }

            builder.Append(_now, default, false, new byte[_random.Next(0, 40)], true, headers.ToArray());
        }

        var sequence = Sequence(builder.Count);
        var batch = new AdmissibleBatch(RecordBatch.ReadExactly(builder.ToArray()), sequence, tokens, null, true);
        var (end, before) = (_live.End, _live.Half.Count);
        var decision = _live.Append(batch, null, _now, _frames);
        Assert.Equal((end, before + decision.Stored), (_live.End, _live.Half.Count));
        if (decision.Error is { } error)
            Happened.Add(error.Code);
        else if (sequence is not null && !decision.Result.Duplicate)
            _sent.Add((batch, decision.Result));
    }

    /// <summary>Any half message, decided or not, either way: states only move forward.</summary>
    private void DecideHalf()
    {
        if (_live.Half.IsUnused)
            return;
        Seal();
        var (offset, commit, force) = (_random.NextInt64(0, _live.Half.End + 1), _random.Next(2) == 0, _random.Next(4) == 0);
        var known = _live.Half.TryFindDecided(offset, out var main);
        var end = _live.End;
        var answer = _live.DecideHalf(offset, commit, force, _records.TryGetValue((Lane.Half, offset), out var record) ? record : null, _now, _frames);
        Happened.Add(answer.Error?.Code ?? $"half {answer.Result!.State}{(answer.Result.Duplicate ? " again" : "")}");
        Assert.Equal(end + (answer is { Error: null, Result: { State: HalfState.Committed, Duplicate: false } } ? 1 : 0), _live.End);
        if (known)
            Assert.Equal(commit == main >= 0, answer.Error is null);
        if (known && commit && main >= 0)
            Assert.Equal(main, answer.Result!.Position!.Value.Offset);
    }
}
