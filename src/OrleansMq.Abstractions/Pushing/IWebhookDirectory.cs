namespace OrleansMq;

/// <summary>Webhooks that are registered with the broker, for those who may (<see cref="AccessOperations.Admin"/> on the cluster). Those of the operator's file are not among them.</summary>
/// <remarks>A change is durable when its call returns, and is gone by at once on this node and by the others of a cluster within seconds.</remarks>
public interface IWebhookDirectory
{
    /// <summary>Registers a webhook of the group, or changes it. The group is declared, so that nothing is thrown away before it was pushed.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.Malformed"/>: it can't be, or its address may not be called; <see cref="ErrorCodes.TopicUnknown"/>;
    /// <see cref="ErrorCodes.Conflict"/>: the group is of log style, the operator's file has a webhook of it, or there are as many as there can be.</exception>
    ValueTask<WebhookDescription> PutWebhook(TopicName topic, GroupName group, WebhookChange change, CancellationToken cancel = default);

    /// <exception cref="MqException"><see cref="ErrorCodes.WebhookUnknown"/>.</exception>
    ValueTask<WebhookDescription> DescribeWebhook(TopicName topic, GroupName group, CancellationToken cancel = default);

    /// <summary>All of them, by topic and group.</summary>
    ValueTask<IReadOnlyList<WebhookDescription>> ListWebhooks(CancellationToken cancel = default);

    /// <summary>Takes the webhook away. The group stays, with what was not pushed.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.WebhookUnknown"/>.</exception>
    ValueTask RemoveWebhook(TopicName topic, GroupName group, CancellationToken cancel = default);

    /// <summary>Sends one signed request without a message, marked <c>mq-ping: true</c>, from this node, and says what came of it.</summary>
    /// <exception cref="MqException"><see cref="ErrorCodes.WebhookUnknown"/>; <see cref="ErrorCodes.Conflict"/>: it is not pushed now (<see cref="WebhookHealth.Off"/>).</exception>
    ValueTask<WebhookTrial> TestWebhook(TopicName topic, GroupName group, CancellationToken cancel = default);
}

/// <summary>What is to become of a webhook; what is not given stays, or has its default where the webhook is new.</summary>
public sealed record WebhookChange
{
    public const int MaxUrlChars = 4_096;
    public const int MaxSecrets = 5;

    /// <summary>Beyond what a secret may have, so that one that is too long is told of as such.</summary>
    public const int MaxSecretChars = 256;

    /// <summary>How long an answer may take, at most.</summary>
    public const int MaxTimeoutMs = 60_000;

    public const int MostInFlight = 1_000;

    /// <summary>A new webhook needs one.</summary>
    public Uri? Url { get; init; }

    /// <summary><c>whsec_</c> and 24 to 64 bytes as base64, in place of those it has; they never come out again. Their default is none. An address on another host needs them given anew.</summary>
    public Change<IReadOnlyList<string>> Secrets { get; init; }

    /// <summary>For an answer. 10 s.</summary>
    public Change<TimeSpan> Timeout { get; init; }

    /// <summary>Requests without an answer, of each node. 16.</summary>
    public Change<int> MaxInFlight { get; init; }

    /// <summary>The refusal of a broker without <see cref="IBroker.Webhooks"/>.</summary>
    public static MqException NotTaken() => new(ErrorCodes.NotAvailable, "This broker takes no webhooks but those of its operator's file: it was started without --webhooks-api.");

    /// <summary>Without secrets, and of the address the host alone: what stands behind it may be a secret too.</summary>
    public override string ToString() => $"{nameof(WebhookChange)} {{ Url = {(Url is null ? "unchanged" : Url.IsAbsoluteUri ? Url.Host : "no address")}, Secrets = {(Secrets.Kind == ChangeKind.Keep ? "unchanged" : "***")} }}";
}

/// <summary>A webhook as it stands, without its secrets.</summary>
public sealed record WebhookDescription
{
    public required TopicName Topic { get; init; }
    public required GroupName Group { get; init; }
    public required Uri Url { get; init; }

    /// <summary>Of each secret the first 12 hex digits of its bytes' SHA-256, so that one can be told from another.</summary>
    public required IReadOnlyList<string> SecretFingerprints { get; init; }

    public required TimeSpan Timeout { get; init; }
    public required int MaxInFlight { get; init; }
    public required WebhookState State { get; init; }

    /// <summary>It was made by this call.</summary>
    public bool Created { get; init; }
}

/// <summary>How a webhook fares, as one node knows it: since it began to push there, or since the last change.</summary>
public sealed record WebhookState
{
    /// <summary>Whose knowledge this is. The others of a cluster push too, and have counts of their own.</summary>
    public required string Node { get; init; }

    public required WebhookHealth Health { get; init; }

    /// <summary>Why it is <see cref="WebhookHealth.Off"/>.</summary>
    public string? Reason { get; init; }

    /// <summary>When the first of the failures in a row was answered.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>The last answer's status, or why there was none.</summary>
    public string? LastAnswer { get; init; }

    public DateTimeOffset? LastAnswerAt { get; init; }

    /// <summary>Messages that the receiver has taken.</summary>
    public long Pushed { get; init; }

    /// <summary>Requests that it has not.</summary>
    public long Refused { get; init; }
}

public enum WebhookHealth
{
    /// <summary>Nothing was to be pushed from this node yet.</summary>
    Idle = 0,

    /// <summary>The last request was taken.</summary>
    Well = 1,

    /// <summary>The last request was not.</summary>
    Failing = 2,

    /// <summary>It is not pushed from this node: <see cref="WebhookState.Reason"/>.</summary>
    Off = 3,
}

/// <summary>What came of a request without a message.</summary>
/// <param name="Answer">Its status, or why there was none.</param>
/// <param name="Took">From the request to the answer.</param>
public sealed record WebhookTrial(bool Taken, string Answer, TimeSpan Took);
