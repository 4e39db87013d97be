using System.Collections.Concurrent;
using Orleans.Streams;

namespace OrleansMq.Streaming.Tests;

/// <summary>What subscribers were given, in this process; a story waits on it instead of sleeping.</summary>
public sealed class Ledger
{
    private static readonly ConcurrentDictionary<string, Ledger> ByName = new();

    // A call to a killed silo is over after Orleans' 30 s, and the tries after it come further and further apart.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);

    private readonly Lock _sync = new();
    private readonly List<Receipt> _receipts = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Refuses an event by throwing.</summary>
    public Func<string, Exception?>? Refuses { get; set; }

    /// <summary>Holds events up until it ends.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public static Ledger Of(string name) => ByName.GetOrAdd(name, _ => new Ledger());

    public IReadOnlyList<Receipt> Receipts
    {
        get
        {
            lock (_sync)
                return [.. _receipts];
        }
    }

    public IEnumerable<string> Texts => Receipts.Select(receipt => receipt.Text);

    public async Task Take(string text, StreamSequenceToken? token, object? context = null, int together = 1)
    {
        await Gate;
        var refusal = Refuses?.Invoke(text);
        TaskCompletionSource changed;
        lock (_sync)
        {
            _receipts.Add(new Receipt(text, token as OrleansMqSequenceToken, context, together, refusal is null));
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        changed.SetResult();
        if (refusal is not null)
            throw refusal;
    }

    public async Task<IReadOnlyList<Receipt>> Until(Func<IReadOnlyList<Receipt>, bool> holds, string what)
    {
        using var late = new CancellationTokenSource(Patience);
        while (true)
        {
            Task changed;
            IReadOnlyList<Receipt> now;
            lock (_sync)
                (changed, now) = (_changed.Task, [.. _receipts]);
            if (holds(now))
                return now;
            try
            {
                await changed.WaitAsync(late.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"Waited in vain for {what}; {now.Count} events came, the last ten: {string.Join(", ", now.TakeLast(10).Select(receipt => $"{receipt.Text} {receipt.Token?.Position}"))}");
            }
        }
    }

    public Task<IReadOnlyList<Receipt>> UntilCount(int count) => Until(receipts => receipts.Count(receipt => receipt.Accepted) >= count, $"{count} events");
}

/// <param name="Together">How many came in the same call.</param>
public sealed record Receipt(string Text, OrleansMqSequenceToken? Token, object? Context, int Together, bool Accepted);
