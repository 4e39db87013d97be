namespace OrleansMq;

/// <summary>One generation of a member: its assignment, and the heartbeats that keep it, until the group moves on.</summary>
internal sealed class Membership : IAsyncDisposable
{
    private readonly CancellationTokenSource _lost;
    private readonly Task _beating;

    public Membership(
        IBroker broker, TopicName topic, GroupName group, string member, Assignment assignment, TimeSpan sessionTimeout, BrokerCalls calls, CancellationToken stop)
    {
        Assignment = assignment;
        _lost = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // Kept: the source may be disposed when somebody still looks at the token.
        Lost = _lost.Token;
        _beating = Beat(broker, topic, group, member, sessionTimeout, calls);
    }

    public Assignment Assignment { get; }

    /// <summary>The assignment is another's now, or the consumer stops.</summary>
    public CancellationToken Lost { get; }

    /// <summary>Whether the failure says that the member must join again.</summary>
    public static bool IsOver(Exception e) => Failure.CodeOf(e) is ErrorCodes.GenerationStale or ErrorCodes.MemberUnknown or ErrorCodes.GroupUnknown;

    public void End() => _lost.Cancel();

    public async ValueTask DisposeAsync()
    {
        await _lost.CancelAsync();
        await _beating;
        _lost.Dispose();
    }

    private async Task Beat(IBroker broker, TopicName topic, GroupName group, string member, TimeSpan sessionTimeout, BrokerCalls calls)
    {
        var heard = calls.Time.GetTimestamp();
        try
        {
            while (true)
            {
                await Task.Delay(sessionTimeout / 3, calls.Time, Lost);
                try
                {
                    await broker.Heartbeat(topic, group, member, Assignment.Generation, Lost);
                    heard = calls.Time.GetTimestamp();
                }
                catch (Exception e) when (!Lost.IsCancellationRequested)
                {
                    calls.Report(e);
                    // Unheard for a whole session, the broker has given the partitions to others by now.
                    if (IsOver(e) || calls.Time.GetElapsedTime(heard) >= sessionTimeout)
                        End();
                }
            }
        }
        catch (Exception) when (Lost.IsCancellationRequested)
        {
        }
    }
}
