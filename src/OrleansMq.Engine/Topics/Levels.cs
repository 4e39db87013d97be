namespace OrleansMq.Engine.Topics;

/// <summary>What an acknowledgement means, by what the sender asks, the topic says, and the broker takes where neither does.</summary>
public static class Levels
{
    /// <summary>What was asked, but never less than the topic says.</summary>
    public static Acks OfAppend(Acks? requested, TopicSettings settings, Acks defaultAcks)
    {
        var level = requested ?? settings.Acks ?? defaultAcks;
        return settings.Acks is { } least && least > level ? least : level;
    }

    /// <summary>Readers see what is written but not flushed where an acknowledgement means no more.</summary>
    public static bool ReadsUnflushed(TopicSettings settings, Acks defaultAcks) => (settings.Acks ?? defaultAcks) == Acks.Accepted;
}
