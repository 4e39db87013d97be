using System.Reflection;

namespace OrleansMq.Conformance.Broker;

/// <summary>An <see cref="IBroker"/> whose calls go to one function: to fail on purpose, to listen, or to outlive whoever disposes it.</summary>
public class BrokerProxy : DispatchProxy
{
    private Func<MethodInfo, object?[], object?> _call = null!;

    public static IBroker Of(Func<MethodInfo, object?[], object?> call)
    {
        var broker = Create<IBroker, BrokerProxy>();
        ((BrokerProxy)(object)broker)._call = call;
        return broker;
    }

    /// <summary>Every call fails so.</summary>
    public static IBroker Failing(Exception e) => Of((method, _) => method.Name == nameof(IAsyncDisposable.DisposeAsync) ? ValueTask.CompletedTask : throw e);

    /// <summary>The same broker, which is not disposed with this one. <paramref name="before"/> sees each call first and may throw.</summary>
    public static IBroker Over(IBroker broker, Action<string, object?[]>? before = null) => Of((method, arguments) =>
    {
        if (method.Name == nameof(IAsyncDisposable.DisposeAsync))
            return ValueTask.CompletedTask;
        before?.Invoke(method.Name, arguments);
        return On(broker, method, arguments);
    });

    /// <summary>The call, at a real one.</summary>
    public static object? On(IBroker broker, MethodInfo method, object?[] arguments) => method.Invoke(broker, BindingFlags.DoNotWrapExceptions, null, arguments, null);

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _call(targetMethod!, args ?? []);
}
