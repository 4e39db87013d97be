namespace OrleansMq;

/// <summary>
/// A message of a group by key with the state of its key, for a handler that folds messages into it: what it leaves in <see cref="State"/> is stored together with the acknowledgement, or not at
/// all. A message that is delivered again comes with the state of before it.
/// </summary>
public sealed class Session(Delivery message)
{
    private ReadOnlyMemory<byte> state = message.SessionState;
    private bool isSet;

    public Delivery Message => message;

    /// <summary>Empty: none. At most <see cref="SessionChange.MaxStateBytes"/>; setting it empty clears it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is longer.</exception>
    public ReadOnlyMemory<byte> State
    {
        get => state;
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value.Length, SessionChange.MaxStateBytes, nameof(value));
            (state, isSet) = (value, true);
        }
    }

    /// <summary>Null where the handler left the state as it was.</summary>
    internal SessionChange? Change => isSet ? new SessionChange(message.Lease, state, message.SessionVersion) : null;
}
