using System.Globalization;

namespace OrleansMq;

/// <summary>What one partition answers about messages that wait for their time: one call each.</summary>
public interface IScheduledMessages
{
    /// <summary>The message that waits under this name here; null when there is none.</summary>
    Task<ScheduledMessage?> FindScheduled(string id);

    /// <returns>False: no message of this name waits here.</returns>
    Task<bool> CancelScheduled(string id);

    /// <summary>Messages from an offset of their lane on, in the order they were sent.</summary>
    Task<ScheduledPart> ListScheduled(long from, int max);
}

/// <param name="Next">The offset where to go on; -1 at the end.</param>
public sealed record ScheduledPart(IReadOnlyList<ScheduledMessage> Messages, long Next);

/// <summary>The delayed messages of a topic over its partitions. A token may wait in any of them, a name that was made of a place only there.</summary>
public static class ScheduledDesk
{
    public static async ValueTask<ScheduledMessage> Describe(TopicName topic, int partitions, Func<int, ValueTask<IScheduledMessages>> partition, string id)
    {
        foreach (var p in Candidates(id, partitions))
            if (await (await partition(p)).FindScheduled(id) is { } found)
                return found;
        throw Unknown(topic, id);
    }

    public static async ValueTask Cancel(TopicName topic, int partitions, Func<int, ValueTask<IScheduledMessages>> partition, string id)
    {
        foreach (var p in Candidates(id, partitions))
            if (await (await partition(p)).CancelScheduled(id))
                return;
        throw Unknown(topic, id);
    }

    /// <param name="after">A partition and the offset to go on from, as the last page's <c>next</c> has it.</param>
    public static async ValueTask<Page<ScheduledMessage>> List(int partitions, Func<int, ValueTask<IScheduledMessages>> partition, string? after, int max)
    {
        PageSize.Check(max);
        var (p, from) = after is null ? (0, 0L) : Place(after);
        var page = new List<ScheduledMessage>();
        for (; p < partitions; p++, from = 0)
        {
            var part = await (await partition(p)).ListScheduled(from, max - page.Count);
            page.AddRange(part.Messages);
            if (part.Next >= 0)
                return new Page<ScheduledMessage>(page, string.Create(CultureInfo.InvariantCulture, $"{p}-{part.Next}"));
            if (page.Count == max && p + 1 < partitions)
                return new Page<ScheduledMessage>(page, string.Create(CultureInfo.InvariantCulture, $"{p + 1}-0"));
        }

        return new Page<ScheduledMessage>(page, null);
    }

    /// <summary>The name of a delayed message that has no token: its place.</summary>
    public static string NameOf(int partition, long offset) => string.Create(CultureInfo.InvariantCulture, $"~{partition}-{offset}");

    /// <summary>Reads a name that was made of a place.</summary>
    public static bool TryPlace(string id, out int partition, out long offset)
    {
        (partition, offset) = (0, 0);
        var dash = id.IndexOf('-', StringComparison.Ordinal);
        return id.Length > 3 && id[0] == '~' && dash > 1
            && int.TryParse(id.AsSpan(1, dash - 1), NumberStyles.None, CultureInfo.InvariantCulture, out partition)
            && long.TryParse(id.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out offset);
    }

    private static IEnumerable<int> Candidates(string id, int partitions)
    {
        if (string.IsNullOrEmpty(id))
            throw new MqException(ErrorCodes.Malformed, "A delayed message has a name.");
        // Where the name was made by us it names the partition; but a token may look like one.
        var named = TryPlace(id, out var place, out _) && place < partitions ? place : -1;
        return Enumerable.Range(0, partitions).OrderBy(p => p == named ? 0 : 1);
    }

    private static (int Partition, long Offset) Place(string after) => TryPlace("~" + after, out var partition, out var offset)
        ? (partition, offset)
        : throw new MqException(ErrorCodes.Malformed, "'after' is not what an earlier page gave as 'next'.");

    private static MqException Unknown(TopicName topic, string id) =>
        new(ErrorCodes.ScheduledUnknown, $"No message '{(id.Length <= 60 ? id : id[..60] + "…")}' of topic '{topic}' waits for its time.");
}
