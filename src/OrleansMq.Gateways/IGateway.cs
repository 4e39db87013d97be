namespace OrleansMq.Gateways;

/// <summary>One protocol's way to the broker, listening since it was made.</summary>
public interface IGateway : IAsyncDisposable
{
    /// <summary>For example <c>http</c>: the switch's name, and the one under which the ready line and the cluster's description have it.</summary>
    string Name { get; }

    /// <summary>Where it answers, as <c>address:port</c> with the port that was picked: what the ready line says.</summary>
    string Address { get; }

    /// <summary>Where others are told to find it: what the cluster's description says.</summary>
    string Announced => Address;

    /// <summary>Takes no more, ends what waits, finishes what is in flight; what is not finished when <paramref name="hurry"/> is cancelled is cut off.</summary>
    ValueTask Stop(CancellationToken hurry);
}
