using StackExchange.Redis;

namespace OrleansMq;

/// <summary>
/// A consumer's guard in Redis: the message's token is marked in the transaction (MULTI/EXEC) of what the message does there, so that what is delivered at least once is done once.
/// </summary>
/// <remarks>
/// A token's key is absent, claimed by one call for <see cref="RedisInboxOptions.ClaimFor"/>, or taken for <see cref="RedisInboxOptions.Retention"/>. The claim only keeps a second delivery waiting; what decides is the
/// transaction, which is carried out where the claim is still this call's own (WATCH). Redis does not roll back: where one command of the effect is refused, the others and the mark stay.
/// Mark and effect are as durable as the server makes its writes, and lost together. Any thread.
/// </remarks>
public sealed class RedisInbox : IInbox<RedisEffect>
{
    // Behind it, a claim has its own number. A mark's value says nothing.
    private const string Claim = "claim:";
    private const string Taken = "taken";
    private static readonly TimeSpan LookAtLeastEvery = TimeSpan.FromMilliseconds(500);

    private readonly IDatabase _redis;
    private readonly string _consumer;
    private readonly RedisInboxOptions _options;
    private readonly TimeProvider _time;

    /// <param name="redis">The effects' database: <c>connection.GetDatabase()</c>. The inbox does not own the connection.</param>
    /// <param name="consumer">Whose tokens these are: what does two different things with a message has two names. The rule is that of groups.</param>
    public RedisInbox(IDatabase redis, GroupName consumer, RedisInboxOptions? options = null, TimeProvider? time = null) =>
        (_redis, _consumer, _options, _time) = (redis, consumer.Text, (options ?? new()).Checked(), time ?? TimeProvider.System);

    /// <inheritdoc/>
    /// <exception cref="RedisInboxException">Redis is not reached, the effect took longer than its claim, a condition of it does not hold, or a command of it was refused.</exception>
    public async Task<bool> Once(string? token, Func<RedisEffect, CancellationToken, Task> effect, CancellationToken cancel = default)
    {
        var attempt = new Attempt($"{_options.Prefix}:{_consumer}:{InboxToken.Checked(token)}", $"{Claim}{Guid.NewGuid():N}", token!);
        if (!await Reach(attempt, () => TryClaim(attempt, cancel)))
            return false;
        try
        {
            var (transaction, commands) = Begin(attempt);
            await Run(attempt, effect, commands, cancel);
            await Commit(attempt, transaction, commands);
            return true;
        }
        catch (Exception failed) when (failed is not RedisInboxException { TokenTaken: true })
        {
            await GiveUp(attempt);
            throw;
        }
    }

    /// <summary>Waits while another has it.</summary>
    /// <returns>False: the token was taken.</returns>
    private async Task<bool> TryClaim(Attempt attempt, CancellationToken cancel)
    {
        for (var pause = _options.LookEvery; !await _redis.StringSetAsync(attempt.Key, attempt.Claim, _options.ClaimFor, When.NotExists); pause = Shorter(pause * 2, LookAtLeastEvery))
        {
            if (await _redis.StringGetAsync(attempt.Key) == Taken)
                return false;
            await Task.Delay(pause, _time, cancel);
        }

        return true;
    }

    private (ITransaction Transaction, RedisEffect Effect) Begin(Attempt attempt)
    {
        var transaction = _redis.CreateTransaction();
        var effect = new RedisEffect(transaction);
        // First, so that what follows it is done by whoever holds the claim.
        attempt.Held = transaction.AddCondition(Condition.StringEqual(attempt.Key, attempt.Claim));
        effect.Do(redis => redis.StringSetAsync(attempt.Key, Taken, _options.Retention));
        return (transaction, effect);
    }

    private async Task Run(Attempt attempt, Func<RedisEffect, CancellationToken, Task> effect, RedisEffect commands, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(_options.ClaimFor, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancel);
        var running = effect(commands, either.Token);
        try
        {
            await running.WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw new RedisInboxException(
                $"The effect of '{attempt.Token}' took longer than {nameof(RedisInboxOptions.ClaimFor)}, {_options.ClaimFor}, and was given up. An effect that waits for the answer of a command it has added never ends.");
        }
    }

    private async Task Commit(Attempt attempt, ITransaction transaction, RedisEffect commands)
    {
        bool done;
        try
        {
            done = await transaction.ExecuteAsync();
        }
        catch (RedisServerException refused)
        {
            throw new RedisInboxException($"Redis refused the effect of '{attempt.Token}', and nothing of it was done: {refused.Message}", refused);
        }
        catch (Exception lost)
        {
            throw new RedisInboxException($"Redis did not answer whether the effect of '{attempt.Token}' was stored ({lost.Message}).", lost) { OutcomeUnknown = true };
        }

        if (!done)
            throw new RedisInboxException($"{await WhyNot(attempt, commands)}; nothing of it was done.");
        try
        {
            await commands.Answers.WaitAsync(_options.ClaimFor, _time);
        }
        catch (Exception failed)
        {
            // Redis does not roll back.
            throw new RedisInboxException(
                $"A command of the effect of '{attempt.Token}' failed; the others were done, and the token is taken: a redelivery will not do it again. {failed.Message}", failed) { TokenTaken = true };
        }
    }

    private async Task<string> WhyNot(Attempt attempt, RedisEffect commands)
    {
        var claimOver = $"The claim of '{attempt.Token}' was over before its effect was stored";
        if (!attempt.Held!.WasSatisfied)
            return claimOver;
        if (!commands.HoldsWhatItRequires)
            return $"What the effect of '{attempt.Token}' requires does not hold";
        // All held when it was looked at, and a key changed before EXEC.
        return await StillClaimed(attempt) switch
        {
            true => $"A key that the effect of '{attempt.Token}' requires something of was changed while the effect was being stored",
            false => claimOver,
            null => $"A key that the effect of '{attempt.Token}' requires something of was changed while the effect was being stored, or its claim was over",
        };
    }

    private async Task<bool?> StillClaimed(Attempt attempt)
    {
        try
        {
            return await _redis.StringGetAsync(attempt.Key) == attempt.Claim;
        }
        catch (Exception away) when (IsAway(away))
        {
            return null;
        }
    }

    private static bool IsAway(Exception e) => e is RedisException or RedisTimeoutException or ObjectDisposedException;

    /// <summary>Lets the next one in at once. Where that fails, the claim ends by itself.</summary>
    private async Task GiveUp(Attempt attempt)
    {
        try
        {
            await _redis.LockReleaseAsync(attempt.Key, attempt.Claim); // only where it is this call's own
        }
        catch (Exception away) when (IsAway(away))
        {
        }
    }

    private async Task<T> Reach<T>(Attempt attempt, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception away) when (IsAway(away))
        {
            throw new RedisInboxException($"The inbox of '{_consumer}' can't use Redis; nothing was done for '{attempt.Token}' ({away.Message}).", away);
        }
    }

    private static TimeSpan Shorter(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private sealed class Attempt(string key, string claim, string token)
    {
        public string Key => key;
        public string Claim => claim;
        public string Token => token;

        /// <summary>Whether the claim was this call's own when it committed.</summary>
        public ConditionResult? Held { get; set; }
    }
}
