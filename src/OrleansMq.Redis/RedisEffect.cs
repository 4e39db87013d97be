using StackExchange.Redis;

namespace OrleansMq;

/// <summary>What a message does in Redis: commands that go with its mark in one MULTI/EXEC, so that all of them are done or none.</summary>
/// <remarks>Nothing is sent before the effect has returned, so no command has an answer until then: what has to be read first is read by the connection itself, and held by <see cref="Require"/>.</remarks>
public sealed class RedisEffect
{
    private readonly ITransaction _transaction;
    private readonly List<Task> _commands = [];
    private readonly List<ConditionResult> _conditions = [];

    internal RedisEffect(ITransaction transaction) => _transaction = transaction;

    /// <summary>The commands, answered once the transaction is.</summary>
    internal Task Answers => Task.WhenAll(_commands);

    internal bool HoldsWhatItRequires => _conditions.TrueForAll(condition => condition.WasSatisfied);

    /// <summary>Adds a command: <c>effect.Do(redis => redis.StringIncrementAsync("orders"))</c>.</summary>
    public void Do(Func<ITransaction, Task> command) => _commands.Add(command(_transaction));

    /// <summary>The transaction is carried out only where this holds, for example that a value which was read is still there. Otherwise the token is not taken, and the message may come again.</summary>
    public void Require(Condition condition) => _conditions.Add(_transaction.AddCondition(condition));
}
