using System.Globalization;

namespace OrleansMq;

/// <summary>What one partition answers about half messages: one call each.</summary>
public interface IHalfMessages
{
    /// <exception cref="MqException">One of the codes <c>half-…</c>.</exception>
    Task<HalfResult> EndHalf(long offset, bool commit, bool force);

    /// <summary>Null: it is not there, or decided.</summary>
    Task<HalfMessage?> FindHalf(long offset);

    /// <summary>What is undecided or timed out, oldest first.</summary>
    /// <param name="group">Null: of all.</param>
    Task<HalfPart> ListHalf(string? group, long from, int max);

    /// <summary>The checks that are due for a group; each is handed out once.</summary>
    Task<IReadOnlyList<HalfMessage>> CheckHalf(string group, int max);
}

/// <param name="Next">The offset where to go on; -1 at the end.</param>
public sealed record HalfPart(IReadOnlyList<HalfMessage> Messages, long Next);

/// <summary>The half messages of a topic over its partitions. A half message's name says where it is.</summary>
public static class HalfDesk
{
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(500);

    public static async ValueTask<HalfResult> End(int partitions, Func<int, ValueTask<IHalfMessages>> partition, string id, HalfState decision, bool force)
    {
        if (decision is not (HalfState.Committed or HalfState.RolledBack))
            throw new MqException(ErrorCodes.Malformed, "A half message is committed or rolled back.");
        var (p, offset) = Place(id, partitions);
        return await (await partition(p)).EndHalf(offset, decision == HalfState.Committed, force);
    }

    public static async ValueTask<HalfMessage> Describe(int partitions, Func<int, ValueTask<IHalfMessages>> partition, string id)
    {
        var (p, offset) = Place(id, partitions);
        return await (await partition(p)).FindHalf(offset) ?? throw Unknown(id);
    }

    public static async ValueTask<Page<HalfMessage>> List(int partitions, Func<int, ValueTask<IHalfMessages>> partition, string? group, string? after, int max)
    {
        PageSize.Check(max);
        if (after is not null && !TryPlace(after, out _, out _))
            throw new MqException(ErrorCodes.Malformed, "'after' is not what an earlier page gave as 'next'.");
        var (p, from) = after is not null && TryPlace(after, out var at, out var offset) ? (at, offset) : (0, 0L);
        var page = new List<HalfMessage>();
        for (; p < partitions; p++, from = 0)
        {
            var part = await (await partition(p)).ListHalf(group, from, max - page.Count);
            page.AddRange(part.Messages);
            if (part.Next >= 0)
                return new Page<HalfMessage>(page, string.Create(CultureInfo.InvariantCulture, $"{p}-{part.Next}"));
            if (page.Count == max && p + 1 < partitions)
                return new Page<HalfMessage>(page, string.Create(CultureInfo.InvariantCulture, $"{p + 1}-0"));
        }

        return new Page<HalfMessage>(page, null);
    }

    /// <summary>Checks that are due, or become due while it waits.</summary>
    public static async ValueTask<IReadOnlyList<HalfMessage>> Check(
        int partitions, Func<int, ValueTask<IHalfMessages>> partition, string group, int max, TimeSpan wait, TimeProvider time, CancellationToken cancel)
    {
        if (max is < 1 or > 1_000 || !NameRule.IsValid(group))
            throw new MqException(ErrorCodes.Malformed, "1 to 1,000 checks are taken at once, by a group of producers with a name like a topic's.");
        var began = time.GetTimestamp();
        while (true)
        {
            var checks = new List<HalfMessage>();
            for (var p = 0; p < partitions && checks.Count < max; p++)
                checks.AddRange(await (await partition(p)).CheckHalf(group, max - checks.Count));
            var left = wait - time.GetElapsedTime(began);
            if (checks.Count > 0 || left <= TimeSpan.Zero)
                return checks;
            await Task.Delay(left < LookAgain ? left : LookAgain, time, cancel);
        }
    }

    private static (int Partition, long Offset) Place(string id, int partitions) =>
        TryPlace(id, out var partition, out var offset) && partition < partitions ? (partition, offset) : throw Unknown(id);

    private static bool TryPlace(string id, out int partition, out long offset)
    {
        (partition, offset) = (0, 0);
        var dash = id.IndexOf('-', StringComparison.Ordinal);
        return dash > 0
            && int.TryParse(id.AsSpan(0, dash), NumberStyles.None, CultureInfo.InvariantCulture, out partition)
            && long.TryParse(id.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out offset);
    }

    private static MqException Unknown(string id) => new(ErrorCodes.HalfUnknown, $"The half message '{(id.Length <= 60 ? id : id[..60] + "…")}' is not known, or was decided longer ago than is remembered.");
}
