namespace OrleansMq.Conformance.Broker;

/// <summary>A broker on a bad line: calls of chosen names fail, before they reach it or after they have done their work there, so often.</summary>
public static class ShakyBroker
{
    /// <summary>What becomes of a call.</summary>
    public enum Fate
    {
        Passes = 0,

        /// <summary>Refused, and nothing has happened.</summary>
        Refused = 1,

        /// <summary>Done, and its answer does not come back.</summary>
        AnswerLost = 2,
    }

    /// <param name="fates">By the call's name: told how many of them came before.</param>
    public static IBroker Around(IBroker broker, IReadOnlyDictionary<string, Func<int, Fate>> fates)
    {
        var calls = new Dictionary<string, int>();
        return BrokerProxy.Of((method, arguments) =>
        {
            var fate = FateOf(method.Name);
            if (fate == Fate.Refused)
                throw new MqException(ErrorCodes.PartitionUnavailable, "It moves.", TimeSpan.FromMilliseconds(1));
            var answer = BrokerProxy.On(broker, method, arguments);
            return fate == Fate.AnswerLost ? Lose((dynamic)answer!) : answer;
        });

        Fate FateOf(string name)
        {
            if (!fates.TryGetValue(name, out var fate))
                return Fate.Passes;
            lock (calls)
            {
                var before = calls.GetValueOrDefault(name);
                calls[name] = before + 1;
                return fate(before);
            }
        }
    }

    private static async ValueTask<T> Lose<T>(ValueTask<T> call)
    {
        await call;
        throw new IOException("The connection broke before the answer.");
    }
}
