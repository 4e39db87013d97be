namespace OrleansMq.Webhooks;

/// <summary>A group whose messages are pushed to an address.</summary>
public sealed record Webhook
{
    public static readonly TimeSpan MaxTimeout = TimeSpan.FromMilliseconds(WebhookChange.MaxTimeoutMs);
    public const int MostInFlight = WebhookChange.MostInFlight;
    public const int MaxSecrets = WebhookChange.MaxSecrets;

    public required TopicName Topic { get; init; }

    public required GroupName Group { get; init; }

    /// <summary><c>https://</c>; <c>http://</c> where <see cref="WebhookRules.AllowHttp"/> is set.</summary>
    public required Uri Url { get; init; }

    /// <summary>Each signs every request, so that a new one can be brought in before the old one goes. None: nothing is signed.</summary>
    public IReadOnlyList<WebhookSecret> Secrets { get; init; } = [];

    /// <summary>How long the answer may take, up to <see cref="MaxTimeout"/>. 10 s.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Requests without an answer at once, up to <see cref="MostInFlight"/>. A group by key sends one of a key at a time all the same.</summary>
    public int MaxInFlight { get; init; } = 16;

    public override string ToString() => $"webhook of {Topic}/{Group}";

    public bool Equals(Webhook? other) => other is not null && (Topic, Group, Url, Timeout, MaxInFlight) == (other.Topic, other.Group, other.Url, other.Timeout, other.MaxInFlight)
        && Secrets.SequenceEqual(other.Secrets);

    public override int GetHashCode() => HashCode.Combine(Topic, Group, Url, Timeout, MaxInFlight, Secrets.Count);

    /// <exception cref="FormatException">Something of it can't be, and is named.</exception>
    public Webhook Checked(WebhookRules rules)
    {
        if (!Url.IsAbsoluteUri || (Url.Scheme != Uri.UriSchemeHttps && Url.Scheme != Uri.UriSchemeHttp) || Url.UserInfo.Length > 0)
            throw new FormatException($"{this}: its url is no https:// address without user and password");
        if (Url.Scheme == Uri.UriSchemeHttp && !rules.AllowHttp)
            throw new FormatException($"{this}: its url is http://, where others can read along; allowHttp allows that");
        if (Timeout < TimeSpan.FromMilliseconds(1) || Timeout > MaxTimeout)
            throw new FormatException($"{this}: timeoutMs is 1 to {MaxTimeout.TotalMilliseconds}");
        if (MaxInFlight is < 1 or > MostInFlight)
            throw new FormatException($"{this}: maxInFlight is 1 to {MostInFlight}");
        if (Secrets.Count > MaxSecrets)
            throw new FormatException($"{this}: it has {Secrets.Count} secrets, and at most {MaxSecrets} are taken");
        return this;
    }
}

/// <summary>Which addresses may be called.</summary>
public sealed record WebhookRules
{
    /// <summary>Without TLS.</summary>
    public bool AllowHttp { get; init; }

    /// <summary>Networks that are not the public internet (private, loopback, link-local, …) and may be called all the same. None: only public addresses.</summary>
    public IReadOnlyList<System.Net.IPNetwork> Networks { get; init; } = [];

    public bool Equals(WebhookRules? other) => other is not null && AllowHttp == other.AllowHttp && Networks.SequenceEqual(other.Networks);

    public override int GetHashCode() => HashCode.Combine(AllowHttp, Networks.Count);
}
