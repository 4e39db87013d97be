using OrleansMq.Json;

namespace OrleansMq.Cli.Commands;

internal static class Messages
{
    /// <summary>At most so many; null: all.</summary>
    public static async IAsyncEnumerable<T> Take<T>(this IAsyncEnumerable<T> all, long? max)
    {
        var left = max ?? long.MaxValue;
        if (left == 0)
            yield break;
        await foreach (var one in all)
        {
            yield return one;
            if (--left == 0)
                yield break;
        }
    }
}

/// <summary>How a message is printed: its body on a line, its key before it where asked, or all its fields as JSON.</summary>
internal static class MessagePrinter
{
    public static Action<StoredMessage> For(Invocation run, string? keySeparator) => (run.Out.Json, keySeparator) switch
    {
        (true, _) => message => run.Out.Line(json => StoredMessageJson.Write(json, message)),
        (_, { } separator) => message => run.Out.Line($"{message.KeyText}{separator}{message.BodyText}"),
        _ => message => run.Out.Line(message.BodyText),
    };
}
