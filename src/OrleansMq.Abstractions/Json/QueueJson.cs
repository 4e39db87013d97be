using System.Text.Json;

namespace OrleansMq.Json;

/// <summary>Queue style: receiving under leases, and settling them.</summary>
public static class QueueJson
{
    public const int MaxMessages = 10_000;
    public const int MaxLeases = 10_000;
    public const int MaxNameChars = 256;
    public const int MaxReasonChars = 1_024;

    /// <summary>The longest that a request may wait.</summary>
    public const long MaxWaitMs = 60_000;

    private const long MaxLeaseMs = 24L * 60 * 60 * 1000;
    private const long MaxDelayMs = 365L * 24 * 60 * 60 * 1000;

    public static ReceiveRequest ReadReceive(JsonSpot spot)
    {
        var request = new ReceiveRequest();
        foreach (var field in spot.Fields())
        {
            request = field.Name switch
            {
                "max" => request with { Max = field.Int32(1, MaxMessages) },
                "waitMs" => request with { Wait = field.Milliseconds(0, MaxWaitMs) },
                "leaseMs" => request with { Lease = field.OrNull(f => f.Milliseconds(1, MaxLeaseMs)) },
                "consumer" => request with { Consumer = field.Text(MaxNameChars) },
                "requestId" => request with { RequestId = field.IsNull ? null : field.Text(MaxNameChars) },
                "deferred" => request with { Deferred = field.Items(MaxMessages, f => f.Position()) },
                "groupId" => request with { GroupId = field.IsNull ? null : field.Id() },
                _ => field.Unknown(request),
            };
        }
        return request;
    }

    public static void WriteReceive(Utf8JsonWriter writer, ReceiveRequest request)
    {
        writer.WriteStartObject();
        writer.WriteNumber("max", request.Max);
        writer.WriteMs("waitMs", request.Wait);
        if (request.Lease is { } lease)
            writer.WriteMs("leaseMs", lease);
        writer.WriteString("consumer", request.Consumer);
        writer.WriteTextUnlessNull("requestId", request.RequestId);
        if (request.Deferred.Count > 0)
            writer.WriteList("deferred", request.Deferred, (w, position) => w.WritePosition(position));
        if (request.GroupId is { } id)
            writer.WriteString("groupId", id);
        writer.WriteEndObject();
    }

    /// <summary><c>{"messages":[…]}</c></summary>
    public static void WriteDeliveries(Utf8JsonWriter writer, IReadOnlyList<Delivery> deliveries)
    {
        writer.WriteStartObject();
        writer.WriteList("messages", deliveries, StoredMessageJson.Write);
        writer.WriteEndObject();
    }

    public static IReadOnlyList<Delivery> ReadDeliveries(JsonSpot spot)
    {
        IReadOnlyList<Delivery>? deliveries = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "messages")
                deliveries = field.Items(MaxMessages, StoredMessageJson.ReadDelivery);
            else
                field.Unknown();
        }
        return deliveries ?? throw spot.Missing("messages");
    }

    /// <param name="kind">Which the address says; it decides what fields there are.</param>
    public static Settlement ReadSettlement(JsonSpot spot, SettlementKind kind)
    {
        var settlement = new Settlement { Kind = kind };
        var names = false;
        foreach (var field in spot.Fields())
        {
            settlement = (field.Name, kind) switch
            {
                ("leases", _) => settlement with { Leases = field.Items(MaxLeases, f => f.Lease()) },
                ("upTo", SettlementKind.Acknowledge) => settlement with { UpTo = field.Items(MaxLeases, f => f.Position()) },
                ("delayMs", SettlementKind.Refuse) => settlement with { Delay = field.OrNull(f => f.Milliseconds(0, MaxDelayMs)) },
                ("leaseMs", SettlementKind.Extend) => settlement with { Lease = field.OrNull(f => f.Milliseconds(1, MaxLeaseMs)) },
                ("sessions", SettlementKind.Acknowledge) => settlement with { Sessions = field.Items(MaxLeases, ReadSession) },
                ("reason", SettlementKind.DeadLetter) => settlement with { Reason = field.IsNull ? null : field.Text(MaxReasonChars) },
                _ => field.Unknown(settlement),
            };
            names |= field.Name is "leases" or "upTo";
        }
        return names ? settlement : throw spot.Missing("leases");
    }

    public static void WriteSettlement(Utf8JsonWriter writer, Settlement settlement)
    {
        writer.WriteStartObject();
        writer.WriteList("leases", settlement.Leases, (w, lease) => w.WriteStringValue(lease.ToString()));
        if (settlement.UpTo.Count > 0)
            writer.WriteList("upTo", settlement.UpTo, (w, position) => w.WritePosition(position));
        if (settlement.Delay is { } delay)
            writer.WriteMs("delayMs", delay);
        if (settlement.Lease is { } lease)
            writer.WriteMs("leaseMs", lease);
        writer.WriteTextUnlessNull("reason", settlement.Reason);
        if (settlement.Sessions.Count > 0)
            writer.WriteList("sessions", settlement.Sessions, WriteSession);
        writer.WriteEndObject();
    }

    /// <summary><c>{"lease","state","version"}</c>, the state in base64; without it the state is cleared.</summary>
    private static SessionChange ReadSession(JsonSpot spot)
    {
        var (lease, state, version) = ((LeaseId?)null, (byte[])[], (long?)null);
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "lease": lease = field.Lease(); break;
                case "state": state = field.IsNull ? [] : field.Base64(); break;
                case "version": version = field.OrNull(f => f.Int64(0)); break;
                default: field.Unknown(); break;
            }
        }
        return new SessionChange(lease ?? throw spot.Missing("lease"), state, version);
    }

    private static void WriteSession(Utf8JsonWriter writer, SessionChange session)
    {
        writer.WriteStartObject();
        writer.WriteString("lease", session.Lease.ToString());
        writer.WriteBase64String("state", session.State.Span);
        if (session.Version is { } version)
            writer.WriteNumber("version", version);
        writer.WriteEndObject();
    }

    /// <summary><c>{"results":[{"lease","ok","code"}]}</c>, and behind the leases <c>{"position","ok","code"}</c> for each position of <c>upTo</c>.</summary>
    public static void WriteResults(Utf8JsonWriter writer, Settlement settlement, IReadOnlyList<SettleResult> results)
    {
        writer.WriteStartObject();
        writer.WriteList("results", results.Index(), (w, each) =>
        {
            w.WriteStartObject();
            var beyond = each.Index - settlement.Leases.Count;
            if (beyond >= 0 && beyond < settlement.UpTo.Count)
                w.WritePosition("position", settlement.UpTo[beyond]);
            else
                w.WriteString("lease", each.Item.Lease.ToString());
            w.WriteBoolean("ok", each.Item.Ok);
            w.WriteTextUnlessNull("code", each.Item.Code);
            w.WriteEndObject();
        });
        writer.WriteEndObject();
    }

    public static IReadOnlyList<SettleResult> ReadResults(JsonSpot spot)
    {
        IReadOnlyList<SettleResult>? results = null;
        foreach (var field in spot.Fields())
        {
            if (field.Name == "results")
                results = field.Items(MaxLeases * 2, ReadResult);
            else
                field.Unknown();
        }
        return results ?? throw spot.Missing("results");
    }

    private static SettleResult ReadResult(JsonSpot spot)
    {
        LeaseId? lease = null;
        bool? ok = null;
        string? code = null;
        foreach (var field in spot.Fields())
        {
            switch (field.Name)
            {
                case "lease": lease = field.Lease(); break;
                case "position": lease = LeaseAt(field.Position()); break;
                case "ok": ok = field.Flag(); break;
                case "code": code = field.IsNull ? null : field.Text(); break;
                default: field.Unknown(); break;
            }
        }
        if (lease is null)
            throw spot.Missing("lease");
        return ok switch
        {
            true => new SettleResult(lease.Value, null),
            false => new SettleResult(lease.Value, code ?? throw spot.Missing("code")),
            null => throw spot.Missing("ok"),
        };
    }

    private static LeaseId LeaseAt(Position position) => new(position.Partition, 0, 0, position.Offset, 0);
}
