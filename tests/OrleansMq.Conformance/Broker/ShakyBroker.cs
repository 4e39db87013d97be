using System.Reflection;

namespace OrleansMq.Conformance.Broker;

/// <summary>A broker on a bad line: calls of chosen names fail, before they reach it or after they have done their work there, so often.</summary>
public class ShakyBroker : DispatchProxy
{
    private readonly Dictionary<string, int> _calls = [];
    private IBroker _broker = null!;
    private IReadOnlyDictionary<string, Func<int, Fate>> _fates = null!;

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
        var proxy = Create<IBroker, ShakyBroker>();
        ((ShakyBroker)(object)proxy)._broker = broker;
        ((ShakyBroker)(object)proxy)._fates = fates;
        return proxy;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        var fate = FateOf(targetMethod!.Name);
        if (fate == Fate.Refused)
            throw new MqException(ErrorCodes.PartitionUnavailable, "It moves.", TimeSpan.FromMilliseconds(1));
        var answer = targetMethod.Invoke(_broker, BindingFlags.DoNotWrapExceptions, null, args, null);
        return fate == Fate.AnswerLost ? Lose((dynamic)answer!) : answer;
    }

    private Fate FateOf(string name)
    {
        if (!_fates.TryGetValue(name, out var fate))
            return Fate.Passes;
        lock (_calls)
        {
            var before = _calls.GetValueOrDefault(name);
            _calls[name] = before + 1;
            return fate(before);
        }
    }

    private static async ValueTask<T> Lose<T>(ValueTask<T> call)
    {
        await call;
        throw new IOException("The connection broke before the answer.");
    }
}
