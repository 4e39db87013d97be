namespace OrleansMq;

/// <summary>How many items a page of a list may have.</summary>
public static class PageSize
{
    public const int Max = 1_000;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: so many can't be asked for.</exception>
    public static void Check(int max)
    {
        if (max is < 1 or > Max)
            throw new MqException(ErrorCodes.Malformed, $"A page has 1 to {Max:N0} items; max {max} was given.");
    }
}
