using System.Text;

namespace OrleansMq.Core.Routing;

/// <summary>What exchanges and bindings may be.</summary>
public static class RoutingRules
{
    public const int MaxBindings = 10_000;
    public const int MaxHeaders = 64;

    /// <summary>Characters of a header's name or value.</summary>
    public const int MaxHeaderChars = 1_024;

    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>.</exception>
    public static void Check(ExchangeKind kind, Binding binding)
    {
        if (binding.Topic is null == binding.Exchange is null)
            throw Malformed("A binding leads to a topic or to an exchange, one of them.");
        if (Encoding.UTF8.GetByteCount(binding.Key) > MessageCodec.MaxRoutingKeyBytes)
            throw Malformed($"A binding's key has at most {MessageCodec.MaxRoutingKeyBytes} bytes of UTF-8.");
        if (kind != ExchangeKind.Headers && (binding.Headers.Count > 0 || binding.AnyHeader))
            throw Malformed($"Headers are for exchanges of kind headers; this one is {Text(kind)}.");
        if (binding.Headers.Count > MaxHeaders)
            throw Malformed($"A binding asks for at most {MaxHeaders} headers; {binding.Headers.Count} were given.");
        foreach (var (name, value) in binding.Headers)
            if (name.Length > MaxHeaderChars || value?.Length > MaxHeaderChars)
                throw Malformed($"A binding's header has a name and a value of at most {MaxHeaderChars} characters.");
    }

    internal static string Text(ExchangeKind kind) => Json.Words.ExchangeKind.Write(kind);

    private static MqException Malformed(string detail) => new(ErrorCodes.Malformed, detail);
}
