namespace OrleansMq.Engine.Partitions;

/// <summary>A partition's figures at one moment, for whoever watches.</summary>
/// <param name="TokensForgottenEarly">Idempotency tokens dropped by count before their age: a resend of theirs would be stored again.</param>
public sealed record PartitionFigures(
    int Partition, long Start, long End, long Bytes, int Tokens, long TokensForgottenEarly, int Producers, IReadOnlyList<GroupFigures> Groups);

/// <summary>A group's figures on one partition.</summary>
public sealed record GroupFigures(string Group, long Lag, int InFlight, long DeadLetters, long Dropped);

public sealed partial class PartitionEngine
{
    public Task<PartitionFigures> Figures() => Ask(ReleaseLevel.Decided, (state, _, now) =>
    {
        var groups = new List<GroupFigures>();
        foreach (var group in state.Groups)
        {
            Lapse(group, now);
            groups.Add(new GroupFigures(group.Name, state.LagOf(group), group.InFlight, group.DeadLetters.Count, group.Dropped));
        }

        return new PartitionFigures(Number, state.Start, state.End, Bytes, state.Tokens.Count, state.Tokens.ForgottenEarly, state.Producers.Count, groups);
    });
}
