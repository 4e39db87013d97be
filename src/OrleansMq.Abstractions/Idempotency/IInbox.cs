namespace OrleansMq;

/// <summary>
/// The consumer's guard (the idempotent receiver of Hohpe and Woolf): remembers the tokens that one consumer has taken, so that what is delivered at least once is
/// done once. Effect and mark are one commit; where that can't be, the implementation says what a crash leaves.
/// </summary>
/// <remarks>
/// <see cref="MemoryInbox{TScope}"/> in memory; <c>Inbox</c> (OrleansMq.AdoNet) in a database's transaction; <c>RedisInbox</c> (OrleansMq.Redis); <c>IdempotencyGuard</c> (OrleansMq.Streaming) in a grain's state.
/// All pass <c>InboxContract</c>.
/// </remarks>
/// <typeparam name="TScope">What the effect works on: a transaction, a state.</typeparam>
public interface IInbox<TScope>
{
    /// <summary>
    /// Runs the effect and keeps the token with it, unless the token was taken before. Of two calls with one token at once the second waits for the first, and runs only where that failed.
    /// </summary>
    /// <param name="token">The message's idempotency token (<see cref="StoredMessage.Token"/>); two messages with one token are one.</param>
    /// <returns>False where it was taken before: the effect did not run, and the message may be acknowledged.</returns>
    /// <exception cref="ArgumentException">There is no token, so nothing by which a second delivery could be known: give messages a token when they are sent.</exception>
    /// <exception cref="Exception">What the effect threw, or the commit: the token is not taken then, unless the commit came through and its answer was lost; a redelivery finds out which.</exception>
    Task<bool> Once(string? token, Func<TScope, CancellationToken, Task> effect, CancellationToken cancel = default);
}

/// <summary>What implementations of <see cref="IInbox{TScope}"/> share.</summary>
public static class InboxToken
{
    /// <exception cref="ArgumentException">There is none.</exception>
    public static string Checked(string? token) => !string.IsNullOrEmpty(token) ? token : throw new ArgumentException(
        "The message has no idempotency token, so a second delivery could not be told from a second message. Give it one when it is sent (Message.Token).", nameof(token));
}
