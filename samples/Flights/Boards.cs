namespace OrleansMq.Samples.Flights;

/// <summary>
/// The departure boards: a log-style group of two members. Each reads whole partitions in order, so that a board shows an airport's
/// flights in order of departure, also when partitions move to the other member or the broker starts again.
/// </summary>
internal sealed class Boards : IAsyncDisposable
{
    public static readonly GroupName Group = "boards";

    private readonly Ledger _ledger;
    private readonly LogConsumer[] _members;

    public Boards(IBroker broker, TopicName topic, Ledger ledger)
    {
        _ledger = ledger;
        _members = [Member("board-1"), Member("board-2")];

        LogConsumer Member(string name) => broker.Follow(topic, Group, Show, new LogConsumerOptions { Member = name });
    }

    public static ValueTask<GroupDescription> Declare(IBroker broker, TopicName topic, CancellationToken cancel) =>
        broker.PutGroup(topic, Group, new GroupChange { Style = GroupStyle.Log }, cancel);

    /// <summary>Commits how far the boards came.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var member in _members)
            await member.DisposeAsync();
    }

    private Task Show(StoredMessage message, CancellationToken cancel)
    {
        _ledger.OnBoard(message, Flight.Of(message));
        return Task.CompletedTask;
    }
}
