namespace OrleansMq;

/// <summary>
/// An <see cref="IInbox{TScope}"/> in memory: for tests, and for effects that are in memory themselves. Marks and effects go with the process. An effect that throws takes no token,
/// but what it did to the state before stays done.
/// </summary>
/// <remarks>Any thread; calls run one after the other.</remarks>
/// <param name="state">What the effects work on.</param>
/// <param name="maxTokens">Tokens remembered; beyond, the oldest is forgotten. 100,000: some 20 MB with tokens of a hundred characters.</param>
public sealed class MemoryInbox<TScope>(TScope state, int maxTokens = MemoryInbox<TScope>.DefaultTokens) : IInbox<TScope>
{
    /// <summary>Tokens remembered where nothing else is said.</summary>
    public const int DefaultTokens = 100_000;

    private readonly SemaphoreSlim _turn = new(1);
    private readonly HashSet<string> _taken = new(StringComparer.Ordinal);

    // The same tokens, the oldest first.
    private readonly Queue<string> _order = new();

    public async Task<bool> Once(string? token, Func<TScope, CancellationToken, Task> effect, CancellationToken cancel = default)
    {
        var given = InboxToken.Checked(token);
        await _turn.WaitAsync(cancel);
        try
        {
            if (_taken.Contains(given))
                return false;
            await effect(state, cancel);
            _taken.Add(given);
            _order.Enqueue(given);
            if (_order.Count > maxTokens)
                _taken.Remove(_order.Dequeue());
            return true;
        }
        finally
        {
            _turn.Release();
        }
    }
}
