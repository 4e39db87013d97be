namespace OrleansMq;

/// <summary>What one partition answers about where time went: one call each.</summary>
public interface IMessageTraces
{
    /// <exception cref="MqException"><see cref="ErrorCodes.OffsetOutOfRange"/>: the message is not there (any more).</exception>
    Task<MessageTrace> Trace(long offset, long maxBytes);

    /// <summary>Where the message with this token is; -1: not known here within the window, or it was sent for a later time, or waits for its decision.</summary>
    Task<long> FindToken(string token);

    /// <exception cref="MqException"><see cref="ErrorCodes.GroupUnknown"/>.</exception>
    Task<StageTimes> Stages(GroupName group, TimeSpan last);
}

/// <summary>Traces of a topic over its partitions.</summary>
public static class TraceDesk
{
    public static readonly TimeSpan MaxLast = TimeSpan.FromDays(7);

    public static async ValueTask<MessageTrace> Trace(TopicName topic, int partitions, Func<int, ValueTask<IMessageTraces>> partition, TraceRequest request)
    {
        request.Validate();
        if (request.Position is { } position)
            return position.Partition >= 0 && position.Partition < partitions
                ? await (await partition(position.Partition)).Trace(position.Offset, request.MaxBytes)
                : throw new MqException(ErrorCodes.PartitionUnknown, $"Topic '{topic}' has {partitions} partitions; {position.Partition} was asked.");
        for (var p = 0; p < partitions; p++)
            if (await (await partition(p)).FindToken(request.Token!) is >= 0 and var offset)
                return await (await partition(p)).Trace(offset, request.MaxBytes);
        throw new MqException(ErrorCodes.MessageUnknown, $"No message of topic '{topic}' had this token within the topic's window of tokens, or it was sent for a later time, or waits for its decision. Ask by its position.");
    }

    public static async ValueTask<StageTimes> Stages(int partitions, Func<int, ValueTask<IMessageTraces>> partition, GroupName group, TimeSpan last)
    {
        if (last <= TimeSpan.Zero || last > MaxLast)
            throw new MqException(ErrorCodes.Malformed, $"Messages of the last 1 ms to {MaxLast.TotalDays:0} days are looked at; {last} was given.");
        var all = StageTimes.None;
        for (var p = 0; p < partitions; p++)
            all = all.Plus(await (await partition(p)).Stages(group, last));
        return all;
    }
}
