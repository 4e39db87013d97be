namespace OrleansMq.Conformance;

/// <summary>What others do in their own time, and tell nobody: it is looked at.</summary>
public static class Eventually
{
    /// <summary>Behind it a story waits in vain.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static Task Holds(Func<bool> condition) => Holds(() => Task.FromResult(condition()));

    public static async Task Holds(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
            await Task.Delay(10, patience.Token);
    }
}
