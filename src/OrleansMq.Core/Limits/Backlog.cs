namespace OrleansMq.Core.Limits;

public enum BacklogAnswer { Admit = 0, Refuse = 1, Wait = 2, Drop = 3 }

/// <summary>Messages and their bytes as stored.</summary>
public readonly record struct BacklogSize(long Messages, long Bytes);

/// <summary>Limits of a topic or one of its groups; null: none.</summary>
public readonly record struct BacklogLimit(string Of, long? Messages, long? Bytes)
{
    public static BacklogLimit Of_(TopicSettings settings) => throw new NotImplementedException();
}

public readonly record struct BacklogDecision(BacklogAnswer Answer, BacklogSize Over, string? Limit);

public static class Backlog
{
    public static BacklogDecision Decide(WhenFull whenFull, BacklogLimit limit, BacklogSize present, BacklogSize coming) => throw new NotImplementedException();
}
